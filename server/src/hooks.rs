//! The file that switches webhooks on: a table for each, by its name.
//!
//! ```toml
//! [cms]
//! preset = "sanity"
//! secret_env = "SANITY_SECRET"
//! tags = ["article:{slug.current}"]
//! paths = ["/articles/{slug.current}"]
//! ```

use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

use leptos_isr::{
    Builder,
    purge::{Mapping, Webhook},
};
use serde::{Deserialize, Deserializer, de::Error as _};

/// One webhook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    preset: Preset,
    secret_env: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    /// After which time the same is purged once more, as `90s`; `0s` for never.
    #[serde(default, deserialize_with = "duration")]
    again_after: Option<Duration>,
    /// Of a repository on GitHub.
    folder: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Preset {
    Generic,
    Sanity,
    GitHub,
    Contentful,
    Strapi,
}

/// Why webhooks cannot be switched on.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    /// The file cannot be read.
    #[error("cannot read the file; is it there?")]
    Read(#[source] io::Error),
    /// The file is not TOML, or a key in it is unknown, missing or wrong.
    #[error("{0}")]
    Toml(Box<toml::de::Error>),
    /// The variable that a secret is to be taken from is not set.
    #[error("[{hook}] secret_env: the variable `{variable}` is not set; export it for the server")]
    Secret {
        /// The hook's name.
        hook: String,
        /// The variable.
        variable: String,
    },
    /// A key that only a hook of GitHub has.
    #[error("[{hook}] folder: only `preset = \"github\"` has a folder; remove it")]
    Folder {
        /// The hook's name.
        hook: String,
    },
}

/// Adds the webhooks that `file` names; `variable` reads the environment.
///
/// # Errors
///
/// Names the key that is wrong. What the engine does not take is told when it
/// is built.
pub(crate) fn add(
    mut builder: Builder,
    file: &Path,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Builder, HooksError> {
    let text = fs::read_to_string(file).map_err(HooksError::Read)?;
    let hooks: BTreeMap<String, Settings> =
        toml::from_str(&text).map_err(|error| HooksError::Toml(Box::new(error)))?;
    for (name, settings) in hooks {
        let Some(secret) = variable(&settings.secret_env).filter(|secret| !secret.is_empty())
        else {
            return Err(HooksError::Secret { hook: name, variable: settings.secret_env });
        };
        if settings.folder.is_some() && settings.preset != Preset::GitHub {
            return Err(HooksError::Folder { hook: name });
        }
        let mapping = settings.tags.into_iter().fold(Mapping::new(), Mapping::tag);
        let mut mapping = settings.paths.into_iter().fold(mapping, Mapping::path);
        if let Some(time) = settings.again_after {
            mapping = mapping.again_after(time);
        }
        let hook = match settings.preset {
            Preset::Generic => Webhook::generic(secret, mapping),
            Preset::Sanity => Webhook::sanity(secret, mapping),
            Preset::GitHub => Webhook::github(secret, settings.folder.unwrap_or_default(), mapping),
            Preset::Contentful => Webhook::contentful(secret, mapping),
            Preset::Strapi => Webhook::strapi(secret, mapping),
        };
        builder = builder.webhook(name, hook);
    }
    Ok(builder)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |error| D::Error::custom(format!("`{text}`: {error}; write `90s` or `2min`"));
    humantime::parse_duration(&text).map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use app::data::answer::with_causes;
    use leptos_isr::{Engine, route::RouteTable};

    fn opened(text: &str) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let variable = |name: &str| (name == "SECRET").then(|| "a secret of the sender".to_owned());
        let builder = add(Engine::builder(RouteTable::new()), file.path(), variable);
        builder.map_err(|error| with_causes(&error))?.build().map_err(|e| with_causes(&e))?;
        Ok(())
    }

    #[test]
    fn every_preset_is_taken() {
        for preset in ["generic", "sanity", "github", "contentful", "strapi"] {
            let text =
                format!("[a]\npreset = \"{preset}\"\nsecret_env = \"SECRET\"\ntags = [\"x\"]\n");
            assert_eq!(opened(&text), Ok(()), "{preset}");
        }
        let github = "[a]\npreset=\"github\"\nsecret_env=\"SECRET\"\nfolder=\"content\"\npaths=[\"/{file.stem}\"]";
        assert_eq!(opened(github), Ok(()));
        let again =
            "[a]\npreset=\"generic\"\nsecret_env=\"SECRET\"\nagain_after=\"0s\"\ntags=[\"x\"]";
        assert_eq!(opened(again), Ok(()));
    }

    #[test]
    fn wrong_file_names_the_key_and_the_remedy() {
        let base = "[cms]\npreset = \"sanity\"\nsecret_env = \"SECRET\"\ntags = [\"x\"]\n";
        for (text, parts) in [
            (base.replace("sanity", "wordpress"), &["wordpress", "`strapi`", "preset"][..]),
            (base.replace("tags", "tag"), &["unknown field `tag`", "`tags`"]),
            (base.replace("preset = \"sanity\"\n", ""), &["missing field `preset`", "cms"]),
            (base.replace("\"SECRET\"", "\"OTHER\""), &["[cms] secret_env", "`OTHER` is not set"]),
            (base.replace("tags", "folder = \"x\"\ntags"), &["[cms] folder", "remove it"]),
            (base.replace("\"x\"", "\"{x\""), &["hook `cms`", "`{x` has a brace"]),
            (format!("{base}again_after = \"soon\""), &["again_after", "`soon`", "write `90s`"]),
            (format!("{base}again_after = \"2h\""), &["hook `cms`", "2h: at most an hour"]),
            (base.replace("tags = [\"x\"]", ""), &["hook `cms`", "give it a tag or a path"]),
        ] {
            let error = opened(&text).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
