//! What functions wrote to their standard output and error, kept as JSON lines:
//! one file a function, as CloudWatch keeps one log group.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use landbridge_local_wire::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line that a function wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Virtual time at which it was read.
    pub at: Timestamp,
    /// Which of the function's processes wrote it, counted from 1.
    pub environment: u64,
    /// The invocation it was working on, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// `stdout` or `stderr`; `platform` for what Lambda itself says of an invocation.
    pub stream: String,
    /// The line: parsed when it is JSON, else a string.
    pub line: Value,
}

impl LogLine {
    /// The most memory (MiB) that the process has had when an invocation ended, of the line with
    /// which Lambda ends its log.
    pub fn peak_memory_mib(&self) -> Option<u64> {
        self.line.get("record")?.get("metrics")?.get("maxMemoryUsedMB")?.as_u64()
    }

    /// The level of a structured line, in upper case as functions write it; none for plain text.
    pub fn level(&self) -> Option<&str> {
        self.line.get("level")?.as_str()
    }

    /// The message of a structured line, else the line itself.
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
    /// Keeps logs in `dir`, which is made when the first line comes.
    pub(super) fn new(dir: PathBuf, clock: Clock) -> Self {
        Self(Arc::new(Inner { dir, clock, files: Mutex::default() }))
    }

    /// Where the log of a function lies.
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
            files.insert(function.to_owned(), self.open(function)?);
        }
        match files.get_mut(function) {
            Some(file) => file.write_all(&bytes),
            None => Ok(()),
        }
    }

    fn open(&self, function: &str) -> io::Result<File> {
        std::fs::create_dir_all(&self.0.dir)?;
        OpenOptions::new().create(true).append(true).open(self.path(function))
    }

    /// Everything a function has written so far, oldest first.
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
