//! Claims about partitions by day, on which the history of tables rests.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::jobs::rows;
use super::lab::{Lab, Who};
use crate::report::{Probed, Shape, Stop, seen};

/// The table with partitions.
const TABLE: &str = "one_partition";

/// Loads two partitions, then one of them again.
pub(super) async fn one_partition(lab: &Lab) -> Probed {
    lab.day_table(TABLE, json!([{"name": "n", "type": "INT64"}])).await?;
    let now = Timestamp::from_microsecond(lab.now().await?)
        .map_err(|_| Stop::failed(Shape::of("the time is out of range")))?;
    let today = now.to_zoned(TimeZone::UTC).date();
    let before = today.yesterday().unwrap_or(today);
    for (day, count) in [(before, 3), (today, 4), (today, 5)] {
        let id = lab.job_id();
        let uri = lab.put(&format!("{id}.parquet"), &rows(count)?).await?;
        let load = lab.load(&format!("{TABLE}${}", day.strftime("%Y%m%d")), &[uri]);
        let job = lab.run_job(&id, json!({"load": load})).await?;
        if !job.succeeded() {
            return seen(false, job.shape());
        }
    }
    let of_day = |day: jiff::civil::Date| format!("COUNTIF(_PARTITIONDATE = DATE '{day}')");
    let sql = format!(
        "SELECT FORMAT('%d %d %d', COUNT(*), {}, {}) FROM {}",
        of_day(before),
        of_day(today),
        lab.sql(TABLE)
    );
    let counted = lab.query(Who::Me, &sql).await?;
    let view = lab.sql("INFORMATION_SCHEMA").replace(".INFORMATION_SCHEMA`", "`");
    let sql = format!(
        "SELECT STRING_AGG(CAST(total_rows AS STRING), ' ' ORDER BY partition_id) FROM {view}.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = '{TABLE}'"
    );
    let reported = lab.query(Who::Me, &sql).await?;
    let holds = counted.cell() == Some("8 3 5") && reported.cell() == Some("3 5");
    let shape = match holds {
        true => Shape::of("the other partition and the metadata are as expected"),
        false => Shape::of("the partitions differ").and_shape(&counted.shape()),
    };
    seen(holds, shape)
}
