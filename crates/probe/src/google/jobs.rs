//! Claims about jobs and their ids.

use landbridge_gcp::raw::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::files::{Column, file};
use super::lab::{Lab, Rows, Who, encoded};
use crate::report::{Probed, Shape, Stop, UNKNOWN_REASON, known_reason, seen};

fn numbers() -> Value {
    json!([{"name": "n", "type": "INT64"}])
}

/// A file of this many rows with the column `n`.
pub(super) fn rows(count: i64) -> Result<Vec<u8>, Stop> {
    let columns = [Column::Int64((0..count).collect())];
    file("message m { optional int64 n; }", if count == 0 { &[] } else { &columns })
        .map_err(|_| Stop::failed(Shape::of("a file was not written")))
}

fn select() -> Value {
    json!({"query": {"query": "SELECT 1", "useLegacySql": false}})
}

pub(super) async fn id_once(lab: &Lab) -> Probed {
    lab.table("once", numbers()).await?;
    let uri = lab.put("once.parquet", &rows(3)?).await?;
    let good = lab.load("once", &[uri]);
    let damaged = lab.put("once-damaged.parquet", b"no Parquet").await?;
    let damaged = lab.load("once", &[damaged]);
    let mut shape = Shape::default();
    let mut refused = true;
    for (load, state) in [(good, "after success"), (damaged, "after failure")] {
        let id = lab.job_id();
        lab.run_job(&id, json!({"load": load})).await?;
        let again = lab.insert(&id, json!({"load": load})).await?;
        refused &= again.status == 409;
        shape = shape.and(state).answer(&again);
    }
    seen(refused, shape)
}

pub(super) async fn append_once(lab: &Lab) -> Probed {
    lab.table("appended", numbers()).await?;
    let uri = lab.put("appended.json", b"{\"n\": 1}").await?;
    let mut load = lab.load("appended", &[uri]);
    load["writeDisposition"] = json!("WRITE_APPEND");
    load["sourceFormat"] = json!("NEWLINE_DELIMITED_JSON");
    let id = lab.job_id();
    for _ in 0..3 {
        lab.insert(&id, json!({"load": load})).await?;
        lab.wait_for_job(&id).await?;
    }
    let count = lab.count("appended").await?;
    seen(count == 1, Shape::of("3 insertions of one job with 1 row").number(count, "rows"))
}

pub(super) async fn id_shared_by_kinds(lab: &Lab) -> Probed {
    lab.table("shared", numbers()).await?;
    let uri = lab.put("shared.parquet", &rows(3)?).await?;
    let load = json!({"load": lab.load("shared", &[uri])});
    let (first, second) = (lab.job_id(), lab.job_id());
    let query = lab.insert(&first, select()).await?;
    let load_after = lab.insert(&first, load.clone()).await?;
    if !query.is_ok() {
        return Err(Stop::failed(Shape::of("the query was not inserted").answer(&query)));
    }
    let before = lab.count("shared").await?;
    lab.run_job(&second, load).await?;
    let query_after = lab.insert(&second, select()).await?;
    let shape = Shape::of("a load after a query").answer(&load_after).number(before, "rows");
    let shape = shape.and("a query after a load").answer(&query_after);
    seen(load_after.status == 409 && before == 0 && query_after.status == 409, shape)
}

pub(super) async fn visible_at_once(lab: &Lab) -> Probed {
    let mut found = 0;
    for _ in 0..10 {
        let id = lab.job_id();
        let inserted = lab.insert(&id, select()).await?;
        if !inserted.is_ok() {
            return Err(Stop::failed(Shape::of("a job was not inserted").answer(&inserted)));
        }
        found += u64::from(lab.job(&id).await?.is_ok());
    }
    seen(found == 10, Shape::of("of 10 jobs").number(found, "found at once"))
}

pub(super) async fn configuration_read_back(lab: &Lab) -> Probed {
    lab.table("read_back", numbers()).await?;
    let uri = lab.put("read-back.parquet", &rows(2)?).await?;
    let mut load = lab.load("read_back", &[uri]);
    load["schema"] = json!({"fields": [{"name": "n", "type": "INTEGER", "mode": "NULLABLE"}]});
    let id = lab.job_id();
    lab.run_job(&id, json!({"load": load})).await?;
    let job = lab.job(&id).await?;
    let same = |key: &str| job.body.pointer(&format!("/configuration/load/{key}")) == load.get(key);
    let (uris, disposition) = (same("sourceUris"), same("writeDisposition"));
    let name = job.text("/configuration/load/schema/fields/0/name") == "n";
    let say = |equal, text, other| if equal { text } else { other };
    let shape = Shape::of(say(uris, "equal URIs", "other URIs"))
        .and(say(disposition, "equal disposition", "other disposition"))
        .and(say(name, "equal names", "other names"));
    seen(uris && disposition && name, shape)
}

