//! The purges that CDNs are still to be told of, on disk.
//!
//! Each record is a line, as in the purge log: one when a CDN is to be told of a purge, one when it
//! has been told. A purge without the second record is told after a restart.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::ids::PurgeId;
use crate::{
    clock::Stamp,
    error::StoreError,
    order::purge::Purge,
    store::{
        disk::SharedLineFile,
        line::{seal, unseal},
    },
};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Record {
    /// The CDN is to be told of this purge.
    Wanted {
        cdn: String,
        stamp: Stamp,
        purge: Purge,
        #[serde(default)]
        ids: Vec<PurgeId>,
    },
    /// The CDN has been told of these purges.
    Told { cdn: String, stamps: Vec<Stamp> },
}

/// The file of records.
#[derive(Clone, Debug)]
pub(super) struct Log(Arc<SharedLineFile>);

/// What the file holds at start.
pub(super) struct OpenedLog {
    pub(super) log: Log,
    pub(super) lines: usize,
    pub(super) pending: Vec<PendingPurge>,
    pub(super) is_damaged: bool,
}

/// What is still to be told.
pub(super) struct PendingPurge {
    /// Which CDN is to be told; all of them if `None`. A damaged record may have been any purge for
    /// any CDN, so it counts as a purge of everything, for all of them.
    pub(super) cdn: Option<String>,
    pub(super) stamp: Stamp,
    pub(super) purge: Purge,
    pub(super) ids: Vec<PurgeId>,
}

impl Log {
    /// Opens the file in `folder`. If it cannot be written, each append fails.
    pub(super) fn open(folder: &Path) -> OpenedLog {
        let path = folder.join("outbound.log");
        let file = SharedLineFile::open(&path);
        let lines = file.read().unwrap_or_else(|error| {
            warn!(file = %path.display(), %error,
                "cannot read which purges CDNs are still to be told of");
            Vec::new()
        });
        let mut pending = Vec::new();
        let mut last = 0;
        let mut damaged = 0;
        for line in &lines {
            match unseal(line).and_then(|json| serde_json::from_slice(json).ok()) {
                Some(Record::Wanted { cdn, stamp, purge, ids }) => {
                    last = last.max(stamp);
                    pending.push(PendingPurge { cdn: Some(cdn), stamp, purge, ids });
                }
                Some(Record::Told { cdn, stamps }) => pending.retain(|waiting: &PendingPurge| {
                    waiting.cdn.as_ref() != Some(&cdn) || !stamps.contains(&waiting.stamp)
                }),
                None => damaged += 1,
            }
        }
        if damaged > 0 {
            warn!(file = %path.display(), damaged,
                "records of purges for CDNs are damaged, so the CDNs are told to purge everything");
            let everything = Purge { prefixes: vec!["/".to_owned()], ..Purge::default() };
            let (stamp, ids) = (last + 1, Vec::new());
            pending.push(PendingPurge { cdn: None, stamp, purge: everything, ids });
        }
        OpenedLog {
            log: Self(Arc::new(file)),
            lines: lines.len(),
            pending,
            is_damaged: damaged > 0,
        }
    }

    pub(super) async fn append(&self, record: &Record) -> Result<(), StoreError> {
        let (file, line) = (Arc::clone(&self.0), line(record));
        Ok(tokio::task::spawn_blocking(move || file.append(&line)).await??)
    }

    pub(super) async fn replace(&self, records: &[Record]) -> Result<bool, StoreError> {
        let file = Arc::clone(&self.0);
        let lines: Vec<Bytes> = records.iter().map(line).collect();
        Ok(tokio::task::spawn_blocking(move || file.replace(&lines)).await??)
    }
}

fn line(record: &Record) -> Bytes {
    seal(&serde_json::to_string(record).expect("numbers and texts can be written as JSON"))
}
