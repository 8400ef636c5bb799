//! Footers and splices of files that `ArrowWriter` wrote.
#![allow(clippy::unwrap_used)]

mod rewrite;

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use bytes::Bytes;
use landbridge_core::Kind;
use landbridge_core::types::{Annotation, ParquetColumn, Physical};
use landbridge_parquet::{Footer, Splice, empty};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
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
async fn a_footer_tells_rows_and_columns() {
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

#[tokio::test]
async fn an_annotated_column_is_text_and_everything_else_is_the_same_bytes() {
    let input = file(250);
    let footer = footer(&input).await.unwrap();
    let splice = Splice::annotate(&footer, &["grade".to_owned()], "f").unwrap();
    let copied = usize::try_from(splice.copy).unwrap();
    let output: Bytes = [&input[..copied], &splice.tail].concat().into();
    assert_eq!(output.len() as u64, splice.length());
    assert_eq!(splice, Splice::annotate(&footer, &["grade".to_owned()], "f").unwrap());

    let read = |file: Bytes| -> Vec<RecordBatch> {
        ParquetRecordBatchReaderBuilder::try_new(file)
            .unwrap()
            .build()
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let (before, after) = (read(input), read(output.clone()));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        for name in ["id", "name", "amount"] {
            assert_eq!(before.column_by_name(name), after.column_by_name(name), "{name}");
        }
        // The Arrow schema embedded by the writer asks for Binary; Parquet's own annotation is what BigQuery reads.
        let grades =
            arrow::compute::cast(after.column_by_name("grade").unwrap(), &DataType::Utf8).unwrap();
        let expected =
            arrow::compute::cast(before.column_by_name("grade").unwrap(), &DataType::Utf8).unwrap();
        assert_eq!(&grades, &expected);
    }
    let again = Footer::read(&output, output.len() as u64, "g").await.unwrap();
    assert_eq!(again.columns()[1].annotation, Annotation::String);
    assert_eq!(again.rows(), 250);
}

#[tokio::test]
async fn only_bytes_can_become_text() {
    let footer = footer(&file(1)).await.unwrap();
    for column in ["id", "nowhere"] {
        assert_eq!(
            Splice::annotate(&footer, &[column.to_owned()], "f").unwrap_err().kind(),
            Kind::Rejected
        );
    }
}

#[tokio::test]
async fn a_cut_file_is_refused_at_every_length() {
    let whole = file(250);
    for length in (0..whole.len()).step_by(97) {
        let error = footer(&whole.slice(..length)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt, "{length}");
        assert!(error.to_string().contains("s3://b/f.parquet"));
    }
    // Cut in the middle, with the footer still there.
    let end = whole.slice(whole.len() - 2000..);
    assert_eq!(footer(&end).await.unwrap_err().kind(), Kind::Corrupt);
}

#[tokio::test]
async fn a_file_of_no_rows_has_the_columns_asked_for() {
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
    let bytes = empty::no_rows(&columns, "t").unwrap();
    assert_eq!(bytes, empty::no_rows(&columns, "t").unwrap());
    let footer = footer(&bytes).await.unwrap();
    assert_eq!(footer.rows(), 0);
    assert_eq!(footer.columns(), columns);
}
