//! Who may pass: signing in and out, and the check before each read and write.

use http::{HeaderValue, header, request::Parts};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::redirect;
use leptos_isr::Engine;
use std::time::{Instant, SystemTime};

use super::{Door, cookies};
use crate::data::{
    attempts::Guesser, failure::Failure, session::EditorConfig, site::configured_url,
    source::ContentSource, writer::ContentWriter,
};

/// The door as the visitor whose request is answered finds it.
pub(super) fn door() -> Door<ContentWriter> {
    let Some(config) = use_context::<EditorConfig>().filter(EditorConfig::is_enabled) else {
        return Door::Absent;
    };
    let source: ContentSource = expect_context();
    let Some(api) = source.newsroom() else { return Door::Absent };
    match config.token(&sent_cookies(), SystemTime::now()) {
        Some(token) => Door::Open(ContentWriter::new(api.clone(), token)),
        None => Door::SignedOut,
    }
}

/// The way to write, for the editor only.
pub(super) fn writer() -> Result<ContentWriter, Failure> {
    match door() {
        Door::Open(writer) => Ok(writer),
        Door::SignedOut => Err(Failure::new(
            "Your session has ended. Sign in again in another tab, then save once more.",
        )),
        Door::Absent => Err(no_editor()),
    }
}

pub(super) fn sign_in(password: &str) -> Result<(), Failure> {
    let config: EditorConfig = use_context().unwrap_or_default();
    check(&config, &guesser(&config), password, Instant::now())?;
    let is_https = configured_url().is_https();
    let session = config.session_cookie(SystemTime::now(), is_https).ok_or_else(no_editor)?;
    answer_with([session].into_iter().chain(config.browser_cookie(is_https)));
    Ok(())
}

pub(super) fn sign_out() -> Result<(), Failure> {
    cookies::end_draft();
    answer_with([EditorConfig::end_cookie(configured_url().is_https())]);
    Ok(())
}

/// Who sends the request that is answered.
fn guesser(config: &EditorConfig) -> Guesser {
    if let Some(id) = config.browser(&sent_cookies()) {
        return Guesser::Browser(id);
    }
    let request = use_context::<Engine>().zip(use_context::<Parts>());
    Guesser::Address(request.and_then(|(engine, parts)| engine.visitor_address(&parts)))
}

fn check(
    config: &EditorConfig,
    guesser: &Guesser,
    password: &str,
    now: Instant,
) -> Result<(), Failure> {
    let mut attempts = config.attempts().ok_or_else(no_editor)?;
    if !attempts.may_try(guesser, now) {
        return Err(Failure::new("Too many attempts. Wait a minute, then try again."));
    }
    if config.is_password(password) {
        return Ok(());
    }
    attempts.failed(guesser, now);
    tracing::warn!(?guesser, "refused a wrong editor password");
    Err(Failure::new("That is not the password."))
}

fn no_editor() -> Failure {
    Failure::new("This site has no editor.")
}

fn sent_cookies() -> String {
    let Some(parts) = use_context::<Parts>() else { return String::new() };
    let cookies = parts.headers.get_all(header::COOKIE).iter();
    cookies.filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join("; ")
}

fn answer_with(set: impl IntoIterator<Item = String>) {
    for cookie in set {
        cookies::set(HeaderValue::try_from(cookie).expect("a cookie is plain ASCII"));
    }
    redirect("/editor");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_slowed_down_even_for_the_right_password() {
        let config = EditorConfig::new(Some("secret".to_owned()), Some("token".to_owned()));
        let (now, guesser) = (Instant::now(), Guesser::Address(None));
        assert!(check(&config, &guesser, "secret", now).is_ok());
        for _ in 0..10 {
            assert!(check(&config, &guesser, "guess", now).is_err());
        }
        let refused = check(&config, &guesser, "secret", now).unwrap_err();
        assert!(refused.to_string().contains("Wait"), "{refused}");
    }
}
