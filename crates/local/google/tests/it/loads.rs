//! Load jobs: dispositions, types, atomicity and job ids.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float32Array, Int32Array, Int64Array,
    StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    UInt64Array,
};
use serde_json::{Value, json};

use crate::cloud::{BUCKET, PROJECT, TestCloud, tag};

fn ids(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn parquet_load(uri: &str, disposition: &str) -> Value {
    json!({
        "sourceUris": [format!("gs://{BUCKET}/{uri}")],
        "sourceFormat": "PARQUET",
        "writeDisposition": disposition,
        "decimalTargetTypes": ["NUMERIC", "BIGNUMERIC", "STRING"],
    })
}

fn job_error(job: &Value) -> String {
    let error = &job["status"]["errorResult"];
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("reason"), text("message")).trim().to_owned()
}

fn people_fields() -> Value {
    json!([
        {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
        {"name": "email", "type": "STRING", "description": "where to write",
         "policyTags": {"names": [tag("email")]}},
        {"name": "gone", "type": "STRING"},
    ])
}

#[tokio::test]
async fn truncations_keep_or_replace_the_schema() {
    let cloud = TestCloud::start().await;
    cloud.create_table("people", people_fields()).await;
    cloud.put_parquet(
        "p/1.parquet",
        vec![("id", ids(&[1, 2])), ("email", texts(&["a@x.kr", "b@x.kr"]))],
    );
    cloud.put_parquet("p/2.parquet", vec![("id", ids(&[3])), ("email", texts(&["c@x.kr"]))]);
    let job = cloud.load("j1", "people", parquet_load("p/*.parquet", "WRITE_TRUNCATE_DATA")).await;
    assert_eq!(job_error(&job), "");
    let load = &job["statistics"]["load"];
    assert_eq!((&load["inputFiles"], &load["outputRows"]), (&json!("2"), &json!("3")));
    let email = |table: Option<Value>| table.expect("a table")["schema"]["fields"][1].clone();
    let email_field = email(cloud.google.table_resource("shop", "people"));
    assert_eq!(email_field["policyTags"]["names"], json!([tag("email")]));
    assert_eq!(email_field["description"], "where to write");
    assert_eq!(
        cloud
            .query("reader", "SELECT id, email, gone FROM shop.people ORDER BY id DESC LIMIT 1")
            .await,
        Ok(vec!["3 | c@x.kr | ∅".to_owned()])
    );
    // WRITE_TRUNCATE replaces the schema by that of the job or the file: the tag is lost.
    let job = cloud.load("j2", "people", parquet_load("p/1.parquet", "WRITE_TRUNCATE")).await;
    assert_eq!(job_error(&job), "");
    let lost = email(cloud.google.table_resource("shop", "people"));
    assert_eq!((&lost["policyTags"], &lost["description"]), (&Value::Null, &Value::Null));
    assert!(
        cloud.query("stranger", "SELECT email FROM shop.people").await.is_ok(),
        "the column is readable without a tag"
    );
}

#[tokio::test]
async fn dispositions_are_enforced() {
    let cloud = TestCloud::start().await;
    cloud.put_parquet("x.parquet", vec![("id", ids(&[1]))]);
    cloud.put_parquet("y.parquet", vec![("id", ids(&[1])), ("more", ids(&[2]))]);
    for (id, table, load, want) in [
        (
            "a",
            "t",
            parquet_load("x.parquet", "WRITE_TRUNCATE_DATA"),
            "notFound Not found: Table p:shop.t",
        ),
        ("b", "t", parquet_load("x.parquet", "WRITE_EMPTY"), ""),
        (
            "c",
            "t",
            parquet_load("x.parquet", "WRITE_EMPTY"),
            "duplicate Already Exists: Table p:shop.t",
        ),
        ("d", "t", parquet_load("x.parquet", "WRITE_APPEND"), ""),
        (
            "e",
            "t",
            parquet_load("y.parquet", "WRITE_TRUNCATE_DATA"),
            "invalid Error while reading data, error message: Provided schema has no field more",
        ),
        (
            "f",
            "t",
            parquet_load("none*", "WRITE_APPEND"),
            "notFound Not found: URI gs://landing/none*",
        ),
    ] {
        let job = cloud.load(id, table, load).await;
        assert!(
            job_error(&job).starts_with(want) && want.is_empty() == job_error(&job).is_empty(),
            "{id}: {}",
            job_error(&job)
        );
    }
    let rows = cloud.google.table_resource("shop", "t").expect("a table")["numRows"].clone();
    assert_eq!(rows, "2", "one row loaded, one appended, none by the failed jobs");
    let mut adds = parquet_load("y.parquet", "WRITE_APPEND");
    adds["schema"] =
        json!({"fields": [{"name": "id", "type": "INT64"}, {"name": "more", "type": "INT64"}]});
    assert!(
        job_error(&cloud.load("g", "t", adds.clone()).await)
            .contains("Cannot add fields (field: more)")
    );
    adds["schemaUpdateOptions"] = json!(["ALLOW_FIELD_ADDITION"]);
    assert_eq!(job_error(&cloud.load("h", "t", adds).await), "");
    assert_eq!(
        cloud.query("reader", "SELECT COUNT(*), COUNT(more) FROM shop.t").await,
        Ok(vec!["3 | 1".to_owned()])
    );
}

/// Loads a column of each Parquet type into each BigQuery type. Only compatible types succeed.
#[tokio::test]
async fn parquet_types_are_not_coerced() {
    let cloud = TestCloud::start().await;
    let micros = TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC");
    let decimal = |precision, scale| -> ArrayRef {
        Arc::new(
            Decimal128Array::from(vec![150])
                .with_precision_and_scale(precision, scale)
                .expect("a decimal"),
        )
    };
    let columns: Vec<(&str, ArrayRef, &[&str])> = vec![
        ("text", texts(&["2026-01-01"]), &["STRING"]),
        ("bytes", Arc::new(BinaryArray::from(vec![&b"x"[..]])), &["BYTES"]),
        ("int32", Arc::new(Int32Array::from(vec![1])), &["INTEGER"]),
        ("uint64", Arc::new(UInt64Array::from(vec![1])), &["INTEGER"]),
        ("float", Arc::new(Float32Array::from(vec![1.0])), &["FLOAT"]),
        ("date", Arc::new(Date32Array::from(vec![1])), &["DATE"]),
        ("micros", Arc::new(micros), &["TIMESTAMP"]),
        // Without a zone: isAdjustedToUTC=false.
        ("clock", Arc::new(TimestampMicrosecondArray::from(vec![1])), &["DATETIME"]),
        // Google's table of conversions has milliseconds, and does not speak of this mark.
        ("millis", Arc::new(TimestampMillisecondArray::from(vec![1])), &["TIMESTAMP"]),
        ("nanos", Arc::new(TimestampNanosecondArray::from(vec![1])), &[]),
        ("money", decimal(20, 0), &["NUMERIC", "BIGNUMERIC"]),
        ("fine", decimal(38, 10), &["BIGNUMERIC"]),
    ];
    let types = [
        "STRING",
        "BYTES",
        "INTEGER",
        "FLOAT",
        "BOOLEAN",
        "DATE",
        "TIMESTAMP",
        "DATETIME",
        "TIME",
        "NUMERIC",
        "BIGNUMERIC",
        "JSON",
    ];
    for (name, column, compatible_types) in columns {
        cloud.put_parquet(&format!("{name}.parquet"), vec![("c", column)]);
        for field_type in types {
            let mut load = parquet_load(&format!("{name}.parquet"), "WRITE_TRUNCATE");
            load["schema"] = json!({"fields": [{"name": "c", "type": field_type}]});
            let job = cloud
                .load(&format!("{name}-{field_type}"), &format!("{name}_{field_type}"), load)
                .await;
            let message = job_error(&job);
            assert_eq!(
                message.is_empty(),
                compatible_types.contains(&field_type),
                "{name} as {field_type}: {message}"
            );
            assert!(
                message.is_empty() || message.contains("'c'"),
                "the error names the column: {message}"
            );
        }
    }
}

#[tokio::test]
async fn type_errors_name_the_column_and_the_file() {
    let cloud = TestCloud::start().await;
    cloud.put_parquet("text.parquet", vec![("c", texts(&["2026-01-01"]))]);
    let mut load = parquet_load("text.parquet", "WRITE_TRUNCATE");
    load["schema"] = json!({"fields": [{"name": "c", "type": "TIMESTAMP"}]});
    assert_eq!(
        job_error(&cloud.load("mismatch", "mismatch", load).await),
        "invalid Error while reading data, error message: Parquet column 'c' has type BYTE_ARRAY \
         which does not match the target cpp_type INT64 of field c (TIMESTAMP). File: \
         gs://landing/text.parquet"
    );
    cloud.put_parquet("big.parquet", vec![("c", Arc::new(UInt64Array::from(vec![u64::MAX])))]);
    assert!(
        job_error(&cloud.load("big", "big", parquet_load("big.parquet", "WRITE_TRUNCATE")).await)
            .contains("outside the range")
    );
}

/// Reported in python-bigquery #557 and #981: the key alone requires the permission.
#[tokio::test]
async fn a_load_job_that_names_policy_tags_requires_set_category() {
    let cloud = TestCloud::start().await;
    cloud.create_table("people", people_fields()).await;
    cloud.put_parquet("n/1.parquet", vec![("id", ids(&[1]))]);
    for (names, want) in [(None, 200), (Some(json!([tag("email")])), 403), (Some(json!([])), 403)] {
        let mut email = json!({"name": "email", "type": "STRING"});
        if let Some(names) = names {
            email["policyTags"] = json!({"names": names});
        }
        let mut load = parquet_load("n/1.parquet", "WRITE_TRUNCATE_DATA");
        load["schema"] =
            json!({"fields": [{"name": "id", "type": "INTEGER", "mode": "REQUIRED"}, email]});
        load["destinationTable"] =
            json!({"projectId": PROJECT, "datasetId": "shop", "tableId": "people"});
        let job = json!({"configuration": {"load": load}});
        let (status, answer) = cloud.request("editor", "POST", "/jobs", job, &[]).await;
        assert_eq!(status, want, "{answer}");
    }
}

/// Reported with this message in java-bigquery #13 and python-bigquery #10.
#[tokio::test]
async fn a_required_column_is_not_loaded_into_a_nullable_one() {
    let cloud = TestCloud::start().await;
    cloud.create_table("people", people_fields()).await;
    let columns = || vec![("id", ids(&[1])), ("gone", texts(&["x"]))];
    cloud.put_required_parquet("r/part-1.parquet", columns());
    let load = parquet_load("r/part-1.parquet", "WRITE_TRUNCATE_DATA");
    assert_eq!(
        job_error(&cloud.load("required", "people", load).await),
        "invalid Error while reading data, error message: Provided schema is not compatible with \
         the file 'part-1.parquet'. Field 'gone' is specified as NULLABLE in provided schema which \
         does not match REQUIRED as specified in the file."
    );
    // A table that the job creates has the modes of the file.
    let load = parquet_load("r/part-1.parquet", "WRITE_TRUNCATE");
    assert_eq!(job_error(&cloud.load("created", "created", load).await), "");
    let created = cloud.google.table_resource("shop", "created").expect("a table");
    assert_eq!(created["schema"]["fields"][0]["mode"], "REQUIRED");
}

#[tokio::test]
async fn a_failed_load_leaves_the_table_unchanged() {
    let cloud = TestCloud::start().await;
    cloud.create_table("people", people_fields()).await;
    cloud.put_parquet("d1/1.parquet", vec![("id", ids(&[1]))]);
    assert_eq!(
        job_error(&cloud.load("d1", "people", parquet_load("d1/*", "WRITE_TRUNCATE_DATA")).await),
        ""
    );
    let before = cloud.google.table_resource("shop", "people");
    cloud.put_parquet("d2/1.parquet", vec![("id", ids(&[7, 8]))]);
    cloud.google.put_object(BUCKET, "d2/2.parquet", b"PAR1 cut short").expect("put");
    let job = cloud.load("d2", "people", parquet_load("d2/*", "WRITE_TRUNCATE_DATA")).await;
    assert!(job_error(&job).contains("not in Parquet format"), "{job}");
    assert_eq!(job["statistics"]["load"], Value::Null);
    // A NULL in a REQUIRED column.
    cloud
        .put_parquet("d3/1.parquet", vec![("id", Arc::new(Int64Array::from(vec![Some(1), None])))]);
    let job = cloud.load("d3", "people", parquet_load("d3/*", "WRITE_TRUNCATE_DATA")).await;
    assert!(job_error(&job).contains("Required field id cannot be null"), "{job}");
    assert_eq!(cloud.google.table_resource("shop", "people"), before);
}

#[tokio::test]
async fn a_job_id_cannot_be_reused() {
    let cloud = TestCloud::start().await;
    cloud.put_parquet("x.parquet", vec![("id", ids(&[1]))]);
    cloud.google.fail_next_job("backendError", "try again");
    assert_eq!(
        job_error(&cloud.load("once", "t", parquet_load("x.parquet", "WRITE_APPEND")).await),
        "backendError try again"
    );
    assert!(cloud.google.table_resource("shop", "t").is_none());
    let repeat = json!({
        "jobReference": {"projectId": "p", "jobId": "once"},
        "configuration": {"load": {
            "sourceUris": ["gs://landing/x.parquet"], "sourceFormat": "PARQUET",
            "destinationTable": {"projectId": "p", "datasetId": "shop", "tableId": "t"},
        }},
    });
    let (status, body) = cloud.request("loader", "POST", "/jobs", repeat, &[]).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (409, &json!("duplicate")));
    assert_eq!(
        job_error(&cloud.load("once-a1", "t", parquet_load("x.parquet", "WRITE_APPEND")).await),
        ""
    );
}

