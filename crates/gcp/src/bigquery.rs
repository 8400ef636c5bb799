//! Creates and patches tables, and runs load jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gcp_bigquery_client::auth::Authenticator;
use gcp_bigquery_client::client_builder::ClientBuilder;
use gcp_bigquery_client::error::BQError;
use gcp_bigquery_client::model::field_type::FieldType;
use gcp_bigquery_client::model::job::Job;
use gcp_bigquery_client::model::job_configuration::JobConfiguration;
use gcp_bigquery_client::model::job_configuration_load::JobConfigurationLoad;
use gcp_bigquery_client::model::job_reference::JobReference;
use gcp_bigquery_client::model::table::Table;
use gcp_bigquery_client::model::table_field_schema::TableFieldSchema;
use gcp_bigquery_client::model::table_field_schema_policy::TableFieldSchemaPolicyTags;
use gcp_bigquery_client::model::table_reference::TableReference;
use gcp_bigquery_client::model::table_schema::TableSchema;
use google_cloud_auth::credentials::AccessTokenCredentials;
use landbridge_core::diff::{LiveColumn, LiveTable, TableColumn};
use landbridge_core::ids::{JobId, LABEL_SOURCE};
use landbridge_core::types::BigQueryType;
use landbridge_core::{Created, Error, ErrorKind, Result};

use crate::error::{
    bigquery as failed, bigquery_status, error_kind, may_quote_data, to_bigquery_error,
};

/// The limit for one attempt of a call.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The delays between attempts of a call. BigQuery allows 5 metadata changes per table in 10 s, so
/// the last delay lets such a window pass.
const RETRY_DELAYS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(3)];

/// The BigQuery client of one project and location.
#[derive(Clone)]
pub struct BigQuery {
    client: gcp_bigquery_client::Client,
    project: String,
    location: String,
}

/// The current state of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its columns and the label that Landbridge set.
    pub live: LiveTable,
    /// The number of its rows.
    pub rows: u64,
}

/// The parameters of a new load job.
#[derive(Clone, Debug)]
pub struct LoadJob<'a> {
    /// Its id. BigQuery runs a job id only once, however often it is inserted.
    pub id: &'a JobId,
    /// The table's dataset.
    pub dataset: &'a str,
    /// The table.
    pub table: &'a str,
    /// The `gs://` URIs of the objects to load.
    pub uris: Vec<String>,
    /// The current schema of the table.
    pub columns: &'a [TableColumn],
    /// The format of the objects, and what happens to the existing rows.
    pub mode: LoadMode,
}

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
        /// `outputRows`.
        rows: u64,
        /// Its running time in milliseconds, if BigQuery reports it.
        duration_ms: Option<u64>,
    },
    /// DONE, with an error: no row is written.
    Failed {
        /// BigQuery's reason.
        reason: String,
        /// The kind of that reason.
        kind: ErrorKind,
        /// BigQuery's message; `None` if it could quote data.
        message: Option<String>,
    },
}

/// Passes access tokens to the BigQuery crate.
#[derive(Clone)]
struct TokenAuthenticator(AccessTokenCredentials);

#[async_trait]
impl Authenticator for TokenAuthenticator {
    async fn access_token(&self) -> Result<String, BQError> {
        let token = self.0.access_token().await.map_err(|error| to_bigquery_error(&error))?;
        Ok(token.token)
    }
}

/// Retries a call while its error is transient. All calls of this module can be repeated: reads,
/// patches that set the complete state, and creations with a fixed name. Evaluates to the response,
/// or to the error of the library together with its [`Error`].
macro_rules! with_retries {
    ($what:expr, $context:expr, $call:expr) => {{
        let mut delays = RETRY_DELAYS.iter();
        loop {
            match $call.await {
                Ok(response) => break Ok(response),
                Err(error) => {
                    let mapped = failed($what, $context, &error);
                    match (mapped.kind(), delays.next()) {
                        (kind, Some(delay)) if kind.is_transient() => {
                            tokio::time::sleep(*delay).await
                        }
                        _ => break Err((error, mapped)),
                    }
                }
            }
        }
    }};
}

