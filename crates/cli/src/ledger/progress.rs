//! The progress of a sweep through the ledger.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Progress on standard error, if it is a terminal.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) =
                ProgressStyle::with_template("{msg:16} {bar:32} {pos}/{len}, {eta} left")
            {
                bar.set_style(style);
            }
            bar
        });
        Self { bar }
    }

    /// Starts a step of `length` objects.
    pub(super) fn start(&self, what: &'static str, length: usize) {
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(length as u64);
            bar.set_message(what);
        }
    }

    /// One object is done.
    pub(super) fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
