//! The claim about the messages of refused load jobs. It shows how many have a form that Landbridge recognises, and no message.

use landbridge_gcp::raw::known_refusal;
use serde_json::{Value, json};

use super::files::{Column, file};
use super::jobs::rows;
use super::lab::Lab;
use crate::report::{Probed, Shape, Stop, seen};

/// The first microsecond of the year 10000, which no TIMESTAMP holds.
const YEAR_10000: i64 = 253_402_300_800_000_000;

/// A job that must be refused: the table's column, the job's schema, and the file.
struct Case {
    table: Value,
    schema: Option<Value>,
    file: Vec<u8>,
    adds_fields: bool,
}

fn column(ty: &str, mode: &str) -> Value {
    json!({"name": "n", "type": ty, "mode": mode})
}

fn cases() -> Result<Vec<Case>, Stop> {
    let parquet = |message, values| {
        file(message, &[Column::Int64(values)])
            .map_err(|_| Stop::failed(Shape::of("a file was not written")))
    };
    let number = column("INTEGER", "NULLABLE");
    let added = |mode| json!({"name": "added", "type": "INTEGER", "mode": mode});
    let by_schema = |schema: Value, adds_fields| {
        Ok::<Case, Stop>(Case {
            table: json!([number]),
            schema: Some(schema),
            file: rows(1)?,
            adds_fields,
        })
    };
    let by_file = |ty, file| Case {
        table: json!([column(ty, "NULLABLE")]),
        schema: None,
        file,
        adds_fields: false,
    };
    let required = parquet("message m { required int64 n; }", vec![1])?;
    let late =
        parquet("message m { optional int64 n (TIMESTAMP(MICROS,true)); }", vec![YEAR_10000]);
    Ok(vec![
        by_schema(json!([column("STRING", "NULLABLE")]), false)?,
        by_schema(json!([column("INTEGER", "REQUIRED")]), false)?,
        by_schema(json!([number, added("NULLABLE")]), false)?,
        by_schema(json!([number, added("REQUIRED")]), true)?,
        by_file("STRING", rows(1)?),
        by_file("INTEGER", required),
        by_file("TIMESTAMP", late?),
    ])
}

pub(super) async fn known_forms(lab: &Lab) -> Probed {
    let (mut refused, mut known) = (0, 0);
    for (number, case) in cases()?.into_iter().enumerate() {
        let table = format!("refusal_{number}");
        lab.table(&table, case.table).await?;
        let uri = lab.put(&format!("{table}.parquet"), &case.file).await?;
        let mut load = lab.load(&table, &[uri]);
        load["writeDisposition"] = json!("WRITE_APPEND");
        if let Some(schema) = case.schema {
            load["schema"] = json!({"fields": schema});
        }
        if case.adds_fields {
            load["schemaUpdateOptions"] = json!(["ALLOW_FIELD_ADDITION"]);
        }
        let job = lab.run_job(&lab.job_id(), json!({"load": load})).await?;
        refused += u64::from(!job.succeeded());
        known += u64::from(!job.succeeded() && known_refusal(&job.message).is_some());
    }
    if refused == 0 {
        return Err(Stop::failed(Shape::of("no job was refused")));
    }
    let shape = Shape::of("of 7 jobs").number(refused, "refused");
    seen(known == refused, shape.number(known, "messages in a known form"))
}
