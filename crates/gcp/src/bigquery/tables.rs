//! Tables: reading, creating, and changing them conditionally.

use landbridge_core::diff::{LiveColumn, LiveTable, TableColumn, is_same_tag};
use landbridge_core::ids::LABEL_SOURCE;
use landbridge_core::names::is_same;
use landbridge_core::protection::MAX_TIME_TRAVEL_HOURS;
use landbridge_core::unchanged::TableMark;
use landbridge_core::{Created, Error, ErrorKind, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::BigQuery;
use super::partitions::{DayPartitions, day_partitioning, day_partitions};
use super::rest::RestCall;

/// The label with the number of the newest contract whose tags were set.
pub(super) const LABEL_CONTRACT: &str = "landbridge_contract";
/// The label with the sequence of the newest load that the tags were checked for.
const LABEL_LOAD: &str = "landbridge_load";

/// The current state of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableInfo {
    /// Its columns and the label that Landbridge set.
    pub live: LiveTable,
    /// Its description.
    pub description: Option<String>,
    /// The number of its rows.
    pub rows: u64,
    /// Its version, for [`BigQuery::patch_table`].
    pub etag: String,
    /// What Landbridge recorded in its labels.
    pub stamp: TableStamp,
    /// Shows whether something else has written the table. `None` while rows are in its streaming
    /// buffer, which `lastModifiedTime` and `numRows` may not count yet, and if BigQuery reports no times.
    pub mark: Option<TableMark>,
    /// How it is partitioned, if it is by the day on which rows arrive.
    pub day_partitions: Option<DayPartitions>,
    /// The fields of the schema as BigQuery returned them.
    fields: Vec<Value>,
}

/// What Landbridge records in the labels of a table. Every patch sets it, so the patch of an older
/// process, which is conditional on the version that it read, fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStamp {
    /// The number of the newest contract whose tags were set; 0 if there is none.
    pub contract: i64,
    /// The sequence of the newest load that the tags were checked for; 0 if there is none.
    pub load: u32,
}

/// The outcome of a conditional patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patched {
    /// The table has these columns now.
    Yes,
    /// The table is not the one that was read any more: read it again.
    Overtaken,
}

impl Patched {
    pub(super) fn of(resource: Option<&Value>) -> Self {
        if resource.is_some() { Self::Yes } else { Self::Overtaken }
    }
}

/// A new table.
#[derive(Clone, Copy, Debug)]
pub struct NewTable<'a> {
    /// Its columns with their policy tags.
    pub columns: &'a [TableColumn],
    /// The value of the label `landbridge_source`.
    pub source: &'a str,
    /// Its description.
    pub description: Option<&'a str>,
    /// Its labels.
    pub stamp: TableStamp,
    /// For a table with one partition per day: how many days each is kept.
    pub keep_days: Option<u32>,
}

impl BigQuery {
    /// Describes a table; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the dataset does not exist, [`ErrorKind::Denied`] without
    /// `bigquery.tables.get`; any other BigQuery error.
    pub async fn table(&self, dataset: &str, table: &str) -> Result<Option<TableInfo>> {
        let resource = self.table_resource(dataset, table, "a table cannot be read").await?;
        Ok(resource.as_ref().map(table_info))
    }

    /// What the API returns for a table or view; `None` if it does not exist.
    pub(super) async fn table_resource(
        &self,
        dataset: &str,
        table: &str,
        what: &'static str,
    ) -> Result<Option<Value>> {
        let call = RestCall {
            what,
            path: self.table_url(dataset, table),
            ..self.get(self.table_path(dataset, table))
        };
        match self.rest.send(&call).await {
            Ok(resource) => Ok(Some(resource)),
            // Only the message distinguishes a missing table from a missing dataset.
            Err(refusal) if refusal.status == 404 => {
                if !refusal.message.contains("Not found: Dataset") {
                    return Ok(None);
                }
                let name = format!("{}.{dataset}", self.project);
                let error = Error::new(ErrorKind::NotFound, "the dataset does not exist", name);
                Err(error.caused_by(refusal.error))
            }
            Err(refusal) => Err(refusal.error),
        }
    }

