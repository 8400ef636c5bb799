//! One message to one channel, and what its answer means. Nothing here retries.
//!
//! Sources: Slack's documentation, "Sending messages using incoming webhooks" (no `thread_ts`; 400, 403, 404,
//! 410 for what is wrong), `chat.postMessage` (`ok`, `error`, `ts`, `thread_ts`; after `fatal_error` and
//! `internal_error` "it's possible some aspect of the operation succeeded"), and "Rate limits" (429 with
//! `Retry-After` in seconds).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use landbridge_aws::sns::{self, Publication};
use landbridge_core::config::AlertsConfig;
pub(super) use landbridge_core::incident::Answer;
use landbridge_core::incident::{Channel, Message, render, signature};
use landbridge_core::{Error, ErrorKind, Result};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::Context;

/// The limit of one request, with its answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;
/// The longest time that a receiver can ask us to wait.
const MAX_WAIT: i64 = 3_600;
/// Slack's Web API. `LANDBRIDGE_SLACK_ENDPOINT` replaces it, on loopback only.
const SLACK: &str = "https://slack.com/api";
/// Errors of Slack after which a message may have arrived.
const UNCLEAR: [&str; 4] =
    ["fatal_error", "internal_error", "request_timeout", "service_unavailable"];

/// Sends a message once. Errors before anything was sent (a secret cannot be read, an address is not valid)
/// are refusals: the message stays.
pub(super) async fn send(
    context: &Context,
    alerts: &AlertsConfig,
    message: &Message,
    thread: Option<&str>,
) -> Answer {
    match try_send(context, alerts, message, thread).await {
        Ok(answer) => answer,
        Err(error) => Answer::Refused { why: error.sentence(), retry_after: None },
    }
}

async fn try_send(
    context: &Context,
    alerts: &AlertsConfig,
    message: &Message,
    thread: Option<&str>,
) -> Result<Answer> {
    let source = context.config.source.name.as_str();
    let (slack, webhook) = (alerts.slack.as_ref(), alerts.webhook.as_ref());
    match message.channel {
        Channel::SlackBot => {
            let token = secret(context, slack.and_then(|it| it.token.as_deref())).await?;
            let channel = slack.and_then(|it| it.channel.as_deref()).unwrap_or_default();
            let mut body = render::slack(message);
            body["channel"] = json!(channel);
            body["unfurl_links"] = json!(false);
            if let Some(thread) = thread {
                body["thread_ts"] = json!(thread);
            }
            let url = format!("{}/chat.postMessage", slack_endpoint());
            let request = http()?.post(url).bearer_auth(token);
            Ok(of_web_api(with_json(request, &body.to_string()).send().await).await)
        }
        Channel::SlackWebhook => {
            let secret_name = slack.and_then(|it| it.webhook.as_deref());
            let url = address(&secret(context, secret_name).await?, secret_name)?;
            let body = render::slack(message).to_string();
            Ok(of_status(with_json(http()?.post(url), &body).send().await).await)
        }
        Channel::Webhook => {
            let secret_name = webhook.map(|it| it.url.as_str());
            let url = address(&secret(context, secret_name).await?, secret_name)?;
            let key = secret(context, webhook.map(|it| it.key.as_str())).await?;
            let body = render::webhook(message, source).to_string();
            let seconds = Timestamp::now().as_second();
            let request = with_json(http()?.post(url), &body)
                .header(signature::HEADER, signature::header(key.as_bytes(), seconds, &body))
                .header(signature::ID_HEADER, &message.id);
            Ok(of_status(request.send().await).await)
        }
        Channel::Email => {
            let topic = alerts.email.as_ref().map(|it| it.topic.as_str()).unwrap_or_default();
            let (subject, text) = render::email(message);
            let region = &context.config.source.region;
            Ok(match sns::publish(region, topic, &subject, &text).await? {
                Publication::Accepted => Answer::Delivered { thread: None },
                Publication::Refused(why) => Answer::Refused { why, retry_after: None },
                Publication::Unknown(why) => Answer::Unknown { why },
            })
        }
    }
}

