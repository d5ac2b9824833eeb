//! The address of an object store.

use std::{sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ObjectStore, ObjectStoreScheme, RetryConfig, aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, local::LocalFileSystem,
    path::Path,
};
use reqwest::Url;

use crate::{error::StoreError, tls};

const FORMS: &str = "use `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or \
                     `file:///folder`";

/// An object store, and where in it.
pub(super) struct Address {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) prefix: Path,
}

impl Address {
    /// Opens the object store at `url` by the settings of the environment.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the address, or with the settings.
    pub(super) fn open(url: &str) -> Result<Self, StoreError> {
        let parsed = Url::parse(url).map_err(|error| format!("store `{url}`: {error}; {FORMS}"))?;
        let shown = shown(&parsed);
        if parsed.password().is_some() || parsed.query().is_some() || parsed.fragment().is_some() {
            let problem = "keys and settings are read from the environment; leave them out of it";
            return Err(format!("store `{shown}`: {problem}").into());
        }
        let (scheme, prefix) = ObjectStoreScheme::parse(&parsed)
            .map_err(|_| format!("store `{shown}`: this is no address of one; {FORMS}"))?;
        let store =
            open(&scheme, &parsed).map_err(|problem| format!("store `{shown}`: {problem}"))?;
        Ok(Self { store, prefix })
    }
}

fn open(scheme: &ObjectStoreScheme, url: &Url) -> Result<Arc<dyn ObjectStore>, StoreError> {
    // Chooses the crypto provider, without which `object_store` has no clients.
    drop(tls::client_builder());
    Ok(match scheme {
        ObjectStoreScheme::Local => Arc::new(LocalFileSystem::new().with_fsync(true)),
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::from_env().with_url(url.as_str());
            Arc::new(builder.with_retry(retries()).build()?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str());
            Arc::new(builder.with_retry(retries()).build()?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str());
            Arc::new(builder.with_retry(retries()).build()?)
        }
        _ => return Err(format!("this is no address of one; {FORMS}").into()),
    })
}

/// Less than the engine waits for a read, so that the error says more than that there was no answer.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(50),
        max_backoff: Duration::from_secs(1),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 5, retry_timeout: Duration::from_secs(4) }
}

/// As errors show it: without what may be a secret.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // An address that cannot have a password has none.
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}
