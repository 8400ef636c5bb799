//! Queries of the operator's command: what one costs, its only row, and rows that it deletes.

use std::collections::BTreeMap;

use landbridge_core::{Error, ErrorKind, Result};
use reqwest::Method;
use serde_json::{Value, json};

use super::BigQuery;
use super::rest::RestCall;
use super::tables::urlencode;

/// How long one call waits for the end of a query, in milliseconds: less than the time limit of a call.
const WAIT_MS: u32 = 50_000;

/// A row by the names of its columns; a NULL is `None`.
pub type Row = BTreeMap<String, Option<String>>;

impl BigQuery {
    /// The bytes that a query would process. BigQuery checks the query and the caller's rights, and
    /// charges nothing. `name` is what the query is about, for error messages.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if the caller may not read a table or a column of the query; any other
    /// BigQuery error.
    pub async fn query_bytes(&self, name: &str, sql: &str) -> Result<u64> {
        let body = json!({
            "query": sql, "useLegacySql": false, "location": self.location, "dryRun": true,
        });
        let answer = self.send_query("a query cannot be estimated", name, &body).await?;
        text(&answer, "totalBytesProcessed")
            .and_then(|bytes| bytes.parse().ok())
            .ok_or_else(|| unknown_form(name))
    }

    /// Runs a query that has one row. `request` makes the call repeatable: BigQuery answers a repeated
    /// one with the first one's result, so another run needs another `request` (at most 36 characters).
    /// The result comes from the tables as they are, not from the cache.
    ///
    /// # Errors
    /// As [`Self::query_bytes`].
    pub async fn query_row(&self, name: &str, sql: &str, request: &str) -> Result<Row> {
        let answer = self.completed(name, sql, request).await?;
        only_row(&answer).ok_or_else(|| unknown_form(name))
    }

    /// Runs a statement that changes rows, and returns how many. `request` is as in [`Self::query_row`].
    ///
    /// The caller needs to read only the columns that the statement names in conditions
    /// (claim `delete-reads-its-condition`).
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if the caller may not change the table; any other BigQuery error.
    pub async fn change_rows(&self, name: &str, sql: &str, request: &str) -> Result<u64> {
        let answer = self.completed(name, sql, request).await?;
        text(&answer, "numDmlAffectedRows")
            .and_then(|rows| rows.parse().ok())
            .ok_or_else(|| unknown_form(name))
    }

    /// The answer to a statement that has ended.
    async fn completed(&self, name: &str, sql: &str, request: &str) -> Result<Value> {
        let body = json!({
            "query": sql,
            "useLegacySql": false,
            "useQueryCache": false,
            "location": self.location,
            "requestId": request,
            "timeoutMs": WAIT_MS,
        });
        let mut answer = self.send_query("a query cannot be run", name, &body).await?;
        while answer.get("jobComplete").and_then(Value::as_bool) != Some(true) {
            let job = answer.pointer("/jobReference/jobId").and_then(Value::as_str);
            let job = job.ok_or_else(|| unknown_form(name))?.to_owned();
            let location = urlencode(&self.location);
            let call = RestCall {
                what: "the result of a query cannot be read",
                path: format!(
                    "projects/{}/queries/{}?location={location}&timeoutMs={WAIT_MS}",
                    urlencode(&self.project),
                    urlencode(&job)
                ),
                ..self.get(name.to_owned())
            };
            answer = self.rest.send(&call).await.map_err(|refusal| refusal.error)?;
        }
        Ok(answer)
    }

    async fn send_query(&self, what: &'static str, name: &str, body: &Value) -> Result<Value> {
        let call = RestCall {
            what,
            context: name.to_owned(),
            method: Method::POST,
            path: format!("projects/{}/queries", urlencode(&self.project)),
            body: Some(body),
            if_match: None,
        };
        self.rest.send(&call).await.map_err(|refusal| refusal.error)
    }
}

fn text<'a>(answer: &'a Value, key: &str) -> Option<&'a str> {
    answer.get(key).and_then(Value::as_str)
}

/// The answer is not quoted: it contains what the query found.
fn unknown_form(name: &str) -> Error {
    Error::new(ErrorKind::Rejected, "BigQuery's answer to a query has an unknown form", name)
}

/// The row of a result; `None` if there is not exactly one.
fn only_row(answer: &Value) -> Option<Row> {
    let fields = answer.pointer("/schema/fields")?.as_array()?;
    let [row] = answer.get("rows")?.as_array()?.as_slice() else { return None };
    let cells = row.get("f")?.as_array()?;
    (fields.len() == cells.len()).then_some(())?;
    let pairs = fields.iter().zip(cells).map(|(field, cell)| {
        let value = match cell.get("v")? {
            Value::Null => None,
            value => Some(value.as_str()?.to_owned()),
        };
        Some((text(field, "name")?.to_owned(), value))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_row_of_a_result() {
        let answer = json!({
            "schema": {"fields": [{"name": "n"}, {"name": "s"}]},
            "rows": [{"f": [{"v": "3"}, {"v": null}]}],
        });
        let row = only_row(&answer).expect("a row");
        assert_eq!(row["n"].as_deref(), Some("3"));
        assert_eq!(row["s"], None);
        let two = json!({"schema": {"fields": []}, "rows": [{"f": []}, {"f": []}]});
        assert_eq!(only_row(&two), None);
        let other = json!({"schema": {"fields": [{"name": "n"}]}, "rows": [{"f": []}]});
        assert_eq!(only_row(&other), None, "another number of cells");
        assert_eq!(only_row(&json!({"rows": []})), None);
    }
}
