//! The HTTP side of RDS: verifies the signature, applies injected errors, dispatches the action
//! and writes the response.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::StatusCode;
use http_body_util::BodyExt;
use landbridge_local_wire as wire;

use super::error::RdsError;
use super::form::Form;
use super::kind::DatabaseKind::{Cluster, Instance};
use super::state::Rds;
use super::xml::Xml;
use super::{
    backups, changes, complete_due_exports, databases, exports, restores, snapshots, tags,
};
use crate::signature;

/// The version of the API, which is part of the XML namespace. AWS documentation: the service's
/// model.
const VERSION: &str = "2014-10-31";

/// RDS as an HTTP service.
pub(crate) struct RdsServer(pub(crate) Arc<Rds>);

impl wire::Service for RdsServer {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let rds = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => {
                    tracing::debug!(%error, "the body of an rds request ended early");
                    let message = "The request's body broke off.";
                    return failure(&rds, &RdsError::bad_request("IncompleteRequest", message));
                }
            };
            let form = Form::parse(&body);
            let action = form.get("Action").unwrap_or_default();
            let allowed = signature::verify(&rds.account, "rds", &parts, &body)
                .map_err(RdsError::from)
                .and_then(|_| check_allowed(&rds, action, &form));
            let result = match allowed {
                Ok(()) => perform(&rds, action, &form).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(result) => success(&rds, action, result),
                Err(error) => {
                    tracing::debug!(action, code = error.code, "rds refused a request");
                    failure(&rds, &error)
                }
            }
        })
    }
}

/// Applies injected errors and checks the version of the API.
fn check_allowed(rds: &Rds, action: &str, form: &Form) -> Result<(), RdsError> {
    let mut state = rds.state();
    if state.requests_to_throttle > 0 {
        state.requests_to_throttle -= 1;
        return Err(RdsError::throttled());
    }
    if let Some(message) = state.denied_actions.get(action) {
        return Err(RdsError::access_denied(message));
    }
    if let Some((code, message)) = state.refused_actions.get(action) {
        return Err(RdsError::bad_request(code, message));
    }
    match form.get("Version") {
        Some(VERSION) => Ok(()),
        version => Err(unknown_action(action, version.unwrap_or("NO_VERSION_SPECIFIED"))),
    }
}

fn unknown_action(action: &str, version: &str) -> RdsError {
    let message = format!("Could not find operation {action} for version {version}");
    RdsError::bad_request("InvalidAction", message)
}

/// Performs an action. Returns the content of its result element, if it has one.
async fn perform(rds: &Arc<Rds>, action: &str, form: &Form) -> Result<Option<Xml>, RdsError> {
    // First complete what has ended by now, so that the action sees the current state.
    complete_due_exports(rds).await;
    changes::complete_due_tasks(rds);
    backups::take_due_backups(rds).await;
    let result = match action {
        "DescribeDBInstances" => databases::describe(rds, Instance, form)?,
        "DescribeDBClusters" => databases::describe(rds, Cluster, form)?,
        "CreateDBInstance" => databases::create(rds, Instance, form)?,
        "CreateDBCluster" => databases::create(rds, Cluster, form)?,
        "ModifyDBInstance" => changes::modify(rds, Instance, form)?,
        "ModifyDBCluster" => changes::modify(rds, Cluster, form)?,
        "FailoverDBCluster" => changes::fail_over(rds, form)?,
        "DeleteDBInstance" => changes::delete(rds, Instance, form)?,
        "DeleteDBCluster" => changes::delete(rds, Cluster, form)?,
        "RestoreDBInstanceFromDBSnapshot" => restores::from_snapshot(rds, Instance, form)?,
        "RestoreDBClusterFromSnapshot" => restores::from_snapshot(rds, Cluster, form)?,
        "RestoreDBInstanceToPointInTime" => restores::to_point_in_time(rds, Instance, form)?,
        "RestoreDBClusterToPointInTime" => restores::to_point_in_time(rds, Cluster, form)?,
        "DescribeAccountAttributes" => databases::describe_quotas(rds),
        "CreateDBSnapshot" => snapshots::create(rds, Instance, form).await?,
        "CreateDBClusterSnapshot" => snapshots::create(rds, Cluster, form).await?,
        "DescribeDBSnapshots" => snapshots::describe(rds, Instance, form)?,
        "DescribeDBClusterSnapshots" => snapshots::describe(rds, Cluster, form)?,
        "DeleteDBSnapshot" => snapshots::delete(rds, Instance, form)?,
        "DeleteDBClusterSnapshot" => snapshots::delete(rds, Cluster, form)?,
        "AddTagsToResource" => return tags::add(rds, form).map(|()| None),
        "RemoveTagsFromResource" => return tags::remove(rds, form).map(|()| None),
        "ListTagsForResource" => tags::list(rds, form)?,
        "StartExportTask" => exports::start(rds, form)?,
        "DescribeExportTasks" => exports::describe(rds, form)?,
        "CancelExportTask" => exports::cancel(rds, form)?,
        _ => return Err(unknown_action(action, VERSION)),
    };
    Ok(Some(result))
}

/// A request id in the format of AWS. Ids are counted, not random.
fn request_id(rds: &Rds) -> String {
    format!("00000000-0000-4000-8000-{:012x}", rds.state().next_number())
}

fn success(rds: &Rds, action: &str, result: Option<Xml>) -> wire::Response {
    let id = request_id(rds);
    let mut xml = Xml::default();
    if let Some(result) = result {
        xml.element(&format!("{action}Result"), |xml| xml.append(&result));
    }
    xml.element("ResponseMetadata", |xml| xml.text("RequestId", &id));
    let body = format!(
        "<{action}Response xmlns=\"http://rds.amazonaws.com/doc/{VERSION}/\">{}</{action}Response>",
        xml.finish()
    );
    respond(StatusCode::OK, &id, body)
}

fn failure(rds: &Rds, error: &RdsError) -> wire::Response {
    let id = request_id(rds);
    let mut xml = Xml::default();
    xml.element("Error", |xml| {
        xml.text("Type", if error.status < 500 { "Sender" } else { "Receiver" });
        xml.text("Code", error.code);
        xml.text("Message", &error.message);
    });
    xml.text("RequestId", &id);
    let body = format!(
        "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/{VERSION}/\">{}</ErrorResponse>",
        xml.finish()
    );
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    respond(status, &id, body)
}

fn respond(status: StatusCode, id: &str, body: String) -> wire::Response {
    let mut response = wire::Response::new(wire::full_body(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/xml"));
    if let Ok(id) = http::HeaderValue::from_str(id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
