//! moto as a separate process on a free loopback port.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::python;
use crate::sdk::Account;

/// It takes a second or two; longer on a machine that is also building.
const START: Duration = Duration::from_secs(60);

/// A running moto; dropping this value ends it.
pub(crate) struct Moto {
    _process: Child,
    url: String,
}

impl Moto {
    /// Starts moto; without Python, prints that `test` does not run and returns `None`.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        let python = python::installed_python(test)?;
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
        let mut lines =
            BufReader::new(process.stderr.take().expect("standard error is piped")).lines();
        let mut log = Vec::new();
        let url = loop {
            let Some(line) = lines.next_line().await.expect("text") else {
                panic!("moto ended at its start:\n{}", log.join("\n"))
            };
            if let Some((_, url)) = line.split_once("Running on ") {
                break url.trim().to_owned();
            }
            log.push(line);
        };
        // It logs every request: a full pipe would block it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { _process: process, url }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its account. moto accepts any key.
    pub(crate) fn account(&self) -> Account<'_> {
        Account {
            rds: &self.url,
            s3: &self.url,
            secrets: &self.url,
            sqs: &self.url,
            key: "tests",
            secret: "of-no-value",
        }
    }
}
