//! Reading content from Sanity.

use app::data::source::SanityDataset;
use clap::Args;

use super::{parse_secret, parse_url};
use crate::error::Error;

/// The settings of Sanity; without a project content comes from elsewhere.
#[derive(Args, Clone, Debug, Default)]
pub struct Sanity {
    /// Read content from this project on Sanity; no database is opened then, and
    /// there is no editor
    #[arg(long = "sanity-project-id", env = "SANITY_PROJECT_ID", global = true,
        value_name = "SANITY_PROJECT_ID", help_heading = "Content", value_parser = parse_project)]
    pub sanity_project_id: Option<String>,

    /// The project's dataset, as `production`
    #[arg(long = "sanity-dataset", env = "SANITY_DATASET", global = true,
        value_name = "SANITY_DATASET", help_heading = "Content", value_parser = parse_dataset)]
    pub sanity_dataset: Option<String>,

    /// The token that reads a private dataset, and drafts in draft mode
    #[arg(long = "sanity-token", env = "SANITY_TOKEN", global = true,
        value_name = "SANITY_TOKEN", hide_env_values = true, help_heading = "Content",
        value_parser = parse_secret)]
    pub sanity_token: Option<String>,

    /// The version of Sanity's API, a date [default: 2025-02-19]
    #[arg(long = "sanity-api-version", env = "SANITY_API_VERSION", global = true,
        value_name = "SANITY_API_VERSION", help_heading = "Content", value_parser = parse_version)]
    pub sanity_api_version: Option<String>,

    /// Where Sanity's API is, as a proxy or `https://{project}.apicdn.sanity.io`
    /// [default: https://{project}.api.sanity.io]
    #[arg(long = "sanity-api-url", env = "SANITY_API_URL", global = true,
        value_name = "SANITY_API_URL", help_heading = "Content", value_parser = parse_url)]
    pub sanity_api_url: Option<String>,
}

impl Sanity {
    /// The dataset to read; none if no project is set.
    ///
    /// # Errors
    ///
    /// Returns [`Error::SanityLacks`] if a setting is there without another that
    /// it needs.
    pub fn dataset(&self) -> Result<Option<SanityDataset>, Error> {
        let (Some(project), Some(dataset)) = (&self.sanity_project_id, &self.sanity_dataset) else {
            return self.none();
        };
        let mut dataset = SanityDataset::new(project, dataset);
        if let Some(version) = &self.sanity_api_version {
            dataset = dataset.with_api_version(version);
        }
        if let Some(url) = &self.sanity_api_url {
            dataset = dataset.with_base_url(url);
        }
        Ok(Some(dataset))
    }

    /// Settings that would have no effect are a mistake.
    fn none(&self) -> Result<Option<SanityDataset>, Error> {
        if self.sanity_project_id.is_some() {
            return Err(Error::SanityLacks { set: "SANITY_PROJECT_ID", missing: "SANITY_DATASET" });
        }
        let others = [
            ("SANITY_DATASET", &self.sanity_dataset),
            ("SANITY_TOKEN", &self.sanity_token),
            ("SANITY_API_VERSION", &self.sanity_api_version),
            ("SANITY_API_URL", &self.sanity_api_url),
        ];
        match others.into_iter().find(|(_, value)| value.is_some()) {
            Some((set, _)) => Err(Error::SanityLacks { set, missing: "SANITY_PROJECT_ID" }),
            None => Ok(None),
        }
    }
}

fn parse_project(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match !text.is_empty() && !text.starts_with('-') && text.bytes().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("write the project's id as Sanity shows it, lower-case letters, digits \
            and `-`, as `zp7mbokg`"
            .to_owned()),
    }
}

fn parse_dataset(text: &str) -> Result<String, String> {
    let name = text.strip_prefix('~').unwrap_or(text);
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    match !name.is_empty() && name.bytes().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("write the dataset's name, lower-case letters, digits, `-` and `_`, as \
            `production`, or an alias with `~` before it"
            .to_owned()),
    }
}

