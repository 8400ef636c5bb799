//! Colour on a terminal.

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// Colours text if colour is on, otherwise returns it unchanged. Colour is on for a terminal, unless `NO_COLOR` is set,
/// `CLICOLOR` is `0` or `TERM` is `dumb`, and wherever `CLICOLOR_FORCE` asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Paint(bool);

impl Paint {
    /// For standard output.
    pub fn stdout() -> Self {
        Self::of(&std::io::stdout())
    }

    /// For standard error.
    pub fn stderr() -> Self {
        Self::of(&std::io::stderr())
    }

    fn of(stream: &impl RawStream) -> Self {
        // `AutoStream` colours a dumb terminal if `CI` is set, because logs of builds often show colour.
        let is_dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        let allowed = !is_dumb || anstyle_query::clicolor_force();
        Self(allowed && AutoStream::choice(stream) != ColorChoice::Never)
    }

    /// Whether colour is on.
    pub fn is_on(self) -> bool {
        self.0
    }

    /// For headings.
    pub fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// For secondary text, such as queries.
    pub fn dim(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    /// For failures.
    pub fn red(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    /// For warnings.
    pub fn yellow(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    /// For successes.
    pub fn green(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
