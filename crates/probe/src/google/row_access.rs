//! Row access policies of scratch tables.

use landbridge_gcp::raw::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::lab::Lab;
use crate::report::{Shape, Stop};

/// Creates a row access policy for everybody who may take part in the run.
pub(super) async fn row_policy(lab: &Lab, table: &str, filter: &str) -> Result<(), Stop> {
    let path = format!("{}/rowAccessPolicies", lab.table_path(table));
    let body = json!({
        "rowAccessPolicyReference": {
            "projectId": lab.options.project, "datasetId": lab.run.dataset(),
            "tableId": table, "policyId": "everybody",
        },
        "filterPredicate": filter,
        "grantees": ["allAuthenticatedUsers"],
    });
    let answer = lab.call(Api::BigQuery, Method::POST, path, Some(&body)).await?;
    match answer.is_ok() || answer.status == 409 {
        true => Ok(()),
        false => {
            Err(Stop::failed(Shape::of("a row access policy was not created").answer(&answer)))
        }
    }
}

/// The row access policies of a table.
pub(super) async fn row_policies(lab: &Lab, table: &str) -> Result<Vec<Value>, Stop> {
    let path = format!("{}/rowAccessPolicies", lab.table_path(table));
    let answer = lab.call(Api::BigQuery, Method::GET, path, None).await?;
    if !answer.is_ok() {
        return Err(Stop::failed(Shape::of("the policies were not listed").answer(&answer)));
    }
    let list = answer.body.get("rowAccessPolicies").and_then(Value::as_array);
    Ok(list.cloned().unwrap_or_default())
}
