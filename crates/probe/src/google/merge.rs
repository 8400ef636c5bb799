//! Claims about statements that change rows of a table with tags: MERGE from files, on which a load of changed rows alone
//! would rest, and DELETE by a column without a tag.

use serde_json::{Value, json};

use super::files::{Column, file};
use super::lab::{Lab, Who};
use super::masks::Tags;
use crate::report::{Probed, Shape, Stop, seen};

/// The target: its key has no tag, and the caller may not read the other column.
const TARGET: &str = "merged";

/// A job that merges the rows of a file by the key, if `condition` is true. The file is a table of this query only.
fn merge(lab: &Lab, uri: &str, condition: &str) -> Value {
    let sql = format!(
        "MERGE {} t USING news s ON t.id = s.id \
         WHEN MATCHED {condition} THEN UPDATE SET note = s.note \
         WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.id, s.note)",
        lab.sql(TARGET)
    );
    json!({"query": {
        "query": sql,
        "useLegacySql": false,
        "tableDefinitions": {"news": {"sourceFormat": "PARQUET", "sourceUris": [uri]}},
    }})
}

pub(super) async fn from_files(lab: &Lab, tags: &Tags) -> Probed {
    let note = json!({
        "name": "note", "type": "STRING", "policyTags": {"names": [tags.name("closed")?]},
    });
    lab.table(TARGET, json!([{"name": "id", "type": "INTEGER"}, note])).await?;
    let row = |id: u64| json!({"id": id, "note": "generated"});
    lab.append(TARGET, &[row(1), row(2)]).await?;
    let message = "message m { optional int64 id; optional binary note (STRING); }";
    let columns = [Column::Int64(vec![2, 3]), Column::Bytes(vec!["changed", "new"])];
    let bytes =
        file(message, &columns).map_err(|_| Stop::failed(Shape::of("a file was not written")))?;
    let uri = lab.put("merged.parquet", &bytes).await?;
    let merged = lab.run_job(&lab.job_id(), merge(lab, &uri, "")).await?;
    let count = |key: &str| -> u64 {
        let path = format!("/statistics/query/dmlStats/{key}");
        let count = merged.resource.pointer(&path).and_then(Value::as_str);
        count.and_then(|it| it.parse().ok()).unwrap_or_default()
    };
    let (updated, inserted) = (count("updatedRowCount"), count("insertedRowCount"));
    let rows = lab.count(TARGET).await?;
    let reading = merge(lab, &uri, "AND t.note IS NOT NULL");
    let reading = lab.run_job(&lab.job_id(), reading).await?;
    let shape = Shape::of("writing a tagged column").and_shape(&merged.shape());
    let shape = shape.number(updated, "updated").number(inserted, "inserted").number(rows, "rows");
    let shape = shape.and("reading it").and_shape(&reading.shape());
    let wrote = merged.succeeded() && (updated, inserted, rows) == (1, 1, 3);
    seen(wrote && !reading.succeeded(), shape)
}

/// Deletes a row by the untagged column, and then tries the tagged one.
pub(super) async fn delete_by_untagged(lab: &Lab, tags: &Tags) -> Probed {
    let note = json!({
        "name": "note", "type": "STRING", "policyTags": {"names": [tags.name("closed")?]},
    });
    lab.table("deleted_rows", json!([{"name": "id", "type": "INTEGER"}, note])).await?;
    let row = |id: u64| json!({"id": id, "note": "generated"});
    lab.append("deleted_rows", &[row(1), row(2)]).await?;
    let table = lab.sql("deleted_rows");
    let by_id = lab.query(Who::Me, &format!("DELETE FROM {table} WHERE id = 1")).await?;
    let rows = lab.count("deleted_rows").await?;
    let by_note = lab.query(Who::Me, &format!("DELETE FROM {table} WHERE note = 'none'")).await?;
    let shape = Shape::of("by an untagged column").and_shape(&by_id.shape());
    let shape = shape.number(rows, "rows of 2 left").and("by a tagged one");
    let holds = !by_id.is_refused() && rows == 1 && by_note.is_refused();
    seen(holds, shape.and_shape(&by_note.shape()))
}
