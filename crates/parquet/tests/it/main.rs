//! Footers and unchanged copies of files that `ArrowWriter` wrote.
#![allow(clippy::unwrap_used)]

mod rewrite;

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use bytes::Bytes;
use landbridge_core::ErrorKind;
use landbridge_core::rewrite::RewritePlan;
use landbridge_core::types::{Annotation, ParquetColumn, Physical};
use landbridge_parquet::rewrite::rewrite;
use landbridge_parquet::{Footer, empty};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;

fn file(rows: i64) -> Bytes {
    let grade: ArrayRef = Arc::new(BinaryArray::from_iter_values(
        (0..rows).map(|n| if n % 2 == 0 { b"GOLD" } else { b"IRON" }),
    ));
    let amount = Decimal128Array::from_iter_values((0..rows).map(i128::from))
        .with_precision_and_scale(20, 0)
        .unwrap();
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef),
        ("grade", grade),
        ("name", Arc::new(StringArray::from_iter_values((0..rows).map(|n| format!("이름 {n}"))))),
        ("amount", Arc::new(amount)),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::GZIP(GzipLevel::default()))
        .set_max_row_group_row_count(Some(100))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes.into()
}

async fn footer(file: &Bytes) -> landbridge_core::Result<Footer> {
    Footer::read(file, file.len() as u64, "s3://b/f.parquet").await
}

#[tokio::test]
async fn a_footer_has_rows_and_columns() {
    let file = file(250);
    let footer = footer(&file).await.unwrap();
    assert_eq!(footer.rows(), 250);
    let columns: Vec<String> =
        footer.columns().iter().map(|column| format!("{} {column}", column.name)).collect();
    assert_eq!(
        columns,
        [
            "id Int64",
            "grade ByteArray",
            "name ByteArray (String)",
            "amount Fixed(9) (Decimal { precision: 20, scale: 0 })"
        ]
    );
}

#[test]
fn an_unchanged_file_is_copied_byte_for_byte() {
    let input = file(250);
    let mut output = Vec::new();
    let report = rewrite(&input, &mut output, &RewritePlan::default(), None).unwrap();
    assert_eq!(Bytes::from(output), input);
    assert_eq!((report.rows, report.bytes_written), (250, input.len() as u64));
    assert_eq!(report.columns.len(), 4);
    assert!(report.columns.iter().all(|column| column.nulls.is_some()), "by the footer alone");
}

#[tokio::test]
async fn a_truncated_file_is_refused_at_every_length() {
    let whole = file(250);
    for length in (0..whole.len()).step_by(97) {
        let error = footer(&whole.slice(..length)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{length}");
        assert!(error.to_string().contains("s3://b/f.parquet"));
    }
    // Bytes are missing in the middle, and the footer is present.
    let end = whole.slice(whole.len() - 2000..);
    assert_eq!(footer(&end).await.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_file_without_rows_has_the_requested_columns() {
    let column = |name: &str, physical, annotation| ParquetColumn {
        name: name.into(),
        physical,
        annotation,
    };
    let columns = [
        column("a", Physical::Int32, Annotation::Int { bits: 16, signed: true }),
        column("b", Physical::Fixed(9), Annotation::Decimal { precision: 20, scale: 0 }),
        column("c", Physical::ByteArray, Annotation::None),
        column("d", Physical::ByteArray, Annotation::String),
        column("e", Physical::Int64, Annotation::TimestampMicros),
        column("f", Physical::Int32, Annotation::Decimal { precision: 9, scale: 2 }),
    ];
    let bytes = empty::empty_file(&columns, "t").unwrap();
    assert_eq!(bytes, empty::empty_file(&columns, "t").unwrap());
    let footer = footer(&bytes).await.unwrap();
    assert_eq!(footer.rows(), 0);
    assert_eq!(footer.columns(), columns);
}