    /// The tables of a dataset that Landbridge created for `source`, by name.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.list`; any other BigQuery error.
    pub async fn tables_of(&self, dataset: &str, source: &str) -> Result<Vec<String>> {
        let tables = self.contracts_of_tables(dataset, source).await?;
        Ok(tables.into_iter().map(|(name, _)| name).collect())
    }

    /// The same tables, each with the number of the contract whose tags it has ([`TableStamp::contract`]).
    ///
    /// # Errors
    /// As [`Self::tables_of`].
    pub async fn contracts_of_tables(
        &self,
        dataset: &str,
        source: &str,
    ) -> Result<Vec<(String, i64)>> {
        let mut tables = Vec::new();
        let mut page = String::new();
        loop {
            let call = RestCall {
                what: "the tables of a dataset cannot be listed",
                path: format!("{}/tables?maxResults=1000{page}", self.dataset_url(dataset)),
                ..self.get(format!("{}.{dataset}", self.project))
            };
            let answer = self.rest.send(&call).await.map_err(|refusal| refusal.error)?;
            let listed = answer.get("tables").and_then(Value::as_array).into_iter().flatten();
            let ours = listed.filter(|it| label(it, LABEL_SOURCE) == Some(source));
            let table = |it: &Value| {
                let name = it.pointer("/tableReference/tableId")?.as_str()?.to_owned();
                let number = label(it, LABEL_CONTRACT).and_then(|number| number.parse().ok());
                Some((name, number.unwrap_or(0)))
            };
            tables.extend(ours.filter_map(table));
            match answer.get("nextPageToken").and_then(Value::as_str) {
                Some(token) => page = format!("&pageToken={}", urlencode(token)),
                None => return Ok(tables),
            }
        }
    }

    /// The time-travel window of a dataset, in hours.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the dataset does not exist, [`ErrorKind::Denied`] without
    /// `bigquery.datasets.get`; any other BigQuery error.
    pub async fn time_travel_hours(&self, dataset: &str) -> Result<u32> {
        let call = RestCall {
            what: "a dataset cannot be read",
            path: self.dataset_url(dataset),
            ..self.get(format!("{}.{dataset}", self.project))
        };
        let answer = self.rest.send(&call).await.map_err(|refusal| refusal.error)?;
        // A 64-bit number, which the API writes as text; absent means the default.
        let hours = answer.get("maxTimeTravelHours").and_then(Value::as_str);
        Ok(hours.and_then(|hours| hours.parse().ok()).unwrap_or(MAX_TIME_TRAVEL_HOURS))
    }

