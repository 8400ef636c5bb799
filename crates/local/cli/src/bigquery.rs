//! A client for queries and load jobs: the REST calls `jobs.query`, `jobs.getQueryResults` and `jobs.insert`
//! (Google documentation, "BigQuery API").

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use landbridge_core::ids::LABEL_SOURCE;
use landbridge_local::Principal;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;

/// The timeout of one HTTP call. It is longer than [`QUERY_WAIT_MS`].
const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// `timeoutMs`: how long the server waits for the query to finish before it responds with
/// `jobComplete: false`.
const QUERY_WAIT_MS: u32 = 60_000;
/// `maxResults`: the maximum number of rows in a page.
const PAGE_ROWS: u32 = 10_000;

/// The time between two looks at a load job.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Separates the parts of an upload; no line of JSON begins with it.
const BOUNDARY: &str = "landbridge-local-load-job";

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The address and defaults of a warehouse. `landbridge local up` stores it for `landbridge query`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Warehouse {
    /// The base URL of the API, for example `http://127.0.0.1:9004/bigquery/v2`.
    pub(crate) endpoint: String,
    /// The project in which queries run.
    pub(crate) project: String,
    /// The dataset of table names without a dataset.
    pub(crate) dataset: String,
    /// The location of the dataset and of the queries.
    pub(crate) location: String,
}

/// The result of a query.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct QueryRows {
    /// The columns, in the order of the values.
    pub(crate) columns: Vec<Field>,
    /// The rows, with one value per column: a number, boolean, text or null; arrays and objects for
    /// ARRAY and STRUCT.
    pub(crate) rows: Vec<Vec<Value>>,
}

/// A column of a query result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Field {
    /// The name.
    pub(crate) name: String,
    /// The type in GoogleSQL, such as `INT64` or `ARRAY<STRUCT<id INT64>>`.
    #[serde(rename = "type")]
    pub(crate) ty: String,
}

/// A column as the API describes it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ApiField {
    name: String,
    #[serde(rename = "type")]
    ty: String,
    mode: String,
    fields: Vec<ApiField>,
}

impl ApiField {
    /// The type's name in GoogleSQL. The API has names of its own for some types (Google
    /// documentation, "TableFieldSchema").
    fn standard_type(&self) -> String {
        let name = match self.ty.as_str() {
            "INTEGER" => "INT64",
            "FLOAT" => "FLOAT64",
            "BOOLEAN" => "BOOL",
            name => name,
        };
        let name = match name {
            "RECORD" | "STRUCT" => {
                let member = |it: &Self| format!("{} {}", it.name, it.standard_type());
                let members: Vec<_> = self.fields.iter().map(member).collect();
                format!("STRUCT<{}>", members.join(", "))
            }
            name => name.to_owned(),
        };
        if self.mode == "REPEATED" { format!("ARRAY<{name}>") } else { name }
    }
}

/// Why a query returned no rows.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// The caller lacks a permission. Contains BigQuery's message.
    Refused(String),
    /// The query is invalid, or its execution failed. Contains BigQuery's message.
    Failed(String),
    /// The server did not respond. Contains the reason.
    Unreachable(String),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) | Self::Failed(message) => f.write_str(message),
            Self::Unreachable(reason) => write!(f, "the warehouse does not respond ({reason})"),
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(message) => Self::Refused(message),
            QueryError::Failed(message) => Self::Failed(message),
            QueryError::Unreachable(_) => {
                Self::Failed(format!("{error}; check that `landbridge local up` is still running"))
            }
        }
    }
}

/// Rows that replace a table, or create it.
pub(crate) struct TableLoad<'a> {
    /// The dataset.
    pub(crate) dataset: &'a str,
    /// The table.
    pub(crate) table: &'a str,
    /// `schema.fields`, as the API describes them.
    pub(crate) fields: &'a Value,
    /// The rows as JSON, one per line.
    pub(crate) json_lines: &'a [u8],
}

/// A client for one warehouse.
pub(crate) struct BigQuery {
    http: reqwest::Client,
    warehouse: Warehouse,
}

/// One page of a response.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    job_complete: bool,
    #[serde(default)]
    job_reference: JobReference,
    schema: Option<Schema>,
    #[serde(default)]
    rows: Vec<Row>,
    page_token: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct JobReference {
    job_id: String,
}

#[derive(Deserialize)]
struct Schema {
    #[serde(default)]
    fields: Vec<ApiField>,
}

#[derive(Deserialize)]
struct Row {
    f: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    v: Value,
}

