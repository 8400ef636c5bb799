//! Reads what surrounds the data: enabled APIs, the enforcement of taxonomies, the masks of policy tags,
//! and organisation policies; and what a person's credentials need.

use landbridge_core::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value;

use super::{CredentialSource, Inspector};
use crate::bigquery::urlencode;
use crate::error::ApiDisabled;

/// The APIs that are read here (Google's discovery documents: `bigquerydatapolicy.v1`,
/// `serviceusage.v1`, `orgpolicy.v2`).
const DATA_POLICY: &str = "https://bigquerydatapolicy.googleapis.com";
const SERVICE_USAGE: &str = "https://serviceusage.googleapis.com";
const ORG_POLICY: &str = "https://orgpolicy.googleapis.com";
/// The largest page of data policies (`bigquerydatapolicy.v1`, `dataPolicies.list`, `pageSize`).
const PAGE_SIZE: u32 = 1000;
/// The policy type with which a taxonomy enforces its tags (`datacatalog.v1`, `Taxonomy`).
const ENFORCED: &str = "FINE_GRAINED_ACCESS_CONTROL";

/// Application default credentials of a person. Most APIs refuse them without the name of a project
/// that pays for the call, in the header `x-goog-user-project` (Google documentation, "Set the quota
/// project").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalCredentials {
    /// The project that the person chose with `gcloud auth application-default set-quota-project`
    /// or `GOOGLE_CLOUD_QUOTA_PROJECT`.
    pub quota_project: Option<String>,
}

/// The mask of a policy tag.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataPolicy {
    /// Its resource name.
    #[serde(default)]
    pub name: String,
    /// The tag's resource name. It may contain the project's number where its id was sent.
    #[serde(default)]
    pub policy_tag: String,
    /// The mask.
    #[serde(default)]
    data_masking_policy: MaskingPolicy,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MaskingPolicy {
    #[serde(default)]
    predefined_expression: String,
    #[serde(default)]
    routine: String,
}

impl DataPolicy {
    /// The predefined mask, such as `ALWAYS_NULL`, or the name of a routine.
    pub fn mask(&self) -> &str {
        let policy = &self.data_masking_policy;
        if policy.routine.is_empty() { &policy.predefined_expression } else { &policy.routine }
    }

    /// Whether this is the mask of `tag`. Projects are not compared: one name may contain the id and
    /// the other the number.
    pub fn is_of(&self, tag: &str) -> bool {
        let below_project = |name: &str| name.splitn(3, '/').nth(2).map(str::to_owned);
        below_project(&self.policy_tag) == below_project(tag)
    }
}

/// What an organisation policy with a list allows in the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPolicy {
    denies_all: bool,
    /// The values that are allowed; empty if there is no such list.
    pub allowed: Vec<String>,
    denied: Vec<String>,
}

impl ListPolicy {
    fn parse(policy: &Value) -> Self {
        let mut parsed = Self::default();
        let values = |rule: &Value, key: &str| -> Vec<String> {
            let list = rule.pointer(&format!("/values/{key}")).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        for rule in policy.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten() {
            parsed.denies_all |= rule.get("denyAll") == Some(&Value::Bool(true));
            parsed.allowed.extend(values(rule, "allowedValues"));
            parsed.denied.extend(values(rule, "deniedValues"));
        }
        parsed
    }

    /// Whether the policy allows a value.
    pub fn allows(&self, value: &str) -> bool {
        let has = |list: &[String]| list.iter().any(|it| it == value);
        !self.denies_all && !has(&self.denied) && (self.allowed.is_empty() || has(&self.allowed))
    }
}

impl Inspector {
    /// The person's credentials that the environment selects; `None` if the credentials are not a
    /// person's.
    pub fn personal_credentials() -> Option<PersonalCredentials> {
        if Self::credential_source() != CredentialSource::ApplicationDefault {
            return None;
        }
        let file = std::env::var("GOOGLE_APPLICATION_CREDENTIALS").ok().map_or_else(
            || {
                let home = std::path::PathBuf::from(std::env::var_os("HOME")?);
                Some(home.join(".config/gcloud/application_default_credentials.json"))
            },
            |path| Some(path.into()),
        );
        let text = std::fs::read_to_string(file?).ok()?;
        person(&text, std::env::var("GOOGLE_CLOUD_QUOTA_PROJECT").ok())
    }

    /// Whether the APIs for projects can be called: not if the other endpoints are those of a server
    /// that is not Google and `LANDBRIDGE_GOOGLE_APIS_ENDPOINT` names none for these.
    pub fn reads_projects(&self) -> bool {
        self.other_apis.is_some()
    }

    /// The address of an API; `google` is Google's own.
    pub(super) fn api(&self, google: &str) -> String {
        match self.other_apis.as_deref() {
            Some("") | None => google.to_owned(),
            Some(custom) => custom.to_owned(),
        }
    }

