//! The words by which things are counted. They are the same in the snapshot, in JSON and in metrics.

use serde::{Serialize, Serializer};

/// Declares an enum whose variants have a word each.
macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it in JSON and in metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

labels! {
    /// What a request for a page got.
    RequestResult {
        /// The stored page, which was fresh.
        Hit = "hit",
        /// The stored page, which was stale; it is being regenerated.
        Stale = "stale",
        /// An old page, because the page cannot be regenerated: its last try failed, or a visitor who
        /// had to wait for it found no place.
        StaleError = "stale_error",
        /// The result of a render that the visitor waited for, since no page was stored.
        Miss = "miss",
        /// The result of a render that the visitor waited for, since the stored page was expired, or
        /// purged hard.
        Expired = "expired",
        /// 503: visitors wait for too many pages already, and there was no old page.
        Refused = "refused",
        /// No page: the render failed, or the paths of the route could not be listed, and there was no
        /// old page.
        Failed = "failed",
        /// 503 for a prefetch that would have had to wait for a render.
        NotPrefetched = "not_prefetched",
        /// What the app answered without the store: dynamic pages, other methods, drafts, files; and
        /// the app's 404 page for a path that its route does not list.
        Bypass = "bypass",
    }
}

labels! {
    /// How much was sent.
    AnswerKind {
        /// A whole answer.
        Full = "full",
        /// 304, since the browser has the page.
        NotModified = "not_modified",
    }
}

labels! {
    /// Why a page was rendered.
    RenderReason {
        /// It is listed, and this is the build.
        Build = "build",
        /// None was stored.
        Miss = "miss",
        /// Its period was over.
        Time = "time",
        /// A purge had reached it.
        Purge = "purge",
        /// [`Engine::regenerate`](crate::Engine::regenerate) was called.
        Requested = "requested",
        /// It is asked for often, and a new build began to serve.
        Warm = "warm",
    }
}

labels! {
    /// What a render came to.
    RenderOutcome {
        /// A page where none was at hand.
        New = "new",
        /// Another page than the one before.
        Changed = "changed",
        /// The same page once more.
        Same = "same",
        /// The answer that there is no such page.
        Gone = "gone",
        /// A page that is not stored: it may not be, or another process has stored a newer one.
        Unstored = "unstored",
        /// An error.
        Failed = "failed",
        /// It took longer than a render may.
        Timeout = "timeout",
    }
}

labels! {
    /// For whom a page is rendered.
    Urgency {
        /// Somebody waits for it.
        Visitor = "visitor",
        /// It is stale, and nobody waits for it.
        Background = "background",
        /// It was only prefetched.
        Prefetch = "prefetch",
    }
}

labels! {
    /// Where a purge came from.
    PurgeSource {
        /// `POST /_isr/purge`, or a person in the inspector.
        Api = "api",
        /// [`Engine::purge`](crate::Engine::purge), called by the app.
        Code = "code",
        /// A webhook.
        Webhook = "webhook",
        /// It was done once more, as an earlier one had asked for.
        Again = "again",
        /// Another process on the same ledger. What the ledger has lost and gives again counts again.
        Replica = "replica",
    }
}

labels! {
    /// What one read of data came to.
    ReadOutcome {
        /// The value that was kept.
        Kept = "kept",
        /// The result of a read that others had begun.
        Joined = "joined",
        /// A new answer of the source; also that there is no such thing.
        New = "new",
        /// The kept value, which the source says is the same.
        NotModified = "not_modified",
        /// The kept value though it is stale, since it could not be read again.
        Stale = "stale",
        /// An error.
        Failed = "failed",
    }
}

labels! {
    /// What a store, or the ledger beside it, was asked to do.
    StoreOperation {
        /// To read a page.
        Read = "read",
        /// To write a page.
        Write = "write",
        /// To keep a purge.
        Purge = "purge",
        /// To say what was purged since it was last asked.
        Hear = "hear",
    }
}

labels! {
    /// What became of it.
    StoreOutcome {
        /// It was done.
        Done = "done",
        /// There is no such page.
        Absent = "absent",
        /// What is there is no page that can be read; it counts as absent.
        Damaged = "damaged",
        /// An error.
        Failed = "failed",
        /// It was not answered in time, or not asked for, since calls before it were not.
        NoAnswer = "no_answer",
    }
}

labels! {
    /// Whether a page was left to this process to render, where several share a ledger.
    LeaseOutcome {
        /// It was.
        Granted = "granted",
        /// Another process rendered it, and this one waited.
        Held = "held",
        /// The ledger did not say: the page was rendered all the same.
        Failed = "failed",
        /// It was, but the render took so long that others need not wait for it any more.
        Lost = "lost",
    }
}

labels! {
    /// What a server whose memory is full removes, to keep something new.
    Eviction {
        /// What it was told to keep for a time only: pages, and no purges.
        Pages = "pages",
        /// Anything, purges too.
        Anything = "anything",
        /// Nothing: it refuses what is new, purges too.
        Nothing = "nothing",
    }
}

labels! {
    /// Where something is kept.
    Tier {
        /// Pages in memory.
        Memory = "memory",
        /// Pages of this build on the disk.
        Disk = "disk",
        /// Data in memory.
        Data = "data",
    }
}
