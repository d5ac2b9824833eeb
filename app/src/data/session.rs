//! The editor's session: a signed cookie that expires.
//!
//! The cookie says until when it is good and carries an HMAC over that. The
//! key comes from the editor's password and the content API's token, so a
//! restart keeps sessions and a changed password ends them all.
//!
//! A second cookie, with a key of its own, knows the browser again when the
//! session is over. It opens nothing: its browser is counted apart from others
//! at the same address when passwords are guessed.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use subtle::ConstantTimeEq;

use super::attempts::Attempts;

const COOKIE: &str = "editor";
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);
const KEY_PURPOSE: &[u8] = b"newsroom editor session, version 1";

const BROWSER_COOKIE: &str = "editor-browser";
/// Browsers keep no cookie for longer than 400 days.
const BROWSER_LIFETIME: Duration = Duration::from_secs(400 * 24 * 60 * 60);
const BROWSER_KEY_PURPOSE: &[u8] = b"newsroom editor browser, version 1";

/// Who may edit: one editor with a password, writing with the content API's token.
///
/// Without a password, or without a token, there is no editor: its pages
/// answer 404. Clones share the count of failed attempts.
#[derive(Clone, Default)]
pub struct EditorConfig(Option<Arc<Editor>>);

struct Editor {
    password: String,
    token: String,
    attempts: Mutex<Attempts>,
}

impl EditorConfig {
    /// An editor with `password`, who writes with `token`; an empty one counts as absent.
    #[must_use]
    pub fn new(password: Option<String>, token: Option<String>) -> Self {
        let given = |secret: Option<String>| secret.filter(|secret| !secret.is_empty());
        Self(given(password).zip(given(token)).map(|(password, token)| {
            Arc::new(Editor { password, token, attempts: Mutex::default() })
        }))
    }

    /// Whether there is an editor at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// The count of failed attempts to sign in; none if there is no editor.
    #[must_use]
    pub fn attempts(&self) -> Option<MutexGuard<'_, Attempts>> {
        let editor = self.0.as_deref()?;
        Some(editor.attempts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether `password` is the editor's, compared in constant time.
    #[must_use]
    pub fn is_password(&self, password: &str) -> bool {
        self.0.as_deref().is_some_and(|editor| {
            // Digests have one length, so the comparison does not tell the password's.
            Sha256::digest(password).ct_eq(&Sha256::digest(&editor.password)).into()
        })
    }

    /// The token for the content API, if `cookies` carry a session that is good at `now`.
    ///
    /// `cookies` is the value of a `Cookie` header.
    #[must_use]
    pub fn token(&self, cookies: &str, now: SystemTime) -> Option<&str> {
        let editor = self.0.as_deref()?;
        let mut sessions = values(cookies, COOKIE);
        sessions.any(|session| editor.is_good(session, now)).then_some(&editor.token)
    }

    /// The id of the browser, if `cookies` say that it has signed in before.
    #[must_use]
    pub fn browser(&self, cookies: &str) -> Option<String> {
        let editor = self.0.as_deref()?;
        values(cookies, BROWSER_COOKIE).find_map(|value| {
            let (id, _) = value.split_once('.')?;
            let is_ours = bool::from(editor.sign_browser(id).as_bytes().ct_eq(value.as_bytes()));
            is_ours.then(|| id.to_owned())
        })
    }

    /// The `Set-Cookie` value by which a browser that signs in is known again; none if there is no
    /// editor.
    #[must_use]
    pub fn browser_cookie(&self, is_https: bool) -> Option<String> {
        let value = self.0.as_deref()?.sign_browser(&uuid::Uuid::new_v4().to_string());
        Some(set_cookie(BROWSER_COOKIE, &value, BROWSER_LIFETIME, is_https))
    }

    /// The `Set-Cookie` value of a session that begins at `now`; none if there is no editor.
    #[must_use]
    pub fn session_cookie(&self, now: SystemTime, is_https: bool) -> Option<String> {
        let editor = self.0.as_deref()?;
        let session = editor.sign(seconds(now + SESSION));
        Some(set_cookie(COOKIE, &session, SESSION, is_https))
    }

    /// The `Set-Cookie` value that ends a session.
    #[must_use]
    pub fn end_cookie(is_https: bool) -> String {
        set_cookie(COOKIE, "", Duration::ZERO, is_https)
    }
}

impl fmt::Debug for EditorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EditorConfig")
            .field("is_enabled", &self.is_enabled())
            .finish_non_exhaustive()
    }
}

impl Editor {
    fn sign(&self, expires: u64) -> String {
        format!("{expires}.{}", self.mac(KEY_PURPOSE, &expires.to_be_bytes()))
    }

    fn sign_browser(&self, id: &str) -> String {
        format!("{id}.{}", self.mac(BROWSER_KEY_PURPOSE, id.as_bytes()))
    }

    fn is_good(&self, session: &str, now: SystemTime) -> bool {
        let Some((expires, _)) = session.split_once('.') else { return false };
        let Ok(expires) = expires.parse() else { return false };
        let is_ours = bool::from(self.sign(expires).as_bytes().ct_eq(session.as_bytes()));
        is_ours && seconds(now) < expires
    }

