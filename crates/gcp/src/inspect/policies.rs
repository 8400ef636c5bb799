//! Reads IAM policies: of the project and what is above it, of datasets, tables, taxonomies, policy tags, data
//! policies and buckets; and what roles allow. (Google's discovery documents `cloudresourcemanager.v1`
//! and `.v3`, `bigquery.v2`, `datacatalog.v1`, `bigquerydatapolicy.v1`, `storage.v1`, `iam.v1`.)

use std::collections::BTreeMap;

use landbridge_core::access::{Binding, Condition};
use landbridge_core::ids::LABEL_SOURCE;
use landbridge_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::Inspector;
use crate::bigquery::urlencode;

/// The APIs that are called here and nowhere else.
const RESOURCE_MANAGER: &str = "https://cloudresourcemanager.googleapis.com";
const DATA_POLICY: &str = "https://bigquerydatapolicy.googleapis.com";
const IAM: &str = "https://iam.googleapis.com";

/// The access list of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetAccess {
    /// Its entries with roles, as bindings.
    pub bindings: Vec<Binding>,
    /// Views, datasets and routines that read the tables on behalf of their readers.
    pub authorized: Vec<String>,
}

/// What is asked about a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableTags {
    /// The policy tag of each leaf column, by its path.
    pub columns: BTreeMap<String, Option<String>>,
}

/// A table in the list of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTable {
    /// Its name.
    pub name: String,
    /// The source that Landbridge created it for; `None` if it did not create it.
    pub source: Option<String>,
    /// Whether it is a view, which reads tables with the rights of the person who queries it.
    pub is_view: bool,
}

impl Inspector {
    /// The policy of the project, of a folder or of an organisation: `projects/P`, `folders/N`,
    /// `organizations/N`.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without the permission `resourcemanager.<kind>.getIamPolicy`; any other error
    /// of the Resource Manager API.
    pub async fn resource_policy(&self, name: &str) -> Result<Vec<Binding>> {
        let url = format!("{}/v3/{name}:getIamPolicy", self.api(RESOURCE_MANAGER));
        self.policy(name, &url).await
    }

