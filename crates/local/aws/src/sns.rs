//! Amazon SNS: `Publish` to a topic. The messages are kept; no address is subscribed. Every topic of the account
//! exists. AWS documentation: the API reference of SNS (query protocol, version 2010-03-31).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use landbridge_local_wire as wire;
use percent_encoding::percent_decode_str;

use crate::account::Account;
use crate::signature;

const VERSION: &str = "2010-03-31";
const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
/// Characters of a subject (API reference, `Publish`).
const MAX_SUBJECT: usize = 100;
/// Bytes of a message (API reference, `Publish`).
const MAX_MESSAGE: usize = 262_144;

/// A message that was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedMessage {
    /// The topic.
    pub topic: String,
    /// The subject of the e-mail.
    pub subject: String,
    /// The text.
    pub message: String,
}

/// The topics of an account.
pub(crate) struct Sns {
    account: Arc<Account>,
    published: Mutex<Vec<PublishedMessage>>,
}

/// SNS as an HTTP service.
pub(crate) struct SnsServer(pub(crate) Arc<Sns>);

/// An error code with its message and status.
struct SnsError(&'static str, String, StatusCode);

impl Sns {
    pub(crate) fn new(account: Arc<Account>) -> Self {
        Self { account, published: Mutex::default() }
    }

    pub(crate) fn published(&self) -> Vec<PublishedMessage> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Publishes; returns the id of the message.
    fn publish(&self, form: &BTreeMap<String, String>) -> Result<String, SnsError> {
        let invalid = |text: &str| {
            SnsError(
                "InvalidParameter",
                format!("Invalid parameter: {text}"),
                StatusCode::BAD_REQUEST,
            )
        };
        let given = |name: &str| form.get(name).filter(|it| !it.is_empty()).cloned();
        let topic = given("TopicArn").ok_or_else(|| invalid("TopicArn"))?;
        let message = given("Message").ok_or_else(|| invalid("Empty message"))?;
        let subject = given("Subject").unwrap_or_default();
        let of_account =
            format!(":{}:{}:", self.account.options.region, self.account.options.account);
        if !topic.starts_with("arn:aws:sns:") || !topic.contains(&of_account) {
            let text = "Topic does not exist".to_owned();
            return Err(SnsError("NotFound", text, StatusCode::NOT_FOUND));
        }
        let is_plain = subject.is_ascii() && !subject.chars().any(|it| it.is_ascii_control());
        if !is_plain || subject.len() > MAX_SUBJECT || subject.starts_with(' ') {
            return Err(invalid("Subject"));
        }
        if message.len() > MAX_MESSAGE {
            return Err(invalid("Message too long"));
        }
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.push(PublishedMessage { topic, subject, message });
        Ok(format!("00000000-0000-4000-8000-{:012}", published.len()))
    }
}

impl wire::Service for SnsServer {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let sns = self.0.clone();
        Box::pin(async move { respond(process(&sns, request).await) })
    }
}

async fn process(sns: &Sns, request: wire::Request) -> Result<String, SnsError> {
    let (parts, body) = request.into_parts();
    let refused = |code, text: &str| SnsError(code, text.to_owned(), StatusCode::FORBIDDEN);
    let body = body.collect().await.map_err(|_| refused("IncompleteRequest", "cut"))?.to_bytes();
    signature::verify(&sns.account, "sns", &parts, &body)
        .map_err(|_| refused("SignatureDoesNotMatch", "The signature does not match"))?;
    let text = String::from_utf8_lossy(&body);
    let decode =
        |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let form: BTreeMap<String, String> =
        pairs.map(|(name, value)| (decode(name), decode(value))).collect();
    let is = |name: &str, value: &str| form.get(name).is_some_and(|it| it == value);
    if !is("Action", "Publish") || !is("Version", VERSION) {
        let text = "Could not find operation".to_owned();
        return Err(SnsError("InvalidAction", text, StatusCode::BAD_REQUEST));
    }
    sns.publish(&form)
}

fn respond(result: Result<String, SnsError>) -> wire::Response {
    let (status, body) = match result {
        Ok(id) => (
            StatusCode::OK,
            format!(
                "<PublishResponse xmlns=\"{NAMESPACE}\"><PublishResult><MessageId>{id}</MessageId></PublishResult></PublishResponse>"
            ),
        ),
        Err(SnsError(code, message, status)) => {
            tracing::debug!(code, "sns refused a request");
            let kind = "<Type>Sender</Type>";
            (
                status,
                format!(
                    "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>{kind}<Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
                ),
            )
        }
    };
    let mut response = wire::Response::new(wire::full_body(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}
