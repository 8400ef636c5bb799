//! The control plane that `landbridge probe` calls: taxonomies and policy tags (Data Catalog v1), data
//! policies (Data Policy v1), and tokens of service accounts (IAM Credentials v1). They are served beside
//! BigQuery, because this emulation has one project. Sources: Google's discovery documents `datacatalog.v1`,
//! `bigquerydatapolicy.v1` and `iamcredentials.v1`.
//!
//! A change of a policy is in force at once; Google's takes minutes (claim `policy-change-delay`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::BigQuery;
use super::schema::Field;
use crate::access::{PolicyTag, Principal};
use crate::error::GoogleError;
use crate::masking::MaskingRule;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response};

/// The role of those who read the plain values of a tag.
const FINE_GRAINED_READER: &str = "roles/datacatalog.categoryFineGrainedReader";
/// The role of those who read the masks of a data policy.
const MASKED_READER: &str = "roles/bigquerydatapolicy.maskedReader";
/// The longest id of a data policy (claim `data-policy-id`).
const MAX_POLICY_ID: usize = 64;

impl BigQuery {
    /// Handles a call of the control plane; `None` if the path belongs to none of its APIs.
    pub(super) fn control_plane(&self, caller: &Principal, call: &Call) -> Option<ApiResult> {
        let path = call.path();
        let ["v1", rest @ ..] = path.as_slice() else { return None };
        Some(match (call.method.as_str(), rest) {
            (method, ["projects", _, "locations", _, "taxonomies"]) => {
                self.taxonomies(caller, call, &rest.join("/"), method == "POST")
            }
            ("DELETE", ["projects", _, "locations", _, "taxonomies", _]) => {
                self.delete_tags(caller, &rest.join("/"))
            }
            (method @ ("GET" | "POST"), [.., "taxonomies", _, "policyTags"]) => {
                self.policy_tags(caller, call, &rest.join("/"), method == "POST")
            }
            ("DELETE", [.., "policyTags", _]) => self.delete_tags(caller, &rest.join("/")),
            ("POST", [.., "policyTags", tag]) if tag.ends_with(":setIamPolicy") => {
                self.set_tag_policy(caller, call, rest.join("/").trim_end_matches(":setIamPolicy"))
            }
            ("POST", ["projects", _, "locations", _, "dataPolicies"]) => {
                self.create_data_policy(caller, call, &rest.join("/"))
            }
            ("DELETE", ["projects", _, "locations", _, "dataPolicies", id]) => {
                self.delete_data_policy(caller, id)
            }
            ("POST", ["projects", _, "locations", _, "dataPolicies", id])
                if id.ends_with(":setIamPolicy") =>
            {
                self.set_masked_readers(caller, call, id.trim_end_matches(":setIamPolicy"))
            }
            ("POST", ["projects", "-", "serviceAccounts", account])
                if account.ends_with(":generateAccessToken") =>
            {
                self.generate_token(caller, account.trim_end_matches(":generateAccessToken"))
            }
            _ => return None,
        })
    }

    fn taxonomies(&self, caller: &Principal, call: &Call, parent: &str, create: bool) -> ApiResult {
        if !create {
            self.authorize_on_project(caller, "datacatalog.taxonomies.list")?;
            let all = self.with_access(|access| access.taxonomies_below(parent));
            let all: Vec<Value> = (all.into_iter())
                .map(|(name, shown)| json!({"name": name, "displayName": shown}))
                .collect();
            return Ok(json_response(200, &json!({ "taxonomies": all })));
        }
        self.authorize_on_project(caller, "datacatalog.taxonomies.create")?;
        let body = call.json_body()?;
        let shown = text(&body, "/displayName");
        let existing = self.with_access(|access| access.taxonomies_below(parent));
        if existing.iter().any(|(_, it)| it == shown) {
            return Err(GoogleError::new(
                409,
                "alreadyExists",
                "A taxonomy with this display name exists already.",
            ));
        }
        let types = body.get("activatedPolicyTypes").and_then(Value::as_array);
        let activated = types.is_some_and(|it| !it.is_empty());
        let mut access = self.access_mut();
        let name = format!("{parent}/{}", access.next_id());
        access.set_taxonomy_display_name(&name, shown);
        access.set_activated(&name, activated);
        Ok(json_response(200, &json!({"name": name, "displayName": shown})))
    }

    fn policy_tags(
        &self,
        caller: &Principal,
        call: &Call,
        parent: &str,
        create: bool,
    ) -> ApiResult {
        if !create {
            self.authorize_on_project(caller, "datacatalog.taxonomies.get")?;
            let all = self.with_access(|access| access.tags_below(parent));
            let all: Vec<Value> = all
                .into_iter()
                .map(|(name, shown)| json!({"name": name, "displayName": shown}))
                .collect();
            return Ok(json_response(200, &json!({ "policyTags": all })));
        }
        self.authorize_on_project(caller, "datacatalog.taxonomies.update")?;
        let body = call.json_body()?;
        let mut access = self.access_mut();
        let name = format!("{parent}/{}", access.next_id());
        let display_name = text(&body, "/displayName").to_owned();
        let answer = json!({"name": name, "displayName": display_name});
        access.add_policy_tag(PolicyTag { name, display_name, parent: None });
        Ok(json_response(200, &answer))
    }