    /// Whether a table has a row access policy with the filter TRUE. BigQuery refuses time travel on
    /// such a table ("Time travel on table … is forbidden as it has (or has had) row access
    /// policies").
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.rowAccessPolicies.list`; any other BigQuery error.
    pub async fn has_row_filter_true(&self, dataset: &str, table: &str) -> Result<bool> {
        let call = RestCall {
            what: "the row access policies of a table cannot be listed",
            path: format!("{}/rowAccessPolicies", self.table_url(dataset, table)),
            ..self.get(self.table_path(dataset, table))
        };
        let answer = self.rest.send(&call).await.map_err(|refusal| refusal.error)?;
        let policies = answer.get("rowAccessPolicies").and_then(Value::as_array);
        let filter = |policy: &Value| {
            let filter = policy.get("filterPredicate").and_then(Value::as_str);
            filter.is_some_and(|filter| filter.trim().eq_ignore_ascii_case("true"))
        };
        Ok(policies.into_iter().flatten().any(filter))
    }

    /// Creates a table with its policy tags and labels. Idempotent: an existing table is not
    /// changed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the dataset does not exist, [`ErrorKind::Denied`] without
    /// `bigquery.tables.setCategory`; any other BigQuery error.
    pub async fn create_table(
        &self,
        dataset: &str,
        table: &str,
        new: &NewTable<'_>,
    ) -> Result<Created> {
        let mut labels = stamp_labels(new.stamp);
        labels.insert(LABEL_SOURCE.to_owned(), json!(new.source));
        let mut body = json!({
            "tableReference": {"projectId": self.project, "datasetId": dataset, "tableId": table},
            "schema": {"fields": new.columns.iter().map(new_field).collect::<Vec<_>>()},
            "labels": labels,
        });
        if let Some(description) = new.description {
            body["description"] = json!(description);
        }
        if let Some(days) = new.keep_days {
            body["timePartitioning"] = day_partitioning(days);
        }
        self.insert_table("a table cannot be created", dataset, table, &body).await
    }

    /// Calls tables.insert, for a table or a view. `what` begins the message of an error.
    pub(super) async fn insert_table(
        &self,
        what: &'static str,
        dataset: &str,
        name: &str,
        body: &Value,
    ) -> Result<Created> {
        let call = RestCall {
            what,
            context: self.table_path(dataset, name),
            method: Method::POST,
            path: format!("{}/tables", self.dataset_url(dataset)),
            body: Some(body),
            if_match: None,
        };
        match self.rest.send(&call).await {
            Ok(_) => Ok(Created::New),
            Err(refusal) if refusal.status == 409 => Ok(Created::AlreadyExists),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// Changes the table that was read as `live` to exactly these columns, and sets its stamp.
    ///
    /// The schema of the request names the policy tag of every field that must have one, also where
    /// it does not change. By users' reports, BigQuery keeps a tag that a patch leaves out
    /// (dbt-bigquery #349, python-bigquery #558); its discovery document says that it is then empty
    /// (v2, `TableFieldSchema.policyTags`: "If not set, defaults to empty policy_tags"). So no tag is
    /// left out, and callers read the table back. Returns the table as the call left it; refused (`None`) if the table has
    /// changed since `live` was read.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.setCategory` on the table or
    /// `datacatalog.taxonomies.get` on the taxonomy of one of its tags, [`ErrorKind::Rejected`] if
    /// BigQuery does not allow the change; any other BigQuery error.
    pub async fn patch_table(
        &self,
        dataset: &str,
        table: &str,
        live: &TableInfo,
        columns: &[TableColumn],
        stamp: TableStamp,
    ) -> Result<Option<TableInfo>> {
        let mut body = json!({"labels": stamp_labels(stamp)});
        if let Some(fields) = patched_fields(live, columns) {
            body["schema"] = json!({ "fields": fields });
        }
        let patched =
            self.patched("a table cannot be changed", dataset, table, &live.etag, &body).await?;
        Ok(patched.as_ref().map(table_info))
    }

    /// Sets the description of the table that was read as `live`, and nothing else of it. Returns the table as the
    /// call left it, so that a change of someone else is either before it, and the call is refused (`None`), or
    /// after what is returned.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.update`; any other BigQuery error.
    pub async fn describe_table(
        &self,
        dataset: &str,
        table: &str,
        live: &TableInfo,
        description: &str,
    ) -> Result<Option<TableInfo>> {
        let body = json!({ "description": description });
        let patched =
            self.patched("a table cannot be changed", dataset, table, &live.etag, &body).await?;
        Ok(patched.as_ref().map(table_info))
    }

    /// The resource of a table or view after the fields in `body` were changed; `None` if it no longer has this etag.
    pub(super) async fn patched(
        &self,
        what: &'static str,
        dataset: &str,
        name: &str,
        etag: &str,
        body: &Value,
    ) -> Result<Option<Value>> {
        let call = RestCall {
            what,
            context: self.table_path(dataset, name),
            method: Method::PATCH,
            path: self.table_url(dataset, name),
            body: Some(body),
            if_match: Some(etag),
        };
        match self.rest.send(&call).await {
            Ok(resource) => Ok(Some(resource)),
            Err(refusal) if refusal.status == 412 => Ok(None),
            Err(refusal) => Err(refusal.error),
        }
    }

    pub(super) fn get(&self, context: String) -> RestCall<'static> {
        let path = String::new();
        RestCall { what: "", context, method: Method::GET, path, body: None, if_match: None }
    }

    pub(super) fn dataset_url(&self, dataset: &str) -> String {
        format!("projects/{}/datasets/{}", urlencode(&self.project), urlencode(dataset))
    }

    pub(super) fn table_url(&self, dataset: &str, table: &str) -> String {
        format!("{}/tables/{}", self.dataset_url(dataset), urlencode(table))
    }

    pub(super) fn table_path(&self, dataset: &str, table: &str) -> String {
        format!("{}.{dataset}.{table}", self.project)
    }
}

