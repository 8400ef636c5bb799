//! Claims about `lastModifiedTime`: `transfer.unchanged: skip` keeps the rows of a table if nothing has changed it
//! since the load job that wrote them, and BigQuery shows a change by this time alone.

use landbridge_gcp::raw::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::jobs::rows;
use super::lab::{Lab, Rows, Who};
use super::masks::Tags;
use crate::report::{Probed, Shape, Stop, seen};

/// The table that is changed in every way.
const TABLE: &str = "modified";
/// How many load jobs are compared with the times of their tables.
const LOADS: u64 = 5;

/// A 64-bit number of a table, which the API writes as text.
fn number(table: &Value, key: &str) -> Result<i64, Stop> {
    let number = table.get(key).and_then(Value::as_str).and_then(|it| it.parse().ok());
    number.ok_or_else(|| Stop::failed(Shape::of("a table has no times")))
}

fn fields(description: &str, tag: Option<&str>) -> Value {
    let mut field =
        json!({"name": "n", "type": "INTEGER", "mode": "NULLABLE", "description": description});
    if let Some(tag) = tag {
        field["policyTags"] = json!({"names": [tag]});
    }
    json!([field])
}

/// The time of the table, after a pause: whatever happens next has another time.
async fn time_before(lab: &Lab) -> Result<i64, Stop> {
    lab.pause_after(lab.now().await?).await?;
    number(&lab.get(TABLE).await?, "lastModifiedTime")
}

async fn time_after(lab: &Lab) -> Result<i64, Stop> {
    number(&lab.get(TABLE).await?, "lastModifiedTime")
}

async fn statement(lab: &Lab, sql: &str) -> Result<(), Stop> {
    match lab.query(Who::Me, sql).await? {
        Rows::Read(_) => Ok(()),
        rows => Err(Stop::failed(Shape::of("a statement did not run").and_shape(&rows.shape()))),
    }
}

/// Copies another table with the same schema over the table.
async fn copy_over(lab: &Lab) -> Result<(), Stop> {
    let copy = json!({
        "sourceTable": lab.reference("modified_source"),
        "destinationTable": lab.reference(TABLE),
        "createDisposition": "CREATE_NEVER",
        "writeDisposition": "WRITE_TRUNCATE",
    });
    let job = lab.run_job(&lab.job_id(), json!({ "copy": copy })).await?;
    match job.succeeded() {
        true => Ok(()),
        false => Err(Stop::failed(Shape::of("a table was not copied").and_shape(&job.shape()))),
    }
}

/// A change of the table, the tag among them last: then the caller may not read the column any more.
const CHANGES: [&str; 7] = [
    "a load job",
    "a statement",
    "a copy job",
    "a patch of the description",
    "a patch of a label",
    "a patch of the schema",
    "a patch of a tag",
];

async fn change(lab: &Lab, which: &str, tag: &str) -> Result<(), Stop> {
    match which {
        "a load job" => lab.must_load(TABLE, &rows(3)?).await,
        // It changes no value.
        "a statement" => {
            statement(lab, &format!("UPDATE {} SET n = n WHERE TRUE", lab.sql(TABLE))).await
        }
        "a copy job" => copy_over(lab).await,
        "a patch of the description" => {
            lab.patch(TABLE, &json!({"description": "generated"})).await.map(drop)
        }
        "a patch of a label" => lab.patch(TABLE, &json!({"labels": {"a": "1"}})).await.map(drop),
        "a patch of the schema" => {
            let schema = json!({"fields": fields("described", None)});
            lab.patch(TABLE, &json!({ "schema": schema })).await.map(drop)
        }
        _ => {
            let schema = json!({"fields": fields("described", Some(tag))});
            lab.patch(TABLE, &json!({ "schema": schema })).await.map(drop)
        }
    }
}

/// Reads the table in three ways, and lets some time pass.
async fn read(lab: &Lab) -> Result<(), Stop> {
    lab.count(TABLE).await?;
    let list = format!("{}/data?maxResults=1", lab.table_path(TABLE));
    lab.call(Api::BigQuery, Method::GET, list, None).await?;
    lab.get(TABLE).await?;
    lab.pause_after(lab.now().await?).await
}

