//! moto as a process of its own, on a free port of loopback.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::python;
use crate::sdk::Account;

/// It takes a second or two; a machine that builds meanwhile takes longer.
const START: Duration = Duration::from_secs(60);

/// A running moto; it ends with this value.
pub(crate) struct Moto {
    _process: Child,
    url: String,
}

impl Moto {
    /// Starts one, or says loudly that `test` does not run without Python.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        let python = python::python(test)?;
        Some(tokio::time::timeout(START, Self::spawn(&python)).await.expect("moto starts in time"))
    }

    async fn spawn(python: &Path) -> Self {
        let mut process = python::command(python)
            .args(["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let mut said = Vec::new();
        let url = loop {
            let Some(line) = lines.next_line().await.expect("text") else {
                panic!("moto ended at its start:\n{}", said.join("\n"))
            };
            if let Some((_, url)) = line.split_once("Running on ") {
                break url.trim().to_owned();
            }
            said.push(line);
        };
        // It logs every request: a full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { _process: process, url }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its account. Any key will do.
    pub(crate) fn account(&self) -> Account<'_> {
        Account {
            rds: &self.url,
            s3: &self.url,
            secrets: &self.url,
            key: "tests",
            secret: "of-no-value",
        }
    }
}
