//! The server that is asked.

use std::{env, fs, time::Duration};

use reqwest::{
    StatusCode, Url,
    blocking::{Client, RequestBuilder},
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use serde_json::Value;

use crate::{
    args::Connection,
    failure::{Failure, remedy},
};

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long an answer may take: a render its time limit, after those that are before it.
const ANSWERING: Duration = Duration::from_secs(300);

/// How much of an answer that is no JSON an error repeats.
const LONGEST_SAID: usize = 300;

pub(crate) struct Server {
    client: Client,
    /// Without a slash at the end.
    url: String,
    authorization: HeaderValue,
}

/// What came back.
pub(crate) struct Answer {
    /// Method and address.
    pub(crate) asked: String,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Server {
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        let url = connection.url.as_deref().ok_or_else(|| {
            Failure::Usage("which server? Set ISR_URL, or --url, to its address".to_owned())
        })?;
        let address = parsed(url)?;
        if !address.username().is_empty() || address.password().is_some() {
            let remedy = "only a token says who asks";
            return Err(Failure::Usage(format!("the address has a name or a password: {remedy}")));
        }
        // An error means that there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECTING)
            .timeout(ANSWERING)
            .user_agent(concat!("isr/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Failure::Client)?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token(connection)?))
            .map_err(|_| Failure::Usage("the token has characters that none has".to_owned()))?;
        authorization.set_sensitive(true);
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), authorization })
    }

    /// What the path of an endpoint answers, with the token.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        let url = self.at(path, query)?;
        self.send("GET", &url, self.client.get(url.clone()))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let url = self.at(path, &[])?;
        let request = self.client.post(url.clone()).header(CONTENT_TYPE, "application/json");
        self.send("POST", &url, request.body(body.to_string()))
    }

    /// What a visitor gets at a public address: without the token, with the cookies in ISR_COOKIE.
    pub(crate) fn visit(&self, url: &Url) -> Result<Answer, Failure> {
        let mut request = self.client.get(url.clone());
        request = request.header("accept-encoding", "br, gzip").header("accept", "text/html,*/*");
        if let Ok(cookies) = env::var("ISR_COOKIE") {
            request = request.header("cookie", cookies);
        }
        exchange(format!("GET {url}"), request)
    }

    fn at(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Failure> {
        let mut url = parsed(&format!("{}{path}", self.url))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn send(&self, method: &str, url: &Url, request: RequestBuilder) -> Result<Answer, Failure> {
        exchange(format!("{method} {url}"), request.header(AUTHORIZATION, &self.authorization))
    }
}

fn exchange(asked: String, request: RequestBuilder) -> Result<Answer, Failure> {
    let answer = request.send().and_then(|response| {
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, response.bytes()?))
    });
    match answer {
        Ok((status, headers, body)) => {
            let text = String::from_utf8_lossy(&body).into_owned();
            Ok(Answer { asked, status, headers, text })
        }
        Err(source) => Err(Failure::Unreachable { asked, source: source.without_url() }),
    }
}

/// The token, from the file or the environment: the arguments of a process can be read by others.
fn token(connection: &Connection) -> Result<String, Failure> {
    let token = match &connection.token_file {
        Some(path) => fs::read_to_string(path)
            .map_err(|source| Failure::TokenFile { path: path.clone(), source })?,
        None => env::var("ISR_TOKEN").unwrap_or_default(),
    };
    match token.trim() {
        "" => Err(Failure::Usage(
            "no token: set ISR_TOKEN, or name a file that holds it by --token-file".to_owned(),
        )),
        token => Ok(token.to_owned()),
    }
}

/// The address `text`, which must be one of HTTP.
fn parsed(text: &str) -> Result<Url, Failure> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err(Failure::Usage(format!(
            "`{text}` is no address: say it as in http://127.0.0.1:3000"
        ))),
    }
}

impl Answer {
    /// The JSON that answers what was asked.
    ///
    /// # Errors
    ///
    /// Says why the server does not answer that.
    pub(crate) fn json(self) -> Result<Value, Failure> {
        if !self.status.is_success() {
            return Err(self.refusal());
        }
        serde_json::from_str(&self.text)
            .map_err(|_| Failure::NotJson { asked: self.asked, status: self.status })
    }

    pub(crate) fn refusal(self) -> Failure {
        let Self { asked, status, text, .. } = self;
        // The app's own page for what it does not have is of no use here.
        let is_page = text.trim_start().starts_with('<');
        let said = if is_page { "an HTML page" } else { text.trim().trim_end_matches('.') };
        let said = said[..said.floor_char_boundary(LONGEST_SAID)].to_owned();
        match status {
            StatusCode::BAD_REQUEST => Failure::Wrong { asked, status, said },
            status => Failure::Refused { asked, status, said, remedy: remedy(status) },
        }
    }

    /// The value of a header; empty if it did not come.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The public address that `page` is, if it is one, and its path and query.
pub(crate) fn page_of(page: &str) -> Result<(Option<Url>, String), Failure> {
    if page.starts_with('/') {
        return Ok((None, page.to_owned()));
    }
    let url = parsed(page).map_err(|_| {
        Failure::Usage(format!(
            "`{page}` is no page: say /articles/x or https://example.org/articles/x"
        ))
    })?;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Ok((Some(url), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_is_a_path_or_an_address() {
        assert_eq!(page_of("/a?page=2").unwrap(), (None, "/a?page=2".to_owned()));
        let (url, path) = page_of("https://example.org/a%20b?page=2#part").unwrap();
        assert_eq!((url.is_some(), path.as_str()), (true, "/a%20b?page=2"));
        for wrong in ["a", "ftp://example.org/a", "example.org/a", ""] {
            assert!(matches!(page_of(wrong), Err(Failure::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn refusal_says_what_was_asked_the_status_and_what_to_do() {
        for (status, text, code, parts) in [
            (401, "Send it.\n", "3", ["401", "ISR_TOKEN"]),
            (
                404,
                "<!DOCTYPE html>…",
                "3",
                ["404", "an HTML page. The server has no such endpoint"],
            ),
            (400, "`limit`: from 1 to 200.\n", "2", ["400", "`limit`: from 1 to 200"]),
            (503, "Busy.\n", "3", ["503", "Try again"]),
        ] {
            let answer = Answer {
                asked: "GET http://a/_isr/pages".to_owned(),
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                text: text.to_owned(),
            };
            let failure = answer.json().unwrap_err();
            let said = failure.to_string();
            assert!(said.starts_with("GET http://a/_isr/pages: "), "{said}");
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
            assert!(format!("{:?}", failure.exit_code()).contains(code), "{status}");
        }
    }
}
