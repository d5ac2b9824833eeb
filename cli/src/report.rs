//! What a command came to.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{args::Format, failure::FOUND, text::printable};

pub(crate) struct Report {
    /// For people.
    pub(crate) text: String,
    /// For programs.
    pub(crate) json: Value,
    pub(crate) verdict: Verdict,
}

/// Whether there is something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    Found,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) what: String,
    /// What follows from it.
    pub(crate) so: &'static str,
    pub(crate) remedy: &'static str,
}

impl Report {
    pub(crate) fn in_format(&self, format: Format) -> String {
        match format {
            Format::Text => format!("{}\n", printable(self.text.trim_end())),
            Format::Json => format!("{:#}\n", self.json),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.verdict {
            Verdict::Fine => ExitCode::SUCCESS,
            Verdict::Found => FOUND.into(),
        }
    }
}

impl Verdict {
    /// Found if `is_found`.
    pub(crate) fn of(is_found: bool) -> Self {
        if is_found { Self::Found } else { Self::Fine }
    }
}

impl Finding {
    pub(crate) fn new(what: impl Into<String>, so: &'static str, remedy: &'static str) -> Self {
        Self { what: what.into(), so, remedy }
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        format!("{} – {} – {}", self.what, self.so, self.remedy)
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "what": self.what, "so": self.so, "remedy": self.remedy })
    }
}

/// Findings as JSON.
pub(crate) fn json_of(findings: &[Finding]) -> Value {
    findings.iter().map(Finding::json).collect()
}
