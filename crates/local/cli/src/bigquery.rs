//! The few REST calls of a query: `jobs.query` and `jobs.getQueryResults`
//! (Google documentation, "BigQuery API").

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use landbridge_local::Principal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How long a call waits for the query's end before it answers "not yet".
const WAIT_MS: u32 = 60_000;
/// Rows of a page.
const PAGE_ROWS: u32 = 10_000;

/// Where a warehouse answers; what `landbridge local up` leaves for `landbridge query`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Warehouse {
    /// The API's base, `http://127.0.0.1:9004/bigquery/v2`.
    pub(crate) endpoint: String,
    /// The project that queries run in.
    pub(crate) project: String,
    /// The dataset of tables that are named without one.
    pub(crate) dataset: String,
    /// Where both are.
    pub(crate) location: String,
}

/// What a query found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Rows {
    /// The columns.
    pub(crate) columns: Vec<Field>,
    /// The rows, one value a column: text, null, or what a nested value is in JSON.
    pub(crate) rows: Vec<Vec<Value>>,
}

/// A column of what a query found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Its type, as the API names it.
    #[serde(rename = "type")]
    pub(crate) ty: String,
}

/// Why there are no rows.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// The caller may not; in BigQuery's words.
    Refused(String),
    /// The query is wrong, or could not be run; in BigQuery's words.
    Failed(String),
    /// Nobody answered.
    Unreachable(String),
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(message) | Self::Failed(message) => f.write_str(message),
            Self::Unreachable(why) => write!(f, "the warehouse does not answer ({why})"),
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Refused(message) => Self::Refused(message),
            QueryError::Failed(message) => Self::Failed(message),
            QueryError::Unreachable(_) => {
                Self::Failed(format!("{error}; see that `landbridge local up` still runs"))
            }
        }
    }
}

/// A client of one warehouse.
pub(crate) struct BigQuery {
    http: reqwest::Client,
    warehouse: Warehouse,
}

/// One page of an answer.
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
    fields: Vec<Field>,
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
    /// A client. Nothing is called yet.
    pub(crate) fn new(warehouse: Warehouse) -> Result<Self, QueryError> {
        // Loopback is never behind a proxy, whatever the environment says.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|error| QueryError::Unreachable(error.to_string()))?;
        Ok(Self { http, warehouse })
    }

    /// All rows that `sql` finds for somebody.
    pub(crate) async fn query(&self, who: Principal, sql: &str) -> Result<Rows, QueryError> {
        let Warehouse { endpoint, project, dataset, location } = &self.warehouse;
        let queries = format!("{endpoint}/projects/{project}/queries");
        let body = json!({
            "query": sql,
            "useLegacySql": false,
            "location": location,
            "defaultDataset": {"projectId": project, "datasetId": dataset},
            "maxResults": PAGE_ROWS,
            "timeoutMs": WAIT_MS,
            "formatOptions": {"useInt64Timestamp": true},
        });
        let call = self.http.post(&queries).json(&body);
        let mut page = page(call.bearer_auth(who.token())).await?;
        let mut found = Rows { columns: Vec::new(), rows: Vec::new() };
        loop {
            if let Some(schema) = page.schema {
                found.columns = schema.fields;
            }
            for row in page.rows {
                let cells = row.f.into_iter().zip(&found.columns);
                found.rows.push(cells.map(|(cell, field)| readable(cell.v, field)).collect());
            }
            if page.job_complete && page.page_token.is_none() {
                return Ok(found);
            }
            let job = page.job_reference.job_id;
            let mut parameters = vec![
                ("location", location.clone()),
                ("maxResults", PAGE_ROWS.to_string()),
                ("timeoutMs", WAIT_MS.to_string()),
                ("formatOptions.useInt64Timestamp", "true".to_owned()),
            ];
            parameters.extend(page.page_token.map(|token| ("pageToken", token)));
            let call = self.http.get(format!("{queries}/{job}")).query(&parameters);
            page = self::page(call.bearer_auth(who.token())).await?;
        }
    }
}

/// Makes a call and reads the page it answers with.
async fn page(call: reqwest::RequestBuilder) -> Result<Page, QueryError> {
    let unreachable = |error: reqwest::Error| {
        let why = if error.is_connect() { "no connection" } else { "no complete answer" };
        QueryError::Unreachable(why.to_owned())
    };
    let answer = call.send().await.map_err(unreachable)?;
    let status = answer.status();
    let bytes = answer.bytes().await.map_err(unreachable)?;
    if status.is_success() {
        return serde_json::from_slice(&bytes).map_err(|_| {
            QueryError::Failed("the warehouse's answer is not understood".to_owned())
        });
    }
    let told: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let message = told.pointer("/error/message").and_then(Value::as_str);
    let message = message.map_or_else(|| format!("the warehouse answered {status}"), str::to_owned);
    Err(match status.as_u16() {
        401 | 403 => QueryError::Refused(message),
        _ => QueryError::Failed(message),
    })
}

/// Timestamps come as microseconds since 1970 and are shown as instants.
fn readable(value: Value, field: &Field) -> Value {
    let instant = match (&value, field.ty.as_str()) {
        (Value::String(text), "TIMESTAMP") => text.parse().ok().and_then(|micros| {
            Timestamp::from_microsecond(micros).ok().map(|instant| instant.to_string())
        }),
        _ => None,
    };
    instant.map_or(value, Value::String)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_become_readable_and_all_else_stays() {
        let field = |ty: &str| Field { name: "c".to_owned(), ty: ty.to_owned() };
        let cases = [
            ("TIMESTAMP", json!("1795190400000000"), json!("2026-11-20T16:00:00Z")),
            ("TIMESTAMP", json!(null), json!(null)),
            ("INTEGER", json!("1795190400000000"), json!("1795190400000000")),
            ("RECORD", json!({"f": []}), json!({"f": []})),
        ];
        for (ty, value, shown) in cases {
            assert_eq!(readable(value, &field(ty)), shown, "{ty}");
        }
    }
}