/// Encodes a part of a URL.
pub(crate) fn urlencode(text: &str) -> String {
    const OTHERS: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, &OTHERS).to_string()
}

fn stamp_labels(stamp: TableStamp) -> Map<String, Value> {
    let labels =
        [(LABEL_CONTRACT, stamp.contract.to_string()), (LABEL_LOAD, stamp.load.to_string())];
    labels.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
}

pub(super) fn label<'a>(resource: &'a Value, name: &str) -> Option<&'a str> {
    resource.get("labels")?.get(name)?.as_str()
}

/// A column that does not exist yet.
fn new_field(column: &TableColumn) -> Value {
    let mut field = json!({
        "name": column.name,
        "type": column.ty.name(),
        "mode": if column.repeated { "REPEATED" } else { "NULLABLE" },
    });
    // The key alone asks for rights on the taxonomy, also with an empty list.
    if let Some(tag) = &column.policy_tag {
        field["policyTags"] = json!({"names": [tag]});
    }
    if let Some(description) = &column.description {
        field["description"] = json!(description);
    }
    field
}

/// The fields of the patched schema; `None` if no column changes. Live fields keep what Landbridge
/// does not know of, their policy tags among it.
fn patched_fields(live: &TableInfo, columns: &[TableColumn]) -> Option<Vec<Value>> {
    let mut changed = false;
    let mut fields = live.fields.clone();
    for (field, current) in fields.iter_mut().zip(&live.live.columns) {
        let column = columns.iter().find(|it| is_same(&it.name, &current.name));
        leave_out_empty_tags(field);
        let Some(column) = column else { continue };
        if column.policy_tag.is_some() || current.policy_tag.is_some() {
            field["policyTags"] = json!({"names": column.policy_tag.iter().collect::<Vec<_>>()});
        }
        changed |= !is_same_tag(column.policy_tag.as_deref(), current.policy_tag.as_deref());
        if column.description != current.description {
            field["description"] = json!(column.description);
            changed = true;
        }
    }
    let exists =
        |column: &&TableColumn| live.live.columns.iter().any(|it| is_same(&it.name, &column.name));
    let new: Vec<Value> = columns.iter().filter(|column| !exists(column)).map(new_field).collect();
    changed |= !new.is_empty();
    fields.extend(new);
    changed.then_some(fields)
}

/// Removes a `policyTags` without names from a field and its members: a removed tag can leave one
/// behind (java-bigquery #522), and the key alone asks for rights on the taxonomy.
fn leave_out_empty_tags(field: &mut Value) {
    let Some(field) = field.as_object_mut() else { return };
    let names = |tags: &Value| tags.get("names").and_then(Value::as_array).cloned();
    if field.get("policyTags").and_then(names).is_none_or(|names| names.is_empty()) {
        field.remove("policyTags");
    }
    let members = field.get_mut("fields").and_then(Value::as_array_mut);
    members.into_iter().flatten().for_each(leave_out_empty_tags);
}

fn table_info(resource: &Value) -> TableInfo {
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let fields = resource.pointer("/schema/fields").and_then(Value::as_array);
    let fields = fields.cloned().unwrap_or_default();
    let column = |field: &Value| LiveColumn {
        name: text(field, "name").unwrap_or_default(),
        ty: text(field, "type").unwrap_or_default(),
        mode: text(field, "mode").unwrap_or_default(),
        policy_tag: field.pointer("/policyTags/names/0").and_then(Value::as_str).map(str::to_owned),
        description: text(field, "description"),
    };
    let number = |name| label(resource, name).unwrap_or_default();
    TableInfo {
        live: LiveTable {
            source_label: label(resource, LABEL_SOURCE).map(str::to_owned),
            columns: fields.iter().map(column).collect(),
        },
        description: text(resource, "description"),
        rows: text(resource, "numRows").and_then(|rows| rows.parse().ok()).unwrap_or(0),
        etag: text(resource, "etag").unwrap_or_default(),
        stamp: TableStamp {
            contract: number(LABEL_CONTRACT).parse().unwrap_or(0),
            load: number(LABEL_LOAD).parse().unwrap_or(0),
        },
        mark: mark(resource),
        day_partitions: day_partitions(resource),
        fields,
    }
}