    /// The folders and the organisation above the project, the nearest first: `folders/1`,
    /// `organizations/2`.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `resourcemanager.projects.get`; any other error of the Resource
    /// Manager API.
    pub async fn ancestors(&self) -> Result<Vec<String>> {
        const WHAT: &str = "what is above the project cannot be read";
        let base = self.api(RESOURCE_MANAGER);
        let url = format!("{base}/v1/projects/{}:getAncestry", self.project);
        let found = self.post(WHAT, &self.project, &url, &json!({})).await?;
        let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, WHAT, &self.project))?;
        let list = found.get("ancestor").and_then(Value::as_array).cloned().unwrap_or_default();
        let name = |it: &Value| {
            let text = |key: &str| it.pointer(key).and_then(Value::as_str);
            match (text("/resourceId/type")?, text("/resourceId/id")?) {
                ("project", _) => None,
                (kind, id) => Some(format!("{kind}s/{id}")),
            }
        };
        Ok(list.iter().filter_map(name).collect())
    }

    /// The policy of a taxonomy or of a policy tag.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `datacatalog.taxonomies.getIamPolicy` or
    /// `datacatalog.categories.getIamPolicy`; any other Data Catalog error.
    pub async fn tag_policy(&self, name: &str) -> Result<Vec<Binding>> {
        let url = format!("{}/{name}:getIamPolicy", self.catalog);
        self.policy(name, &url).await
    }

    /// The parent of a policy tag; `None` if it has none or does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `datacatalog.taxonomies.get`; any other Data Catalog error.
    pub async fn parent_tag(&self, tag: &str) -> Result<Option<String>> {
        let url = format!("{}/{tag}", self.catalog);
        let found = self.get("a policy tag cannot be inspected", tag, &url).await?;
        let parent = found.as_ref().and_then(|it| it.get("parentPolicyTag")?.as_str());
        Ok(parent.filter(|it| !it.is_empty()).map(str::to_owned))
    }

    /// The policy of a data policy.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.dataPolicies.getIamPolicy`; any other error of the Data
    /// Policy API.
    pub async fn data_policy_policy(&self, name: &str) -> Result<Vec<Binding>> {
        let url = format!("{}/v1/{name}:getIamPolicy", self.api(DATA_POLICY));
        self.policy(name, &url).await
    }

    /// The access list of a dataset, with the conditions of its entries.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.datasets.get`; [`ErrorKind::NotFound`]; any other BigQuery
    /// error.
    pub async fn dataset_access(&self, dataset: &str) -> Result<DatasetAccess> {
        const WHAT: &str = "the access list of a dataset cannot be read";
        let context = format!("{}.{dataset}", self.project);
        let url = format!(
            "{}/projects/{}/datasets/{dataset}?accessPolicyVersion=3",
            self.bigquery, self.project
        );
        let found = self.get(WHAT, &context, &url).await?;
        let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, WHAT, &context))?;
        let entries = found.get("access").and_then(Value::as_array).cloned();
        // BigQuery leaves the list out for a caller who may not read it.
        let entries = entries.ok_or_else(|| {
            Error::new(ErrorKind::Denied, WHAT, &context).caused_by("the answer has no access list")
        })?;
        Ok(access_of(&entries, &self.project))
    }

    /// The tables and views of a dataset; none if the dataset does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.list`; any other BigQuery error.
    pub async fn tables(&self, dataset: &str) -> Result<Vec<ListedTable>> {
        let context = format!("{}.{dataset}", self.project);
        let base = format!("{}/projects/{}/datasets/{dataset}", self.bigquery, self.project);
        let (mut all, mut page) = (Vec::new(), String::new());
        loop {
            let url = format!("{base}/tables?maxResults=1000{page}");
            let found =
                self.get("the tables of a dataset cannot be listed", &context, &url).await?;
            let Some(found) = found else { return Ok(all) };
            let listed = found.get("tables").and_then(Value::as_array);
            all.extend(listed.into_iter().flatten().filter_map(listed_table));
            match found.get("nextPageToken").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => {
                    page = format!("&pageToken={}", urlencode(token))
                }
                _ => return Ok(all),
            }
        }
    }

    /// The policy of a table itself; `None` if the table does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.getIamPolicy`; any other BigQuery error.
    pub async fn table_policy(&self, dataset: &str, table: &str) -> Result<Option<Vec<Binding>>> {
        let url = format!(
            "{}/projects/{}/datasets/{dataset}/tables/{table}:getIamPolicy",
            self.bigquery, self.project
        );
        let context = format!("{}.{dataset}.{table}", self.project);
        self.policy_if_any(&context, &url).await
    }

    /// The policy tags of a table's columns; `None` if the table does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.get`; any other BigQuery error.
    pub async fn table_tags(&self, dataset: &str, table: &str) -> Result<Option<TableTags>> {
        let url = format!(
            "{}/projects/{}/datasets/{dataset}/tables/{table}?fields=schema",
            self.bigquery, self.project
        );
        let context = format!("{}.{dataset}.{table}", self.project);
        let found = self.get("a table cannot be inspected", &context, &url).await?;
        Ok(found.map(|it| {
            let mut tags = TableTags::default();
            add_columns(it.pointer("/schema/fields"), "", &mut tags.columns);
            tags
        }))
    }

    /// How many row access policies a table has.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.rowAccessPolicies.list`; any other BigQuery error.
    pub async fn row_policies(&self, dataset: &str, table: &str) -> Result<usize> {
        let url = format!(
            "{}/projects/{}/datasets/{dataset}/tables/{table}/rowAccessPolicies",
            self.bigquery, self.project
        );
        let context = format!("{}.{dataset}.{table}", self.project);
        let found = self.get("row access policies cannot be read", &context, &url).await?;
        let list = found.as_ref().and_then(|it| it.get("rowAccessPolicies")?.as_array());
        Ok(list.map_or(0, Vec::len))
    }

    /// The bindings of a bucket's policy, with their conditions; `None` if the bucket does not exist.
    ///
    /// # Errors
    /// As [`Self::bucket_policy`].
    pub async fn bucket_bindings(&self, bucket: &str) -> Result<Option<Vec<Binding>>> {
        const WHAT: &str = "a bucket's policy cannot be read";
        let url =
            format!("{}/storage/v1/b/{bucket}/iam?optionsRequestedPolicyVersion=3", self.storage);
        self.get(WHAT, bucket, &url)
            .await?
            .map(|policy| bindings(WHAT, bucket, &policy))
            .transpose()
    }

    /// The names of the managed folders of a bucket; none if the bucket does not exist. A bucket with uniform
    /// bucket-level access can have some (Google's documentation, "Managed folders"; JSON API,
    /// `managedFolders.list`).
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `storage.managedFolders.list`; any other Cloud Storage error.
    pub async fn managed_folders(&self, bucket: &str) -> Result<Vec<String>> {
        let base = format!("{}/storage/v1/b/{bucket}/managedFolders", self.storage);
        let (mut all, mut page) = (Vec::new(), String::new());
        loop {
            let url = format!("{base}?pageSize=1000{page}");
            let found = self.get("managed folders cannot be listed", bucket, &url).await?;
            let Some(found) = found else { return Ok(all) };
            let items = found.get("items").and_then(Value::as_array);
            let name = |it: &Value| it.get("name").and_then(Value::as_str).map(str::to_owned);
            all.extend(items.into_iter().flatten().filter_map(name));
            match found.get("nextPageToken").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => {
                    page = format!("&pageToken={}", urlencode(token))
                }
                _ => return Ok(all),
            }
        }
    }

    /// The bindings of a managed folder's policy; `None` if the folder does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `storage.managedFolders.getIamPolicy`; [`ErrorKind::Corrupt`] if the response
    /// is not a policy; any other Cloud Storage error.
    pub async fn managed_folder_bindings(
        &self,
        bucket: &str,
        folder: &str,
    ) -> Result<Option<Vec<Binding>>> {
        const WHAT: &str = "the policy of a managed folder cannot be read";
        let url = format!(
            "{}/storage/v1/b/{bucket}/managedFolders/{}/iam?optionsRequestedPolicyVersion=3",
            self.storage,
            urlencode(folder)
        );
        let context = format!("{bucket}/{folder}");
        let found = self.get(WHAT, &context, &url).await?;
        found.map(|policy| bindings(WHAT, &context, &policy)).transpose()
    }

    /// The permissions of a role: `roles/x`, `projects/p/roles/x`, `organizations/n/roles/x`.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `iam.roles.get` for a custom role; [`ErrorKind::NotFound`]; any other
    /// IAM error.
    pub async fn role_permissions(&self, role: &str) -> Result<Vec<String>> {
        const WHAT: &str = "a role cannot be read";
        let url = format!("{}/v1/{role}", self.api(IAM));
        let found = self.get(WHAT, role, &url).await?;
        let found = found.ok_or_else(|| Error::new(ErrorKind::NotFound, WHAT, role))?;
        let list = found.get("includedPermissions").and_then(Value::as_array);
        Ok(list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    async fn policy(&self, context: &str, url: &str) -> Result<Vec<Binding>> {
        let found = self.policy_if_any(context, url).await?;
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, POLICY, context))
    }

    async fn policy_if_any(&self, context: &str, url: &str) -> Result<Option<Vec<Binding>>> {
        // Version 3: a lower one is refused, or incomplete, for a policy with conditions.
        let body = json!({"options": {"requestedPolicyVersion": 3}});
        let found = self.post(POLICY, context, url, &body).await?;
        found.map(|policy| bindings(POLICY, context, &policy)).transpose()
    }
}

