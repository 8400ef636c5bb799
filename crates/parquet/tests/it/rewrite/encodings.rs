//! Conversion of text in every codec and encoding that the `parquet` crate can write.

use arrow::array::StringArray;
use arrow::datatypes::{Field, Schema};
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterPropertiesBuilder, WriterVersion};

use super::*;

fn codecs() -> [Compression; 6] {
    [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ]
}

/// Dates as text: repeated or distinct, with or without NULLs.
fn days(distinct: usize, nulls: bool) -> Vec<Option<String>> {
    (0..7000)
        .map(|row| {
            let day = row * 31 % distinct;
            let text =
                format!("{:04}-{:02}-{:02}", 1000 + day / 300, day / 25 % 12 + 1, day % 25 + 1);
            (!nulls || row % 5 != 0 && row / 1000 != 3).then_some(text)
        })
        .collect()
}

fn stored(days: &[Option<String>], nullable: bool, properties: WriterPropertiesBuilder) -> Bytes {
    let array = Arc::new(StringArray::from(days.to_vec()));
    let schema = Arc::new(Schema::new(vec![Field::new("day", DataType::Utf8, nullable)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![array]).expect("a batch");
    let properties = properties.set_data_page_row_count_limit(1500).set_write_batch_size(500);
    let mut out = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut out, schema, Some(properties.build())).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    out.into()
}

fn check(days: &[Option<String>], nullable: bool, properties: WriterPropertiesBuilder, what: &str) {
    let source = stored(days, nullable, properties);
    let expected: Vec<_> = days.iter().map(|day| day.clone().unwrap_or("∅".to_owned())).collect();
    let (out, report) = rewritten(&source, plan([("day", retype(TargetType::Date))]));
    assert_eq!(shown(&rows(&out), "day"), expected, "{what}");
    assert!(report.columns[0].misfits.is_empty(), "{what}");
    // All pages were read once: some bytes of the chunk are headers.
    let stored = source.len() as u64;
    assert!((stored / 4..=stored).contains(&report.bytes_decoded), "{what}: {report:?}");
    assert!(report.bytes_inflated >= report.bytes_decoded / 2, "{what}: {report:?}");
    assert_eq!(report.bytes_copied, 0, "{what}");
    let (out, _) = rewritten(&source, plan([("day", Action::Tokenise { domain: String::new() })]));
    let token = |day: &Option<String>| match day {
        Some(day) => key().token("", day.as_bytes()),
        None => "∅".to_owned(),
    };
    let tokens: Vec<_> = days.iter().map(token).collect();
    assert_eq!(shown(&rows(&out), "day"), tokens, "{what}");
    assert_eq!(rows(&rewritten(&source, RewritePlan::default()).0), rows(&source), "{what}");
}

#[test]
fn codecs_versions_encodings() {
    let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let encodings = [
        None,
        Some(Encoding::PLAIN),
        Some(Encoding::DELTA_LENGTH_BYTE_ARRAY),
        Some(Encoding::DELTA_BYTE_ARRAY),
    ];
    for codec in codecs() {
        for version in versions {
            for encoding in encodings {
                for nulls in [true, false] {
                    let what = format!("{codec:?} {version:?} {encoding:?} {nulls}");
                    let days = days(if encoding.is_none() { 40 } else { 6000 }, nulls);
                    let mut properties = WriterProperties::builder()
                        .set_compression(codec)
                        .set_writer_version(version);
                    properties = match encoding {
                        None => properties.set_dictionary_enabled(true),
                        Some(encoding) => {
                            properties.set_dictionary_enabled(false).set_encoding(encoding)
                        }
                    };
                    check(&days, nulls, properties, &what);
                }
            }
        }
    }
}

/// A dictionary that becomes too large, so that the rest of the chunk is in PLAIN.
#[test]
fn a_chunk_with_dictionary_and_plain_pages() {
    let properties = WriterProperties::builder()
        .set_dictionary_page_size_limit(2000)
        .set_dictionary_enabled(true);
    check(&days(6000, true), true, properties, "a dictionary that is given up");
}

#[test]
fn delta_encoded_integers_become_tokens() {
    for codec in codecs() {
        let values: Vec<_> =
            (0..5000_i64).map(|it| it.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64)).collect();
        let properties = WriterProperties::builder()
            .set_compression(codec)
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::DELTA_BINARY_PACKED)
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .build();
        let source = file(&[("n", numbers(values.clone()))], properties);
        let (out, _) =
            rewritten(&source, plan([("n", Action::Tokenise { domain: String::new() })]));
        let tokens: Vec<_> =
            values.iter().map(|it| key().token("", it.to_string().as_bytes())).collect();
        assert_eq!(shown(&rows(&out), "n"), tokens);
    }
}

/// The output can have every codec that BigQuery loads.
#[test]
fn codecs_of_the_output() {
    use landbridge_core::rewrite::Compression as Codec;
    let days = days(6000, true);
    let source = stored(&days, true, WriterProperties::builder());
    for compression in [Codec::Zstd, Codec::Snappy, Codec::Lz4Raw, Codec::None] {
        let plan = RewritePlan { compression, ..plan([("day", retype(TargetType::Date))]) };
        let (out, _) = rewritten(&source, plan);
        let expected: Vec<_> =
            days.iter().map(|day| day.clone().unwrap_or("∅".to_owned())).collect();
        assert_eq!(shown(&rows(&out), "day"), expected, "{compression:?}");
    }
}
