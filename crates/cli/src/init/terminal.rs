//! Asks questions at a terminal.

use std::io::{BufRead, BufReader, Write};

use crate::failure::{Failure, Result};

/// How often a question is asked before the command gives up.
const MAX_ATTEMPTS: usize = 5;

/// Writes questions and reads answers.
pub(super) struct Terminal {
    answers: Box<dyn BufRead>,
    questions: Box<dyn Write>,
}

impl Terminal {
    /// Reads standard input and writes to standard error; standard output is for the result.
    pub(super) fn stdio() -> Self {
        Self::new(BufReader::new(std::io::stdin()), std::io::stderr())
    }

    /// A terminal over any reader and writer.
    pub(super) fn new(answers: impl BufRead + 'static, questions: impl Write + 'static) -> Self {
        Self { answers: Box::new(answers), questions: Box::new(questions) }
    }

    /// Asks until `validate` accepts the answer; its error says what is wrong. An empty answer means
    /// `default`, if there is one.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] if the input ends, [`Failure::Usage`] after [`MAX_ATTEMPTS`] attempts.
    pub(super) fn ask(
        &mut self,
        question: &str,
        default: Option<&str>,
        validate: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String> {
        let shown_default = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        for _ in 0..MAX_ATTEMPTS {
            self.print(&format!("{question}{shown_default}: "))?;
            let mut line = String::new();
            match self.answers.read_line(&mut line) {
                Ok(0) => return Err(Failure::Interrupted),
                Ok(_) => {}
                Err(error) => {
                    return Err(Failure::Failed(format!("cannot read the answer: {error}")));
                }
            }
            let answer = match (line.trim(), default) {
                ("", Some(default)) => default,
                ("", None) => {
                    self.print("  an answer is required\n")?;
                    continue;
                }
                (answer, _) => answer,
            };
            match validate(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(why) => self.print(&format!("  {why}\n"))?,
            }
        }
        Err(Failure::Usage(format!("no valid answer to: {question}")))
    }

    /// Writes a text.
    pub(super) fn print(&mut self, text: &str) -> Result {
        self.questions
            .write_all(text.as_bytes())
            .and_then(|()| self.questions.flush())
            .map_err(|error| Failure::Failed(format!("cannot write to the terminal: {error}")))
    }
}
