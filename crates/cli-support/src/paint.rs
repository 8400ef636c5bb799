//! Colour on a terminal.

use std::io::IsTerminal;

/// Colours text if colour is on, otherwise returns it unchanged. Colour is on for a terminal unless `NO_COLOR` is set or
/// `TERM` is `dumb`.
#[derive(Clone, Copy, Debug)]
pub struct Paint(bool);

impl Paint {
    /// For standard output.
    pub fn stdout() -> Self {
        Self(allowed() && std::io::stdout().is_terminal())
    }

    /// For standard error.
    pub fn stderr() -> Self {
        Self(allowed() && std::io::stderr().is_terminal())
    }

    /// Whether colour is on.
    pub fn is_on(self) -> bool {
        self.0
    }

    /// For headings.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// For secondary text, such as queries.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// For failures.
    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// For warnings.
    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// For successes.
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn allowed() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
