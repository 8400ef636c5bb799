//! Claims about what a load job makes of Parquet files.

use serde_json::{Value, json};

use super::files::{Column, file};
use super::jobs::rows;
use super::lab::{Job, Lab, Who, field};
use crate::report::{Probed, Shape, Stop, seen};

fn parquet(message: &str, columns: &[Column]) -> Result<Vec<u8>, Stop> {
    file(message, columns).map_err(|_| Stop::failed(Shape::of("a file was not written")))
}

/// Loads a file into a new table with the given fields; the job may fail.
async fn loaded(lab: &Lab, table: &str, fields: Value, bytes: &[u8]) -> Result<Job, Stop> {
    lab.table(table, fields).await?;
    lab.load_file(table, bytes).await
}

/// Loads a file into a table that the job creates, and reads the type of the column `c`.
async fn created_type(lab: &Lab, table: &str, bytes: &[u8]) -> Result<(Job, String), Stop> {
    let id = lab.job_id();
    let uri = lab.put(&format!("{id}.parquet"), bytes).await?;
    let mut load = lab.load(table, &[uri]);
    load["createDisposition"] = json!("CREATE_IF_NEEDED");
    load["writeDisposition"] = json!("WRITE_TRUNCATE");
    let job = lab.run_job(&id, json!({"load": load})).await?;
    if !job.succeeded() {
        return Ok((job, String::new()));
    }
    let table = lab.get(table).await?;
    let name = field(&table, "c").get("type").and_then(Value::as_str).unwrap_or_default();
    Ok((job, name.to_owned()))
}

/// The types that a report may name.
fn type_shape(name: &str) -> Shape {
    const TYPES: [&str; 12] = [
        "STRING",
        "BYTES",
        "INTEGER",
        "FLOAT",
        "NUMERIC",
        "BIGNUMERIC",
        "BOOLEAN",
        "DATE",
        "TIME",
        "DATETIME",
        "TIMESTAMP",
        "RECORD",
    ];
    Shape::of(TYPES.into_iter().find(|it| *it == name).unwrap_or("no type"))
}

/// A job that must fail.
fn must_fail(job: &Job) -> Probed {
    seen(!job.succeeded(), job.shape())
}

pub(super) async fn atomic(lab: &Lab) -> Probed {
    lab.table("atomic", json!([{"name": "n", "type": "INT64"}])).await?;
    lab.must_load("atomic", &rows(3)?).await?;
    let good = lab.put("atomic-a.parquet", &rows(10)?).await?;
    let damaged = lab.put("atomic-b.parquet", b"no Parquet").await?;
    let load = lab.load("atomic", &[good, damaged]);
    let job = lab.run_job(&lab.job_id(), json!({"load": load})).await?;
    let count = lab.count("atomic").await?;
    let shape = job.shape().number(3, "rows before").number(count, "rows after");
    seen(!job.succeeded() && count == 3, shape)
}

pub(super) async fn required_refused(lab: &Lab) -> Probed {
    let bytes = parquet("message m { required int64 n; }", &[Column::Int64(vec![1])])?;
    must_fail(&loaded(lab, "nullable", json!([{"name": "n", "type": "INT64"}]), &bytes).await?)
}

pub(super) async fn missing_column(lab: &Lab) -> Probed {
    let fields = json!([
        {"name": "n", "type": "INT64"}, {"name": "missing", "type": "STRING"},
    ]);
    lab.table("missing_column", fields.clone()).await?;
    let uri = lab.put("missing-column.parquet", &rows(3)?).await?;
    let mut load = lab.load("missing_column", &[uri]);
    load["schema"] = json!({"fields": fields});
    let job = lab.run_job(&lab.job_id(), json!({"load": load})).await?;
    let sql =
        format!("SELECT COUNT(*) = 3 AND COUNT(missing) = 0 FROM {}", lab.sql("missing_column"));
    let null = lab.query(Who::Me, &sql).await?.cell() == Some("true");
    let shape = job.shape().and(if null { "the column is NULL" } else { "the column is not NULL" });
    seen(job.succeeded() && null, shape)
}

pub(super) async fn unknown_column(lab: &Lab) -> Probed {
    let columns = [Column::Int64(vec![1]), Column::Int64(vec![2])];
    let bytes = parquet("message m { optional int64 n; optional int64 more; }", &columns)?;
    must_fail(
        &loaded(lab, "unknown_column", json!([{"name": "n", "type": "INT64"}]), &bytes).await?,
    )
}

