//! Service Usage (`services.list`, `.enable`, `.batchEnable`, `.disable`, `operations.get`) and the resource of the
//! project (`projects.get` of Resource Manager).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::PROJECT_NUMBER;
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::error::GoogleError;
use crate::web::{ApiResult, Call, json_response};

/// The APIs that a project without a list of its own reports.
const KNOWN: [&str; 14] = [
    "aiplatform.googleapis.com",
    "bigquery.googleapis.com",
    "bigqueryconnection.googleapis.com",
    "bigquerydatapolicy.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "datacatalog.googleapis.com",
    "dataform.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
];

impl BigQuery {
    pub(super) fn services_api(&self, caller: &Principal, call: &Call) -> Option<ApiResult> {
        let path = call.path();
        Some(match (call.method.as_str(), path.as_slice()) {
            ("GET", ["v1", "projects", project]) => self.project_resource(caller, project),
            ("GET", ["v1", "projects", _, "services"]) => self.list_services(caller),
            ("POST", ["v1", "projects", _, "services:batchEnable"]) => {
                call.json_body().and_then(|body| {
                    let ids = body.get("serviceIds").and_then(Value::as_array);
                    let ids = ids.into_iter().flatten().filter_map(Value::as_str);
                    self.change_services(caller, ids.map(str::to_owned).collect(), true)
                })
            }
            ("POST", ["v1", "projects", _, "services", change]) => {
                let (service, enable) = match change.split_once(':')? {
                    (service, "enable") => (service, true),
                    (service, "disable") => (service, false),
                    _ => return None,
                };
                self.change_services(caller, BTreeSet::from([service.to_owned()]), enable)
            }
            ("GET", ["v1" | "v2", .., "operations", _]) => self.operation(&path[1..]),
            _ => return None,
        })
    }

    fn project_resource(&self, caller: &Principal, project: &str) -> ApiResult {
        let name = format!("projects/{project}");
        self.authorize_on(caller, &name, "resourcemanager.projects.get")?;
        if project != self.project && project != PROJECT_NUMBER.to_string() {
            return Err(GoogleError::new(
                403,
                "forbidden",
                format!("The caller does not have permission on {name} (or it may not exist)."),
            ));
        }
        Ok(json_response(
            200,
            &json!({
                "projectNumber": PROJECT_NUMBER.to_string(),
                "projectId": self.project,
                "name": self.project,
                "lifecycleState": "ACTIVE",
            }),
        ))
    }

    fn list_services(&self, caller: &Principal) -> ApiResult {
        let project = format!("projects/{}", self.project);
        self.authorize_on(caller, &project, "serviceusage.services.list")?;
        let services = self.with_access(|access| match &access.plane.services {
            Some(services) => services.iter().cloned().collect::<Vec<_>>(),
            None => KNOWN.map(str::to_owned).to_vec(),
        });
        let resource = |name: &String| {
            json!({
                "name": format!("projects/{PROJECT_NUMBER}/services/{name}"),
                "parent": format!("projects/{PROJECT_NUMBER}"),
                "config": {"name": name},
                "state": "ENABLED",
            })
        };
        let services: Vec<Value> = services.iter().map(resource).collect();
        Ok(json_response(200, &json!({ "services": services })))
    }

    fn change_services(
        &self,
        caller: &Principal,
        names: BTreeSet<String>,
        enable: bool,
    ) -> ApiResult {
        let verb = if enable { "enable" } else { "disable" };
        let project = format!("projects/{}", self.project);
        self.authorize_on(caller, &project, &format!("serviceusage.services.{verb}"))?;
        if let Some(services) = &mut self.access_mut().plane.services {
            match enable {
                true => services.extend(names),
                false => services.retain(|it| !names.contains(it)),
            }
        }
        Ok(json_response(200, &self.start_operation("operations", json!({}))))
    }

    /// A long-running operation below `parent` that has its result from the second answer on, as the
    /// change itself has taken effect.
    pub(super) fn start_operation(&self, parent: &str, response: Value) -> Value {
        let mut access = self.access_mut();
        let name = format!("{parent}/op-{}", access.next_id());
        let done = json!({"name": name, "done": true, "response": response});
        access.plane.operations.insert(name.clone(), done);
        json!({ "name": name, "done": false })
    }

    fn operation(&self, name: &[&str]) -> ApiResult {
        let name = name.join("/");
        let operation = self.with_access(|access| access.plane.operations.get(&name).cloned());
        let operation =
            operation.ok_or_else(|| GoogleError::not_found(format!("Not found: {name}")))?;
        Ok(json_response(200, &operation))
    }
}
