//! Responses of the services, and the classification of their errors.

use landbridge_core::{Error, ErrorKind};
use percent_encoding::percent_decode_str;
use quick_xml::events::Event;
use serde_json::Value;

use crate::service::Service;

/// Why a call returned no result.
#[derive(Debug)]
pub enum CallError {
    /// The caller lacks this permission, such as `iam:GetRole`.
    MissingPermission(String),
    /// The requested resource does not exist.
    NotFound,
    /// The environment replaces AWS with other servers but names none for this service.
    NoEndpoint(Service),
    /// Any other error.
    Failed(Error),
}

/// The result of a call.
pub type CallResult<T> = Result<T, CallError>;

/// Parses a response body as JSON.
pub(super) fn parse_json(text: &str, action: &str) -> CallResult<Value> {
    serde_json::from_str(text).map_err(|_| {
        CallError::Failed(Error::new(ErrorKind::Rejected, "an AWS response is not JSON", action))
    })
}

/// The error code of a response. It is in a header, in XML, or in JSON, where a namespace may
/// precede it.
pub(super) fn error_code(header: Option<&str>, body: &str) -> String {
    let in_json = || {
        let value: Value = serde_json::from_str(body).ok()?;
        value.get("__type").or_else(|| value.get("code"))?.as_str().map(str::to_owned)
    };
    let code = header.map(str::to_owned).or_else(in_json);
    let code = code.or_else(|| Xml(body.to_owned()).first("Code")).unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().to_owned()
}

/// The class of an error, from its code and HTTP status.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ErrorClass {
    /// The caller lacks a permission.
    MissingPermission,
    /// The requested resource does not exist.
    NotFound,
    /// Any other error.
    Failed(ErrorKind),
}

/// Classifies an error.
pub(super) fn classify(code: &str, status: u16) -> ErrorClass {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" => {
            ErrorClass::MissingPermission
        }
        "NoSuchEntity" | "NotFoundException" | "ResourceNotFoundException" => ErrorClass::NotFound,
        "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => ErrorClass::Failed(ErrorKind::Throttled),
        _ => ErrorClass::Failed(match status {
            // With another code: an invalid signature or invalid credentials.
            401 | 403 => ErrorKind::Denied,
            429 => ErrorKind::Throttled,
            500..=599 => ErrorKind::Transient,
            _ => ErrorKind::Rejected,
        }),
    }
}

/// A response of IAM.
pub struct Xml(pub(super) String);

impl Xml {
    /// The texts of all elements with this name, at any depth, in document order.
    pub fn all(&self, element: &str) -> Vec<String> {
        let mut reader = quick_xml::Reader::from_str(&self.0);
        let mut texts = Vec::new();
        loop {
            match reader.read_event() {
                Ok(Event::Start(start)) if start.local_name().as_ref() == element.as_bytes() => {
                    let Ok(text) = reader.read_text(start.name()) else { break };
                    let Ok(text) = text.decode() else { break };
                    let unescaped = quick_xml::escape::unescape(&text);
                    texts.extend(unescaped.map(|text| text.trim().to_owned()));
                }
                Ok(Event::Eof) | Err(_) => break,
                Ok(_) => {}
            }
        }
        texts
    }

    /// The first non-empty text of an element with this name.
    pub fn first(&self, element: &str) -> Option<String> {
        self.all(element).into_iter().find(|text| !text.is_empty())
    }

    /// The policy document in the first element with this name. IAM encodes documents as parts of URLs (IAM API
    /// reference, `GetRolePolicy`, `PolicyDocument`).
    pub fn document(&self, element: &str) -> Option<String> {
        let text = self.first(element)?;
        // Not every other server encodes it.
        if text.starts_with('{') {
            return Some(text);
        }
        percent_decode_str(&text).decode_utf8().ok().map(|text| text.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_classified_by_code_and_status() {
        let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code></Error></ErrorResponse>";
        for (header, body, status, code, class) in [
            (None, xml, 404, "NoSuchEntity", ErrorClass::NotFound),
            (
                None,
                r#"{"__type":"com.amazonaws.kms#NotFoundException","message":"…"}"#,
                400,
                "NotFoundException",
                ErrorClass::NotFound,
            ),
            (
                Some("ResourceNotFoundException:http://internal.amazon.com/"),
                "{}",
                404,
                "ResourceNotFoundException",
                ErrorClass::NotFound,
            ),
            (
                None,
                r#"{"__type":"AccessDeniedException"}"#,
                400,
                "AccessDeniedException",
                ErrorClass::MissingPermission,
            ),
            (
                None,
                r#"{"__type":"InvalidSignatureException"}"#,
                403,
                "InvalidSignatureException",
                ErrorClass::Failed(ErrorKind::Denied),
            ),
            (None, "busy", 503, "", ErrorClass::Failed(ErrorKind::Transient)),
            (
                Some("ThrottlingException"),
                "",
                400,
                "ThrottlingException",
                ErrorClass::Failed(ErrorKind::Throttled),
            ),
            (None, "not found", 404, "", ErrorClass::Failed(ErrorKind::Rejected)),
        ] {
            let found = error_code(header, body);
            assert_eq!((found.as_str(), classify(&found, status)), (code, class));
        }
    }

    #[test]
    fn xml_elements_are_found_by_name() {
        let xml = Xml("<R xmlns=\"x\"><PolicyNames><member>a</member><member> b&amp;c </member>\
            </PolicyNames><IsTruncated>false</IsTruncated><Marker/></R>"
            .to_owned());
        assert_eq!(xml.all("member"), ["a", "b&c"]);
        assert_eq!(xml.first("IsTruncated").as_deref(), Some("false"));
        assert_eq!(xml.first("Marker"), None);
    }

    #[test]
    fn policy_documents_are_decoded() {
        for (text, document) in [
            ("%7B%22Statement%22%3A%5B%5D%7D", r#"{"Statement":[]}"#),
            (r#"{"Resource":"a%2Fb"}"#, r#"{"Resource":"a%2Fb"}"#),
        ] {
            let xml = Xml(format!("<R><PolicyDocument>{text}</PolicyDocument></R>"));
            assert_eq!(xml.document("PolicyDocument").as_deref(), Some(document));
        }
    }
}