pub(super) async fn bare_repeated_leaf(lab: &Lab) -> Probed {
    let message = "message m { repeated int64 n; repeated binary s (STRING); }";
    let columns = [
        Column::Int64Lists(vec![vec![1, 2], Vec::new(), vec![3]]),
        Column::BytesLists(vec![Vec::new(), vec!["a", "b"], vec!["c"]]),
    ];
    let fields = json!([
        {"name": "n", "type": "INT64", "mode": "REPEATED"},
        {"name": "s", "type": "STRING", "mode": "REPEATED"},
    ]);
    let job = loaded(lab, "arrays", fields, &parquet(message, &columns)?).await?;
    let sql = format!(
        "SELECT COUNT(*) = 3 AND SUM(ARRAY_LENGTH(n)) = 3 AND SUM(ARRAY_LENGTH(s)) = 3 FROM {}",
        lab.sql("arrays")
    );
    let equal = lab.query(Who::Me, &sql).await?.cell() == Some("true");
    let shape =
        job.shape().and(if equal { "all elements arrived" } else { "elements are missing" });
    seen(job.succeeded() && equal, shape)
}

/// Whether a file of one column `c` can be loaded into a column of a type.
async fn loads(lab: &Lab, table: &str, ty: &str, bytes: &[u8]) -> Result<bool, Stop> {
    let fields = json!([{"name": "c", "type": ty}]);
    Ok(loaded(lab, table, fields, bytes).await?.succeeded())
}

fn said(shape: Shape, done: bool, loaded: &'static str, refused: &'static str) -> Shape {
    shape.and(if done { loaded } else { refused })
}

pub(super) async fn datetime(lab: &Lab) -> Probed {
    // The first second of year 1, an ordinary one, and the last one of year 9999.
    let values = Column::Int64(vec![
        -62_135_596_800_000_000,
        1_700_000_000_000_000,
        253_402_300_799_000_000,
    ]);
    let message = "message m { optional int64 c (TIMESTAMP(MICROS,false)); }";
    let bytes = parquet(message, &[values])?;
    let datetime = loads(lab, "datetime", "DATETIME", &bytes).await?;
    let timestamp = loads(lab, "datetime_as_timestamp", "TIMESTAMP", &bytes).await?;
    let shape = said(Shape::default(), datetime, "DATETIME loaded", "DATETIME refused");
    let shape = said(shape, timestamp, "TIMESTAMP loaded", "TIMESTAMP refused");
    seen(datetime && !timestamp, shape)
}

pub(super) async fn time(lab: &Lab) -> Probed {
    let message = "message m { optional int64 c (TIME(MICROS,false)); }";
    let bytes = parquet(message, &[Column::Int64(vec![0, 86_399_999_999])])?;
    let loaded = loads(lab, "time", "TIME", &bytes).await?;
    seen(loaded, said(Shape::default(), loaded, "TIME loaded", "TIME refused"))
}

pub(super) async fn timestamp_units(lab: &Lab) -> Probed {
    let millis = parquet(
        "message m { optional int64 c (TIMESTAMP(MILLIS,true)); }",
        &[Column::Int64(vec![1_700_000_000_000])],
    )?;
    let micros = parquet(
        "message m { optional int64 c (TIMESTAMP(MICROS,true)); }",
        &[Column::Int64(vec![1_700_000_000_000_000])],
    )?;
    let nanos = parquet(
        "message m { optional int64 c (TIMESTAMP(NANOS,true)); }",
        &[Column::Int64(vec![1_700_000_000_000_000_000])],
    )?;
    let int96 = parquet("message m { optional int96 c; }", &[Column::Days96(vec![2_460_000])])?;
    let millis = loads(lab, "millis", "TIMESTAMP", &millis).await?;
    let micros = loads(lab, "micros", "TIMESTAMP", &micros).await?;
    let int96 = loads(lab, "int96", "TIMESTAMP", &int96).await?;
    let nanos = loads(lab, "nanos", "TIMESTAMP", &nanos).await?;
    let shape = said(Shape::default(), millis, "milliseconds loaded", "milliseconds refused");
    let shape = said(shape, micros, "microseconds loaded", "microseconds refused");
    let shape = said(shape, int96, "INT96 loaded", "INT96 refused");
    let shape = said(shape, nanos, "nanoseconds loaded", "nanoseconds refused");
    seen(millis && micros && int96 && !nanos, shape)
}

pub(super) async fn decimals(lab: &Lab) -> Probed {
    let (mut holds, mut shape) = (true, Shape::default());
    for (scale, table, wanted) in [(9, "decimal_9", "NUMERIC"), (10, "decimal_10", "BIGNUMERIC")] {
        let message =
            format!("message m {{ optional fixed_len_byte_array(16) c (DECIMAL(38,{scale})); }}");
        let mut value = vec![0; 16];
        value[15] = 42;
        let (job, ty) =
            created_type(lab, table, &parquet(&message, &[Column::Fixed(vec![value])])?).await?;
        holds &= job.succeeded() && ty == wanted;
        shape = shape
            .and(if scale == 9 { "(38,9) is" } else { "(38,10) is" })
            .and_shape(&type_shape(&ty));
    }
    seen(holds, shape)
}

