//! The control plane that `landbridge probe` calls: taxonomies and policy tags (Data Catalog v1), data
//! policies (Data Policy v1), and tokens of service accounts (IAM Credentials v1). They are served beside
//! BigQuery, because this emulation has one project. Sources: Google's discovery documents `datacatalog.v1`,
//! `bigquerydatapolicy.v1` and `iamcredentials.v1`.
//!
//! A change of a policy is in force at once; Google's takes minutes (claim `policy-change-delay`).

use serde_json::{Value, json};

use super::BigQuery;
use super::schema::Field;
use crate::access::{PolicyTag, Principal};
use crate::error::GoogleError;
use crate::masking::MaskingRule;
use crate::turned::is_turned;
use crate::web::{ApiResult, Call, json_response};

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
            ("PATCH", [.., "taxonomies", _] | [.., "policyTags", _]) => {
                self.describe(caller, call, &rest.join("/"))
            }
            ("POST", ["projects", _, "locations", _, "dataPolicies"]) => {
                self.create_data_policy(caller, call, &rest.join("/"))
            }
            ("DELETE", ["projects", _, "locations", _, "dataPolicies", id]) => {
                self.delete_data_policy(caller, id)
            }
            ("GET", ["projects", _, "locations", _, "dataPolicies", _]) => {
                self.get_data_policy(caller, &rest.join("/"))
            }
            ("PATCH", ["projects", _, "locations", _, "dataPolicies", _]) => {
                self.change_data_policy(caller, call, &rest.join("/"))
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
        let description = text(&body, "/description").to_owned();
        access.plane.descriptions.insert(name.clone(), description);
        drop(access);
        self.taxonomy(&name)
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
        let display_name = text(&body, "/displayName").to_owned();
        let mut access = self.access_mut();
        if access.tags_below(parent).iter().any(|(_, it)| *it == display_name) {
            let message =
                format!("A policy tag with the display name {display_name} exists already.");
            return Err(GoogleError::new(409, "alreadyExists", message));
        }
        let name = format!("{parent}/{}", access.next_id());
        let description = text(&body, "/description").to_owned();
        access.plane.descriptions.insert(name.clone(), description);
        let parent = text(&body, "/parentPolicyTag");
        let parent = (!parent.is_empty()).then(|| parent.to_owned());
        access.add_policy_tag(PolicyTag { name: name.clone(), display_name, parent });
        drop(access);
        self.policy_tag(&name)
    }

    /// Changes the name or the description of a taxonomy or a tag.
    fn describe(&self, caller: &Principal, call: &Call, name: &str) -> ApiResult {
        self.authorize_on_project(caller, "datacatalog.taxonomies.update")?;
        let body = call.json_body()?;
        let mut access = self.access_mut();
        if !access.has_policy_tag(name) && !access.has_taxonomy(name) {
            return Err(GoogleError::not_found(format!("Not found: {name}")));
        }
        let is_tag = access.has_policy_tag(name);
        let mask = call.query_param("updateMask").unwrap_or("displayName,description");
        for field in mask.split(',') {
            let value = text(&body, &format!("/{field}")).to_owned();
            match field {
                "displayName" if is_tag => access.rename_tag(name, &value),
                "displayName" => access.set_taxonomy_display_name(name, &value),
                "description" => {
                    access.plane.descriptions.insert(name.to_owned(), value);
                }
                "activatedPolicyTypes" => {
                    let types = body.get("activatedPolicyTypes").and_then(Value::as_array);
                    access.set_activated(name, types.is_some_and(|it| !it.is_empty()));
                }
                other => {
                    return Err(GoogleError::invalid(format!(
                        "This server does not change {other}."
                    )));
                }
            }
        }
        drop(access);
        if is_tag { self.policy_tag(name) } else { self.taxonomy(name) }
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
        drop(access);
        self.data_policy_resource(&format!("{parent}/{id}"))
    }

    fn data_policy_resource(&self, name: &str) -> ApiResult {
        let policy = self.with_access(|access| access.data_policy(name));
        let (tag, rule) =
            policy.ok_or_else(|| GoogleError::not_found("Not found: the data policy."))?;
        Ok(json_response(
            200,
            &json!({
                "name": name,
                "dataPolicyId": name.rsplit('/').next(),
                "policyTag": tag,
                "dataPolicyType": "DATA_MASKING_POLICY",
                "dataMaskingPolicy": {"predefinedExpression": rule.name()},
            }),
        ))
    }

    fn get_data_policy(&self, caller: &Principal, name: &str) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.dataPolicies.get")?;
        self.data_policy_resource(name)
    }

    fn change_data_policy(&self, caller: &Principal, call: &Call, name: &str) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.dataPolicies.update")?;
        let body = call.json_body()?;
        let rule = MaskingRule::parse(text(&body, "/dataMaskingPolicy/predefinedExpression"))
            .ok_or_else(|| GoogleError::invalid("Invalid masking rule."))?;
        self.access_mut().change_data_policy(name.rsplit('/').next().unwrap_or_default(), rule);
        self.data_policy_resource(name)
    }

    fn delete_data_policy(&self, caller: &Principal, id: &str) -> ApiResult {
        self.authorize_on_project(caller, "bigquery.dataPolicies.delete")?;
        match self.access_mut().delete_data_policy(id) {
            true => Ok(json_response(200, &json!({}))),
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