/// Whether a table that is deleted and created again has another `creationTime`.
async fn is_another(lab: &Lab) -> Result<bool, Stop> {
    let table = "modified_again";
    lab.table(table, fields("first", None)).await?;
    let first = number(&lab.get(table).await?, "creationTime")?;
    lab.pause_after(lab.now().await?).await?;
    let path = lab.table_path(table);
    let deleted = lab.call(Api::BigQuery, Method::DELETE, path, None).await?;
    if !deleted.is_ok() && deleted.status != 404 {
        return Err(Stop::failed(Shape::of("a table was not deleted").answer(&deleted)));
    }
    lab.table(table, fields("first", None)).await?;
    Ok(number(&lab.get(table).await?, "creationTime")? != first)
}

pub(super) async fn by_every_write(lab: &Lab, tags: &Tags) -> Probed {
    let tag = tags.name("closed")?;
    for table in [TABLE, "modified_source"] {
        lab.table(table, fields("first", None)).await?;
        lab.must_load(table, &rows(3)?).await?;
    }
    let before = time_before(lab).await?;
    read(lab).await?;
    let stays = time_after(lab).await? == before;
    let (mut moved, mut shape) = (0, Shape::default());
    for which in CHANGES {
        let before = time_before(lab).await?;
        change(lab, which, tag).await?;
        match time_after(lab).await? > before {
            true => moved += 1,
            false => shape = shape.and(which).and("does not move it"),
        }
    }
    let is_another = is_another(lab).await?;
    let say = |so, yes, no| if so { yes } else { no };
    let shape = Shape::of("of 7 changes").number(moved, "move it").and_shape(&shape);
    let shape = shape.and(say(stays, "reading does not move it", "reading moves it"));
    let shape = shape.and(say(is_another, "a new table has a new time", "a new table has the old"));
    seen(moved == CHANGES.len() as u64 && stays && is_another, shape)
}

pub(super) async fn before_job_ends(lab: &Lab) -> Probed {
    let table = "job_ends";
    lab.table(table, fields("first", None)).await?;
    let (mut earlier, mut late_ms) = (0, 0);
    for _ in 0..LOADS {
        let job = lab.load_file(table, &rows(3)?).await?;
        if !job.succeeded() {
            return Err(Stop::failed(job.shape()));
        }
        let ended = job.resource.pointer("/statistics/endTime").and_then(Value::as_str);
        let ended: Option<i64> = ended.and_then(|it| it.parse().ok());
        let ended = ended.ok_or_else(|| Stop::failed(Shape::of("a job has no endTime")))?;
        let late = number(&lab.get(table).await?, "lastModifiedTime")? - ended;
        earlier += u64::from(late <= 0);
        late_ms = late_ms.max(late);
    }
    let shape = Shape::of("of 5 load jobs").number(earlier, "end after the time of the table");
    let shape = match u64::try_from(late_ms) {
        Ok(1..) => shape.number(late_ms.unsigned_abs(), "milliseconds too early at most"),
        _ => shape,
    };
    seen(earlier == LOADS, shape)
}

pub(super) async fn patch_answers_it(lab: &Lab) -> Probed {
    let table = "patch_answer";
    lab.table(table, fields("first", None)).await?;
    lab.must_load(table, &rows(3)?).await?;
    lab.pause_after(lab.now().await?).await?;
    let answer = lab.patch(table, &json!({"description": "generated"})).await?;
    let read = lab.get(table).await?;
    let mut shape = Shape::default();
    let mut equal = 0;
    for key in ["lastModifiedTime", "creationTime", "numRows", "numBytes"] {
        match answer.get(key).is_some() && answer.get(key) == read.get(key) {
            true => equal += 1,
            false => shape = shape.and(key).and("differs"),
        }
    }
    seen(equal == 4, Shape::of("of 4 properties").number(equal, "equal").and_shape(&shape))
}