    /// Which of `services`, such as `storage.googleapis.com`, are not enabled in the project.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `serviceusage.services.get`, or if the Service Usage API is not
    /// enabled: then [`is_disabled`] is true. Any other error of Service Usage.
    pub async fn disabled_services<'a>(&self, services: &[&'a str]) -> Result<Vec<&'a str>> {
        const WHAT: &str = "the enabled APIs cannot be read";
        let project = format!("projects/{}", self.project);
        let names: Vec<String> =
            services.iter().map(|it| format!("names={project}/services/{it}")).collect();
        let base = self.api(SERVICE_USAGE);
        let url = format!("{base}/v1/{project}/services:batchGet?{}", names.join("&"));
        let found = self.get(WHAT, &self.project, &url).await?;
        let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, WHAT, &self.project))?;
        let list = found.get("services").and_then(Value::as_array).cloned().unwrap_or_default();
        let enabled = |service: &str| {
            list.iter().any(|it| {
                let name = it.get("name").and_then(Value::as_str).unwrap_or_default();
                name.rsplit('/').next() == Some(service)
                    && it.get("state").and_then(Value::as_str) == Some("ENABLED")
            })
        };
        Ok(services.iter().copied().filter(|service| !enabled(service)).collect())
    }

    /// Whether a taxonomy enforces its policy tags; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `datacatalog.taxonomies.get`; any other Data Catalog error.
    pub async fn taxonomy_is_enforced(&self, taxonomy: &str) -> Result<Option<bool>> {
        let url = format!("{}/{taxonomy}", self.catalog);
        let found = self.get("a taxonomy cannot be inspected", taxonomy, &url).await?;
        Ok(found.map(|it| {
            let types = it.get("activatedPolicyTypes").and_then(Value::as_array);
            types.into_iter().flatten().any(|it| it == ENFORCED)
        }))
    }

    /// The data policies of a project in a location.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.dataPolicies.list`; [`ErrorKind::Corrupt`] if the
    /// response does not have the documented form; any other error of the Data Policy API.
    pub async fn data_policies(&self, project: &str, location: &str) -> Result<Vec<DataPolicy>> {
        const WHAT: &str = "the data policies cannot be read";
        let parent = format!("projects/{project}/locations/{location}");
        let base = self.api(DATA_POLICY);
        let (mut all, mut page) = (Vec::new(), String::new());
        loop {
            let url = format!("{base}/v1/{parent}/dataPolicies?pageSize={PAGE_SIZE}{page}");
            let found = self.get(WHAT, &parent, &url).await?;
            let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, WHAT, &parent))?;
            let list = found.get("dataPolicies").cloned().unwrap_or_else(|| Value::Array(vec![]));
            let list: Vec<DataPolicy> = serde_json::from_value(list).map_err(|_| {
                Error::new(ErrorKind::Corrupt, WHAT, &parent).caused_by("not a list of policies")
            })?;
            all.extend(list);
            match found.get("nextPageToken").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => {
                    page = format!("&pageToken={}", urlencode(token))
                }
                _ => return Ok(all),
            }
        }
    }

    /// What an organisation policy with a list allows in the project, after inheritance; `None` if
    /// the constraint does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `orgpolicy.policy.get`, or if the Organization Policy API is not
    /// enabled; any other error of that API.
    pub async fn organisation_policy(&self, constraint: &str) -> Result<Option<ListPolicy>> {
        let name = format!("projects/{}/policies/{constraint}", self.project);
        let url = format!("{}/v2/{name}:getEffectivePolicy", self.api(ORG_POLICY));
        let found = self.get("an organisation policy cannot be read", constraint, &url).await?;
        Ok(found.map(|policy| ListPolicy::parse(&policy)))
    }
}

/// Whether an API refused a call because it is not enabled in the project.
pub fn is_disabled(error: &Error) -> bool {
    ApiDisabled::cause_of(error).is_some()
}

/// The person's credentials in an application default credentials file; `None` if they are not a
/// person's. `variable` is the value of `GOOGLE_CLOUD_QUOTA_PROJECT`, which takes precedence.
fn person(text: &str, variable: Option<String>) -> Option<PersonalCredentials> {
    let json: Value = serde_json::from_str(text).ok()?;
    if json.get("type").and_then(Value::as_str) != Some("authorized_user") {
        return None;
    }
    let in_file = json.get("quota_project_id").and_then(Value::as_str).map(str::to_owned);
    Some(PersonalCredentials { quota_project: variable.or(in_file) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_persons_credentials_need_a_quota_project() {
        let quota = |text: &str, variable: Option<&str>| {
            person(text, variable.map(str::to_owned)).map(|it| it.quota_project)
        };
        let user = r#"{"type": "authorized_user", "refresh_token": "x"}"#;
        let with_project = r#"{"type": "authorized_user", "quota_project_id": "mine"}"#;
        assert_eq!(quota(user, None), Some(None));
        assert_eq!(quota(with_project, None), Some(Some("mine".into())));
        assert_eq!(quota(with_project, Some("other")), Some(Some("other".into())));
        assert_eq!(quota(r#"{"type": "service_account"}"#, None), None);
        assert_eq!(quota("nonsense", None), None);
    }

    #[test]
    fn a_policy_is_of_a_tag_whatever_form_the_project_has() {
        let policy: DataPolicy = serde_json::from_value(json!({
            "name": "projects/1/locations/us/dataPolicies/shop_email",
            "policyTag": "projects/123/locations/us/taxonomies/4/policyTags/5",
            "dataPolicyType": "DATA_MASKING_POLICY",
            "dataMaskingPolicy": {"predefinedExpression": "EMAIL_MASK"},
        }))
        .unwrap();
        assert_eq!(policy.mask(), "EMAIL_MASK");
        assert!(policy.is_of("projects/shop/locations/us/taxonomies/4/policyTags/5"));
        assert!(!policy.is_of("projects/123/locations/us/taxonomies/4/policyTags/6"));
    }

    #[test]
    fn an_organisation_policy_allows_or_denies_a_value() {
        let policy = |rules: Value| ListPolicy::parse(&json!({"spec": {"rules": rules}}));
        assert!(policy(json!([{"allowAll": true}])).allows("a"));
        assert!(policy(json!([])).allows("a"));
        assert!(!policy(json!([{"denyAll": true}])).allows("a"));
        let listed = policy(json!([{"values": {"allowedValues": ["a"], "deniedValues": ["b"]}}]));
        assert!(listed.allows("a") && !listed.allows("b") && !listed.allows("c"));
        assert!(policy(json!([{"values": {"deniedValues": ["b"]}}])).allows("c"));
    }
}
