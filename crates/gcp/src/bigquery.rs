//! Tables, load jobs and queries.

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

use crate::error::{bigquery as failed, bigquery_status, carried, kind_of, may_quote_data};

/// How long one attempt of a call may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The waits between attempts of a call: metadata changes are limited to 5 per
/// table in 10 s, so the last wait lets such a window pass.
const WAITS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(3)];

/// The BigQuery client of one project and location.
#[derive(Clone)]
pub struct BigQuery {
    client: gcp_bigquery_client::Client,
    project: String,
    location: String,
}

/// A table as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    /// Its columns and our label.
    pub live: LiveTable,
    /// Its rows.
    pub rows: u64,
}

/// A load job to be inserted.
#[derive(Clone, Debug)]
pub struct LoadJob<'a> {
    /// Its id: inserting it twice runs it once.
    pub id: &'a JobId,
    /// The table's dataset.
    pub dataset: &'a str,
    /// The table.
    pub table: &'a str,
    /// `gs://` URIs.
    pub uris: Vec<String>,
    /// The schema that the table has.
    pub columns: &'a [TableColumn],
    /// What the objects are and what becomes of the rows that are there.
    pub mode: LoadMode,
}

/// The two sorts of loads there are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadMode {
    /// Parquet, replacing all rows and nothing else: schema, tags and descriptions stay.
    ReplaceRows,
    /// Lines of JSON, added to the rows that are there.
    AppendJson,
}

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// PENDING or RUNNING.
    Running,
    /// It has written all its rows.
    Done {
        /// `outputRows`.
        rows: u64,
        /// Its running time in milliseconds, where it is told.
        duration_ms: Option<u64>,
    },
    /// It has written nothing.
    Failed {
        /// BigQuery's reason.
        reason: String,
        /// What kind of trouble that is.
        kind: ErrorKind,
        /// BigQuery's words, left out where they could quote data.
        message: Option<String>,
    },
}

#[derive(Clone)]
struct Token(AccessTokenCredentials);

#[async_trait]
impl Authenticator for Token {
    async fn access_token(&self) -> Result<String, BQError> {
        self.0.access_token().await.map(|token| token.token).map_err(carried)
    }
}

/// Makes a call again while its trouble passes by itself. Every call here can be
/// repeated: reads, patches to a full state, and creations under fixed names.
macro_rules! retried {
    ($what:expr, $context:expr, $call:expr) => {{
        let mut waits = WAITS.iter();
        loop {
            match $call.await {
                Ok(answer) => break Ok(answer),
                Err(error) => {
                    let ours = failed($what, $context, &error);
                    match (ours.kind(), waits.next()) {
                        (kind, Some(wait)) if kind.is_transient() => {
                            tokio::time::sleep(*wait).await
                        }
                        _ => break Err((error, ours)),
                    }
                }
            }
        }
    }};
}

