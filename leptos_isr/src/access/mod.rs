//! Who is trusted: bearers of tokens, senders of webhooks, visitors who have signed in or are in
//! draft mode, proxies.

pub(crate) mod attempts;
pub(crate) mod bearer;
pub(crate) mod draft;
pub(crate) mod own_form;
pub(crate) mod proxies;
pub(crate) mod secret;
pub(crate) mod seen_cookie;
pub(crate) mod sign_in;
pub(crate) mod signed_cookie;
pub(crate) mod webhooks;
