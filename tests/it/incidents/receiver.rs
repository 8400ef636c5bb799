//! A receiver of messages: an HTTP server that answers as Slack's documentation says (`chat.postMessage`,
//! incoming webhooks), and as a broken receiver does. What it took stays, whatever it answered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It takes the message and says so.
    Take,
    /// It takes the message, and the connection closes without an answer.
    TakeAndDrop,
    /// It takes the message and answers this status.
    TakeAndAnswer(u16),
    /// It does not take the message and answers this status; 429 with `Retry-After: 30`.
    Refuse(u16),
    /// It does not take the message: 200 with `"ok": false` and this error.
    RefuseAs(&'static str),
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub head: String,
    pub body: Value,
    /// Whether the receiver has the message.
    pub taken: bool,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> String {
        let line = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        line.unwrap_or_default()
    }

    /// The title of the message, without the mark of a repeat.
    pub fn title(&self) -> String {
        let text = self.body["text"].as_str().or_else(|| self.body["title"].as_str());
        text.unwrap_or_default().trim_start_matches("[repeat] ").to_owned()
    }

    /// Whether it says that it may be a repeat.
    pub fn is_marked(&self) -> bool {
        self.body["repeat"] == true || self.body.to_string().contains("[repeat] ")
    }
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    next: VecDeque<Behaviour>,
}

/// The server. Dropping it stops it.
pub struct Receiver {
    pub url: String,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, shared.clone()));
            }
        });
        Self { url, state, task }
    }

    /// The next requests are answered so; later ones are taken.
    pub fn then(&self, behaviours: &[Behaviour]) {
        self.state.lock().unwrap().next.extend(behaviours);
    }

    /// Every later request is taken.
    pub fn forget_behaviours(&self) {
        self.state.lock().unwrap().next.clear();
    }

    /// The number of requests so far.
    pub fn count(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }

    /// The requests after the first `count`.
    pub fn since(&self, count: usize) -> Vec<Request> {
        self.state.lock().unwrap().requests[count..].to_vec()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.since(0)
    }

    /// Forgets what it has, for the next case on the same cloud.
    pub fn forget(&self) {
        *self.state.lock().unwrap() = State::default();
    }

    /// The messages that it has on a path.
    pub fn taken(&self, path: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|it| it.path == path && it.taken);
        requests
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let Some((head, body)) = read(&mut stream).await else { return };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (behaviour, number) = {
        let mut state = state.lock().unwrap();
        let behaviour = state.next.pop_front().unwrap_or(Behaviour::Take);
        let taken = !matches!(behaviour, Behaviour::Refuse(_) | Behaviour::RefuseAs(_));
        let body = serde_json::from_slice(&body).unwrap_or_default();
        state.requests.push(Request { path: path.clone(), head, body, taken });
        (behaviour, state.requests.len())
    };
    let is_slack = path.ends_with("chat.postMessage");
    let (status, body) = match behaviour {
        Behaviour::TakeAndDrop => return,
        Behaviour::Take if is_slack => {
            (200, format!(r#"{{"ok":true,"channel":"C0123456789","ts":"1700000000.{number:06}"}}"#))
        }
        Behaviour::Take => (200, "ok".to_owned()),
        Behaviour::RefuseAs(error) => (200, format!(r#"{{"ok":false,"error":"{error}"}}"#)),
        Behaviour::TakeAndAnswer(status) | Behaviour::Refuse(status) => (status, String::new()),
    };
    let wait = if status == 429 { "retry-after: 30\r\n" } else { "" };
    let response = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{wait}connection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(response.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0_u8; 8192];
        let count = stream.read(&mut part).await.ok()?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let (start, length): (usize, usize) = (head.len() + 4, length.unwrap_or_default());
            if bytes.len() >= start + length {
                return Some((head.to_owned(), bytes[start..start + length].to_vec()));
            }
        }
        if count == 0 {
            return None;
        }
    }
}
