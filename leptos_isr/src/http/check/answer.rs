//! What a visitor gets, and what that depends on.

use axum::response::Response;
use http::{HeaderMap, HeaderName, StatusCode, header};
use http_body_util::BodyExt;

use super::{
    compare::first_difference,
    report::{Influence, Problem},
};

/// What a visitor gets.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        // A body that breaks off is shorter than the others.
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let body = String::from_utf8_lossy(&body).into_owned();
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(super) fn header(&self, name: HeaderName) -> String {
        let value = self.headers.get(name).map(|value| value.as_bytes());
        String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
    }

    /// Where the other answer differs: in what is around the first place of the page, or in its status
    /// and where it leads, which code may say beside the same page.
    pub(super) fn difference(&self, other: &Self) -> Option<(String, String)> {
        let says = [self, other].map(|answer| match &*answer.header(header::LOCATION) {
            "" => answer.status.as_str().to_owned(),
            to => format!("{} `{to}`", answer.status.as_str()),
        });
        match says {
            [one, other] if one != other => Some((one, other)),
            _ => first_difference(&self.body, &other.body),
        }
    }
}

/// What `first` depends on of these, as `problem` says it, and which of them have no answer.
pub(super) async fn influences(
    first: &Answer,
    of: &[Influence],
    ask: impl AsyncFn(Option<Influence>) -> Result<Answer, Problem>,
    problem: impl Fn(Influence, (String, String)) -> Problem,
) -> Vec<Problem> {
    let mut found = Vec::new();
    for on in of {
        let difference = match ask(Some(*on)).await {
            Ok(answer) => first.difference(&answer),
            Err(no_answer) => {
                found.push(no_answer);
                continue;
            }
        };
        let Some(difference) = difference else { continue };
        // Once more, since a page may differ by chance.
        let is_steady = async {
            let is_same = first.difference(&ask(None).await?).is_none();
            Ok::<_, Problem>(is_same && first.difference(&ask(Some(*on)).await?).is_some())
        };
        match is_steady.await {
            Ok(true) => found.push(problem(*on, difference)),
            Ok(false) => {
                found.retain(|other| matches!(other, Problem::NoAnswer { .. }));
                found.push(problem(Influence::Moment, difference));
                break;
            }
            // It is not told from the others by this any more.
            Err(no_answer) => {
                found.push(no_answer);
                break;
            }
        }
    }
    found
}
