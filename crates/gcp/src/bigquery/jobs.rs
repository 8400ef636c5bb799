//! Load jobs: inserting them once, following them, and retiring an id.

use gcp_bigquery_client::model::field_type::FieldType;
use gcp_bigquery_client::model::job::Job;
use gcp_bigquery_client::model::job_configuration::JobConfiguration;
use gcp_bigquery_client::model::job_configuration_load::JobConfigurationLoad;
use gcp_bigquery_client::model::job_configuration_query::JobConfigurationQuery;
use gcp_bigquery_client::model::job_reference::JobReference;
use gcp_bigquery_client::model::table_field_schema::TableFieldSchema;
use gcp_bigquery_client::model::table_reference::TableReference;
use gcp_bigquery_client::model::table_schema::TableSchema;
use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::diff::TableColumn;
use landbridge_core::ids::JobId;
use landbridge_core::types::BigQueryType;
use landbridge_core::{Error, ErrorKind, Result};

use reqwest::Method;
use serde_json::{Value, json};

use super::BigQuery;
use super::rest::{Refusal, RestCall};
use super::tables::urlencode;
use crate::error::error_kind;
use crate::message;

/// The parameters of a new load job.
#[derive(Clone, Debug)]
pub struct LoadJob<'a> {
    /// Its id. BigQuery runs a job id only once, however often it is inserted.
    pub id: &'a JobId,
    /// The table's dataset.
    pub dataset: &'a str,
    /// The table.
    pub table: &'a str,
    /// The partition whose rows the job replaces; without one, the job replaces all rows.
    pub partition: Option<Day>,
    /// The `gs://` URIs of the objects to load.
    pub uris: Vec<String>,
    /// The current schema of the table.
    pub columns: &'a [TableColumn],
    /// The format of the objects, and what happens to the existing rows.
    pub mode: LoadMode,
    /// Whether the columns of the Parquet files may have flexible names.
    pub flexible_names: bool,
}

impl LoadJob<'_> {
    /// The table, with the decorator of the partition (Google's documentation, "Load data into partitioned
    /// tables").
    fn target(&self) -> String {
        let decorator = self.partition.map(|day| format!("${}", day.compact()));
        format!("{}{}", self.table, decorator.unwrap_or_default())
    }
}

/// The value of `columnNameCharacterMap` with which a load of Parquet takes flexible column names,
/// and refuses a name that BigQuery does not take instead of changing it. It is the default, except
/// for older tables and for projects that set another one. [BigQuery v2 discovery document,
/// `JobConfigurationLoad.columnNameCharacterMap`; Google's documentation, "LOAD DATA statement"]
const FLEXIBLE_NAMES: &str = "STRICT";

/// The query that takes the id of a job which must not run any more. It reads nothing and costs nothing.
const RETIRED: &str = "SELECT 1";

/// The two kinds of load jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadMode {
    /// Parquet. Replaces all rows; schema, policy tags and descriptions stay.
    ReplaceRows,
    /// Newline-delimited JSON. Appends to the existing rows.
    AppendJson,
}

/// The state of a load job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// PENDING or RUNNING.
    Running,
    /// DONE, without an error: all rows are written.
    Done {
        /// `outputRows`; of a merge, `numDmlAffectedRows`.
        rows: u64,
        /// Its running time in milliseconds, if BigQuery reports it.
        duration_ms: Option<u64>,
        /// When it ended, if BigQuery reports it.
        ended_at: Option<Timestamp>,
    },
    /// DONE, with an error: no row is written.
    Failed {
        /// BigQuery's reason.
        reason: String,
        /// The kind of that reason.
        kind: ErrorKind,
        /// What may be shown of BigQuery's message.
        message: Option<String>,
    },
}

/// The outcome of inserting a load job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Inserted {
    /// The job is new.
    New,
    /// A job with this id loads the same objects into the same table with the same schema.
    Same,
    /// A job with this id does something else, so this load needs another id.
    Other,
}

/// The outcome of retiring a job's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// The load did not happen, and cannot happen any more.
    NeverRan,
    /// The load has written its rows.
    Wrote {
        /// When it ended, if BigQuery reports it.
        ended_at: Option<Timestamp>,
    },
    /// The load is running.
    Running,
}

