//! Three services of AWS that are only read here: IAM, KMS and EventBridge Scheduler. A signed
//! request each, as their API references describe it; their SDK's crates would cost minutes of
//! building for eight calls.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use landbridge_aws::client::{Credentials, credentials};
use landbridge_core::{Error, Kind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::events::Event;
use serde_json::Value;

use super::advice;
use super::line::Line;

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

/// Which service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// IAM, which is global.
    Iam,
    /// KMS of the source's region.
    Kms,
    /// EventBridge Scheduler of the source's region.
    Scheduler,
}

impl Service {
    /// Its name in signatures and in front of its rights.
    fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::Scheduler => "scheduler",
        }
    }

    /// The variable that names another server, as the SDKs call it.
    fn variable(self) -> &'static str {
        match self {
            Self::Iam => "AWS_ENDPOINT_URL_IAM",
            Self::Kms => "AWS_ENDPOINT_URL_KMS",
            Self::Scheduler => "AWS_ENDPOINT_URL_SCHEDULER",
        }
    }

    /// The region that is signed for. IAM has one per partition (AWS General Reference, "IAM
    /// endpoints and quotas").
    fn region(self, region: &str) -> &str {
        match (self, region.split('-').next()) {
            (Self::Iam, Some("cn")) => "cn-north-1",
            (Self::Iam, _) if region.starts_with("us-gov-") => "us-gov-west-1",
            (Self::Iam, _) => "us-east-1",
            (Self::Kms | Self::Scheduler, _) => region,
        }
    }

    /// AWS's own server.
    fn own(self, region: &str) -> String {
        let end = if region.starts_with("cn-") { ".cn" } else { "" };
        match self {
            Self::Iam if region.starts_with("cn-") => {
                "https://iam.cn-north-1.amazonaws.com.cn".to_owned()
            }
            Self::Iam if region.starts_with("us-gov-") => {
                "https://iam.us-gov.amazonaws.com".to_owned()
            }
            Self::Iam => "https://iam.amazonaws.com".to_owned(),
            Self::Kms | Self::Scheduler => {
                format!("https://{}.{region}.amazonaws.com{end}", self.name())
            }
        }
    }

    /// Where it is asked. `None` where other servers than AWS are named for RDS or S3 and none
    /// for this: their credentials are not AWS's, and AWS shall not see them.
    fn endpoint(self, region: &str, given: impl Fn(&str) -> Option<String>) -> Option<String> {
        let named = given(self.variable()).or_else(|| given("AWS_ENDPOINT_URL"));
        if let Some(url) = named {
            return Some(url.trim_end_matches('/').to_owned());
        }
        let elsewhere =
            ["AWS_ENDPOINT_URL_RDS", "AWS_ENDPOINT_URL_S3"].iter().any(|it| given(it).is_some());
        (!elsewhere).then(|| self.own(region))
    }
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(super) enum Refused {
    /// The caller lacks this right, such as `iam:GetRole`.
    Lacks(String),
    /// What was asked for is not there.
    Absent,
    /// Other servers stand in for AWS, and none for this service.
    Nobody(Service),
    /// Anything else.
    Failed(Error),
}

impl Refused {
    /// Tells it, of something that has to be there. `look` shows it to somebody with the right.
    pub(super) fn tell(self, line: &mut Line, look: String) {
        match self {
            Self::Lacks(right) => {
                line.unchecked(format!("these credentials lack {right}"), Some(look));
            }
            Self::Nobody(service) => line.unchecked(
                format!("other servers stand in for AWS, and {} names none", service.variable()),
                None,
            ),
            Self::Absent => line.bad("it is not there", look),
            // Not a right: that is told apart.
            Self::Failed(error) if error.kind() == Kind::Denied => line.failed(
                &error,
                "see that the credentials are whole and still hold, and that the clock is right",
            ),
            Self::Failed(error) => line.failed(&error, advice(&error, "")),
        }
    }
}

/// What a call may bring.
pub(super) type Answer<T> = Result<T, Refused>;

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
            .map_err(|_| Error::new(Kind::Transient, "no client of HTTP can be made", ""))?;
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
        let error = Error::new(Kind::Rejected, "a listing of IAM has no end", action);
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
        let again = |error: &Error| matches!(error.kind(), Kind::Throttled | Kind::Transient);
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
            failed(Kind::Config, "a call of AWS cannot be signed", format!("for {endpoint}"))
        })?;
        let no_answer = |error: reqwest::Error| {
            // Without the address: that of a page could hold an argument.
            let why = error.without_url().to_string();
            failed(Kind::Transient, "a call of AWS was not answered", format!("{endpoint}: {why}"))
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

fn json(text: &str, action: &str) -> Answer<Value> {
    serde_json::from_str(text).map_err(|_| {
        Refused::Failed(Error::new(Kind::Rejected, "an answer of AWS is not JSON", action))
    })
}

/// The code of an error: in a header, in XML, or in JSON, where a namespace may precede it.
fn code(header: Option<&str>, body: &str) -> String {
    let in_json = || {
        let value: Value = serde_json::from_str(body).ok()?;
        value.get("__type").or_else(|| value.get("code"))?.as_str().map(str::to_owned)
    };
    let code = header.map(str::to_owned).or_else(in_json);
    let code = code.or_else(|| Xml(body.to_owned()).first("Code")).unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().to_owned()
}

/// What an error's code and status tell.
#[derive(Debug, PartialEq, Eq)]
enum Sort {
    Lacks,
    Absent,
    Failed(Kind),
}

fn sorted(code: &str, status: u16) -> Sort {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" => {
            Sort::Lacks
        }
        "NoSuchEntity" | "NotFoundException" | "ResourceNotFoundException" => Sort::Absent,
        "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => Sort::Failed(Kind::Throttled),
        _ => Sort::Failed(match status {
            // With another code: a signature, or credentials that do not hold.
            401 | 403 => Kind::Denied,
            429 => Kind::Throttled,
            500..=599 => Kind::Transient,
            _ => Kind::Rejected,
        }),
    }
}

