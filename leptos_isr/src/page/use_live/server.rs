//! On the server nothing is watched.

use http::request::Parts;
use leptos::prelude::with_context;
use tracing::warn;

use crate::data::reading::{Reading, reading};

pub(super) fn watch(_: impl Fn() + 'static) {
    let reading = reading();
    let Some(reads) = reading.as_ref().and_then(Reading::reads) else { return };
    if !reads.watch.is_on() {
        reads.watch.warnings.is_off.call_once(|| {
            let page = with_context::<Parts, _>(|parts| parts.uri.path().to_owned());
            warn!(
                page = page.unwrap_or_default(),
                "`use_live` has no effect: there are no live streams; allow some with \
                 `Builder::max_streams`, 10,000 for example"
            );
        });
    }
}
