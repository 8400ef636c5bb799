//! The catalog: datasets, tables and jobs in memory.
//!
//! A table's rows are one immutable value that a load replaces as a whole, so a reader sees either
//! the old or the new rows, never a mixture. The replaced rows stay readable for the dataset's
//! time-travel window (`versions`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::job::Job;
use super::jobs::HeldJob;
use super::names::TableName;
use super::row_access::RowAccess;
use super::rows::TableRows;
use super::schema::{Field, arrow_schema, fields_resource};
use super::settings::int64;
use super::uploads::Upload;
use super::versions::{Changes, FormerRows, Window};
use crate::error::GoogleError;
use crate::turned::is_turned;

/// The definition of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// The query, as it was sent.
    pub(crate) query: String,
    /// Names that replace the names of the query's columns.
    pub(crate) columns: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) fields: Vec<Field>,
    /// The values of the [`TABLE_PROPERTIES`] that were set.
    pub(crate) properties: Map<String, Value>,
    pub(crate) rows: Arc<TableRows>,
    /// When `rows` became current, and the number of this version of the rows.
    pub(crate) rows_since: Timestamp,
    pub(crate) rows_number: u64,
    /// Rows that time travel still reaches, oldest first.
    pub(crate) former_rows: Vec<FormerRows>,
    pub(crate) row_access: RowAccess,
    /// The query of a view. A view has fields, but no rows.
    pub(crate) view: Option<View>,
    created: Timestamp,
    modified: Timestamp,
    version: u64,
    changes: Changes,
    metadata_updates: Vec<Instant>,
}

/// The properties of a table resource, besides the schema, that a caller may set.
pub(crate) const TABLE_PROPERTIES: [&str; 9] = [
    "description",
    "friendlyName",
    "labels",
    "expirationTime",
    "timePartitioning",
    "rangePartitioning",
    "clustering",
    "requirePartitionFilter",
    "encryptionConfiguration",
];

impl Table {
    /// A table without rows. `changes` numbers its versions.
    pub(crate) fn new(
        fields: Vec<Field>,
        properties: Map<String, Value>,
        now: Timestamp,
        changes: &Changes,
    ) -> Self {
        let version = changes.next();
        Self {
            fields,
            properties,
            rows: Arc::default(),
            rows_since: now,
            rows_number: version,
            former_rows: Vec::new(),
            row_access: RowAccess::default(),
            view: None,
            created: now,
            modified: now,
            version,
            changes: changes.clone(),
            metadata_updates: Vec::new(),
        }
    }

    /// Replaces the rows and the fields. The former rows stay readable by time travel.
    pub(crate) fn replace_rows(
        &mut self,
        fields: Vec<Field>,
        rows: TableRows,
        now: Timestamp,
        window: Window,
    ) {
        self.former_rows.push(FormerRows {
            number: self.rows_number,
            fields: std::mem::replace(&mut self.fields, fields),
            rows: std::mem::replace(&mut self.rows, Arc::new(rows)),
            since: self.rows_since,
            replaced_at: now,
        });
        self.rows_since = now;
        self.mark_modified(now);
        self.rows_number = self.version;
        self.expire_rows(now, window);
    }

    /// Drops the former rows that time travel no longer reaches.
    pub(crate) fn expire_rows(&mut self, now: Timestamp, window: Window) {
        self.former_rows.retain(|it| window.reaches(now, it.replaced_at));
    }

    /// When the table was created.
    pub(crate) fn created(&self) -> Timestamp {
        self.created
    }

    /// Records a change of the row access policies. It does not change the etag: the policies are
    /// resources of their own.
    pub(crate) fn mark_row_access_changed(&mut self) {
        self.row_access.changed = self.changes.next();
    }

