//! What IAM, KMS and EventBridge Scheduler answer, and why they do not.

use landbridge_core::{Error, ErrorKind};
use quick_xml::events::Event;
use serde_json::Value;

use super::advice;
use super::line::Line;
use super::service::Service;

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
            Self::Failed(error) if error.kind() == ErrorKind::Denied => line.failed(
                &error,
                "see that the credentials are whole and still hold, and that the clock is right",
            ),
            Self::Failed(error) => line.failed(&error, advice(&error, "")),
        }
    }
}

/// What a call may bring.
pub(super) type Answer<T> = Result<T, Refused>;

/// An answer in JSON.
pub(super) fn json(text: &str, action: &str) -> Answer<Value> {
    serde_json::from_str(text).map_err(|_| {
        Refused::Failed(Error::new(ErrorKind::Rejected, "an answer of AWS is not JSON", action))
    })
}

/// The code of an error: in a header, in XML, or in JSON, where a namespace may precede it.
pub(super) fn code(header: Option<&str>, body: &str) -> String {
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
pub(super) enum Sort {
    /// A right.
    Lacks,
    /// What was asked for.
    Absent,
    /// Anything else.
    Failed(ErrorKind),
}

/// Sorts an error.
pub(super) fn sorted(code: &str, status: u16) -> Sort {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" => {
            Sort::Lacks
        }
        "NoSuchEntity" | "NotFoundException" | "ResourceNotFoundException" => Sort::Absent,
        "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => Sort::Failed(ErrorKind::Throttled),
        _ => Sort::Failed(match status {
            // With another code: a signature, or credentials that do not hold.
            401 | 403 => ErrorKind::Denied,
            429 => ErrorKind::Throttled,
            500..=599 => ErrorKind::Transient,
            _ => ErrorKind::Rejected,
        }),
    }
}

/// An answer of IAM.
pub(super) struct Xml(pub(super) String);

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
                Sort::Failed(ErrorKind::Denied),
            ),
            (None, "busy", 503, "", Sort::Failed(ErrorKind::Transient)),
            (
                Some("ThrottlingException"),
                "",
                400,
                "ThrottlingException",
                Sort::Failed(ErrorKind::Throttled),
            ),
            (None, "not found", 404, "", Sort::Failed(ErrorKind::Rejected)),
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
