//! A stream of server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, Sse},
};
use futures::{
    StreamExt,
    future::{ready, select_all},
    stream::{self, once, unfold},
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    engine::Engine,
    watch::{Topic, Watcher},
};

/// How long a browser's own `EventSource` waits before it reconnects.
const RETRY: Duration = Duration::from_secs(5);

/// What a stream has waited for.
enum Wake {
    Closed,
    /// The topic at this index changed, and perhaps others did.
    Changed(usize),
    Idle,
}

/// Sends events until the reader leaves or the engine ends the stream.
pub(super) fn response(engine: Engine, watcher: Watcher) -> Response {
    // So that the reader knows from the start what to reconnect with.
    let first = Event::default().retry(RETRY).event("watching");
    let first = first.id(engine.0.watch.event_id(watcher.began).to_string()).data("{}");
    let later = unfold((engine, watcher), |(engine, mut watcher)| async move {
        let events = next(&engine, &mut watcher).await?;
        Some((events, (engine, watcher)))
    });
    let events = once(ready(first)).chain(later.flat_map(stream::iter));
    Sse::new(events.map(Ok::<Event, Infallible>)).into_response()
}

/// The next events; `None` at the end of the stream.
async fn next(engine: &Engine, watcher: &mut Watcher) -> Option<Vec<Event>> {
    let heartbeat = engine.0.watch.heartbeat;
    let wake = {
        let changes = watcher.topics.iter_mut().map(|(_, changes)| Box::pin(changes.changed()));
        tokio::select! {
            biased;
            // First: a change that is known is sent before the stream ends.
            (_, topic, _) = select_all(changes) => Wake::Changed(topic),
            _ = watcher.closed.wait_for(|is_closed| *is_closed) => Wake::Closed,
            () = sleep(heartbeat) => Wake::Idle,
        }
    };
    match wake {
        Wake::Closed => None,
        Wake::Changed(topic) => {
            // Waiting for it has marked it as seen.
            watcher.topics[topic].1.mark_changed();
            Some(changed(engine, watcher))
        }
        Wake::Idle => {
            watcher.pages.iter().for_each(|page| engine.keep_up(page));
            // A comment, which keeps proxies from closing an idle stream.
            Some(vec![Event::DEFAULT_KEEP_ALIVE])
        }
    }
}

/// An event for each topic that changed since the last call, the earliest first. Of those that
/// changed at once only the last carries the id: a reader whose stream breaks off between them is
/// told of all again.
fn changed(engine: &Engine, watcher: &mut Watcher) -> Vec<Event> {
    let changed = watcher.topics.iter_mut().filter_map(|(topic, changes)| {
        let is_changed = changes.has_changed().unwrap_or(false);
        is_changed.then(|| (watcher.began.max(*changes.borrow_and_update()), &*topic))
    });
    let mut changed: Vec<_> = changed.collect();
    changed.sort_by_key(|(id, _)| *id);
    let ids = changed.iter().map(|(id, _)| *id).skip(1).map(Some).chain([None]);
    let event = |((id, topic), next): (&(u64, &Topic), Option<u64>)| {
        let data = match topic {
            Topic::Page(key) => json!({ "page": key.as_str() }),
            Topic::Tag(tag) => json!({ "tag": tag.as_str() }),
        };
        let event = Event::default();
        let event = match next == Some(*id) {
            true => event,
            false => event.id(engine.0.watch.event_id(*id).to_string()),
        };
        event.data(data.to_string())
    };
    changed.iter().zip(ids).map(event).collect()
}
