//! Questions at a terminal.

use std::io::{BufRead, BufReader, Write};

use crate::failure::{Failure, Result};

/// How often a question is asked before it is given up.
const TRIES: usize = 5;

/// Where questions go and answers come from.
pub(super) struct Terminal {
    answers: Box<dyn BufRead>,
    questions: Box<dyn Write>,
}

impl Terminal {
    /// Questions on standard error, so that standard output stays the outcome's.
    pub(super) fn of_this_process() -> Self {
        Self::new(BufReader::new(std::io::stdin()), std::io::stderr())
    }

    /// Over any reader and writer.
    pub(super) fn new(answers: impl BufRead + 'static, questions: impl Write + 'static) -> Self {
        Self { answers: Box::new(answers), questions: Box::new(questions) }
    }

    /// Asks until the answer is good. An empty answer is `default`, where there is one; `judge`
    /// says what is wrong with an answer.
    ///
    /// # Errors
    /// [`Failure::Interrupted`] when the input ends.
    pub(super) fn ask(
        &mut self,
        question: &str,
        default: Option<&str>,
        judge: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String> {
        let offered = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        for _ in 0..TRIES {
            self.say(&format!("{question}{offered}: "))?;
            let mut line = String::new();
            match self.answers.read_line(&mut line) {
                Ok(0) => return Err(Failure::Interrupted),
                Ok(_) => {}
                Err(error) => {
                    return Err(Failure::Failed(format!("no answer can be read: {error}")));
                }
            }
            let answer = match (line.trim(), default) {
                ("", Some(default)) => default,
                ("", None) => {
                    self.say("  an answer is needed\n")?;
                    continue;
                }
                (answer, _) => answer,
            };
            match judge(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(why) => self.say(&format!("  {why}\n"))?,
            }
        }
        Err(Failure::Usage(format!("no usable answer to: {question}")))
    }

    /// Says something.
    pub(super) fn say(&mut self, text: &str) -> Result {
        self.questions
            .write_all(text.as_bytes())
            .and_then(|()| self.questions.flush())
            .map_err(|error| Failure::Failed(format!("nothing can be asked: {error}")))
    }
}
