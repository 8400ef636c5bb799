//! Row access policies: who sees the rows of a table at all.
//!
//! Follows Google's documentation of row-level security: the REST resource `rowAccessPolicies`
//! (<https://cloud.google.com/bigquery/docs/reference/rest/v2/rowAccessPolicies>) and "Using
//! row-level security with other BigQuery features". Only policies with the filter `TRUE` are
//! supported. On a table with policies, a caller whom no policy names sees no rows, whatever other
//! rights it has; and nobody but an administrator reads former rows, even after the last policy is
//! dropped.
//!
//! | module | what |
//! |---|---|
//! | `statement` | `CREATE ROW ACCESS POLICY` and `DROP ROW ACCESS POLICY` |

mod statement;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::names::TableName;
use super::rows::TableRows;
use super::{BigQuery, list_response};
use crate::access::Principal;
use crate::error::GoogleError;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response, no_content_response};
pub(super) use statement::PolicyStatement;

/// The row access policies of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowAccess {
    policies: BTreeMap<String, RowPolicy>,
    /// Whether the table has or has had policies.
    has_had_policies: bool,
    /// The number of the last change.
    pub(crate) changed: u64,
}

/// A policy with the filter `TRUE`.
#[derive(Clone, Debug)]
struct RowPolicy {
    grantees: BTreeSet<String>,
    created: Timestamp,
}

impl RowAccess {
    pub(crate) fn has_had_policies(&self) -> bool {
        self.has_had_policies
    }

    pub(crate) fn has_policies(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Removes all policies. The table remains one that has had some.
    pub(crate) fn clear(&mut self) {
        self.policies.clear();
    }

    /// The rows of `rows` that a caller sees: all or none.
    pub(crate) fn rows_for(&self, caller: &Principal, rows: &Arc<TableRows>) -> Arc<TableRows> {
        let is_named =
            |policy: &RowPolicy| policy.grantees.iter().any(|member| caller.is_member(member));
        if self.policies.is_empty() || self.policies.values().any(is_named) {
            rows.clone()
        } else {
            Arc::default()
        }
    }
}

/// A policy that a call or a statement creates.
pub(super) struct NewPolicy {
    id: String,
    filter: String,
    grantees: Vec<String>,
    may_replace: bool,
}

/// The filter of the only supported kind of policy.
const TRUE_FILTER: &str = "TRUE";

impl BigQuery {
    /// Handles the calls below `…/tables/TABLE/rowAccessPolicies`.
    pub(super) fn handle_row_policies(
        &self,
        caller: &Principal,
        call: &Call,
        name: &TableName,
        path: &[&str],
    ) -> ApiResult {
        match (call.method.as_str(), path) {
            ("GET", []) => {
                self.authorize_on_table(caller, name, "bigquery.rowAccessPolicies.list")?;
                let policies: Vec<Value> = (self.catalog().table(name)?.row_access.policies.iter())
                    .map(|(id, policy)| policy.resource(name, id))
                    .collect();
                list_response(call, json!({}), "rowAccessPolicies", policies)
            }
            ("POST", []) => {
                let body = call.json_body()?;
                let text = |path: &str| body.pointer(path).and_then(Value::as_str);
                let grantees = body.get("grantees").and_then(Value::as_array);
                let new = NewPolicy {
                    id: text("/rowAccessPolicyReference/policyId").unwrap_or_default().to_owned(),
                    filter: text("/filterPredicate").unwrap_or_default().to_owned(),
                    grantees: (grantees.into_iter().flatten())
                        .filter_map(|it| it.as_str().map(str::to_owned))
                        .collect(),
                    may_replace: false,
                };
                Ok(json_response(200, &self.create_row_policy(caller, name, new)?))
            }
            ("GET", [id]) => {
                self.authorize_on_table(caller, name, "bigquery.rowAccessPolicies.get")?;
                let catalog = self.catalog();
                let policy = catalog.table(name)?.row_access.policies.get(*id);
                let policy = policy.ok_or_else(|| policy_not_found(name, id))?;
                Ok(json_response(200, &policy.resource(name, id)))
            }
            ("DELETE", [id]) => {
                self.delete_row_policies(caller, name, Some(id), call.bool_param("force"))?;
                Ok(no_content_response())
            }
            _ => Err(GoogleError::not_found("Not Found")),
        }
    }