    /// The number of the table's last change. No other table ever has it.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        arrow_schema(&self.fields)
    }

    /// Records a change: the time and a new version.
    pub(crate) fn mark_modified(&mut self, now: Timestamp) {
        self.modified = now;
        self.version = self.changes.next();
    }

    /// Counts a metadata update against BigQuery's limit per table in ten seconds. Uses real time,
    /// because the virtual clock does not advance during a tick.
    ///
    /// # Errors
    /// 403 `rateLimitExceeded` beyond the limit.
    pub(crate) fn count_metadata_update(
        &mut self,
        limit: Option<usize>,
        name: &TableName,
    ) -> Result<(), GoogleError> {
        let limit = if is_turned("table-update-rate") { Some(4) } else { limit };
        let Some(limit) = limit else { return Ok(()) };
        self.metadata_updates.retain(|at| at.elapsed().as_secs() < 10);
        if self.metadata_updates.len() >= limit {
            return Err(GoogleError::new(
                403,
                "rateLimitExceeded",
                format!(
                    "Exceeded rate limits: too many table update operations for this table: {name}"
                ),
            ));
        }
        self.metadata_updates.push(Instant::now());
        Ok(())
    }

    pub(crate) fn etag(&self) -> String {
        let version = if is_turned("patch-label-changes-etag") { 0 } else { self.version };
        format!("\"{}-{version}\"", self.created.as_microsecond())
    }

    /// The `type` of the REST API.
    fn kind(&self) -> &'static str {
        if self.view.is_some() { "VIEW" } else { "TABLE" }
    }

    /// Whether the table's `expirationTime` has passed.
    fn has_expired(&self, now: Timestamp) -> bool {
        let millis = self.properties.get("expirationTime").and_then(int64);
        millis.is_some_and(|it| it <= now.as_millisecond())
    }

    /// When the table last changed.
    pub(crate) fn modified(&self) -> Timestamp {
        self.modified
    }

    /// The table resource of the REST API.
    pub(crate) fn resource(&self, name: &TableName, location: &str) -> Value {
        let mut value = json!({
            "kind": "bigquery#table",
            "etag": self.etag(),
            "id": name.to_string(),
            "selfLink": format!("/bigquery/v2/projects/{}/datasets/{}/tables/{}", name.project, name.dataset, name.table),
            "tableReference": name.reference(),
            "schema": {"fields": fields_resource(&self.fields)},
            "numBytes": self.rows.logical_bytes.to_string(),
            "numLongTermBytes": "0",
            "numRows": self.rows.row_count.to_string(),
            "creationTime": self.created.as_millisecond().to_string(),
            "lastModifiedTime": self.modified.as_millisecond().to_string(),
            "type": self.kind(),
            "location": location,
        });
        if let Some(view) = &self.view {
            value["view"] = json!({"query": view.query, "useLegacySql": false});
        }
        if let Some(target) = value.as_object_mut() {
            target.extend(self.properties.clone());
        }
        value
    }

    /// The table's entry in `tables.list`.
    pub(crate) fn list_entry(&self, name: &TableName) -> Value {
        let mut value = json!({
            "kind": "bigquery#table",
            "id": name.to_string(),
            "tableReference": name.reference(),
            "type": self.kind(),
            "creationTime": self.created.as_millisecond().to_string(),
        });
        if self.view.is_some() {
            value["view"] = json!({"useLegacySql": false});
        }
        for key in ["labels", "friendlyName", "timePartitioning", "clustering", "expirationTime"] {
            if let Some(properties) = self.properties.get(key) {
                value[key] = properties.clone();
            }
        }
        value
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    pub(crate) properties: Map<String, Value>,
    pub(crate) location: String,
    pub(crate) tables: BTreeMap<String, Table>,
    created: Timestamp,
    modified: Timestamp,
    version: u64,
}

impl Dataset {
    pub(crate) fn new(location: &str, properties: Map<String, Value>, now: Timestamp) -> Self {
        Self {
            properties,
            location: location.to_owned(),
            tables: BTreeMap::new(),
            created: now,
            modified: now,
            version: 1,
        }
    }

    pub(crate) fn mark_modified(&mut self, now: Timestamp) {
        self.modified = now;
        self.version += 1;
    }

    pub(crate) fn etag(&self) -> String {
        format!("\"{}-{}\"", self.created.as_microsecond(), self.version)
    }

    /// The time-travel window of the dataset's tables.
    pub(crate) fn time_travel(&self) -> Window {
        Window::of_dataset(&self.properties)
    }

    /// When the dataset was created, and when it last changed.
    pub(crate) fn times(&self) -> (Timestamp, Timestamp) {
        (self.created, self.modified)
    }

    /// The properties of a new table, with the expiration that the dataset gives new tables
    /// (`defaultTableExpirationMs`).
    pub(crate) fn with_default_expiration(
        &self,
        mut properties: Map<String, Value>,
        now: Timestamp,
    ) -> Map<String, Value> {
        if let Some(millis) = self.properties.get("defaultTableExpirationMs").and_then(int64) {
            let expires = json!((now.as_millisecond() + millis).to_string());
            properties.entry("expirationTime").or_insert(expires);
        }
        properties
    }

    /// Drops the former rows of all tables that time travel no longer reaches.
    pub(crate) fn expire_rows(&mut self, now: Timestamp) {
        let window = self.time_travel();
        self.tables.values_mut().for_each(|table| table.expire_rows(now, window));
    }