/// `v1`, or a date with or without `v`.
fn parse_version(text: &str) -> Result<String, String> {
    let version = text.strip_prefix('v').unwrap_or(text);
    let is_date = || {
        let parts: Vec<_> = version.split('-').collect();
        let [year, month, day] = parts[..] else { return false };
        let number = |text: &str, digits: usize| {
            let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().unwrap_or(0))
        };
        number(year, 4).is_some()
            && number(month, 2).is_some_and(|month: u32| (1..=12).contains(&month))
            && number(day, 2).is_some_and(|day: u32| (1..=31).contains(&day))
    };
    match version == "1" || is_date() {
        true => Ok(format!("v{version}")),
        false => Err("write a date, as `2025-02-19`, or `v1`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Cli;
    use clap::Parser;

    fn settings(args: &[&str]) -> Result<Sanity, String> {
        let line = ["server"].iter().chain(args);
        let cli = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
        Ok(cli.config.sanity)
    }

    #[test]
    fn dataset_is_read_at_the_default_version_and_address_unless_others_are_set() {
        let base = ["--sanity-project-id", "zp7mbokg", "--sanity-dataset", "~live_1"];
        let expected = SanityDataset::new("zp7mbokg", "~live_1");
        let read = |args: &[&str]| {
            let args = [&base[..], args].concat();
            settings(&args).unwrap().dataset().unwrap().unwrap()
        };
        assert_eq!(read(&[]), expected);
        for (text, version) in
            [("2026-01-31", "v2026-01-31"), ("v2026-01-31", "v2026-01-31"), ("v1", "v1")]
        {
            let expected = expected.clone().with_api_version(version);
            assert_eq!(read(&["--sanity-api-version", text]), expected);
        }
        let url = "http://127.0.0.1:1";
        assert_eq!(read(&["--sanity-api-url", url]), expected.with_base_url(url));
        assert_eq!(settings(&[]).unwrap().dataset().unwrap(), None);
    }

    #[test]
    fn wrong_value_names_the_setting_the_value_and_the_remedy() {
        for (flag, value, remedy) in [
            ("--sanity-project-id", "My Project", "as `zp7mbokg`"),
            ("--sanity-project-id", "a.example/", "as `zp7mbokg`"),
            ("--sanity-project-id", "", "as `zp7mbokg`"),
            ("--sanity-dataset", "../other", "as `production`"),
            ("--sanity-dataset", "~", "as `production`"),
            ("--sanity-dataset", "a~b", "as `production`"),
            ("--sanity-api-version", "2025-13-01", "as `2025-02-19`"),
            ("--sanity-api-version", "2025-1-01", "as `2025-02-19`"),
            ("--sanity-api-version", "v2", "as `2025-02-19`"),
            ("--sanity-api-version", "vv1", "as `2025-02-19`"),
            ("--sanity-api-url", "p1.api.sanity.io", "begins with http://"),
        ] {
            let error = settings(&[&format!("{flag}={value}")]).unwrap_err();
            let variable = flag.trim_start_matches('-').replace('-', "_").to_uppercase();
            for part in [flag, &variable, value, remedy] {
                assert!(error.contains(part), "{flag} {value}: {error}");
            }
        }
    }

    #[test]
    fn setting_that_lacks_another_names_both() {
        for (args, set, missing) in [
            (["--sanity-project-id", "p1"], "SANITY_PROJECT_ID", "SANITY_DATASET"),
            (["--sanity-dataset", "production"], "SANITY_DATASET", "SANITY_PROJECT_ID"),
            (["--sanity-token", "secret"], "SANITY_TOKEN", "SANITY_PROJECT_ID"),
            (["--sanity-api-version", "v1"], "SANITY_API_VERSION", "SANITY_PROJECT_ID"),
            (["--sanity-api-url", "http://a"], "SANITY_API_URL", "SANITY_PROJECT_ID"),
        ] {
            let error = settings(&args).unwrap().dataset().unwrap_err().to_string();
            assert!(error.contains(set) && error.contains(missing), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