    /// Deletes a tag, or a taxonomy with its tags: columns lose them.
    fn delete_tags(&self, caller: &Principal, name: &str) -> ApiResult {
        self.authorize_on_project(caller, "datacatalog.taxonomies.delete")?;
        if !self.access_mut().delete_tags(name) {
            return Err(GoogleError::not_found(format!("Not found: {name}")));
        }
        if !is_turned("tag-delete-opens") {
            let now = self.clock.now();
            let mut catalog = self.catalog();
            let tables = catalog.datasets.values_mut().flat_map(|it| it.tables.values_mut());
            for table in tables {
                if remove_tags(&mut table.fields, name) {
                    table.mark_modified(now);
                }
            }
        }
        Ok(json_response(200, &json!({})))
    }

    fn set_tag_policy(&self, caller: &Principal, call: &Call, tag: &str) -> ApiResult {
        self.authorize_on_project(caller, "datacatalog.taxonomies.setIamPolicy")?;
        let body = call.json_body()?;
        let mut members = members_of(&body, FINE_GRAINED_READER);
        let mut access = self.access_mut();
        if !access.has_policy_tag(tag) {
            return Err(GoogleError::not_found(format!("Not found: {tag}")));
        }
        if is_turned("policy-change-delay") {
            members.extend(access.tag_readers(tag));
        }
        access.set_tag_readers(tag, members);
        Ok(json_response(200, body.get("policy").unwrap_or(&json!({}))))
    }

    fn create_data_policy(&self, caller: &Principal, call: &Call, parent: &str) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.dataPolicies.create")?;
        let body = call.json_body()?;
        let (id, tag) = (text(&body, "/dataPolicyId"), text(&body, "/policyTag"));
        let is_valid = !id.is_empty()
            && (id.len() <= MAX_POLICY_ID || is_turned("data-policy-id"))
            && id.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if !is_valid {
            return Err(GoogleError::invalid("Invalid data policy id."));
        }
        let rule = MaskingRule::parse(text(&body, "/dataMaskingPolicy/predefinedExpression"))
            .ok_or_else(|| GoogleError::invalid("Invalid masking rule."))?;
        let mut access = self.access_mut();
        if !access.has_policy_tag(tag) {
            return Err(GoogleError::not_found("Not found: the policy tag of a data policy."));
        }
        if !access.name_data_policy(id, tag, rule) {
            return Err(GoogleError::duplicate("The data policy exists already."));
        }
        let name = format!("{parent}/{id}");
        Ok(json_response(200, &json!({"name": name, "dataPolicyId": id, "policyTag": tag})))
    }

    fn delete_data_policy(&self, caller: &Principal, id: &str) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.dataPolicies.delete")?;
        match self.access_mut().delete_data_policy(id) {
            true => Ok(json_response(200, &json!({}))),
            false => Err(GoogleError::not_found("Not found: the data policy.")),
        }
    }

    fn set_masked_readers(&self, caller: &Principal, call: &Call, id: &str) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.dataPolicies.setIamPolicy")?;
        let body = call.json_body()?;
        let emails = members_of(&body, MASKED_READER);
        let emails = emails
            .iter()
            .map(|it| it.split_once(':').map_or(it.as_str(), |(_, email)| email).to_owned())
            .collect();
        match self.access_mut().set_masked_readers(id, emails) {
            true => Ok(json_response(200, body.get("policy").unwrap_or(&json!({})))),
            false => Err(GoogleError::not_found("Not found: the data policy.")),
        }
    }

    fn generate_token(&self, caller: &Principal, account: &str) -> ApiResult {
        self.authorize_on_project(caller, "iam.serviceAccounts.getAccessToken")?;
        let token = self.with_access(|access| access.token_of(account));
        let token = token.ok_or_else(|| GoogleError::not_found("Not found: the account."))?;
        Ok(json_response(200, &json!({"accessToken": token, "expireTime": "2100-01-01T00:00:00Z"})))
    }
}

/// The members that the policy in the body of `setIamPolicy` gives a role.
fn members_of(body: &Value, role: &str) -> BTreeSet<String> {
    let bindings = body.pointer("/policy/bindings").and_then(Value::as_array);
    (bindings.into_iter().flatten())
        .filter(|it| text(it, "/role") == role)
        .filter_map(|it| it.get("members").and_then(Value::as_array))
        .flatten()
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

/// Removes a tag, or all tags of a taxonomy, from fields; `false` if none has it.
fn remove_tags(fields: &mut [Field], name: &str) -> bool {
    let below = format!("{name}/");
    let mut changed = false;
    for field in fields {
        if field.tag().is_some_and(|it| it == name || it.starts_with(&below)) {
            field.tags = None;
            changed = true;
        }
        changed |= remove_tags(&mut field.fields, name);
    }
    changed
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
