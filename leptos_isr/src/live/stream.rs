//! A stream of server-sent events.

use std::{convert::Infallible, fmt::Write};

use axum::body::Body;
use bytes::Bytes;
use futures::{
    StreamExt,
    future::{ready, select_all},
    stream::{once, unfold},
};
use serde_json::json;
use tokio::time::sleep;

use super::hub::{Topic, Watched};

/// What keeps proxies from closing an idle stream: a comment.
const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// How long a browser's own `EventSource` waits before it asks again, in milliseconds.
const RETRY: u32 = 5000;

/// Why a stream goes on.
enum Woken {
    Closed,
    /// The topic at this place, and others perhaps.
    Changed(usize),
    Idle,
}

/// Events for as long as the reader stays or the engine lets it.
pub(super) fn body(watched: Watched) -> Body {
    // So that the reader knows from the start what to reconnect with.
    let first = format!("retry: {RETRY}\nevent: watching\nid: {}\ndata:\n\n", watched.began);
    let events = unfold(watched, |mut watched| async move {
        let part = watched.next().await?;
        Some((part, watched))
    });
    Body::from_stream(once(ready(first.into())).chain(events).map(Ok::<Bytes, Infallible>))
}

impl Watched {
    /// The next part of the stream; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        let heartbeat = self.engine.0.live.heartbeat;
        let woken = {
            let changes = self.topics.iter_mut().map(|(_, changes)| Box::pin(changes.changed()));
            tokio::select! {
                biased;
                // First: what is known is told before the end.
                (_, topic, _) = select_all(changes) => Woken::Changed(topic),
                _ = self.closed.wait_for(|is_closed| *is_closed) => Woken::Closed,
                () = sleep(heartbeat) => Woken::Idle,
            }
        };
        match woken {
            Woken::Closed => None,
            Woken::Changed(topic) => {
                // Waiting for it has marked it as seen.
                self.topics[topic].1.mark_changed();
                Some(self.events().into())
            }
            Woken::Idle => {
                self.pages.iter().for_each(|page| self.engine.keep_up(page));
                Some(HEARTBEAT)
            }
        }
    }

    /// An event for each topic that changed since the last, the earliest first:
    /// a stream that breaks off inside them loses none.
    fn events(&mut self) -> String {
        let changed = self.topics.iter_mut().filter_map(|(topic, changes)| {
            let is_changed = changes.has_changed().unwrap_or(false);
            is_changed.then(|| (*changes.borrow_and_update(), &*topic))
        });
        let mut changed: Vec<_> = changed.collect();
        changed.sort_by_key(|(stamp, _)| *stamp);
        let mut text = String::new();
        for (stamp, topic) in changed {
            let id = stamp.max(self.began);
            let data = match topic {
                Topic::Page(key) => json!({ "page": key.as_str() }),
                Topic::Tag(tag) => json!({ "tag": tag.as_str() }),
            };
            write!(text, "id: {id}\ndata: {data}\n\n").expect("a string takes everything");
        }
        text
    }
}