/// An answer of IAM.
pub(super) struct Xml(String);

impl Xml {
    /// The texts of all elements of this name, in order, wherever they stand.
    pub(super) fn all(&self, element: &str) -> Vec<String> {
        let mut reader = quick_xml::Reader::from_str(&self.0);
        let mut texts = Vec::new();
        loop {
            match reader.read_event() {
                Ok(Event::Start(start)) if start.local_name().as_ref() == element.as_bytes() => {
                    let Ok(text) = reader.read_text(start.name()) else { break };
                    let Ok(text) = text.decode() else { break };
                    let plain = quick_xml::escape::unescape(&text);
                    texts.extend(plain.map(|text| text.trim().to_owned()));
                }
                Ok(Event::Eof) | Err(_) => break,
                Ok(_) => {}
            }
        }
        texts
    }

    /// The text of the first element of this name, if it has one.
    pub(super) fn first(&self, element: &str) -> Option<String> {
        self.all(element).into_iter().find(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_asked_where_it_is() {
        let nothing = |_: &str| None;
        for (service, region, url, signed) in [
            (Service::Iam, "ap-northeast-2", "https://iam.amazonaws.com", "us-east-1"),
            (Service::Iam, "us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
            (
                Service::Iam,
                "cn-northwest-1",
                "https://iam.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
            ),
            (Service::Kms, "eu-west-1", "https://kms.eu-west-1.amazonaws.com", "eu-west-1"),
            (
                Service::Scheduler,
                "cn-north-1",
                "https://scheduler.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
            ),
        ] {
            assert_eq!(service.endpoint(region, nothing).as_deref(), Some(url));
            assert_eq!(service.region(region), signed);
        }
    }

    #[test]
    fn the_credentials_of_a_local_cloud_are_never_shown_to_aws() {
        for (set, asked) in [
            (&["AWS_ENDPOINT_URL_RDS"][..], None),
            (&["AWS_ENDPOINT_URL_S3"], None),
            (
                &["AWS_ENDPOINT_URL_RDS", "AWS_ENDPOINT_URL_KMS"],
                Some("http://AWS_ENDPOINT_URL_KMS"),
            ),
            (&["AWS_ENDPOINT_URL"], Some("http://AWS_ENDPOINT_URL")),
        ] {
            let given = |name: &str| set.contains(&name).then(|| format!("http://{name}/"));
            assert_eq!(Service::Kms.endpoint("eu-west-1", given).as_deref(), asked, "{set:?}");
        }
    }

    #[test]
    fn errors_are_told_apart() {
        let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code></Error></ErrorResponse>";
        for (header, body, status, code_is, sort) in [
            (None, xml, 404, "NoSuchEntity", Sort::Absent),
            (
                None,
                r#"{"__type":"com.amazonaws.kms#NotFoundException","message":"…"}"#,
                400,
                "NotFoundException",
                Sort::Absent,
            ),
            (
                Some("ResourceNotFoundException:http://internal.amazon.com/"),
                "{}",
                404,
                "ResourceNotFoundException",
                Sort::Absent,
            ),
            (
                None,
                r#"{"__type":"AccessDeniedException"}"#,
                400,
                "AccessDeniedException",
                Sort::Lacks,
            ),
            (
                None,
                r#"{"__type":"InvalidSignatureException"}"#,
                403,
                "InvalidSignatureException",
                Sort::Failed(Kind::Denied),
            ),
            (None, "busy", 503, "", Sort::Failed(Kind::Transient)),
            (
                Some("ThrottlingException"),
                "",
                400,
                "ThrottlingException",
                Sort::Failed(Kind::Throttled),
            ),
            (None, "not found", 404, "", Sort::Failed(Kind::Rejected)),
        ] {
            let found = code(header, body);
            assert_eq!((found.as_str(), sorted(&found, status)), (code_is, sort));
        }
    }

    #[test]
    fn xml_is_read_by_the_names_of_elements() {
        let xml = Xml("<R xmlns=\"x\"><PolicyNames><member>a</member><member> b&amp;c </member>\
            </PolicyNames><IsTruncated>false</IsTruncated><Marker/></R>"
            .to_owned());
        assert_eq!(xml.all("member"), ["a", "b&c"]);
        assert_eq!(xml.first("IsTruncated").as_deref(), Some("false"));
        assert_eq!(xml.first("Marker"), None);
    }
}
