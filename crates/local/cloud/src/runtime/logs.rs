//! Stores the standard output and error of functions as JSON lines, one file per function, as
//! CloudWatch has one log group per function.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use landbridge_local_wire::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of a function's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// The virtual time at which the line was read.
    pub at: Timestamp,
    /// The number of the function's process that wrote it, from 1.
    pub environment: u64,
    /// The invocation in progress, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// `stdout` or `stderr`; `platform` for lines that Lambda writes about an invocation.
    pub stream: String,
    /// The line: parsed if it is a JSON object, otherwise a string.
    pub line: Value,
}

impl LogLine {
    /// The peak memory of the process in MiB, from the line that Lambda writes at the end of an
    /// invocation.
    pub fn peak_memory_mib(&self) -> Option<u64> {
        self.line.get("record")?.get("metrics")?.get("maxMemoryUsedMB")?.as_u64()
    }

    /// The level of a structured line, in upper case as functions write it; `None` for plain text.
    pub fn level(&self) -> Option<&str> {
        self.line.get("level")?.as_str()
    }

    /// The message of a structured line, otherwise the line itself.
    pub fn message(&self) -> &str {
        let structured = self.line.get("fields").and_then(|fields| fields.get("message"));
        structured
            .or_else(|| self.line.get("message"))
            .unwrap_or(&self.line)
            .as_str()
            .unwrap_or_default()
    }
}

/// The log files of all functions. Clones share them.
#[derive(Clone)]
pub(super) struct Logs(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    clock: Clock,
    files: Mutex<HashMap<String, File>>,
}

impl Logs {
    /// Stores logs in `dir`, which is created with the first line.
    pub(super) fn new(dir: PathBuf, clock: Clock) -> Self {
        Self(Arc::new(Inner { dir, clock, files: Mutex::default() }))
    }

    /// The path of a function's log file.
    pub(super) fn path(&self, function: &str) -> PathBuf {
        self.0.dir.join(format!("{function}.jsonl"))
    }

    /// Appends one line.
    pub(super) fn write(
        &self,
        function: &str,
        environment: u64,
        request_id: Option<String>,
        stream: &'static str,
        text: &str,
    ) -> io::Result<()> {
        let line = match serde_json::from_str(text) {
            Ok(value @ Value::Object(_)) => value,
            _ => Value::String(text.to_owned()),
        };
        let at = self.0.clock.now();
        let line = LogLine { at, environment, request_id, stream: stream.to_owned(), line };
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        let mut files = self.0.files.lock().unwrap_or_else(PoisonError::into_inner);
        if !files.contains_key(function) {
            files.insert(function.to_owned(), self.open_file(function)?);
        }
        match files.get_mut(function) {
            Some(file) => file.write_all(&bytes),
            None => Ok(()),
        }
    }

    fn open_file(&self, function: &str) -> io::Result<File> {
        std::fs::create_dir_all(&self.0.dir)?;
        OpenOptions::new().create(true).append(true).open(self.path(function))
    }

    /// All lines of a function so far, oldest first.
    pub(super) fn read(&self, function: &str) -> io::Result<Vec<LogLine>> {
        read_file(&self.path(function))
    }
}

fn read_file(path: &Path) -> io::Result<Vec<LogLine>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
}