impl BigQuery {
    /// Inserts a load job. Idempotent: a job with this id is not run again; read its state with
    /// [`Self::job`]. After a lost response, the call is retried with the same id.
    ///
    /// The schema of a job that replaces rows contains no policy tags: the table keeps its own, and
    /// a job that runs late cannot bring old ones back.
    ///
    /// # Errors
    /// Any BigQuery error; see [`ErrorKind`].
    pub async fn insert_load_job(&self, job: &LoadJob<'_>) -> Result<Inserted> {
        let (format, disposition) = match job.mode {
            LoadMode::ReplaceRows => ("PARQUET", "WRITE_TRUNCATE_DATA"),
            LoadMode::AppendJson => ("NEWLINE_DELIMITED_JSON", "WRITE_APPEND"),
        };
        let load = JobConfigurationLoad {
            destination_table: Some(TableReference::new(&self.project, job.dataset, &job.target())),
            create_disposition: Some("CREATE_NEVER".to_owned()),
            write_disposition: Some(disposition.to_owned()),
            source_format: Some(format.to_owned()),
            source_uris: Some(job.uris.clone()),
            schema: Some(schema(job.columns)),
            decimal_target_types: (job.mode == LoadMode::ReplaceRows)
                .then(|| ["NUMERIC", "BIGNUMERIC", "STRING"].map(str::to_owned).to_vec()),
            ..JobConfigurationLoad::default()
        };
        let configuration =
            JobConfiguration { load: Some(load.clone()), ..JobConfiguration::default() };
        let mut body = self.job_body(job.id, configuration)?;
        if job.flexible_names {
            // The client's type does not have this field.
            body["configuration"]["load"]["columnNameCharacterMap"] = json!(FLEXIBLE_NAMES);
        }
        match self.insert("a load job cannot be inserted", job.id, &body).await? {
            true => Ok(Inserted::New),
            false => {
                let found = self.read_job(job.id).await?;
                let found = found.and_then(|job| job.configuration).and_then(|it| it.load);
                let same = found.is_some_and(|found| is_same_load(&load, &found));
                Ok(if same { Inserted::Same } else { Inserted::Other })
            }
        }
    }

    /// Makes sure that the job with this id, which writes rows, never starts from now on. If no job has the id, a
    /// query that reads nothing takes it: BigQuery runs an id once, so an insertion that is still on
    /// its way is refused. The query costs nothing. Idempotent.
    ///
    /// # Errors
    /// Any BigQuery error; see [`ErrorKind`].
    pub async fn retire_job(&self, id: &JobId) -> Result<Retired> {
        loop {
            if let Some(job) = self.read_job(id).await? {
                let writes = writes(&job);
                return Ok(match job_state(&job, id) {
                    Ok(JobState::Running) if writes => Retired::Running,
                    Ok(JobState::Done { ended_at, .. }) if writes => Retired::Wrote { ended_at },
                    Err(error) if writes => return Err(error),
                    _ => Retired::NeverRan,
                });
            }
            let query = JobConfigurationQuery {
                query: RETIRED.to_owned(),
                use_legacy_sql: Some(false),
                ..JobConfigurationQuery::default()
            };
            let configuration =
                JobConfiguration { query: Some(query), ..JobConfiguration::default() };
            let body = self.job_body(id, configuration)?;
            if self.insert("the id of a load job cannot be retired", id, &body).await? {
                return Ok(Retired::NeverRan);
            }
        }
    }

    /// The body of a request that inserts a job.
    fn job_body(&self, id: &JobId, configuration: JobConfiguration) -> Result<Value> {
        let body = Job {
            job_reference: Some(JobReference {
                job_id: Some(id.to_string()),
                location: Some(self.location.clone()),
                project_id: Some(self.project.clone()),
            }),
            configuration: Some(configuration),
            ..Job::default()
        };
        serde_json::to_value(&body).map_err(|error| {
            Error::new(ErrorKind::Rejected, "a job cannot be written as JSON", id.as_str())
                .caused_by(error.to_string())
        })
    }

