//! IAM: `SimulatePrincipalPolicy` (IAM API reference). The account keeps no policies: [`Decide`] says what a role may do.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::StatusCode;
use http_body_util::BodyExt;
use landbridge_local_wire as wire;

use crate::account::Account;
use crate::rds::form::Form;
use crate::rds::xml::Xml;
use crate::signature;

/// The region of IAM's signatures (AWS General Reference, "IAM endpoints and quotas").
const REGION: &str = "us-east-1";
const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// A request that the policies of a role allow or not.
#[derive(Clone, Debug)]
pub struct SimulatedRequest {
    /// The ARN of the role.
    pub role: String,
    /// The action, such as `kms:Sign`.
    pub action: String,
    /// The ARN of the resource.
    pub resource: String,
    /// The condition keys that are given, each with its value.
    pub context: Vec<(String, String)>,
}

/// Whether the policies of a role allow a request; `None` if there is no such role.
pub type Decide = Arc<dyn Fn(&SimulatedRequest) -> Option<bool> + Send + Sync>;

/// IAM as an HTTP service.
pub(crate) struct IamServer {
    pub(crate) account: Arc<Account>,
    pub(crate) decide: Decide,
}

/// An error code with the HTTP status.
struct IamError(u16, &'static str);

impl wire::Service for IamServer {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let (account, decide) = (self.account.clone(), self.decide.clone());
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
                return failure(&IamError(400, "IncompleteRequest"));
            };
            let form = Form::parse(&body);
            let signed = signature::verify_in(&account, ("iam", REGION), &parts, &body);
            let result = match signed {
                Ok(_) => simulate(&account, &decide, &form),
                Err(_) => Err(IamError(403, "SignatureDoesNotMatch")),
            };
            result.unwrap_or_else(|error| failure(&error))
        })
    }
}

fn simulate(account: &Account, decide: &Decide, form: &Form) -> Result<wire::Response, IamError> {
    if form.get("Action") != Some("SimulatePrincipalPolicy") {
        return Err(IamError(400, "InvalidAction"));
    }
    let role = form.get("PolicySourceArn").ok_or(IamError(400, "ValidationError"))?;
    let resources = form.list("ResourceArns", "member");
    let resource = resources.first().map_or("*", String::as_str);
    let mut context = Vec::new();
    for number in 1.. {
        let entry = format!("ContextEntries.member.{number}");
        let Some(key) = form.get(&format!("{entry}.ContextKeyName")) else { break };
        let value = form.get(&format!("{entry}.ContextKeyValues.member.1")).unwrap_or_default();
        context.push((key.to_owned(), value.to_owned()));
    }
    let mut decided = Vec::new();
    for action in form.list("ActionNames", "member") {
        let (role, resource) = (role.to_owned(), resource.to_owned());
        let request = SimulatedRequest { role, action, resource, context: context.clone() };
        let allowed = decide(&request).ok_or(IamError(404, "NoSuchEntity"))?;
        let allowed = turned(account, &request).unwrap_or(allowed);
        decided.push((request.action, allowed));
    }
    let mut xml = Xml::default();
    xml.element("EvaluationResults", |xml| {
        for (action, allowed) in &decided {
            xml.element("member", |xml| {
                xml.text("EvalActionName", action);
                xml.text("EvalResourceName", resource);
                xml.text("EvalDecision", if *allowed { "allowed" } else { "implicitDeny" });
            });
        }
    });
    xml.text("IsTruncated", "false");
    let body = format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"{NAMESPACE}\"><SimulatePrincipalPolicyResult>{}\
         </SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>",
        xml.finish()
    );
    Ok(respond(200, body))
}

/// The decision of an account in which a claim about these policies is turned around.
fn turned(account: &Account, request: &SimulatedRequest) -> Option<bool> {
    match request.action.as_str() {
        "kms:Decrypt" if account.turned.is("kms-export-rights") => Some(false),
        "s3:DeleteObject" if account.turned.is("export-role-s3-actions") => Some(false),
        "kms:Sign" if account.turned.is("kms-sign-rights") => Some(true),
        _ => None,
    }
}

fn failure(IamError(status, code): &IamError) -> wire::Response {
    let mut xml = Xml::default();
    xml.element("Error", |xml| {
        xml.text("Type", "Sender");
        xml.text("Code", code);
        xml.text("Message", code);
    });
    let body = format!("<ErrorResponse xmlns=\"{NAMESPACE}\">{}</ErrorResponse>", xml.finish());
    respond(*status, body)
}

fn respond(status: u16, body: String) -> wire::Response {
    let mut response = wire::Response::new(wire::full_body(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let xml = http::HeaderValue::from_static("text/xml");
    response.headers_mut().insert(http::header::CONTENT_TYPE, xml);
    response
}