impl BigQuery {
    /// A client; `endpoint` of `None` is Google's.
    ///
    /// # Errors
    /// When it cannot be built.
    pub async fn new(
        credentials: AccessTokenCredentials,
        project: &str,
        location: &str,
        endpoint: Option<String>,
    ) -> Result<Self> {
        let broken = |error: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Config, "the BigQuery client cannot be built", "")
                .caused_by(error.to_string())
        };
        let http =
            reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|error| broken(&error))?;
        let mut builder = ClientBuilder::new();
        builder.with_client(http);
        if let Some(endpoint) = endpoint {
            builder.with_v2_base_url(endpoint);
        }
        let client = builder
            .build_from_authenticator(Arc::new(Token(credentials)))
            .await
            .map_err(|error| broken(&error))?;
        Ok(Self { client, project: project.to_owned(), location: location.to_owned() })
    }

    /// The project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// A table, or `None` when there is none of that name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the dataset is not there, [`ErrorKind::Denied`] without the right.
    pub async fn table(&self, dataset: &str, table: &str) -> Result<Option<TableInfo>> {
        let context = || format!("{}.{dataset}.{table}", self.project);
        let got = retried!(
            "a table cannot be read",
            context(),
            self.client.table().get(&self.project, dataset, table, None)
        );
        match got {
            Ok(table) => Ok(Some(state(table))),
            Err((error, ours)) if bigquery_status(&error) == 404 => {
                if names_dataset(&error) {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        "the dataset does not exist",
                        format!("{}.{dataset}", self.project),
                    )
                    .caused_by(ours));
                }
                Ok(None)
            }
            Err((_, ours)) => Err(ours),
        }
    }

    /// Creates a table, tags and label included. `false`: it exists, and is untouched.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the dataset is not there, [`ErrorKind::Denied`] without `bigquery.tables.setCategory`.
    pub async fn create_table(
        &self,
        dataset: &str,
        table: &str,
        columns: &[TableColumn],
        source: &str,
        description: Option<&str>,
    ) -> Result<Created> {
        let body = self.body(dataset, table, columns, Some(source), description);
        let context = || format!("{}.{dataset}.{table}", self.project);
        match retried!(
            "a table cannot be created",
            context(),
            self.client.table().create(body.clone())
        ) {
            Ok(_) => Ok(Created::New),
            Err((error, _)) if bigquery_status(&error) == 409 => Ok(Created::AlreadyExists),
            Err((_, ours)) => Err(ours),
        }
    }

    /// Sets a table's columns, tags and descriptions to exactly these. Idempotent.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] without `bigquery.tables.setCategory`; [`ErrorKind::Rejected`] when BigQuery
    /// will not have the change.
    pub async fn patch_table(
        &self,
        dataset: &str,
        table: &str,
        columns: &[TableColumn],
    ) -> Result<()> {
        let body = self.body(dataset, table, columns, None, None);
        let context = || format!("{}.{dataset}.{table}", self.project);
        let call = retried!(
            "a table cannot be changed",
            context(),
            self.client.table().patch(&self.project, dataset, table, body.clone())
        );
        call.map(|_| ()).map_err(|(_, ours)| ours)
    }

    /// Inserts a load job. `false`: a job of that id exists already; read it with [`Self::job`].
    ///
    /// # Errors
    /// [`ErrorKind::Denied`], [`ErrorKind::NotFound`] and so on; a lost answer is tried again under the same id.
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
        match retried!(
            "a load job cannot be inserted",
            context(),
            self.client.job().insert(&self.project, body.clone())
        ) {
            Ok(_) => Ok(Created::New),
            Err((error, _)) if bigquery_status(&error) == 409 => Ok(Created::AlreadyExists),
            Err((_, ours)) => Err(ours),
        }
    }

    /// A job, or `None` when there is none of that id.
    ///
    /// # Errors
    /// Those of BigQuery.
    pub async fn job(&self, id: &JobId) -> Result<Option<JobState>> {
        let call = retried!(
            "a job cannot be read",
            id.as_str(),
            self.client.job().get_job(&self.project, id.as_str(), Some(&self.location))
        );
        match call {
            Ok(job) => job_state(&job, id).map(Some),
            Err((error, _)) if bigquery_status(&error) == 404 => Ok(None),
            Err((_, ours)) => Err(ours),
        }
    }

    fn body(
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

/// BigQuery answers 404 for a missing dataset and for a missing table; the text tells which.
fn names_dataset(error: &BQError) -> bool {
    matches!(error, BQError::ResponseError { error } if error.error.message.contains("Not found: Dataset"))
}

fn schema(columns: &[TableColumn]) -> TableSchema {
    let field = |column: &TableColumn| TableFieldSchema {
        mode: Some(if column.repeated { "REPEATED" } else { "NULLABLE" }.to_owned()),
        description: column.description.clone(),
        // An absent list leaves tags as they are; an empty one says that there are none.
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

fn state(table: Table) -> TableInfo {
    let name_of = |ty: &FieldType| format!("{ty:?}").to_uppercase();
    let column = |field: TableFieldSchema| LiveColumn {
        ty: name_of(&field.r#type),
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
        return Ok(JobState::Failed { kind: kind_of(&reason, 0), message, reason });
    }
    let statistics = job.statistics.as_ref();
    let rows = statistics
        .and_then(|statistics| statistics.load.as_ref())
        .and_then(|load| load.output_rows.as_ref())
        .and_then(|rows| rows.parse().ok())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Rejected,
                "a finished load job does not say how many rows it wrote",
                id.as_str(),
            )
        })?;
    let at = |text: Option<&String>| text.and_then(|text| text.parse::<u64>().ok());
    let duration_ms = statistics.and_then(|statistics| {
        at(statistics.end_time.as_ref())?.checked_sub(at(statistics.start_time.as_ref())?)
    });
    Ok(JobState::Done { rows, duration_ms })
}
