//! Claims about tagged columns that a query does not read as usual: cached results, and clustering columns.

use landbridge_gcp::raw::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::lab::{Lab, Rows, Who, hidden};
use super::masks::Tags;
use crate::report::{Probed, Shape, Stop, seen};

/// The generated value.
const NOTE: &str = "generated-note";

fn note() -> Value {
    json!([{"name": "note", "type": "STRING", "mode": "NULLABLE"}])
}

/// The number of rows that a query with the cache answers.
fn rows_of(rows: &Rows) -> usize {
    match rows {
        Rows::Read(rows) => rows.len(),
        Rows::Refused(_) => 0,
    }
}

pub(super) async fn ended_by_a_change(lab: &Lab, tags: &Tags) -> Probed {
    let tag = tags.name("closed")?;
    let mut fields = note();
    lab.table("cached", fields.clone()).await?;
    lab.append("cached", &[json!({"note": NOTE})]).await?;
    let sql = format!("SELECT note FROM {}", lab.sql("cached"));
    let first = lab.query_with(Who::Me, &sql, true).await?;
    if first.cell() != Some(NOTE) {
        return Err(Stop::failed(Shape::of("the rows were not read").and_shape(&first.shape())));
    }
    lab.append("cached", &[json!({"note": NOTE})]).await?;
    let rows = rows_of(&lab.query_with(Who::Me, &sql, true).await?);
    fields[0]["policyTags"] = json!({"names": [tag]});
    lab.patch("cached", &json!({"schema": {"fields": fields}})).await?;
    let in_force = async || Ok::<bool, Stop>(lab.query(Who::Me, &sql).await?.is_refused());
    if lab.until(in_force).await?.is_none() {
        return Err(Stop::failed(Shape::of("the tag was not in force when patience ended")));
    }
    let tagged = hidden(&lab.query_with(Who::Me, &sql, true).await?, NOTE);
    let shape = Shape::of("after a second row").number(rows as u64, "rows").and("after a tag");
    seen(rows == 2 && tagged.holds, shape.and_shape(&tagged.shape))
}

pub(super) async fn clustering_column(lab: &Lab, tags: &Tags) -> Probed {
    tags.masked()?;
    let mut fields = note();
    fields[0]["policyTags"] = json!({"names": [tags.name("last4")?]});
    let body = json!({
        "tableReference": lab.reference("clustered"),
        "schema": {"fields": fields},
        "clustering": {"fields": ["note"]},
    });
    let path = lab.project(&format!("/datasets/{}/tables", lab.run.dataset()));
    let made = lab.call(Api::BigQuery, Method::POST, path, Some(&body)).await?;
    if made.status == 400 {
        return seen(true, Shape::of("the table was refused").answer(&made));
    }
    if !made.is_ok() && made.status != 409 {
        return Err(Stop::failed(Shape::of("the table was not created").answer(&made)));
    }
    lab.append("clustered", &[json!({"note": NOTE})]).await?;
    let rows =
        lab.query(Who::Masked, &format!("SELECT note FROM {}", lab.sql("clustered"))).await?;
    seen(rows.is_refused(), Shape::of("a masked reader").and_shape(&rows.shape()))
}