    /// Creates a policy and returns its resource.
    ///
    /// # Errors
    /// 400 for an invalid or unsupported policy, 403 without the permissions, 404 without the table,
    /// 409 for an existing policy.
    fn create_row_policy(
        &self,
        caller: &Principal,
        name: &TableName,
        new: NewPolicy,
    ) -> Result<Value, GoogleError> {
        // The permissions are in "Working with row-level security", "Required permissions".
        for permission in [
            "bigquery.rowAccessPolicies.create",
            "bigquery.rowAccessPolicies.setIamPolicy",
            "bigquery.tables.getData",
        ] {
            self.authorize_on_table(caller, name, permission)?;
        }
        new.check()?;
        let now = self.clock.now();
        let mut catalog = self.catalog();
        let table = catalog.table_mut(name)?;
        let policies = &mut table.row_access.policies;
        if policies.contains_key(&new.id) && !new.may_replace {
            return Err(GoogleError::duplicate(format!(
                "Already Exists: Row access policy {name}.{}",
                new.id
            )));
        }
        let policy = RowPolicy { grantees: new.grantees.into_iter().collect(), created: now };
        let resource = policy.resource(name, &new.id);
        policies.insert(new.id, policy);
        table.row_access.has_had_policies = true;
        table.mark_row_access_changed();
        Ok(resource)
    }

    /// Deletes a policy, or all policies of a table. Without `force`, the last policy stays: without
    /// it everybody who may read the table sees its rows again (parameter `force` of
    /// `rowAccessPolicies.delete`).
    fn delete_row_policies(
        &self,
        caller: &Principal,
        name: &TableName,
        id: Option<&str>,
        force: bool,
    ) -> Result<(), GoogleError> {
        for permission in
            ["bigquery.rowAccessPolicies.delete", "bigquery.rowAccessPolicies.setIamPolicy"]
        {
            self.authorize_on_table(caller, name, permission)?;
        }
        let mut catalog = self.catalog();
        let table = catalog.table_mut(name)?;
        let policies = &mut table.row_access.policies;
        if let Some(id) = id {
            if !policies.contains_key(id) {
                return Err(policy_not_found(name, id));
            }
            if policies.len() == 1 && !force {
                return Err(GoogleError::invalid(format!(
                    "Row access policy {id} is the last one of table {name}: its deletion widens \
                     the access to the table. Use force to delete it."
                )));
            }
            policies.remove(id);
        } else {
            policies.clear();
        }
        table.mark_row_access_changed();
        Ok(())
    }
}

impl NewPolicy {
    /// Checks the id, the filter and the grantees. The limits of an id are those of BigQuery's
    /// identifiers in the documentation of `policyId`: letters, digits and underscores, beginning
    /// with a letter, at most 256 characters.
    fn check(&self) -> Result<(), GoogleError> {
        let is_valid = self.id.len() <= 256
            && self.id.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_valid {
            return Err(GoogleError::invalid(format!(
                "Invalid row access policy ID \"{}\".",
                self.id
            )));
        }
        if !self.filter.trim().eq_ignore_ascii_case(TRUE_FILTER) {
            return Err(GoogleError::invalid("Only the filter TRUE is supported by this server."));
        }
        let kinds = ["user", "group", "serviceAccount", "domain", "principal", "principalSet"];
        let is_member = |it: &String| match it.split_once(':') {
            None => ["allUsers", "allAuthenticatedUsers"].contains(&it.as_str()),
            Some((kind, rest)) => kinds.contains(&kind) && !rest.is_empty(),
        };
        match self.grantees.iter().find(|it| !is_member(it)) {
            Some(grantee) => Err(GoogleError::invalid(format!("Invalid grantee \"{grantee}\"."))),
            None => Ok(()),
        }
    }
}

impl RowPolicy {
    /// The resource of the REST API. The grantees are input only; Google shows them in the policy's
    /// IAM policy.
    fn resource(&self, name: &TableName, id: &str) -> Value {
        let mut reference = name.reference();
        reference["policyId"] = json!(id);
        json!({
            "rowAccessPolicyReference": reference,
            "filterPredicate": if is_turned("row-access-list") { "1 = 1" } else { TRUE_FILTER },
            "creationTime": self.created.to_string(),
            "lastModifiedTime": self.created.to_string(),
        })
    }
}

fn policy_not_found(name: &TableName, id: &str) -> GoogleError {
    GoogleError::not_found(format!("Not found: Row access policy {name}.{id}"))
}