pub(super) async fn no_coercion(lab: &Lab) -> Probed {
    let text =
        parquet("message m { optional binary c (STRING); }", &[Column::Bytes(vec!["2026-11-21"])])?;
    let bytes = parquet("message m { optional binary c; }", &[Column::Bytes(vec!["text"])])?;
    let date = loads(lab, "text_as_date", "DATE", &text).await?;
    let timestamp = loads(lab, "text_as_timestamp", "TIMESTAMP", &text).await?;
    let numeric = loads(lab, "text_as_numeric", "NUMERIC", &text).await?;
    let string = loads(lab, "bytes_as_string", "STRING", &bytes).await?;
    let shape = said(Shape::default(), date, "text for DATE loaded", "text for DATE refused");
    let shape = said(shape, timestamp, "for TIMESTAMP loaded", "for TIMESTAMP refused");
    let shape = said(shape, numeric, "for NUMERIC loaded", "for NUMERIC refused");
    let shape = said(shape, string, "BYTES for STRING loaded", "BYTES for STRING refused");
    seen(!(date || timestamp || numeric || string), shape)
}

pub(super) async fn enum_is_bytes(lab: &Lab) -> Probed {
    let of_enum = parquet("message m { optional binary c (ENUM); }", &[Column::Bytes(vec!["a"])])?;
    let of_json = parquet("message m { optional binary c (JSON); }", &[Column::Bytes(vec!["{}"])])?;
    let (_, of_enum) = created_type(lab, "of_enum", &of_enum).await?;
    let (_, of_json) = created_type(lab, "of_json", &of_json).await?;
    let shape = Shape::of("ENUM is").and_shape(&type_shape(&of_enum));
    let shape = shape.and("JSON is").and_shape(&type_shape(&of_json));
    seen(of_enum == "BYTES" && of_json != "STRING", shape)
}

pub(super) async fn flexible_names(lab: &Lab) -> Probed {
    // Parquet's text form of a schema has no such names, so they are set in the type.
    let (mut taken, mut refused) = (0, true);
    let good = ["이름", "1st", "a b", "a-b&c%d=e+f:g'h<i>j#k|l"];
    for (number, (name, is_good)) in
        good.iter().map(|it| (*it, true)).chain([("값(원)", false)]).enumerate()
    {
        let bytes = super::files::named(name)
            .map_err(|_| Stop::failed(Shape::of("a file was not written")))?;
        let id = lab.job_id();
        let uri = lab.put(&format!("{id}.parquet"), &bytes).await?;
        let mut load = lab.load(&format!("names_{number}"), &[uri]);
        load["createDisposition"] = json!("CREATE_IF_NEEDED");
        load["writeDisposition"] = json!("WRITE_TRUNCATE");
        load["columnNameCharacterMap"] = json!("STRICT");
        let job = lab.run_job(&id, json!({"load": load})).await?;
        match is_good {
            true => taken += u64::from(job.succeeded()),
            false => refused = !job.succeeded(),
        }
    }
    let shape = Shape::of("of 4 flexible names").number(taken, "taken");
    let shape = shape.and(if refused { "the other was refused" } else { "the other was taken" });
    seen(taken == 4 && refused, shape)
}

pub(super) async fn name_rules(lab: &Lab) -> Probed {
    let refused = async |table: &str, fields: Value| {
        let answer = lab.try_table(table, fields).await?;
        Ok::<bool, Stop>(answer.status == 400)
    };
    let one = |name: &str| json!([{"name": name, "type": "INT64"}]);
    let mut reserved = 0;
    let prefixes = [
        "_PARTITION",
        "_TABLE_",
        "_FILE_",
        "_ROW_TIMESTAMP",
        "__ROOT__",
        "_COLIDENTIFIER",
        "_CHANGE_",
    ];
    for (number, prefix) in prefixes.iter().enumerate() {
        let name = format!("{prefix}x");
        reserved += u64::from(refused(&format!("reserved_{number}"), one(&name)).await?);
    }
    let both = json!([{"name": "Same", "type": "INT64"}, {"name": "same", "type": "INT64"}]);
    let same = refused("same_names", both).await?;
    let long = refused("long_name", one(&"n".repeat(301))).await?;
    let longest = lab.table("longest_name", one(&"n".repeat(300))).await.is_ok();
    let shape = Shape::of("of 7 reserved prefixes").number(reserved, "refused");
    let shape = said(shape, same, "equal names refused", "equal names taken");
    let shape = said(shape, long, "301 characters refused", "301 characters taken");
    let shape = said(shape, longest, "300 characters taken", "300 characters refused");
    seen(reserved == 7 && same && long && longest, shape)
}