impl BigQuery {
    /// Creates a client. It makes no call.
    pub(crate) fn new(warehouse: Warehouse) -> Result<Self, QueryError> {
        // The server is on the loopback interface: ignore the proxies in the environment.
        let http = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|error| QueryError::Unreachable(error.to_string()))?;
        Ok(Self { http, warehouse })
    }

    /// Runs `sql` as a principal and returns all rows.
    ///
    /// # Errors
    /// [`QueryError`]. A missing permission is [`QueryError::Refused`].
    pub(crate) async fn query(
        &self,
        principal: Principal,
        sql: &str,
    ) -> Result<QueryRows, QueryError> {
        let Warehouse { endpoint, project, dataset, location } = &self.warehouse;
        let queries = format!("{endpoint}/projects/{project}/queries");
        let body = json!({
            "query": sql,
            "useLegacySql": false,
            "location": location,
            "defaultDataset": {"projectId": project, "datasetId": dataset},
            "maxResults": PAGE_ROWS,
            "timeoutMs": QUERY_WAIT_MS,
            "formatOptions": {"useInt64Timestamp": true},
        });
        let call = self.http.post(&queries).json(&body);
        let mut page = fetch_page(call.bearer_auth(principal.token())).await?;
        let mut result = QueryRows { columns: Vec::new(), rows: Vec::new() };
        let mut fields = Vec::new();
        loop {
            if let Some(schema) = page.schema {
                fields = schema.fields;
                let column =
                    |it: &ApiField| Field { name: it.name.clone(), ty: it.standard_type() };
                result.columns = fields.iter().map(column).collect();
            }
            for row in page.rows {
                let cells = row.f.into_iter().zip(&fields);
                result.rows.push(cells.map(|(cell, field)| typed_value(cell.v, field)).collect());
            }
            if page.job_complete && page.page_token.is_none() {
                return Ok(result);
            }
            let job = page.job_reference.job_id;
            let mut parameters = vec![
                ("location", location.clone()),
                ("maxResults", PAGE_ROWS.to_string()),
                ("timeoutMs", QUERY_WAIT_MS.to_string()),
                ("formatOptions.useInt64Timestamp", "true".to_owned()),
            ];
            parameters.extend(page.page_token.map(|token| ("pageToken", token)));
            let call = self.http.get(format!("{queries}/{job}")).query(&parameters);
            page = fetch_page(call.bearer_auth(principal.token())).await?;
        }
    }
}

impl BigQuery {
    /// Loads rows as a principal: one load job with the rows in its body (Google documentation, "Load data
    /// from a local data source", multipart upload). Waits until it is done.
    ///
    /// # Errors
    /// [`QueryError`], also for a job that ended with an error.
    pub(crate) async fn load(
        &self,
        principal: Principal,
        load: &TableLoad<'_>,
    ) -> Result<(), QueryError> {
        let Warehouse { endpoint, project, location, .. } = &self.warehouse;
        let job = json!({
            "jobReference": {"projectId": project, "location": location},
            "configuration": {"load": {
                "destinationTable": {
                    "projectId": project, "datasetId": load.dataset, "tableId": load.table,
                },
                "sourceFormat": "NEWLINE_DELIMITED_JSON",
                "writeDisposition": "WRITE_TRUNCATE",
                "schema": {"fields": load.fields},
            }},
        });
        let mut body = format!(
            "--{BOUNDARY}\r\ncontent-type: application/json\r\n\r\n{job}\r\n--{BOUNDARY}\r\n\
             content-type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(load.json_lines);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--").as_bytes());
        let server = endpoint.strip_suffix("/bigquery/v2").unwrap_or(endpoint);
        let call = self
            .http
            .post(format!("{server}/upload/bigquery/v2/projects/{project}/jobs"))
            .query(&[("uploadType", "multipart")])
            .header("content-type", format!("multipart/related; boundary={BOUNDARY}"))
            .bearer_auth(principal.token())
            .body(body);
        let mut job: Value = answer(call).await?;
        loop {
            let text = |path: &str| job.pointer(path).and_then(Value::as_str).map(str::to_owned);
            if let Some(message) = text("/status/errorResult/message") {
                return Err(QueryError::Failed(message));
            }
            if text("/status/state").as_deref() == Some("DONE") {
                return Ok(());
            }
            let id = text("/jobReference/jobId").unwrap_or_default();
            tokio::time::sleep(POLL_INTERVAL).await;
            let call = self
                .http
                .get(format!("{endpoint}/projects/{project}/jobs/{id}"))
                .query(&[("location", location)]);
            job = answer(call.bearer_auth(principal.token())).await?;
        }
    }
}

/// Makes a call and parses the page of the response.
async fn fetch_page(call: reqwest::RequestBuilder) -> Result<Page, QueryError> {
    answer(call).await
}

impl BigQuery {
    /// Sets the label by which Landbridge knows its table, or removes it.
    ///
    /// # Errors
    /// [`QueryError`]
    pub(crate) async fn set_source_label(
        &self,
        principal: Principal,
        table: &str,
        source: Option<&str>,
    ) -> Result<(), QueryError> {
        let Warehouse { endpoint, project, dataset, .. } = &self.warehouse;
        let url = format!("{endpoint}/projects/{project}/datasets/{dataset}/tables/{table}");
        let call = self.http.patch(url).json(&json!({"labels": {LABEL_SOURCE: source}}));
        answer::<Value>(call.bearer_auth(principal.token())).await.map(|_| ())
    }
}