impl BigQuery {
    /// A client; an `endpoint` of `None` is Google's.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it cannot be built.
    pub async fn new(
        credentials: AccessTokenCredentials,
        project: &str,
        location: &str,
        endpoint: Option<String>,
    ) -> Result<Self> {
        let cannot_build = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Config, "the BigQuery client cannot be built", "")
                .caused_by(error.to_string())
        };
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| cannot_build(&error))?;
        let mut builder = ClientBuilder::new();
        builder.with_client(http);
        if let Some(endpoint) = endpoint {
            builder.with_v2_base_url(endpoint);
        }
        let client = builder
            .build_from_authenticator(Arc::new(TokenAuthenticator(credentials)))
            .await
            .map_err(|error| cannot_build(&error))?;
        Ok(Self { client, project: project.to_owned(), location: location.to_owned() })
    }

    /// The id of the project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Describes a table; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the dataset does not exist, [`ErrorKind::Denied`] without
    /// `bigquery.tables.get`; any other BigQuery error.
    pub async fn table(&self, dataset: &str, table: &str) -> Result<Option<TableInfo>> {
        let context = || self.table_path(dataset, table);
        let response = with_retries!(
            "a table cannot be read",
            context(),
            self.client.table().get(&self.project, dataset, table, None)
        );
        match response {
            Ok(table) => Ok(Some(table_info(table))),
            Err((error, mapped)) if bigquery_status(&error) == 404 => {
                if is_about_dataset(&error) {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        "the dataset does not exist",
                        format!("{}.{dataset}", self.project),
                    )
                    .caused_by(mapped));
                }
                Ok(None)
            }
            Err((_, mapped)) => Err(mapped),
        }
    }

    /// Creates a table with its policy tags, and with a label that names the source. Idempotent: an
    /// existing table is not changed.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the dataset does not exist, [`ErrorKind::Denied`] without
    /// `bigquery.tables.setCategory`; any other BigQuery error.
    pub async fn create_table(
        &self,
        dataset: &str,
        table: &str,
        columns: &[TableColumn],
        source: &str,
        description: Option<&str>,
    ) -> Result<Created> {
        let body = self.table_body(dataset, table, columns, Some(source), description);
        let context = || self.table_path(dataset, table);
        match with_retries!(
            "a table cannot be created",
            context(),
            self.client.table().create(body.clone())
        ) {
            Ok(_) => Ok(Created::New),
            Err((error, _)) if bigquery_status(&error) == 409 => Ok(Created::AlreadyExists),
            Err((_, mapped)) => Err(mapped),
        }
    }

    /// Sets the columns of a table, with their policy tags and descriptions, to exactly these.
    /// Idempotent.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.setCategory`, [`ErrorKind::Rejected`] if
    /// BigQuery does not allow the change; any other BigQuery error.
    pub async fn patch_table(
        &self,
        dataset: &str,
        table: &str,
        columns: &[TableColumn],
    ) -> Result<()> {
        let body = self.table_body(dataset, table, columns, None, None);
        let context = || self.table_path(dataset, table);
        let call = with_retries!(
            "a table cannot be changed",
            context(),
            self.client.table().patch(&self.project, dataset, table, body.clone())
        );
        call.map(|_| ()).map_err(|(_, mapped)| mapped)
    }

    /// Inserts a load job. Idempotent: a job with this id is not run again; read its state with
    /// [`Self::job`]. After a lost response, the call is retried with the same id.
    ///
    /// # Errors
    /// Any BigQuery error; see [`ErrorKind`].
    pub async fn insert_load_job(&self, job: &LoadJob<'_>) -> Result<Created> {
        let (format, disposition) = match job.mode {
            LoadMode::ReplaceRows => ("PARQUET", "WRITE_TRUNCATE_DATA"),
            LoadMode::AppendJson => ("NEWLINE_DELIMITED_JSON", "WRITE_APPEND"),
        };
        let load = JobConfigurationLoad {
            destination_table: Some(TableReference::new(&self.project, job.dataset, job.table)),
            create_disposition: Some("CREATE_NEVER".to_owned()),
            write_disposition: Some(disposition.to_owned()),
            source_format: Some(format.to_owned()),
            source_uris: Some(job.uris.clone()),
            schema: Some(schema(job.columns)),
            decimal_target_types: (job.mode == LoadMode::ReplaceRows)
                .then(|| ["NUMERIC", "BIGNUMERIC", "STRING"].map(str::to_owned).to_vec()),
            ..JobConfigurationLoad::default()
        };
        let body = Job {
            job_reference: Some(JobReference {
                job_id: Some(job.id.to_string()),
                location: Some(self.location.clone()),
                project_id: Some(self.project.clone()),
            }),
            configuration: Some(JobConfiguration {
                load: Some(load),
                ..JobConfiguration::default()
            }),
            ..Job::default()
        };
        let context = || format!("{}.{}.{}, job {}", self.project, job.dataset, job.table, job.id);
        match with_retries!(
            "a load job cannot be inserted",
            context(),
            self.client.job().insert(&self.project, body.clone())
        ) {
            Ok(_) => Ok(Created::New),
            Err((error, _)) if bigquery_status(&error) == 409 => Ok(Created::AlreadyExists),
            Err((_, mapped)) => Err(mapped),
        }
    }

    /// The state of a job; `None` if no job has this id.
    ///
    /// # Errors
    /// Any BigQuery error; see [`ErrorKind`]. A job that failed is no error but
    /// [`JobState::Failed`].
    pub async fn job(&self, id: &JobId) -> Result<Option<JobState>> {
        let call = with_retries!(
            "a job cannot be read",
            id.as_str(),
            self.client.job().get_job(&self.project, id.as_str(), Some(&self.location))
        );
        match call {
            Ok(job) => job_state(&job, id).map(Some),
            Err((error, _)) if bigquery_status(&error) == 404 => Ok(None),
            Err((_, mapped)) => Err(mapped),
        }
    }

    fn table_path(&self, dataset: &str, table: &str) -> String {
        format!("{}.{dataset}.{table}", self.project)
    }

    fn table_body(
        &self,
        dataset: &str,
        table: &str,
        columns: &[TableColumn],
        source: Option<&str>,
        description: Option<&str>,
    ) -> Table {
        Table {
            table_reference: TableReference::new(&self.project, dataset, table),
            schema: schema(columns),
            labels: source
                .map(|source| HashMap::from([(LABEL_SOURCE.to_owned(), source.to_owned())])),
            description: description.map(str::to_owned),
            ..Table::default()
        }
    }
}