#[tokio::test]
async fn newline_delimited_json_is_loaded() {
    let cloud = TestCloud::start().await;
    cloud
        .create_table(
            "r",
            json!([
                {"name": "id", "type": "INT64"}, {"name": "at", "type": "TIMESTAMP"},
                {"name": "cost", "type": "NUMERIC"}, {"name": "raw", "type": "BYTES"},
                {"name": "tags", "type": "STRING", "mode": "REPEATED"},
                {"name": "place", "type": "RECORD", "fields": [{"name": "city", "type": "STRING"}]},
            ]),
        )
        .await;
    cloud
        .load_rows(
            "r",
            &[json!({
                "id": "7", "at": "2026-07-01T01:00:00Z", "cost": "12.50", "raw": "aGk=",
                "tags": ["a", "b"], "place": {"city": "서울"},
            })],
        )
        .await;
    let rows = cloud.query("reader", "SELECT * FROM shop.r").await.expect("rows");
    assert_eq!(
        rows,
        [
            r#"7 | 2026-07-01 01:00:00 UTC | 12.5 | aGk= | [{"v":"a"},{"v":"b"}] | {"f":[{"v":"서울"}]}"#
        ]
    );
    cloud.google.put_object(BUCKET, "bad.json", b"{\"secret\": \"value\"}").expect("put");
    let job = cloud
        .load(
            "bad",
            "r",
            json!({
                "sourceUris": ["gs://landing/bad.json"], "sourceFormat": "NEWLINE_DELIMITED_JSON",
            }),
        )
        .await;
    assert!(job_error(&job).contains("No such field: secret."), "{job}");
    assert!(!job.to_string().contains("value\""), "the error quotes a cell: {job}");
}