const POLICY: &str = "a policy cannot be read";

fn bindings(what: &'static str, context: &str, policy: &Value) -> Result<Vec<Binding>> {
    let bindings = policy.get("bindings").cloned().unwrap_or_else(|| json!([]));
    serde_json::from_value(bindings)
        .map_err(|_| Error::new(ErrorKind::Corrupt, what, context).caused_by("not a policy"))
}

/// An entry of a list of tables (BigQuery v2, `TableList.tables`).
fn listed_table(entry: &Value) -> Option<ListedTable> {
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
    let labels = entry.get("labels");
    let source = labels.and_then(|it| it.get(LABEL_SOURCE)).and_then(Value::as_str);
    Some(ListedTable {
        name: text("/tableReference/tableId")?.to_owned(),
        source: source.map(str::to_owned),
        is_view: text("/type") == Some("VIEW"),
    })
}

/// An access list (BigQuery v2, `Dataset.access`) as bindings. The three basic roles are the predefined
/// ones (Google's documentation, "Basic roles and permissions", section on datasets).
fn access_of(entries: &[Value], project: &str) -> DatasetAccess {
    let mut access = DatasetAccess::default();
    for entry in entries {
        let text = |key: &str| entry.pointer(key).and_then(Value::as_str);
        let member = text("/specialGroup").map(|group| match group {
            "projectOwners" => format!("projectOwner:{project}"),
            "projectWriters" => format!("projectEditor:{project}"),
            "projectReaders" => format!("projectViewer:{project}"),
            everyone => everyone.to_owned(),
        });
        let member = member
            .or_else(|| text("/userByEmail").map(person))
            .or_else(|| text("/groupByEmail").map(|it| format!("group:{it}")))
            .or_else(|| text("/domain").map(|it| format!("domain:{it}")))
            .or_else(|| text("/iamMember").map(str::to_owned));
        let id = |key: &str| text(key).unwrap_or_default();
        if let (Some(member), Some(role)) = (member, text("/role")) {
            let role = match role {
                "READER" => "roles/bigquery.dataViewer",
                "WRITER" => "roles/bigquery.dataEditor",
                "OWNER" => "roles/bigquery.dataOwner",
                other => other,
            };
            let condition: Option<Condition> =
                entry.get("condition").and_then(|it| serde_json::from_value(it.clone()).ok());
            access.bindings.push(Binding {
                role: role.to_owned(),
                members: vec![member],
                condition,
            });
        } else if entry.get("view").is_some() {
            let name = ["/view/projectId", "/view/datasetId", "/view/tableId"].map(id).join(".");
            access.authorized.push(format!("view {name}"));
        } else if entry.get("routine").is_some() {
            let keys = ["/routine/projectId", "/routine/datasetId", "/routine/routineId"];
            access.authorized.push(format!("routine {}", keys.map(id).join(".")));
        } else if entry.get("dataset").is_some() {
            let keys = ["/dataset/dataset/projectId", "/dataset/dataset/datasetId"];
            access.authorized.push(format!("all views of dataset {}", keys.map(id).join(".")));
        }
    }
    access
}