/// Whether a 404 is about the dataset and not the table: only the message distinguishes them.
fn is_about_dataset(error: &BQError) -> bool {
    matches!(error, BQError::ResponseError { error } if error.error.message.contains("Not found: Dataset"))
}

fn schema(columns: &[TableColumn]) -> TableSchema {
    let field = |column: &TableColumn| TableFieldSchema {
        mode: Some(if column.repeated { "REPEATED" } else { "NULLABLE" }.to_owned()),
        description: column.description.clone(),
        // BigQuery keeps the tags if the list is absent, and removes them if it is empty.
        policy_tags: Some(TableFieldSchemaPolicyTags {
            names: Some(column.policy_tag.iter().cloned().collect()),
        }),
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

fn table_info(table: Table) -> TableInfo {
    let type_name = |ty: &FieldType| format!("{ty:?}").to_uppercase();
    let column = |field: TableFieldSchema| LiveColumn {
        ty: type_name(&field.r#type),
        mode: field.mode.unwrap_or_default(),
        policy_tag: field
            .policy_tags
            .and_then(|tags| tags.names)
            .and_then(|names| names.into_iter().next()),
        description: field.description,
        name: field.name,
    };
    TableInfo {
        live: LiveTable {
            source_label: table.labels.and_then(|labels| labels.get(LABEL_SOURCE).cloned()),
            columns: table.schema.fields.unwrap_or_default().into_iter().map(column).collect(),
        },
        rows: table.num_rows.and_then(|rows| rows.parse().ok()).unwrap_or(0),
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
        let message = error.message.clone().filter(|_| !may_quote_data(&reason));
        return Ok(JobState::Failed { kind: error_kind(&reason, 0), message, reason });
    }
    let statistics = job.statistics.as_ref();
    let rows = statistics
        .and_then(|statistics| statistics.load.as_ref())
        .and_then(|load| load.output_rows.as_ref())
        .and_then(|rows| rows.parse().ok())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Rejected,
                "BigQuery did not return the row count of a finished load job",
                id.as_str(),
            )
        })?;
    let millis = |text: Option<&String>| text.and_then(|text| text.parse::<u64>().ok());
    let duration_ms = statistics.and_then(|statistics| {
        let end = millis(statistics.end_time.as_ref())?;
        end.checked_sub(millis(statistics.start_time.as_ref())?)
    });
    Ok(JobState::Done { rows, duration_ms })
}
