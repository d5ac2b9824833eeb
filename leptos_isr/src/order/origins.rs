//! Who made each purge, and when. It decides nothing: positions do.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::entry::{Position, millis::since_epoch};

/// Of how many purges it is remembered; that of the lowest position is forgotten first.
const REMEMBERED: usize = 10_000;

/// Who made a purge, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PurgeOrigin {
    pub(crate) by: PurgeSource,
    /// By the clock of the process that made it.
    #[serde(with = "since_epoch")]
    pub(crate) at: SystemTime,
    pub(crate) replica: ReplicaId,
}

/// Tells a process from others, at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ReplicaId(pub(crate) u32);

/// Who made a purge.
///
/// In JSON a text: `code`, `api`, `inspector`, `webhook:` and its name, `again`, `lost-purges`,
/// `unknown`.
// So that one of a later version can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum PurgeSource {
    /// The app's code, by [`Engine::purge`](crate::Engine::purge).
    Code,
    /// A call of `/_isr/purge`.
    Api,
    /// A person, in the inspector.
    Inspector,
    /// The webhook of this name.
    Webhook(Arc<str>),
    /// A purge before it, which was to be [done once more](field@crate::purge::Purge::again_after).
    Again,
    /// The engine, since the ledger had lost purges.
    LostPurges,
    /// The engine, since a new build began to serve.
    NewBuild,
    /// Somebody whom this version does not know.
    Unknown,
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The origins of the last purges, by their positions.
#[derive(Debug, Default)]
pub(crate) struct Origins(Mutex<BTreeMap<Position, PurgeOrigin>>);

impl Origins {
    pub(crate) fn note(&self, position: Position, origin: PurgeOrigin) {
        let mut origins = self.lock();
        origins.insert(position, origin);
        if origins.len() > REMEMBERED {
            origins.pop_first();
        }
    }

    pub(crate) fn of(&self, position: Position) -> Option<PurgeOrigin> {
        self.lock().get(&position).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Position, PurgeOrigin>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const WEBHOOK: &str = "webhook:";

impl From<String> for PurgeSource {
    fn from(text: String) -> Self {
        match text.as_str() {
            "code" => Self::Code,
            "api" => Self::Api,
            "inspector" => Self::Inspector,
            "again" => Self::Again,
            "lost-purges" => Self::LostPurges,
            "new-build" => Self::NewBuild,
            other => match other.strip_prefix(WEBHOOK) {
                Some(name) => Self::Webhook(name.into()),
                None => Self::Unknown,
            },
        }
    }
}

impl From<PurgeSource> for String {
    fn from(source: PurgeSource) -> Self {
        match source {
            PurgeSource::Code => "code".to_owned(),
            PurgeSource::Api => "api".to_owned(),
            PurgeSource::Inspector => "inspector".to_owned(),
            PurgeSource::Webhook(name) => format!("{WEBHOOK}{name}"),
            PurgeSource::Again => "again".to_owned(),
            PurgeSource::LostPurges => "lost-purges".to_owned(),
            PurgeSource::NewBuild => "new-build".to_owned(),
            PurgeSource::Unknown => "unknown".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn origin(by: PurgeSource) -> PurgeOrigin {
        PurgeOrigin { by, at: UNIX_EPOCH, replica: ReplicaId(7) }
    }

    #[test]
    fn origin_is_the_same_when_read_again_and_a_later_source_is_unknown() {
        use PurgeSource::{Again, Api, Code, LostPurges, NewBuild, Unknown, Webhook};
        for by in [Code, Api, Webhook("cms:1".into()), Again, LostPurges, NewBuild, Unknown] {
            let json = serde_json::to_string(&origin(by.clone())).unwrap();
            assert_eq!(serde_json::from_str::<PurgeOrigin>(&json).unwrap(), origin(by));
        }
        let later = r#"{"by":"console","at":0,"replica":7,"host":"a"}"#;
        assert_eq!(serde_json::from_str::<PurgeOrigin>(later).unwrap(), origin(Unknown));
    }

    #[test]
    fn origins_of_the_highest_positions_stay() {
        let origins = Origins::default();
        for position in 1..=REMEMBERED as Position + 1 {
            origins.note(position, origin(PurgeSource::Code));
        }
        assert_eq!((origins.of(1), origins.of(2)), (None, Some(origin(PurgeSource::Code))));
    }
}