/// The text of a secret, without space around it.
async fn secret(context: &Context, name: Option<&str>) -> Result<String> {
    let name = name.unwrap_or_default();
    let secret = context.aws.secrets.get(name).await?;
    let text = std::str::from_utf8(secret.bytes()).map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            "a secret of alerts contains no text; put the URL, the token or the key into it",
            name,
        ));
    }
    Ok(text.to_owned())
}

/// A URL that may get messages: HTTPS, or this machine. The URL is a secret, so no error contains it.
fn address(url: &str, name: Option<&str>) -> Result<String> {
    if url.starts_with("https://") || is_loopback(url) {
        return Ok(url.to_owned());
    }
    Err(Error::new(
        ErrorKind::Config,
        "a secret of alerts must contain a URL that begins with https://",
        name.unwrap_or_default(),
    ))
}

fn is_loopback(url: &str) -> bool {
    let rest = url.strip_prefix("http://127.0.0.1");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

fn slack_endpoint() -> String {
    let given = std::env::var("LANDBRIDGE_SLACK_ENDPOINT").ok();
    given.filter(|url| is_loopback(url)).unwrap_or_else(|| SLACK.to_owned())
}

fn http() -> Result<reqwest::Client> {
    // A redirect would send the message, and the token, to an address that no secret names.
    let client =
        reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    client.build().map_err(|error| {
        Error::new(ErrorKind::Config, "the HTTP client cannot be built", "").caused_by(error)
    })
}

fn with_json(request: RequestBuilder, body: &str) -> RequestBuilder {
    request.header("content-type", "application/json; charset=utf-8").body(body.to_owned())
}

/// An answer whose status says all.
async fn of_status(sent: reqwest::Result<Response>) -> Answer {
    match response(sent) {
        Ok(response) => match refusal(&response) {
            Some(answer) => answer,
            None => Answer::Delivered { thread: None },
        },
        Err(answer) => answer,
    }
}

/// An answer of Slack's Web API, whose body says more than its status.
async fn of_web_api(sent: reqwest::Result<Response>) -> Answer {
    let mut response = match response(sent) {
        Ok(response) => response,
        Err(answer) => return answer,
    };
    if let Some(answer) = refusal(&response) {
        return answer;
    }
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(_) => return unknown("Slack's answer was cut".to_owned()),
        }
    }
    let Ok(body) = serde_json::from_slice::<Value>(&bytes) else {
        return unknown("Slack's answer is not JSON".to_owned());
    };
    if body["ok"] == true {
        return Answer::Delivered { thread: body["ts"].as_str().map(str::to_owned) };
    }
    let error = body["error"].as_str().unwrap_or("no error");
    let is_plain = |it: char| it.is_ascii_lowercase() || it == '_';
    let error: String = error.chars().filter(|it| is_plain(*it)).take(60).collect();
    let why = format!("Slack refused the message: {error}");
    if UNCLEAR.contains(&error.as_str()) {
        return unknown(why);
    }
    Answer::Refused { why, retry_after: None }
}

/// The response, if there is one.
fn response(sent: reqwest::Result<Response>) -> Result<Response, Answer> {
    sent.map_err(|error| {
        if error.is_connect() || error.is_builder() {
            let why = "the receiver cannot be reached".to_owned();
            return Answer::Refused { why, retry_after: None };
        }
        let what = if error.is_timeout() { "did not answer in time" } else { "did not answer" };
        unknown(format!("the receiver {what}"))
    })
}

/// What a status that is no success says.
fn refusal(response: &Response) -> Option<Answer> {
    let status = response.status();
    if status.is_success() {
        return None;
    }
    let why = format!("the receiver answered {}", status.as_u16());
    if status.is_server_error() {
        return Some(unknown(why));
    }
    let wait = response.headers().get("retry-after").and_then(|it| it.to_str().ok());
    let wait = wait.and_then(|it| it.trim().parse::<i64>().ok()).map(|it| it.clamp(1, MAX_WAIT));
    let retry_after = match status {
        StatusCode::TOO_MANY_REQUESTS => Some(SignedDuration::from_secs(wait.unwrap_or(60))),
        _ => None,
    };
    Some(Answer::Refused { why, retry_after })
}

fn unknown(why: String) -> Answer {
    Answer::Unknown { why }
}
