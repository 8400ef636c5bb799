//! One request to RDS, from the wire and back.

use std::sync::Arc;

use futures::future::BoxFuture;
use http::StatusCode;
use http_body_util::BodyExt;
use landbridge_local_wire as wire;

use super::fault::Fault;
use super::form::Form;
use super::model::DatabaseKind;
use super::xml::Xml;
use super::{changes, databases, exports, restores, settle, snapshots, tags};
use crate::shared::Shared;
use crate::signature;

/// The API's version and namespace. AWS documentation: the service's model.
const VERSION: &str = "2014-10-31";

/// RDS as the wire serves it.
pub(crate) struct RdsServer(pub(crate) Arc<Shared>);

/// What an action answers: the content of its result element, if it has one.
type Answer = Result<Option<Xml>, Fault>;

impl wire::Service for RdsServer {
    fn call(&self, request: wire::Request) -> BoxFuture<'static, wire::Response> {
        let shared = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) => {
                    tracing::debug!(%error, "rds request broke off");
                    let fault = Fault::bad("IncompleteRequest", "The request's body broke off.");
                    return refusal(&shared, &fault);
                }
            };
            let form = Form::parse(&body);
            let action = form.get("Action").unwrap_or_default().to_owned();
            let allowed = signature::verify(&shared, "rds", &parts, &body)
                .map_err(Fault::from)
                .and_then(|_| pass(&shared, &action, &form));
            let answer = match allowed {
                Ok(()) => act(&shared, &action, &form).await,
                Err(fault) => Err(fault),
            };
            match answer {
                Ok(result) => success(&shared, &action, result),
                Err(fault) => {
                    tracing::debug!(action, code = fault.code, "rds refused");
                    refusal(&shared, &fault)
                }
            }
        })
    }
}

/// The knobs that refuse calls, and the API's version.
fn pass(shared: &Shared, action: &str, form: &Form) -> Result<(), Fault> {
    let mut state = shared.rds();
    if state.throttled > 0 {
        state.throttled -= 1;
        return Err(Fault::throttled());
    }
    if let Some(message) = state.denied.get(action) {
        return Err(Fault::denied(message));
    }
    if form.get("Version") != Some(VERSION) {
        return Err(Fault::bad(
            "InvalidAction",
            format!(
                "Could not find operation {action} for version {}",
                form.get("Version").unwrap_or("NO_VERSION_SPECIFIED")
            ),
        ));
    }
    Ok(())
}

async fn act(shared: &Arc<Shared>, action: &str, form: &Form) -> Answer {
    // States are those of now: an export that has ended has its objects in place.
    settle(shared).await;
    changes::settle(shared);
    let answer = match action {
        "DescribeDBInstances" => databases::describe(shared, DatabaseKind::Instance, form)?,
        "DescribeDBClusters" => databases::describe(shared, DatabaseKind::Cluster, form)?,
        "CreateDBInstance" => databases::create(shared, DatabaseKind::Instance, form)?,
        "CreateDBCluster" => databases::create(shared, DatabaseKind::Cluster, form)?,
        "ModifyDBInstance" => changes::modify(shared, DatabaseKind::Instance, form)?,
        "ModifyDBCluster" => changes::modify(shared, DatabaseKind::Cluster, form)?,
        "DeleteDBInstance" => changes::delete(shared, DatabaseKind::Instance, form)?,
        "DeleteDBCluster" => changes::delete(shared, DatabaseKind::Cluster, form)?,
        "RestoreDBInstanceFromDBSnapshot" => {
            restores::from_snapshot(shared, DatabaseKind::Instance, form)?
        }
        "RestoreDBClusterFromSnapshot" => {
            restores::from_snapshot(shared, DatabaseKind::Cluster, form)?
        }
        "RestoreDBInstanceToPointInTime" => {
            restores::to_time(shared, DatabaseKind::Instance, form)?
        }
        "RestoreDBClusterToPointInTime" => restores::to_time(shared, DatabaseKind::Cluster, form)?,
        "DescribeAccountAttributes" => databases::quotas(shared),
        "CreateDBSnapshot" => snapshots::create(shared, DatabaseKind::Instance, form).await?,
        "CreateDBClusterSnapshot" => snapshots::create(shared, DatabaseKind::Cluster, form).await?,
        "DescribeDBSnapshots" => snapshots::describe(shared, DatabaseKind::Instance, form)?,
        "DescribeDBClusterSnapshots" => snapshots::describe(shared, DatabaseKind::Cluster, form)?,
        "DeleteDBSnapshot" => snapshots::delete(shared, DatabaseKind::Instance, form)?,
        "DeleteDBClusterSnapshot" => snapshots::delete(shared, DatabaseKind::Cluster, form)?,
        "AddTagsToResource" => return tags::add(shared, form).map(|()| None),
        "RemoveTagsFromResource" => return tags::remove(shared, form).map(|()| None),
        "ListTagsForResource" => tags::list(shared, form)?,
        "StartExportTask" => exports::start(shared, form)?,
        "DescribeExportTasks" => exports::describe(shared, form)?,
        "CancelExportTask" => exports::cancel(shared, form)?,
        _ => {
            let message = format!("Could not find operation {action} for version {VERSION}");
            return Err(Fault::bad("InvalidAction", message));
        }
    };
    Ok(Some(answer))
}

/// An id of the shape that AWS gives, counted instead of drawn.
fn request_id(shared: &Shared) -> String {
    format!("00000000-0000-4000-8000-{:012x}", shared.rds().number())
}

fn success(shared: &Shared, action: &str, result: Option<Xml>) -> wire::Response {
    let id = request_id(shared);
    let mut xml = Xml::default();
    if let Some(result) = result {
        xml.element(&format!("{action}Result"), |xml| xml.append(&result.finish()));
    }
    xml.element("ResponseMetadata", |xml| xml.text("RequestId", &id));
    let body = format!(
        "<{action}Response xmlns=\"http://rds.amazonaws.com/doc/{VERSION}/\">{}</{action}Response>",
        xml.finish()
    );
    respond(StatusCode::OK, &id, body)
}

fn refusal(shared: &Shared, fault: &Fault) -> wire::Response {
    let id = request_id(shared);
    let mut xml = Xml::default();
    xml.element("Error", |xml| {
        xml.text("Type", if fault.status < 500 { "Sender" } else { "Receiver" });
        xml.text("Code", fault.code);
        xml.text("Message", &fault.message);
    });
    xml.text("RequestId", &id);
    let body = format!(
        "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/{VERSION}/\">{}</ErrorResponse>",
        xml.finish()
    );
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::BAD_REQUEST);
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