pub(super) async fn rows_reported(lab: &Lab) -> Probed {
    let (mut holds, mut shape) = (true, Shape::default());
    for (table, count) in [("one_row", 1), ("many_rows", 100_000)] {
        lab.table(table, numbers()).await?;
        let job = lab.load_file(table, &rows(count)?).await?;
        if !job.succeeded() {
            return Err(Stop::failed(job.shape()));
        }
        let in_table = lab.get(table).await?;
        let in_table: Option<u64> =
            in_table.get("numRows").and_then(Value::as_str).and_then(|it| it.parse().ok());
        let (reported, count) = (job.rows(), count.unsigned_abs());
        holds &= reported == Some(count) && in_table == Some(count);
        shape = shape.number(count, "rows sent");
        shape = shape.number(reported.unwrap_or_default(), "reported by the job");
        shape = shape.number(in_table.unwrap_or_default(), "reported by the table");
    }
    seen(holds, shape)
}

pub(super) async fn done_with_error(lab: &Lab) -> Probed {
    lab.table("failed", numbers()).await?;
    let uri = format!("gs://{}/{}none.parquet", lab.options.bucket, lab.run.prefix());
    let job = lab.run_job(&lab.job_id(), json!({"load": lab.load("failed", &[uri])})).await?;
    let Some(reason) = &job.reason else {
        return seen(false, Shape::of("a file that does not exist").and_shape(&job.shape()));
    };
    let reason = known_reason(reason);
    let is_documented = !reason.is_empty() && reason != UNKNOWN_REASON;
    seen(is_documented, Shape::of("a file that does not exist").and_shape(&job.shape()))
}

/// How many pages of jobs are read at most.
const PAGES: usize = 20;

/// The job with an id, as the list of all users' jobs since an instant shows it.
async fn listed(lab: &Lab, id: &str, since_ms: i64) -> Result<Option<Value>, Stop> {
    let mut page = String::new();
    for _ in 0..PAGES {
        let path = format!(
            "/jobs?allUsers=true&projection=full&minCreationTime={since_ms}&maxResults=1000{page}"
        );
        let answer = lab.call(Api::BigQuery, Method::GET, lab.project(&path), None).await?;
        match answer.status {
            403 => return Err(Stop::skipped("needs the right bigquery.jobs.listAll")),
            _ if answer.is_ok() => {}
            _ => return Err(Stop::failed(Shape::of("the jobs were not listed").answer(&answer))),
        }
        let jobs = answer.body.get("jobs").and_then(Value::as_array);
        let is_it = |job: &&Value| job.pointer("/jobReference/jobId") == Some(&json!(id));
        if let Some(found) = jobs.into_iter().flatten().find(is_it) {
            return Ok(Some(found.clone()));
        }
        page = match answer.text("/nextPageToken") {
            "" => return Ok(None),
            token => format!("&pageToken={}", encoded(token)),
        };
    }
    Err(Stop::failed(Shape::of("the project has too many jobs")))
}

pub(super) async fn list_names_tables(lab: &Lab) -> Probed {
    lab.table("listed", numbers()).await?;
    let view = lab.sql("listed_view");
    let made = format!("CREATE OR REPLACE VIEW {view} AS SELECT n FROM {}", lab.sql("listed"));
    if let rows @ Rows::Refused(_) = lab.query(Who::Me, &made).await? {
        return Err(Stop::failed(Shape::of("no view was created").and_shape(&rows.shape())));
    }
    let (since, id) = (lab.now().await? / 1_000, lab.job_id());
    let sql = format!("SELECT COUNT(n) FROM {view}");
    let labels = json!({"landbridge_probe": "listed"});
    let query = json!({"query": sql, "useLegacySql": false});
    let job = lab.run_job(&id, json!({"query": query, "labels": labels.clone()})).await?;
    if !job.succeeded() {
        return Err(Stop::failed(job.shape()));
    }
    let Some(job) = listed(lab, &id, since).await? else {
        return seen(false, Shape::of("the job is not listed"));
    };
    let text = |pointer: &str| job.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let tables = job.pointer("/statistics/query/referencedTables").and_then(Value::as_array);
    let behind = tables.is_some_and(|it| it.iter().any(|it| it["tableId"] == "listed"));
    let parts = [
        (!text("/user_email").is_empty(), "its user", "no user"),
        (job.pointer("/configuration/labels") == Some(&labels), "its labels", "no labels"),
        (text("/configuration/query/query") == sql, "its text", "another text"),
        (behind, "the table behind the view", "no table behind the view"),
    ];
    let said = parts.iter().map(|(is, yes, no)| if *is { yes } else { no });
    let shape = said.fold(Shape::of("the job is listed"), |shape, it| shape.and(it));
    seen(parts.iter().all(|(is, ..)| *is), shape)
}
