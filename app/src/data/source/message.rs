//! What a back end says about a request that failed.

use serde::Deserialize;

const MAX_CHARS: usize = 500;

/// The shapes in which back ends say it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    /// Of Sanity's queries.
    Described { error: Description },
    /// Of Sanity's gateway.
    Named { error: String, message: String },
    /// Of the newsroom.
    Plain { error: String },
}

#[derive(Deserialize)]
struct Description {
    description: String,
}

/// The sentence in `text`, the body of an answer; the text itself where it has
/// no shape that is known.
pub(super) fn message(text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(Said::Described { error }) => error.description,
        Ok(Said::Named { error, message }) => format!("{error}: {message}"),
        Ok(Said::Plain { error }) => error,
        Err(_) => text.trim().chars().take(MAX_CHARS).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_the_words_of_their_back_end() {
        for (text, said) in [
            (r#"{"error":"`slug` is taken"}"#, "`slug` is taken"),
            (
                r#"{"error":{"description":"expected `]`","end":3,"query":"*[","start":2,"type":"queryParseError"}}"#,
                "expected `]`",
            ),
            (
                r#"{"statusCode":401,"error":"Unauthorized","message":"Session not found"}"#,
                "Unauthorized: Session not found",
            ),
            (" <h1>Bad gateway</h1> ", "<h1>Bad gateway</h1>"),
        ] {
            assert_eq!(message(text), said);
        }
    }
}
