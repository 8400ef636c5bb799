//! Claims about time travel and row access policies.

use landbridge_gcp::raw::Api;
use reqwest::Method;
use serde_json::{Value, json};

use super::lab::{Lab, Rows, Who, hidden};
use super::masks::Tags;
use super::row_access::{row_policies, row_policy};
use crate::report::{Probed, Shape, Stop, seen};

/// The value of generated rows that were replaced.
const FORMER: &str = "former";

pub(super) async fn list_filter(lab: &Lab) -> Probed {
    let mut equal = 0;
    for (number, filter) in ["TRUE", "true", " (TRUE)"].iter().enumerate() {
        let table = format!("filter_{number}");
        lab.table(&table, json!([{"name": "n", "type": "INT64"}])).await?;
        match row_policy(lab, &table, filter).await {
            Err(stop) if number == 0 => return Err(stop),
            _ => {}
        }
        let returned = row_policies(lab, &table).await?;
        let returned = returned.first().and_then(|it| it.get("filterPredicate"));
        let same = returned.and_then(Value::as_str) == Some(filter);
        if number == 0 && !same {
            return seen(false, Shape::of("TRUE is returned in another form"));
        }
        equal += u64::from(same);
    }
    seen(true, Shape::of("TRUE is returned as it was written").number(equal, "of 3 forms are"))
}

/// A table that has replaced rows, and an instant at which it had them.
async fn replaced(lab: &Lab, table: &str, fields: Value) -> Result<i64, Stop> {
    lab.table(table, fields).await?;
    lab.append(table, &[json!({"note": FORMER})]).await?;
    let moment = lab.moment().await?;
    // By a query, because it replaces rows without a claim about load jobs.
    let sql = format!("TRUNCATE TABLE {}", lab.sql(table));
    match lab.query(Who::Me, &sql).await? {
        Rows::Read(_) => Ok(moment),
        rows => Err(Stop::failed(Shape::of("rows were not replaced").and_shape(&rows.shape()))),
    }
}

fn as_of(lab: &Lab, table: &str, column: &str, moment: i64) -> String {
    format!(
        "SELECT {column} FROM {} FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({moment})",
        lab.sql(table)
    )
}

pub(super) async fn current_tags(lab: &Lab, tags: &Tags) -> Probed {
    let field = json!([{"name": "note", "type": "STRING", "mode": "NULLABLE"}]);
    let moment = replaced(lab, "travel_tags", field.clone()).await?;
    let sql = as_of(lab, "travel_tags", "note", moment);
    if lab.query(Who::Me, &sql).await?.cell() != Some(FORMER) {
        return Err(Stop::failed(Shape::of("former rows cannot be read at all")));
    }
    let mut fields = field;
    fields[0]["policyTags"] = json!({"names": [tags.name("closed")?]});
    lab.patch("travel_tags", &json!({"schema": {"fields": fields}})).await?;
    let in_force =
        async || Ok::<bool, Stop>(lab.query(Who::Me, &sql).await?.cell() != Some(FORMER));
    lab.until(in_force).await?;
    Ok(hidden(&lab.query(Who::Me, &sql).await?, FORMER))
}

pub(super) async fn other_schema(lab: &Lab) -> Probed {
    let fields = json!([{"name": "note", "type": "STRING"}, {"name": "n", "type": "INT64"}]);
    let moment = replaced(lab, "travel_schema", fields).await?;
    let drop = format!("ALTER TABLE {} DROP COLUMN note", lab.sql("travel_schema"));
    if let rows @ Rows::Refused(_) = lab.query(Who::Me, &drop).await? {
        return Err(Stop::failed(Shape::of("the column was not dropped").and_shape(&rows.shape())));
    }
    let rows = lab.query(Who::Me, &as_of(lab, "travel_schema", "note", moment)).await?;
    seen(rows.is_refused(), rows.shape())
}

pub(super) async fn row_access_ends_it(lab: &Lab) -> Probed {
    lab.token(Who::Plain)?;
    let fields = json!([{"name": "note", "type": "STRING"}]);
    let moment = replaced(lab, "travel_policy", fields).await?;
    let sql = as_of(lab, "travel_policy", "note", moment);
    if lab.query(Who::Plain, &sql).await?.cell() != Some(FORMER) {
        return Err(Stop::failed(Shape::of("former rows cannot be read at all")));
    }
    row_policy(lab, "travel_policy", "TRUE").await?;
    let rows = lab.query(Who::Plain, &sql).await?;
    seen(rows.is_refused(), rows.shape())
}

pub(super) async fn window(lab: &Lab) -> Probed {
    let path = lab.project(&format!("/datasets/{}", lab.run.dataset()));
    let mut statuses = Vec::new();
    for hours in ["24", "60", "192", "48"] {
        let body = json!({"maxTimeTravelHours": hours});
        let answer = lab.call(Api::BigQuery, Method::PATCH, path.clone(), Some(&body)).await?;
        statuses.push(answer);
    }
    let [day, no_day, long, least] = statuses.as_slice() else {
        return Err(Stop::failed(Shape::of("no answers")));
    };
    let refused = [day, no_day, long].iter().all(|it| it.status == 400);
    let shape = Shape::of("24 hours").answer(day).and("60 hours").answer(no_day);
    let shape = shape.and("192 hours").answer(long).and("48 hours").answer(least);
    seen(refused && least.is_ok(), shape)
}