/// Makes a call and parses the response.
async fn answer<T: DeserializeOwned>(call: reqwest::RequestBuilder) -> Result<T, QueryError> {
    let unreachable = |error: reqwest::Error| {
        let reason = if error.is_connect() { "no connection" } else { "incomplete response" };
        QueryError::Unreachable(reason.to_owned())
    };
    let response = call.send().await.map_err(unreachable)?;
    let status = response.status();
    let bytes = response.bytes().await.map_err(unreachable)?;
    if status.is_success() {
        return serde_json::from_slice(&bytes).map_err(|_| {
            QueryError::Failed("the warehouse's response cannot be parsed".to_owned())
        });
    }
    let error: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let message = error.pointer("/error/message").and_then(Value::as_str);
    let message =
        message.map_or_else(|| format!("the warehouse responded with {status}"), str::to_owned);
    Err(match status.as_u16() {
        401 | 403 => QueryError::Refused(message),
        _ => QueryError::Failed(message),
    })
}

/// A value of the API, which writes almost all values as text, as JSON of its type. Decimals, dates and
/// BYTES stay texts, and a float that JSON does not have (NaN, infinities); a TIMESTAMP is an RFC 3339
/// instant.
fn typed_value(value: Value, field: &ApiField) -> Value {
    if field.mode == "REPEATED" {
        let element = ApiField { mode: String::new(), ..field.clone() };
        let Value::Array(items) = value else { return Value::Array(Vec::new()) };
        return items.into_iter().map(|it| typed_value(cell_of(it), &element)).collect();
    }
    let text = match value {
        Value::String(text) => text,
        Value::Object(mut record) => {
            let cells = match record.remove("f") {
                Some(Value::Array(cells)) => cells,
                _ => Vec::new(),
            };
            let members = field.fields.iter().zip(cells);
            return members
                .map(|(member, cell)| (member.name.clone(), typed_value(cell_of(cell), member)))
                .collect::<serde_json::Map<_, _>>()
                .into();
        }
        other => return other,
    };
    // Not an instant of the library, whose last one is 26 hours before BigQuery's.
    let time = |micros: i64| EPOCH.checked_add(SignedDuration::from_micros(micros)).ok();
    let typed = match field.ty.as_str() {
        "INTEGER" | "INT64" => text.parse::<i64>().ok().map(Value::from),
        "FLOAT" | "FLOAT64" => {
            let number = text.parse().ok().and_then(serde_json::Number::from_f64);
            number.map(Value::Number)
        }
        "BOOLEAN" | "BOOL" => text.parse::<bool>().ok().map(Value::from),
        "JSON" => serde_json::from_str(&text).ok(),
        "TIMESTAMP" => text.parse().ok().and_then(time).map(|it| Value::from(format!("{it}Z"))),
        _ => None,
    };
    typed.unwrap_or(Value::String(text))
}

/// The value of `{"v": …}`.
fn cell_of(mut cell: Value) -> Value {
    cell.get_mut("v").map_or(Value::Null, Value::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_json_of_their_type() {
        let field = |ty: &str| ApiField { ty: ty.to_owned(), ..ApiField::default() };
        for (ty, value, shown) in [
            ("TIMESTAMP", json!("1795190400000000"), json!("2026-11-20T16:00:00Z")),
            ("TIMESTAMP", json!("253402300799999999"), json!("9999-12-31T23:59:59.999999Z")),
            ("TIMESTAMP", json!("-62135596800000000"), json!("0001-01-01T00:00:00Z")),
            ("TIMESTAMP", json!(null), json!(null)),
            ("INTEGER", json!("1795190400000000"), json!(1_795_190_400_000_000_i64)),
            ("FLOAT", json!("1.5"), json!(1.5)),
            ("FLOAT", json!("NaN"), json!("NaN")),
            ("BOOLEAN", json!("true"), json!(true)),
            ("NUMERIC", json!("1.50"), json!("1.50")),
            ("JSON", json!("{\"a\":1}"), json!({"a": 1})),
            ("JSON", json!("masked"), json!("masked")),
            ("STRING", json!("7"), json!("7")),
        ] {
            assert_eq!(typed_value(value, &field(ty)), shown, "{ty}");
        }
    }

    #[test]
    fn arrays_and_structs_are_readable() {
        let field: ApiField = serde_json::from_value(json!({
            "name": "params", "type": "RECORD", "mode": "REPEATED", "fields": [
                {"name": "key", "type": "STRING"}, {"name": "n", "type": "INTEGER", "mode": "REPEATED"},
            ],
        }))
        .expect("a field");
        let value = json!([{"v": {"f": [{"v": "page"}, {"v": [{"v": "1"}, {"v": "2"}]}]}}]);
        assert_eq!(typed_value(value, &field), json!([{"key": "page", "n": [1, 2]}]));
        assert_eq!(field.standard_type(), "ARRAY<STRUCT<key STRING, n ARRAY<INT64>>>");
    }
}