    pub(crate) fn resource(&self, project: &str, id: &str) -> Value {
        let mut value = json!({
            "kind": "bigquery#dataset",
            "etag": self.etag(),
            "id": format!("{project}:{id}"),
            "selfLink": format!("/bigquery/v2/projects/{project}/datasets/{id}"),
            "datasetReference": {"projectId": project, "datasetId": id},
            "location": self.location,
            "creationTime": self.created.as_millisecond().to_string(),
            "lastModifiedTime": self.modified.as_millisecond().to_string(),
            "type": "DEFAULT",
            "maxTimeTravelHours": self.time_travel().hours().to_string(),
        });
        if let Some(target) = value.as_object_mut() {
            target.extend(self.properties.clone());
        }
        value
    }
}

/// A failure that a test has planned for the next job.
#[derive(Clone, Debug)]
pub(crate) struct PlannedFailure {
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// All datasets, tables and jobs, behind one lock.
#[derive(Default)]
pub(crate) struct Catalog {
    pub(crate) datasets: BTreeMap<String, Dataset>,
    pub(crate) jobs: BTreeMap<String, Job>,
    pub(crate) last_job_number: u64,
    /// Open uploads by id.
    pub(crate) uploads: BTreeMap<String, Upload>,
    /// The jobs of `jobs.query` calls, by caller and `requestId`.
    pub(crate) requests: BTreeMap<(String, String), String>,
    pub(crate) changes: Changes,
    pub(crate) planned_failures: Vec<PlannedFailure>,
    /// Whether tables are described with the number of the project in their policy tags.
    pub(crate) numbers_in_tags: bool,
    /// Whether a patch removes the policy tags that its schema leaves out.
    pub(crate) clears_omitted_tags: bool,
    /// How many of the next jobs a test holds.
    pub(crate) planned_holds: usize,
    /// The held jobs by id.
    pub(crate) held_jobs: BTreeMap<String, HeldJob>,
}

impl Catalog {
    pub(crate) fn dataset(&self, project: &str, id: &str) -> Result<&Dataset, GoogleError> {
        self.datasets.get(id).ok_or_else(|| dataset_not_found(project, id))
    }

    pub(crate) fn dataset_mut(
        &mut self,
        project: &str,
        id: &str,
    ) -> Result<&mut Dataset, GoogleError> {
        self.datasets.get_mut(id).ok_or_else(|| dataset_not_found(project, id))
    }

    /// Drops the tables whose `expirationTime` has passed, and the partitions whose `expirationMs` has.
    pub(crate) fn expire_tables(&mut self, now: Timestamp) {
        for dataset in self.datasets.values_mut() {
            dataset.tables.retain(|_, table| !table.has_expired(now));
            let window = dataset.time_travel();
            let tables = dataset.tables.values_mut();
            tables.for_each(|table| table.expire_partitions(now, window));
        }
    }

    pub(crate) fn table(&self, name: &TableName) -> Result<&Table, GoogleError> {
        let dataset = self.dataset(&name.project, &name.dataset)?;
        dataset.tables.get(&name.table).ok_or_else(|| name.not_found())
    }

    /// Takes away what datasets have authorised a view by name to read. A view that changes loses it
    /// (BigQuery discovery document v2, `Dataset.access.view`: "If that view is updated by any user,
    /// access to the view needs to be granted again"); one of an authorised dataset keeps it.
    pub(crate) fn revoke_view(&mut self, view: &TableName, now: Timestamp) {
        if is_turned("view-authorisation-lost") {
            return;
        }
        for dataset in self.datasets.values_mut() {
            let access = dataset.properties.get_mut("access").and_then(Value::as_array_mut);
            let Some(access) = access else { continue };
            let before = access.len();
            access.retain(|entry| !entry.get("view").is_some_and(|it| view.is_reference(it)));
            if access.len() < before {
                dataset.mark_modified(now);
            }
        }
    }

    /// The table's rows that time travel no longer reaches at `now` are dropped first.
    pub(crate) fn table_in_window(
        &mut self,
        name: &TableName,
        now: Timestamp,
    ) -> Result<&Table, GoogleError> {
        let dataset = self.dataset_mut(&name.project, &name.dataset)?;
        let window = dataset.time_travel();
        let table = dataset.tables.get_mut(&name.table).ok_or_else(|| name.not_found())?;
        table.expire_rows(now, window);
        Ok(table)
    }

    pub(crate) fn table_mut(&mut self, name: &TableName) -> Result<&mut Table, GoogleError> {
        let dataset = self.dataset_mut(&name.project, &name.dataset)?;
        dataset.tables.get_mut(&name.table).ok_or_else(|| name.not_found())
    }
}

pub(crate) fn dataset_not_found(project: &str, id: &str) -> GoogleError {
    match is_turned("table-not-found-text") {
        true => GoogleError::not_found("Not found: Table"),
        false => GoogleError::not_found(format!("Not found: Dataset {project}:{id}")),
    }
}