#[tokio::test]
async fn a_null_where_a_json_file_can_have_none_is_refused() {
    let cloud = TestCloud::start().await;
    let fields = json!([
        {"name": "id", "type": "INT64", "mode": "REQUIRED"},
        {"name": "tags", "type": "STRING", "mode": "REPEATED"},
        {"name": "docs", "type": "JSON", "mode": "REPEATED"},
    ]);
    cloud.create_table("r", fields).await;
    for (number, (row, error)) in [
        (
            r#"{"id": 1, "tags": ["a", null]}"#,
            "Only optional fields can be set to NULL. Field: tags; Value: NULL",
        ),
        (r#"{"id": null}"#, "Only optional fields can be set to NULL. Field: id; Value: NULL"),
        (r#"{"tags": []}"#, "Missing required field: id."),
        // `bq load` takes NULL for an empty array (bxparks/bigquery-schema-generator #90).
        (r#"{"id": 1, "tags": null}"#, ""),
        (r#"{"id": 1, "docs": [null, {"a": null}]}"#, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("{number}.json");
        cloud.google.put_object(BUCKET, &file, row.as_bytes()).expect("put");
        let load = json!({
            "sourceUris": [format!("gs://{BUCKET}/{file}")], "sourceFormat": "NEWLINE_DELIMITED_JSON",
        });
        let job = cloud.load(&format!("nulls-{number}"), "r", load).await;
        let message = job_error(&job);
        match error {
            "" => assert_eq!(message, "", "{row}"),
            _ => assert!(message.contains(error), "{row}: {message}"),
        }
    }
}