/// See [`TableInfo::mark`]. The API writes 64-bit numbers as text (BigQuery v2 discovery document, `Table`).
fn mark(resource: &Value) -> Option<TableMark> {
    let text = |name: &str| resource.get(name).and_then(Value::as_str);
    if resource.get("streamingBuffer").is_some_and(|buffer| !buffer.is_null()) {
        return None;
    }
    Some(TableMark {
        created_ms: text("creationTime")?.parse().ok()?,
        modified_ms: text("lastModifiedTime")?.parse().ok()?,
        rows: text("numRows")?.parse().ok()?,
        bytes: text("numBytes")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use landbridge_core::types::BigQueryType;

    use super::*;

    #[test]
    fn a_patch_names_every_tag_that_must_hold() {
        let live = table_info(&json!({
            "etag": "e",
            "labels": {"landbridge_source": "shop", "landbridge_contract": "7"},
            "schema": {"fields": [
                {"name": "id", "type": "INTEGER", "policyTags": {"names": ["t/kept"]}},
                {"name": "email", "type": "STRING", "policyTags": {"names": ["t/old"]}},
                {"name": "by_hand", "type": "RECORD", "fields": [
                    {"name": "x", "type": "STRING", "policyTags": {"names": ["t/inner"]}},
                    {"name": "y", "type": "STRING", "policyTags": {}}]},
                {"name": "unknown", "type": "STRING", "policyTags": {"names": ["t/other"]}},
            ]},
        }));
        assert_eq!(live.stamp, TableStamp { contract: 7, load: 0 });
        let column = |name: &str, tag: Option<&str>| TableColumn {
            name: name.into(),
            ty: BigQueryType::String,
            repeated: false,
            policy_tag: tag.map(str::to_owned),
            description: None,
        };
        let same = [column("id", Some("t/kept")), column("email", Some("t/old"))];
        assert_eq!(patched_fields(&live, &same), None);
        let columns = [
            column("id", Some("t/kept")),
            column("email", None),
            column("new", Some("t/new")),
            column("plain", None),
        ];
        let fields = patched_fields(&live, &columns).unwrap();
        let lines: String = fields.iter().map(|field| format!("{field}\n")).collect();
        expect![[r#"
            {"name":"id","type":"INTEGER","policyTags":{"names":["t/kept"]}}
            {"name":"email","type":"STRING","policyTags":{"names":[]}}
            {"name":"by_hand","type":"RECORD","fields":[{"name":"x","type":"STRING","policyTags":{"names":["t/inner"]}},{"name":"y","type":"STRING"}]}
            {"name":"unknown","type":"STRING","policyTags":{"names":["t/other"]}}
            {"name":"new","type":"STRING","mode":"NULLABLE","policyTags":{"names":["t/new"]}}
            {"name":"plain","type":"STRING","mode":"NULLABLE"}
        "#]]
        .assert_eq(&lines);
    }

    #[test]
    fn a_mark_is_read_only_if_nothing_waits_in_the_streaming_buffer() {
        let resource = json!({
            "creationTime": "1763683200000", "lastModifiedTime": "1763683200001",
            "numRows": "7", "numBytes": "56",
        });
        let of = |change: Value| {
            let mut resource = resource.clone();
            resource.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            table_info(&resource).mark
        };
        let mark = TableMark {
            created_ms: 1_763_683_200_000,
            modified_ms: 1_763_683_200_001,
            rows: 7,
            bytes: 56,
        };
        assert_eq!(of(json!({})), Some(mark));
        assert_eq!(of(json!({"streamingBuffer": null})), Some(mark));
        assert_eq!(of(json!({"streamingBuffer": {"estimatedRows": "1"}})), None);
        for name in ["creationTime", "lastModifiedTime", "numRows", "numBytes"] {
            assert_eq!(of(json!({ name: null })), None, "{name}");
        }
    }

    #[test]
    fn parts_of_a_url_are_encoded() {
        assert_eq!(urlencode("a-b_c/주문?"), "a-b_c%2F%EC%A3%BC%EB%AC%B8%3F");
    }
}
