//! Who is trusted: bearers of tokens, senders of webhooks, visitors in draft mode, proxies.

pub(crate) mod bearer;
pub(crate) mod draft;
pub(crate) mod proxies;
pub(crate) mod secret;
pub(crate) mod seen_cookie;
pub(crate) mod webhooks;