    /// Inserts a job; `false` if a job with this id exists.
    async fn insert(&self, what: &'static str, id: &JobId, body: &Value) -> Result<bool> {
        match self.post_job(what, id, body).await {
            Ok(_) => Ok(true),
            Err(refusal) if refusal.status == 409 => Ok(false),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// Sends a job; returns its resource.
    pub(super) async fn post_job(
        &self,
        what: &'static str,
        id: &JobId,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let call = RestCall {
            what,
            context: format!("{}, job {id}", self.project),
            method: Method::POST,
            path: self.jobs_url(),
            body: Some(body),
            if_match: None,
        };
        self.rest.send(&call).await
    }

    /// The state of a job; `None` if no job has this id.
    ///
    /// # Errors
    /// Any BigQuery error; see [`ErrorKind`]. A job that failed is no error but
    /// [`JobState::Failed`].
    pub async fn job(&self, id: &JobId) -> Result<Option<JobState>> {
        self.read_job(id).await?.map(|job| job_state(&job, id)).transpose()
    }

    async fn read_job(&self, id: &JobId) -> Result<Option<Job>> {
        let Some(resource) = self.read_job_resource(id).await? else { return Ok(None) };
        // The cause could quote the answer.
        serde_json::from_value(resource).map(Some).map_err(|_| {
            Error::new(
                ErrorKind::Rejected,
                "BigQuery's description of a job has an unknown form",
                id.as_str(),
            )
        })
    }

    /// The job with this id as BigQuery describes it.
    pub(super) async fn read_job_resource(&self, id: &JobId) -> Result<Option<Value>> {
        let location = urlencode(&self.location);
        let call = RestCall {
            what: "a job cannot be read",
            path: format!("{}/{}?location={location}", self.jobs_url(), urlencode(id.as_str())),
            ..self.get(id.to_string())
        };
        match self.rest.send(&call).await {
            Ok(answer) => Ok(Some(answer)),
            Err(refusal) if refusal.status == 404 => Ok(None),
            Err(refusal) => Err(refusal.error),
        }
    }

    fn jobs_url(&self) -> String {
        format!("projects/{}/jobs", urlencode(&self.project))
    }
}

/// Whether a job writes rows: a load, or a merge. The query that retires an id does not.
fn writes(job: &Job) -> bool {
    job.configuration.as_ref().is_some_and(|it| {
        it.load.is_some() || it.query.as_ref().is_some_and(|query| query.query != RETIRED)
    })
}

/// Whether a job that exists loads what `wanted` loads. Both were sent by this program, so equal
/// loads are written alike, apart from what BigQuery adds.
fn is_same_load(wanted: &JobConfigurationLoad, found: &JobConfigurationLoad) -> bool {
    let table = |load: &JobConfigurationLoad| {
        let table = load.destination_table.as_ref()?;
        Some((table.dataset_id.clone(), table.table_id.clone()))
    };
    let names = |load: &JobConfigurationLoad| -> Vec<String> {
        let fields = load.schema.iter().flat_map(|schema| schema.fields.iter().flatten());
        fields.map(|field| field.name.clone()).collect()
    };
    table(wanted) == table(found)
        && wanted.source_uris == found.source_uris
        && wanted.write_disposition == found.write_disposition
        && names(wanted) == names(found)
}

fn schema(columns: &[TableColumn]) -> TableSchema {
    let field = |column: &TableColumn| TableFieldSchema {
        mode: Some(if column.repeated { "REPEATED" } else { "NULLABLE" }.to_owned()),
        ..TableFieldSchema::new(&column.name, field_type(column.ty))
    };
    TableSchema::new(columns.iter().map(field).collect())
}

fn field_type(ty: BigQueryType) -> FieldType {
    match ty {
        BigQueryType::String => FieldType::String,
        BigQueryType::Bytes => FieldType::Bytes,
        BigQueryType::Int64 => FieldType::Integer,
        BigQueryType::Float64 => FieldType::Float,
        BigQueryType::Numeric => FieldType::Numeric,
        BigQueryType::BigNumeric => FieldType::Bignumeric,
        BigQueryType::Bool => FieldType::Boolean,
        BigQueryType::Date => FieldType::Date,
        BigQueryType::Time => FieldType::Time,
        BigQueryType::DateTime => FieldType::Datetime,
        BigQueryType::Timestamp => FieldType::Timestamp,
        BigQueryType::Json => FieldType::Json,
    }
}

fn job_state(job: &Job, id: &JobId) -> Result<JobState> {
    let status = job.status.as_ref();
    if status.and_then(|status| status.state.as_deref()) != Some("DONE") {
        return Ok(JobState::Running);
    }
    // DONE does not mean success.
    if let Some(error) = status.and_then(|status| status.error_result.as_ref()) {
        let reason = error.reason.clone().unwrap_or_default();
        let message = error.message.as_deref().and_then(|it| message::shown(&reason, it));
        return Ok(JobState::Failed { kind: error_kind(&reason, 0), message, reason });
    }
    let statistics = job.statistics.as_ref();
    let rows = statistics
        .and_then(|statistics| match (&statistics.load, &statistics.query) {
            (Some(load), _) => load.output_rows.as_ref(),
            (None, query) => query.as_ref()?.num_dml_affected_rows.as_ref(),
        })
        .and_then(|rows| rows.parse().ok())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Rejected,
                "BigQuery did not return the row count of a finished job",
                id.as_str(),
            )
        })?;
    let millis = |text: Option<&String>| text.and_then(|text| text.parse::<u64>().ok());
    let end = statistics.and_then(|statistics| millis(statistics.end_time.as_ref()));
    let start = statistics.and_then(|statistics| millis(statistics.start_time.as_ref()));
    let duration_ms = end.zip(start).and_then(|(end, start)| end.checked_sub(start));
    let ended_at = end.and_then(|end| i64::try_from(end).ok());
    let ended_at = ended_at.and_then(|end| Timestamp::from_millisecond(end).ok());
    Ok(JobState::Done { rows, duration_ms, ended_at })
}