/// The member that an address of an access list names.
fn person(address: &str) -> String {
    let kind = if address.ends_with(".gserviceaccount.com") { "serviceAccount" } else { "user" };
    format!("{kind}:{address}")
}

fn add_columns(fields: Option<&Value>, prefix: &str, all: &mut BTreeMap<String, Option<String>>) {
    for field in fields.and_then(Value::as_array).into_iter().flatten() {
        let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
        let path = format!("{prefix}{name}");
        if field.get("fields").is_some() {
            add_columns(field.get("fields"), &format!("{path}."), all);
        } else {
            let tag = field.pointer("/policyTags/names/0").and_then(Value::as_str);
            all.insert(path, tag.map(str::to_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_entry_of_an_access_list() {
        // The forms are in the discovery document `bigquery.v2`, `Dataset.access`.
        let entries = json!([
            {"role": "OWNER", "specialGroup": "projectOwners"},
            {"role": "WRITER", "specialGroup": "projectWriters"},
            {"role": "READER", "specialGroup": "projectReaders"},
            {"role": "READER", "specialGroup": "allAuthenticatedUsers"},
            {"role": "READER", "userByEmail": "a@example.com"},
            {"role": "READER", "userByEmail": "a@p.iam.gserviceaccount.com"},
            {"role": "READER", "groupByEmail": "g@example.com"},
            {"role": "READER", "domain": "example.com"},
            {"role": "projects/p/roles/mine", "iamMember": "principalSet://x",
             "condition": {"title": "t", "expression": "e"}},
            {"view": {"projectId": "p", "datasetId": "d", "tableId": "v"}},
            {"routine": {"projectId": "p", "datasetId": "d", "routineId": "r"}},
            {"dataset": {"dataset": {"projectId": "p", "datasetId": "e"}, "targetTypes": ["VIEWS"]}},
        ]);
        let access = access_of(entries.as_array().expect("a list"), "p");
        let shown: Vec<String> = access
            .bindings
            .iter()
            .map(|it| format!("{} {} {}", it.role, it.members[0], it.condition.is_some()))
            .collect();
        assert_eq!(
            shown,
            [
                "roles/bigquery.dataOwner projectOwner:p false",
                "roles/bigquery.dataEditor projectEditor:p false",
                "roles/bigquery.dataViewer projectViewer:p false",
                "roles/bigquery.dataViewer allAuthenticatedUsers false",
                "roles/bigquery.dataViewer user:a@example.com false",
                "roles/bigquery.dataViewer serviceAccount:a@p.iam.gserviceaccount.com false",
                "roles/bigquery.dataViewer group:g@example.com false",
                "roles/bigquery.dataViewer domain:example.com false",
                "projects/p/roles/mine principalSet://x true",
            ]
        );
        assert_eq!(access.authorized, ["view p.d.v", "routine p.d.r", "all views of dataset p.e"]);
    }

    #[test]
    fn entries_of_a_list_of_tables() {
        let reference = |id: &str| json!({"projectId": "p", "datasetId": "d", "tableId": id});
        let entries = [
            json!({"tableReference": reference("a"), "type": "TABLE",
                "labels": {"landbridge_source": "shop", "team": "x"}}),
            json!({"tableReference": reference("b"), "type": "EXTERNAL", "labels": {"team": "x"}}),
            json!({"tableReference": reference("c"), "type": "VIEW"}),
        ];
        let shown: Vec<String> = entries
            .iter()
            .filter_map(listed_table)
            .map(|it| format!("{} {:?} {}", it.name, it.source, it.is_view))
            .collect();
        assert_eq!(shown, ["a Some(\"shop\") false", "b None false", "c None true"]);
    }

    #[test]
    fn the_tags_of_nested_columns() {
        let fields = json!([
            {"name": "a", "type": "STRING", "policyTags": {"names": ["t"]}},
            {"name": "r", "type": "RECORD", "fields": [{"name": "b", "type": "STRING"}]},
        ]);
        let mut all = BTreeMap::new();
        add_columns(Some(&fields), "", &mut all);
        assert_eq!(all["a"].as_deref(), Some("t"));
        assert_eq!(all["r.b"], None);
    }
}
