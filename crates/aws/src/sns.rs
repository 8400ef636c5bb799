//! Publishes to a topic of Amazon SNS, which sends it to the addresses that people subscribed.
//!
//! One call, without the SDK of SNS: a caller that repeats a message must know whether an attempt may have
//! arrived, so nothing here retries. (Amazon SNS API reference, `Publish`: query protocol, version
//! 2010-03-31.)

use std::time::Duration;

use landbridge_core::Result;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::service::Service;
use crate::signed;

/// The limit of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The content type of the query protocol.
const FORM: &str = "application/x-www-form-urlencoded";
/// Bytes of an error that are read.
const MAX_ERROR: usize = 16 * 1024;

/// Whether SNS has a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// It has it.
    Accepted,
    /// It does not have it; with the code of the error.
    Refused(String),
    /// It may have it: no answer came, or an error of the service.
    Unknown(String),
}

/// Publishes a text to a topic of `region`, once. `AWS_ENDPOINT_URL_SNS` and `AWS_ENDPOINT_URL` replace the
/// endpoint.
///
/// # Errors
/// [`Denied`](landbridge_core::ErrorKind::Denied) if the environment has no credentials;
/// [`Config`](landbridge_core::ErrorKind::Config) if the request cannot be made. Then nothing was sent.
pub async fn publish(region: &str, topic: &str, subject: &str, text: &str) -> Result<Publication> {
    let encoded = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    let fields = [("TopicArn", topic), ("Subject", subject), ("Message", text)];
    let fields: String =
        fields.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
    let body = format!("Action=Publish&Version=2010-03-31{fields}");
    let request = signed::Request {
        service: Service::Sns,
        region,
        method: "POST",
        path: "/",
        headers: &[("content-type", FORM)],
        body,
    };
    let request = request.build("a message for SNS cannot be signed", topic, TIMEOUT).await?;
    Ok(outcome(request.send().await).await)
}

async fn outcome(sent: reqwest::Result<reqwest::Response>) -> Publication {
    let response = match sent {
        Ok(response) => response,
        Err(error) if error.is_connect() => {
            return Publication::Refused("SNS cannot be reached".to_owned());
        }
        Err(_) => return Publication::Unknown("SNS did not answer".to_owned()),
    };
    let status = response.status();
    if status.is_success() {
        return Publication::Accepted;
    }
    let text = start_of(response).await;
    let why = format!("SNS answered {}{}", status.as_u16(), code(&text));
    if status.is_server_error() { Publication::Unknown(why) } else { Publication::Refused(why) }
}

async fn start_of(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ERROR
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// ` (InvalidParameter)`: the code in the XML of an error, which contains no text of ours.
fn code(xml: &str) -> String {
    let code = xml.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next());
    let is_plain =
        |code: &&str| code.len() < 60 && code.chars().all(|it| it.is_ascii_alphanumeric());
    code.filter(is_plain).map(|code| format!(" ({code})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_code_is_taken_from_an_error() {
        assert_eq!(code("<Error><Code>NotFound</Code><Message>secret</Message>"), " (NotFound)");
        assert_eq!(code("<Code>a b</Code>"), "");
        assert_eq!(code("nothing"), "");
    }
}
