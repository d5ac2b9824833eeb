//! What the app and the tests that talk to it share: one exchange over HTTP.

pub mod wire;
