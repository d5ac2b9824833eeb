//! Which dataset of Sanity is read, and where.

/// A dataset of a project on Sanity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SanityDataset {
    project_id: String,
    pub(super) dataset: String,
    pub(super) api_version: String,
    base_url: Option<String>,
}

impl SanityDataset {
    /// The version of Sanity's API that is spoken unless another is set.
    pub const API_VERSION: &'static str = "v2025-02-19";

    /// The dataset of this name, as `production`, in the project of this id.
    pub fn new(project_id: impl Into<String>, dataset: impl Into<String>) -> Self {
        Self {
            project_id: project_id.into(),
            dataset: dataset.into(),
            api_version: Self::API_VERSION.to_owned(),
            base_url: None,
        }
    }

    /// Speaks this version of the API, as `v2025-02-19`.
    #[must_use]
    pub fn with_api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = version.into();
        self
    }

    /// Asks at this address, as `https://{project}.apicdn.sanity.io`. Defaults to
    /// `https://{project}.api.sanity.io`, which knows a change at once.
    #[must_use]
    pub fn with_base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    pub(in crate::data) fn base_url(&self) -> String {
        let default = || format!("https://{}.api.sanity.io", self.project_id);
        self.base_url.clone().unwrap_or_else(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_has_an_address_of_its_own() {
        let dataset = SanityDataset::new("p1", "production");
        assert_eq!(dataset.base_url(), "https://p1.api.sanity.io");
        assert_eq!(dataset.with_base_url("http://localhost:1").base_url(), "http://localhost:1");
    }
}
