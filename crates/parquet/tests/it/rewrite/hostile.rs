//! Malformed and forged files: no panic, and bounded memory.

use arrow::array::ListArray;
use arrow::datatypes::Int64Type;
use landbridge_core::ErrorKind;
use parquet::basic::{Compression, Encoding, GzipLevel};
use parquet::file::properties::WriterVersion;
use proptest::prelude::*;

use super::*;

/// Small files of every form, each with columns to copy, to convert, and to make OPTIONAL.
fn files() -> Vec<Bytes> {
    let days: Vec<_> = (0..60).map(|it| format!("2026-01-{:02}", it % 28 + 1)).collect();
    let days: Vec<_> =
        days.iter().enumerate().map(|(at, it)| (at % 7 != 0).then_some(it.as_str())).collect();
    let arrays: Vec<_> = (0..60).map(|it| Some(["{1,2}", "{}", "{3}"][it % 3])).collect();
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        (0..60).map(|it| Some(vec![Some(it); 2])),
    );
    let columns: [(&str, ArrayRef, bool); 5] = [
        ("day", texts(&days), true),
        ("array", texts(&arrays), true),
        ("n", numbers(0..60), true),
        ("list", Arc::new(lists), true),
        ("must", texts(&arrays), false),
    ];
    let mut files = Vec::new();
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for encoding in [None, Some(Encoding::PLAIN), Some(Encoding::DELTA_BYTE_ARRAY)] {
            for codec in [
                Compression::UNCOMPRESSED,
                Compression::GZIP(GzipLevel::default()),
                Compression::SNAPPY,
                Compression::LZ4,
                Compression::ZSTD(Default::default()),
            ] {
                let builder = WriterProperties::builder()
                    .set_writer_version(version)
                    .set_compression(codec)
                    .set_dictionary_enabled(encoding.is_none())
                    .set_max_row_group_row_count(Some(40));
                let builder = match encoding {
                    Some(encoding) => {
                        ["day", "array"].into_iter().fold(builder, |builder, column| {
                            builder.set_column_encoding(column.into(), encoding)
                        })
                    }
                    None => builder,
                };
                files.push(file_of(columns.clone(), builder.build()));
            }
        }
    }
    files
}

fn actions() -> RewritePlan {
    let plan = plan([
        ("day", retype(TargetType::Date)),
        ("array", retype(TargetType::List(Box::new(TargetType::Int64)))),
        ("n", Action::Tokenise { domain: String::new() }),
    ]);
    RewritePlan { relax_required: true, ..plan }
}

/// Rewrites arbitrary bytes. If that succeeds, the output must be a file with as many rows.
fn survive(bytes: Bytes) {
    let mut out = Vec::new();
    let rewriter = rewriter(actions()).with_page_limit(1 << 20);
    if let Ok(report) = rewriter.rewrite(&bytes, "hostile", &mut out, None) {
        assert_eq!(report.bytes_written, out.len() as u64);
        // The checks of the load stage: the footer is valid and adds up.
        let length = out.len() as u64;
        let footer = futures::executor::block_on(landbridge_parquet::Footer::read(
            &Bytes::from(out),
            length,
            "out",
        ));
        assert_eq!(footer.expect("a footer").rows(), report.rows);
    }
}

/// Not a test: writes the seeds of the fuzzer to `$LANDBRIDGE_FUZZ_SEEDS`.
#[test]
#[ignore = "writes seeds for the fuzzer"]
fn seeds() {
    let folder =
        std::env::var_os("LANDBRIDGE_FUZZ_SEEDS").expect("LANDBRIDGE_FUZZ_SEEDS names a folder");
    for (number, file) in files().into_iter().enumerate() {
        let place = std::path::Path::new(&folder).join(format!("{number:02}.parquet"));
        std::fs::write(place, file).expect("written");
    }
}

#[test]
fn truncated_files() {
    for file in files() {
        for length in (0..file.len()).step_by(7) {
            let mut out = Vec::new();
            let result = rewriter(actions()).rewrite(&file.slice(..length), "cut", &mut out, None);
            assert_eq!(result.expect_err("cut short").kind(), ErrorKind::Corrupt, "{length}");
        }
    }
}

#[test]
fn encrypted_files_are_refused() {
    let mut file = files()[0].to_vec();
    let end = file.len();
    file[end - 4..].copy_from_slice(b"PARE");
    let error = rewriter(actions())
        .rewrite(&Bytes::from(file), "cut", Vec::new(), None)
        .expect_err("refused");
    assert_eq!(error.what(), "a Parquet file is encrypted");
}

/// A page that declares a size of 2 GiB exceeds the limit.
#[test]
fn pages_beyond_the_limit_are_refused() {
    let long = "x".repeat(100_000);
    let source = file(
        &[("day", texts(&[Some(&long)]))],
        WriterProperties::builder().set_compression(Compression::SNAPPY).build(),
    );
    let plan = plan([("day", retype(TargetType::Date))]);
    let limited = rewriter(plan.clone()).with_page_limit(50_000);
    let error = limited.rewrite(&source, "large", Vec::new(), None).expect_err("too large");
    assert_eq!(error.what(), "a page of a Parquet file is larger than the page limit");
    // A copied page has no limit.
    rewriter(RewritePlan::default())
        .with_page_limit(50_000)
        .rewrite(&source, "large", Vec::new(), None)
        .expect("copied");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn bytes_that_are_changed(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_the_footer in any::<bool>(),
    ) {
        thread_local! {
            static FILES: Vec<Bytes> = files();
        }
        let file = FILES.with(|files| which.get(files).clone());
        let footer = {
            let end = file.len();
            let length = u32::from_le_bytes(file[end - 8..end - 4].try_into().expect("four bytes"));
            end - 8 - length as usize
        };
        let mut file = file.to_vec();
        let range = if in_the_footer { footer..file.len() } else { 4..footer };
        for (place, byte) in changes {
            let place = range.start + place.index(range.len());
            file[place] = byte;
        }
        survive(file.into());
    }

    #[test]
    fn bytes_that_are_nothing(mut bytes in prop::collection::vec(any::<u8>(), 0..600), end in any::<bool>()) {
        if end && bytes.len() > 20 {
            let at = bytes.len() - 8;
            let length = u32::try_from(at - 4).expect("small");
            bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
            bytes[at + 4..].copy_from_slice(b"PAR1");
        }
        survive(bytes.into());
    }
}
