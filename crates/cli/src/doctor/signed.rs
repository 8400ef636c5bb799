//! Three services of AWS that are only read here: IAM, KMS and EventBridge Scheduler. A signed
//! request each, as their API references describe it; their SDK's crates would cost minutes of
//! building for eight calls.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use landbridge_aws::client::{Credentials, credentials};
use landbridge_core::{Error, ErrorKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::answer::{Answer, Refused, Sort, Xml, code, json, sorted};
use super::service::Service;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a whole answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The wait before a call that was throttled, or not answered, is made once more.
const PAUSE: Duration = Duration::from_secs(1);
/// Pages of a listing that are read at most: 100 entries each, where a role may have some 20.
const PAGES: usize = 10;

/// All but what signatures leave as it is (IAM User Guide, "Create a signed AWS API request").
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The three services, as one caller.
pub(super) struct Signed {
    http: reqwest::Client,
    credentials: Credentials,
    region: String,
}

/// A request that is not signed yet.
struct Request<'a> {
    service: Service,
    /// The call, as the right to it is named.
    action: &'a str,
    method: &'static str,
    /// Path and query.
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Signed {
    /// A caller with the credentials of the environment.
    ///
    /// # Errors
    /// `Denied` without credentials, `Transient` without a client of HTTP.
    pub(super) async fn from_env(region: &str) -> landbridge_core::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| Error::new(ErrorKind::Transient, "no client of HTTP can be made", ""))?;
        Ok(Self { http, credentials: credentials(region).await?, region: region.to_owned() })
    }

    /// A call of IAM: the query protocol, answered in XML.
    pub(super) async fn iam(&self, action: &str, given: &[(&str, &str)]) -> Answer<Xml> {
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

    /// All `element`s of a listing of IAM, page by page.
    pub(super) async fn iam_all(
        &self,
        action: &str,
        role: &str,
        element: &str,
    ) -> Answer<Vec<String>> {
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
        let error = Error::new(ErrorKind::Rejected, "a listing of IAM has no end", action);
        Err(Refused::Failed(error))
    }

    /// A call of KMS: JSON 1.1.
    pub(super) async fn kms(&self, action: &str, body: &Value) -> Answer<Value> {
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
        json(&answer, action)
    }

    /// A schedule of EventBridge Scheduler. Names of both are letters, digits, `-`, `_` and `.`.
    pub(super) async fn schedule(&self, group: &str, name: &str) -> Answer<Value> {
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
        json(&answer, action)
    }

    /// Sends it, and once more if it was throttled or not answered.
    async fn send(&self, request: &Request<'_>) -> Answer<String> {
        let first = self.send_once(request).await;
        let again = |error: &Error| error.kind().is_transient();
        if !matches!(&first, Err(Refused::Failed(error)) if again(error)) {
            return first;
        }
        tokio::time::sleep(PAUSE).await;
        self.send_once(request).await
    }

    async fn send_once(&self, request: &Request<'_>) -> Answer<String> {
        let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let service = request.service;
        let endpoint = service.endpoint(&self.region, given).ok_or(Refused::Nobody(service))?;
        let right = format!("{}:{}", service.name(), request.action);
        let failed = |kind, what, why: String| {
            Refused::Failed(Error::new(kind, what, right.clone()).caused_by(why))
        };
        let url = format!("{endpoint}{}", request.path);
        let signature = self.signature(request, &url).ok_or_else(|| {
            failed(ErrorKind::Config, "a call of AWS cannot be signed", format!("for {endpoint}"))
        })?;
        let no_answer = |error: reqwest::Error| {
            // Without the address: that of a page could hold an argument.
            let why = error.without_url().to_string();
            failed(
                ErrorKind::Transient,
                "a call of AWS was not answered",
                format!("{endpoint}: {why}"),
            )
        };
        let mut call = match request.method {
            "GET" => self.http.get(&url),
            _ => self.http.post(&url).body(request.body.clone()),
        };
        for (name, value) in &request.headers {
            call = call.header(*name, value);
        }
        for (name, value) in signature {
            call = call.header(name, value);
        }
        let answer = call.send().await.map_err(no_answer)?;
        let status = answer.status().as_u16();
        let named = answer.headers().get("x-amzn-errortype").and_then(|it| it.to_str().ok());
        let named = named.map(str::to_owned);
        let body = answer.text().await.map_err(no_answer)?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let code = code(named.as_deref(), &body);
        Err(match sorted(&code, status) {
            Sort::Lacks => Refused::Lacks(right),
            Sort::Absent => Refused::Absent,
            // AWS's own words are left out: those about signatures quote the request, its
            // session token among it.
            Sort::Failed(kind) if code.is_empty() => {
                failed(kind, "a call of AWS failed", format!("HTTP {status}"))
            }
            Sort::Failed(kind) => {
                failed(kind, "a call of AWS failed", format!("{code}, HTTP {status}"))
            }
        })
    }

    /// The headers of a signature of version 4, as of now.
    fn signature(&self, request: &Request<'_>, url: &str) -> Option<Vec<(String, String)>> {
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(request.service.region(&self.region))
            .name(request.service.name())
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let body = SignableBody::Bytes(request.body.as_bytes());
        let signable = SignableRequest::new(request.method, url, headers, body).ok()?;
        let (instructions, _) = sign(signable, &params).ok()?.into_parts();
        let headers = instructions.headers();
        Some(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
