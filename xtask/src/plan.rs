//! What the hook does for one call of cargo.

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Run cargo with the same arguments, nothing else.
    Forward,
    /// Build, then start the executable `bin` with `prerender`.
    BuildThenPrerender { bin: String },
}

impl Plan {
    /// Decides from cargo's arguments and from whether `cargo leptos watch` is calling.
    ///
    /// While watching nothing is stored, so prerendering would only delay the reload.
    pub(crate) fn new(args: &[String], is_watching: bool) -> Self {
        let builds = args.first().is_some_and(|command| command == "build");
        match bin_name(args) {
            Some(bin) if builds && !is_watching => Self::BuildThenPrerender { bin: bin.to_owned() },
            _ => Self::Forward,
        }
    }
}

/// The value of `--bin`, in either spelling.
fn bin_name(args: &[String]) -> Option<&str> {
    args.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix("--bin") {
        Some("") => args.get(at + 1).map(String::as_str),
        Some(rest) => rest.strip_prefix('='),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str, is_watching: bool) -> Plan {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Plan::new(&args, is_watching)
    }

    #[test]
    fn build_of_a_binary_is_followed_by_prerendering() {
        let server = Plan::BuildThenPrerender { bin: "server".to_owned() };
        for line in [
            "build --package=server --bin=server --no-default-features --release",
            "build --package server --bin server",
        ] {
            assert_eq!(plan(line, false), server, "{line}");
        }
    }

    #[test]
    fn everything_else_is_forwarded() {
        for line in [
            "",
            "build",
            "build --package=server --lib",
            "build --bins",
            "build --bin",
            "check --package=server --bin=server",
            "clippy --package=server --bin=server",
            "run --package=server --bin=server",
            "test --package=server",
        ] {
            assert_eq!(plan(line, false), Plan::Forward, "{line}");
        }
    }

    #[test]
    fn watching_never_prerenders() {
        assert_eq!(plan("build --package=server --bin=server", true), Plan::Forward);
    }
}