pub(super) async fn zero_rows(lab: &Lab) -> Probed {
    lab.table("zero_rows", json!([{"name": "n", "type": "INT64"}])).await?;
    lab.must_load("zero_rows", &rows(10)?).await?;
    let job = lab.load_file("zero_rows", &rows(0)?).await?;
    let count = lab.count("zero_rows").await?;
    let shape = job.shape();
    let shape = match job.rows() {
        Some(rows) => shape.number(rows, "outputRows"),
        None => shape.and("no outputRows"),
    };
    seen(
        job.succeeded() && job.rows() == Some(0) && count == 0,
        shape.number(count, "rows in the table"),
    )
}

pub(super) async fn keeps_schema(lab: &Lab) -> Probed {
    let fields = json!([{"name": "n", "type": "INT64", "description": "a generated number"}]);
    lab.table("keeps_schema", fields).await?;
    let schema = |table: &Value| table.pointer("/schema/fields").cloned();
    let before = schema(&lab.get("keeps_schema").await?);
    for _ in 0..2 {
        lab.must_load("keeps_schema", &rows(10)?).await?;
    }
    let after = schema(&lab.get("keeps_schema").await?);
    let count = lab.count("keeps_schema").await?;
    let equal = before == after;
    let shape = Shape::of(if equal { "the schema is equal" } else { "the schema differs" });
    seen(equal && count == 10, shape.number(count, "rows after two loads of 10"))
}

pub(super) async fn keeps_row_access(lab: &Lab) -> Probed {
    lab.table("keeps_rows", json!([{"name": "n", "type": "INT64"}])).await?;
    super::row_access::row_policy(lab, "keeps_rows", "TRUE").await?;
    lab.must_load("keeps_rows", &rows(3)?).await?;
    let policies = super::row_access::row_policies(lab, "keeps_rows").await?;
    seen(
        policies.len() == 1,
        Shape::of("after a load").number(policies.len() as u64, "policies of 1"),
    )
}

/// The most URIs of a job, and one more.
const TOO_MANY: usize = 10_001;

pub(super) async fn objects_per_job(lab: &Lab) -> Probed {
    lab.table("wildcard", json!([{"name": "n", "type": "INT64"}])).await?;
    let mut uris = Vec::new();
    for name in ["many/a.parquet", "many/b/c.parquet", "many/b/d/e"] {
        uris.push(lab.put(name, &rows(1)?).await?);
    }
    let below = format!("gs://{}/{}many/", lab.options.bucket, lab.run.prefix());
    let load = |uris: &[String]| json!({"load": lab.load("wildcard", uris)});
    let all = lab.run_job(&lab.job_id(), load(&[format!("{below}*")])).await?;
    let found = lab.count("wildcard").await?;
    let two = lab.run_job(&lab.job_id(), load(&[format!("{below}*/*")])).await?;
    let many = vec![uris[0].clone(); TOO_MANY];
    let many = lab.run_job(&lab.job_id(), load(&many)).await?;
    let shape = all.shape().number(found, "rows of 3 objects below the prefix");
    let shape = shape.and("two wildcards").and_shape(&two.shape());
    let shape = shape.and("10001 URIs").and_shape(&many.shape());
    seen(all.succeeded() && found == 3 && !two.succeeded() && !many.succeeded(), shape)
}

pub(super) async fn column_order(lab: &Lab) -> Probed {
    let fields = json!([{"name": "a", "type": "INT64"}, {"name": "b", "type": "INT64"}]);
    lab.table("column_order", fields).await?;
    let columns = [Column::Int64(vec![1]), Column::Int64(vec![2])];
    let ab = parquet("message m { optional int64 a; optional int64 b; }", &columns)?;
    let ba = parquet("message m { optional int64 b; optional int64 a; }", &columns)?;
    let job_of = async |folder: &str, second: &[u8]| {
        lab.put(&format!("{folder}/1.parquet"), &ab).await?;
        lab.put(&format!("{folder}/2.parquet"), second).await?;
        let uri = format!("gs://{}/{}{folder}/*", lab.options.bucket, lab.run.prefix());
        lab.run_job(&lab.job_id(), json!({"load": lab.load("column_order", &[uri])})).await
    };
    let (same, exchanged) = (job_of("same", &ab).await?, job_of("exchanged", &ba).await?);
    if !same.succeeded() {
        return Err(Stop::failed(Shape::of("equal files").and_shape(&same.shape())));
    }
    seen(!exchanged.succeeded(), Shape::of("exchanged columns").and_shape(&exchanged.shape()))
}
