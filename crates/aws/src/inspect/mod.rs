//! Read-only client of what the doctor checks: IAM, KMS, EventBridge Scheduler and Lambda. It sends plain HTTP requests
//! as their API references describe.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the calls |
//! | `response` | answers and the classes of errors |

mod response;

use std::time::Duration;

use backon::Retryable;
use landbridge_core::{Error, ErrorKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

pub use response::{CallError, CallResult, Xml};
use response::{ErrorClass, classify, error_code, parse_json};

use crate::client::{Credentials, credentials};
use crate::service::Service;
use crate::signed;

/// Time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for a complete response.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The pause before the single retry of a call that was throttled or got no response.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of pages read from a listing: 100 entries per page, and a role has at most about 20.
const PAGES: usize = 10;

/// Every character that signatures percent-encode (IAM User Guide, "Create a signed AWS API request").
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A client of the services with one set of credentials.
pub struct Inspector {
    http: reqwest::Client,
    credentials: Credentials,
    region: String,
}

/// A request of an API action.
struct Request<'a> {
    service: Service,
    /// The API action, such as `GetRole`; also the second part of the permission's name.
    action: &'a str,
    method: &'static str,
    /// Path and query string.
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Inspector {
    /// A client with the credentials of the environment.
    ///
    /// # Errors
    /// `Denied` if the environment has no credentials, `Transient` if no HTTP client can be created.
    pub async fn from_env(region: &str) -> landbridge_core::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| Error::new(ErrorKind::Transient, "cannot create an HTTP client", ""))?;
        Ok(Self { http, credentials: credentials(region).await?, region: region.to_owned() })
    }

    /// Calls IAM, which uses the query protocol and responds in XML.
    pub async fn iam(&self, action: &str, given: &[(&str, &str)]) -> CallResult<Xml> {
        let mut body = format!("Action={action}&Version=2010-05-08");
        for (name, value) in given {
            body.push_str(&format!("&{name}={}", utf8_percent_encode(value, RESERVED)));
        }
        let form = "application/x-www-form-urlencoded; charset=utf-8".to_owned();
        self.send(&Request {
            service: Service::Iam,
            action,
            method: "POST",
            path: "/".to_owned(),
            headers: vec![("content-type", form)],
            body,
        })
        .await
        .map(Xml)
    }

    /// Reads all pages of an IAM listing and returns the texts of `element`.
    pub async fn iam_all(
        &self,
        action: &str,
        role: &str,
        element: &str,
    ) -> CallResult<Vec<String>> {
        let (mut all, mut marker) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut given = vec![("RoleName", role)];
            given.extend(marker.as_deref().map(|marker| ("Marker", marker)));
            let page = self.iam(action, &given).await?;
            all.extend(page.all(element));
            marker = page.first("Marker");
            if marker.is_none() {
                return Ok(all);
            }
        }
        let error = Error::new(ErrorKind::Rejected, "an IAM listing has too many pages", action);
        Err(CallError::Failed(error))
    }

    /// Whether the policies of a role allow each action on a resource, as IAM's policy simulator decides. `context` are
    /// condition keys of the request: name, type (`string`, `boolean`), value. (IAM API reference,
    /// `SimulatePrincipalPolicy`.) It changes nothing and starts nothing.
    ///
    /// # Errors
    /// [`CallError::NotFound`] if there is no such role, [`CallError::MissingPermission`] without
    /// `iam:SimulatePrincipalPolicy`; any other error of IAM.
    pub async fn simulate(
        &self,
        role: &str,
        actions: &[&str],
        resource: &str,
        context: &[(&str, &str, &str)],
    ) -> CallResult<Vec<bool>> {
        const ACTION: &str = "SimulatePrincipalPolicy";
        let mut given = vec![
            ("PolicySourceArn".to_owned(), role),
            ("ResourceArns.member.1".to_owned(), resource),
        ];
        for (number, action) in (1..).zip(actions) {
            given.push((format!("ActionNames.member.{number}"), *action));
        }
        for (number, (name, kind, value)) in (1..).zip(context) {
            let entry = format!("ContextEntries.member.{number}");
            given.push((format!("{entry}.ContextKeyName"), *name));
            given.push((format!("{entry}.ContextKeyType"), *kind));
            given.push((format!("{entry}.ContextKeyValues.member.1"), *value));
        }
        let given: Vec<(&str, &str)> =
            given.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let answer = self.iam(ACTION, &given).await?;
        let (names, decisions) = (answer.all("EvalActionName"), answer.all("EvalDecision"));
        let decided = |action: &&str| {
            let at = names.iter().position(|it| it.eq_ignore_ascii_case(action))?;
            decisions.get(at).map(|it| it == "allowed")
        };
        actions.iter().map(decided).collect::<Option<_>>().ok_or_else(|| {
            let what = "an answer of IAM does not decide each action";
            CallError::Failed(Error::new(ErrorKind::Rejected, what, ACTION))
        })
    }

    /// Calls KMS, which uses JSON 1.1.
    pub async fn kms(&self, action: &str, body: &Value) -> CallResult<Value> {
        let headers = vec![
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("TrentService.{action}")),
        ];
        let answer = self
            .send(&Request {
                service: Service::Kms,
                action,
                method: "POST",
                path: "/".to_owned(),
                headers,
                body: body.to_string(),
            })
            .await?;
        parse_json(&answer, action)
    }

    /// Reads a schedule of EventBridge Scheduler. The names of group and schedule consist of letters,
    /// digits, `-`, `_` and `.`, so they need no encoding.
    pub async fn schedule(&self, group: &str, name: &str) -> CallResult<Value> {
        let action = "GetSchedule";
        let answer = self
            .send(&Request {
                service: Service::Scheduler,
                action,
                method: "GET",
                path: format!("/schedules/{name}?groupName={group}"),
                headers: Vec::new(),
                body: String::new(),
            })
            .await?;
        parse_json(&answer, action)
    }

    /// The event source mappings of a function, as Lambda's `ListEventSourceMappings` describes them: the first 100.
    pub async fn event_source_mappings(&self, function: &str) -> CallResult<Vec<Value>> {
        let action = "ListEventSourceMappings";
        let answer = self
            .send(&Request {
                service: Service::Lambda,
                action,
                method: "GET",
                path: format!("/2015-03-31/event-source-mappings?FunctionName={function}"),
                headers: Vec::new(),
                body: String::new(),
            })
            .await?;
        let answer = parse_json(&answer, action)?;
        Ok(answer["EventSourceMappings"].as_array().cloned().unwrap_or_default())
    }

    /// Reads the configuration of a Lambda function. Its name consists of letters, digits, `-` and `_`.
    pub async fn function(&self, name: &str) -> CallResult<Value> {
        let action = "GetFunctionConfiguration";
        let answer = self
            .send(&Request {
                service: Service::Lambda,
                action,
                method: "GET",
                path: format!("/2015-03-31/functions/{name}/configuration"),
                headers: Vec::new(),
                body: String::new(),
            })
            .await?;
        parse_json(&answer, action)
    }

    /// Sends the request, and once more if it was throttled or got no response.
    async fn send(&self, request: &Request<'_>) -> CallResult<String> {
        let unanswered = |error: &CallError| matches!(error, CallError::Failed(error) if error.kind().is_transient());
        (|| self.send_once(request)).retry([PAUSE].into_iter()).when(unanswered).await
    }

    async fn send_once(&self, request: &Request<'_>) -> CallResult<String> {
        let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let service = request.service;
        let endpoint =
            service.endpoint(&self.region, given).ok_or(CallError::NoEndpoint(service))?;
        let permission = format!("{}:{}", service.name(), request.action);
        let failed = |kind, what, why: String| {
            CallError::Failed(Error::new(kind, what, permission.clone()).caused_by(why))
        };
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signed = signed::Request {
            service,
            region: &self.region,
            method: request.method,
            path: &request.path,
            headers: &headers,
            body: request.body.clone(),
        };
        let call = signed.sign(&self.http, &self.credentials, &endpoint).ok_or_else(|| {
            failed(ErrorKind::Config, "cannot sign an AWS request", format!("for {endpoint}"))
        })?;
        let no_answer = |error: reqwest::Error| {
            // Without the URL: its path and query contain the request's arguments.
            let why = error.without_url().to_string();
            failed(ErrorKind::Transient, "no response from AWS", format!("{endpoint}: {why}"))
        };
        let answer = call.send().await.map_err(no_answer)?;
        let status = answer.status().as_u16();
        let header = answer.headers().get("x-amzn-errortype").and_then(|it| it.to_str().ok());
        let header = header.map(str::to_owned);
        let body = answer.text().await.map_err(no_answer)?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let code = error_code(header.as_deref(), &body);
        Err(match classify(&code, status) {
            ErrorClass::MissingPermission => CallError::MissingPermission(permission),
            ErrorClass::NotFound => CallError::NotFound,
            // AWS's message is omitted: messages about signatures quote the request, including its
            // session token.
            ErrorClass::Failed(kind) if code.is_empty() => {
                failed(kind, "an AWS call failed", format!("HTTP {status}"))
            }
            ErrorClass::Failed(kind) => {
                failed(kind, "an AWS call failed", format!("{code}, HTTP {status}"))
            }
        })
    }
}