    fn mac(&self, purpose: &[u8], message: &[u8]) -> String {
        let key = keyed(self.password.as_bytes())
            .chain_update(purpose)
            .chain_update(&self.token)
            .finalize();
        let mac = keyed(&key.into_bytes()).chain_update(message).finalize().into_bytes();
        mac.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The values of the cookies of this name.
fn values<'a>(cookies: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let cookies = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    cookies.filter(move |(cookie, _)| *cookie == name).map(|(_, value)| value)
}

fn set_cookie(name: &str, value: &str, lifetime: Duration, is_https: bool) -> String {
    let lifetime = lifetime.as_secs();
    let secure = if is_https { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn config(password: &str, token: &str) -> EditorConfig {
        EditorConfig::new(Some(password.to_owned()), Some(token.to_owned()))
    }

    fn cookie_of(config: &EditorConfig) -> String {
        let set_cookie = config.session_cookie(UNIX_EPOCH + NOW, false).unwrap();
        set_cookie.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn session_is_good_until_it_expires() {
        let editor = config("secret", "token");
        let cookies = format!("theme=dark; {}; a=b", cookie_of(&editor));
        let at = |later: Duration| editor.token(&cookies, UNIX_EPOCH + NOW + later);
        assert_eq!(at(Duration::ZERO), Some("token"));
        assert_eq!(at(SESSION - Duration::from_secs(1)), Some("token"));
        assert_eq!(at(SESSION), None);
    }

    #[test]
    fn session_survives_a_restart_and_ends_with_the_secrets() {
        let cookie = cookie_of(&config("secret", "token"));
        let now = UNIX_EPOCH + NOW;
        assert!(config("secret", "token").token(&cookie, now).is_some());
        assert!(config("changed", "token").token(&cookie, now).is_none());
        assert!(config("secret", "changed").token(&cookie, now).is_none());
    }

    #[test]
    fn forged_sessions_are_refused() {
        let editor = config("secret", "token");
        let cookie = cookie_of(&editor);
        let (expires, mac) = cookie.strip_prefix("editor=").unwrap().split_once('.').unwrap();
        let later = expires.parse::<u64>().unwrap() + 1;
        for forged in [
            format!("editor={later}.{mac}"),
            format!("editor=0{expires}.{mac}"),
            format!("editor=+{expires}.{mac}"),
            format!("editor={expires}.{}", "0".repeat(64)),
            format!("editor={expires}."),
            format!("editor={expires}"),
            "editor=".to_owned(),
            format!("xeditor={expires}.{mac}"),
            format!("editorx={expires}.{mac}"),
            String::new(),
        ] {
            assert_eq!(editor.token(&forged, UNIX_EPOCH + NOW), None, "{forged}");
        }
    }

    #[test]
    fn browser_that_signed_in_is_known_again_and_its_cookie_opens_nothing() {
        let cookie_of = |config: &EditorConfig| {
            let set_cookie = config.browser_cookie(false).unwrap();
            set_cookie.split(';').next().unwrap().to_owned()
        };
        let editor = config("secret", "token");
        let (one, other) = (cookie_of(&editor), cookie_of(&editor));
        let id = editor.browser(&format!("theme=dark; {one}")).unwrap();
        assert_ne!(editor.browser(&other), Some(id.clone()));
        assert_eq!(config("secret", "token").browser(&one), Some(id), "after a restart");
        assert_eq!(config("changed", "token").browser(&one), None);
        let value = one.strip_prefix("editor-browser=").unwrap();
        assert_eq!(editor.token(&format!("editor={value}"), UNIX_EPOCH), None);
        let session = self::cookie_of(&editor);
        let session = session.strip_prefix("editor=").unwrap();
        for forged in [session, "id.", "id", "", &format!("x{value}"), &format!("{value}0")] {
            assert_eq!(editor.browser(&format!("editor-browser={forged}")), None, "{forged}");
        }
    }

    #[test]
    fn only_the_password_is_the_password() {
        let editor = config("secret", "token");
        assert!(editor.is_password("secret"));
        for wrong in ["", "secre", "secret ", "Secret"] {
            assert!(!editor.is_password(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn without_password_or_token_there_is_no_editor() {
        let some = || Some("x".to_owned());
        for (password, token) in
            [(None, None), (some(), None), (None, some()), (Some(String::new()), some())]
        {
            let editor = EditorConfig::new(password, token);
            assert!(!editor.is_enabled());
            assert!(!editor.is_password(""));
            assert!(editor.session_cookie(UNIX_EPOCH + NOW, true).is_none());
        }
    }

    #[test]
    fn cookie_is_secure_only_over_https() {
        let editor = config("secret", "token");
        let cookie = |is_https| editor.session_cookie(UNIX_EPOCH + NOW, is_https).unwrap();
        assert!(cookie(true).ends_with("; Secure"));
        assert!(!cookie(false).contains("Secure"));
        assert!(cookie(false).contains("; HttpOnly; SameSite=Strict"));
    }

    #[test]
    fn secrets_stay_out_of_logs() {
        let written = format!("{:?}", config("secret", "token"));
        assert!(!written.contains("secret") && !written.contains("token"), "{written}");
    }
}
