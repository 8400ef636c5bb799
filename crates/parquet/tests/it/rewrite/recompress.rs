//! Copied columns that are compressed again: other bytes, the same values.

use arrow::array::{
    BooleanArray, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int32Array, ListArray,
    StringArray, StructArray,
};
use arrow::datatypes::{Field, Int64Type};
use landbridge_core::ErrorKind;
use landbridge_core::rewrite::Recompress;
use landbridge_parquet::rewrite::stream::{self, StreamSettings};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection, RowSelector};
use parquet::basic::{Compression, CompressionCodec, Encoding, GzipLevel, ZstdLevel};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::WriterVersion;
use proptest::prelude::*;

use super::kept::{metadata, rich};
use super::*;

fn recompressing(plan: RewritePlan) -> RewritePlan {
    RewritePlan { recompress: Some(Recompress::default()), ..plan }
}

fn recompressed(source: &Bytes) -> (Bytes, RewriteReport) {
    rewritten(source, recompressing(RewritePlan::default()))
}

/// Values that repeat every `block` rows.
fn table(rows: usize, block: usize, seed: u64) -> Vec<(&'static str, ArrayRef)> {
    let random = |row: usize| {
        let it = (row % block) as u64 + 1;
        it.wrapping_mul(seed | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
    };
    let some = |row: usize| random(row) % 5 != 0;
    let all = || 0..rows;
    let number = |row: usize| some(row).then(|| (random(row) % 4000) as i64);
    let text = |row: usize| some(row).then(|| format!("고객 {} {}", random(row) % 97, row % 13));
    let lists = all().map(|row| {
        some(row).then(|| (0..random(row) % 4).map(|it| some(it as usize).then_some(it as i64)))
    });
    let words: ArrayRef = Arc::new(StringArray::from_iter(all().map(text)));
    let decimals = Decimal128Array::from_iter(all().map(|row| number(row).map(i128::from)));
    let fixed = all().map(|row| number(row).map(|it| [it.to_be_bytes(), [7; 8]].concat()));
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed, 16).expect("16 bytes");
    let point = StructArray::from(vec![(
        Arc::new(Field::new("word", DataType::Utf8, true)),
        words.clone(),
    )]);
    vec![
        ("sorted", numbers((0..rows as i64).map(|it| it / 3 * 7))),
        ("number", Arc::new(Int64Array::from_iter(all().map(number)))),
        (
            "small",
            Arc::new(Int32Array::from_iter(all().map(|row| number(row).map(|it| it as i32 % 9)))),
        ),
        (
            "double",
            Arc::new(Float64Array::from_iter(
                all().map(|row| number(row).map(|it| it as f64 / 8.0)),
            )),
        ),
        (
            "yes",
            Arc::new(BooleanArray::from_iter(all().map(|row| some(row).then_some(row % 3 == 0)))),
        ),
        ("money", Arc::new(decimals.with_precision_and_scale(20, 2).expect("digits"))),
        ("fixed", Arc::new(fixed)),
        ("nothing", Arc::new(Int64Array::from(vec![None; rows]))),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))),
        ("point", Arc::new(point)),
        ("word", words),
    ]
}

/// What must not change: rows, statistics, bounds, encodings but that of a dictionary, and every index.
fn check_same(source: &Bytes, out: &Bytes, report: &RewriteReport) {
    assert_eq!(rows(out), rows(source));
    let (old, new) = (metadata(source), metadata(out));
    assert_eq!(new.file_metadata().key_value_metadata(), old.file_metadata().key_value_metadata());
    assert_eq!(new.file_metadata().schema(), old.file_metadata().schema());
    assert_eq!(new.column_index(), old.column_index());
    assert_eq!(new.num_row_groups(), old.num_row_groups());
    let mut to = 0;
    for (group, (old_group, new_group)) in old.row_groups().iter().zip(new.row_groups()).enumerate()
    {
        for (leaf, (was, is)) in old_group.columns().iter().zip(new_group.columns()).enumerate() {
            assert_eq!(is.statistics(), was.statistics());
            assert_eq!(is.num_values(), was.num_values());
            assert_eq!(is.bloom_filter_length(), was.bloom_filter_length());
            if let (Some(old), Some(new)) = (old.offset_index(), new.offset_index()) {
                let first =
                    |index: &parquet::file::page_index::offset_index::OffsetIndexMetaData| {
                        index
                            .page_locations()
                            .iter()
                            .map(|it| it.first_row_index)
                            .collect::<Vec<_>>()
                    };
                assert_eq!(first(&new[group][leaf]), first(&old[group][leaf]));
            }
            if is.compression_codec() != was.compression_codec() {
                assert_eq!(is.compression_codec(), CompressionCodec::ZSTD);
                to += is.compressed_size().unsigned_abs();
            }
        }
    }
    assert!(report.recompressed_to >= to, "some chunks had the codec already");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_value_and_statistic_stays(
        rows in 1..4000_usize,
        (block, seed) in (1..900_usize, any::<u64>()),
        codec in prop_oneof![
            Just(Compression::UNCOMPRESSED), Just(Compression::SNAPPY), Just(Compression::LZ4_RAW),
            Just(Compression::GZIP(GzipLevel::try_new(1).expect("a level"))),
            Just(Compression::ZSTD(ZstdLevel::default())),
        ],
        (dictionary, second) in (any::<bool>(), any::<bool>()),
        (group, page) in (200..5000_usize, 50..900_usize),
    ) {
        let version = if second { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
        let properties = WriterProperties::builder()
            .set_compression(codec)
            .set_dictionary_enabled(dictionary)
            .set_writer_version(version)
            .set_max_row_group_row_count(Some(group))
            .set_data_page_row_count_limit(page)
            .set_write_batch_size(page)
            .build();
        let source = file(&table(rows, block, seed), properties);
        let (out, report) = recompressed(&source);
        check_same(&source, &out, &report);
        prop_assert_eq!(&recompressed(&source).0, &out, "the same bytes each time");
        let plain = rewritten(&source, RewritePlan::default()).1;
        prop_assert_eq!(report.columns, plain.columns, "the same counts");
        prop_assert!(out.len() <= source.len(), "{} {}", out.len(), source.len());
        if matches!(codec, Compression::ZSTD(_)) {
            prop_assert_eq!(out, source);
        }
    }
}

/// Files for the next test: every codec that is decompressed, both versions of pages.
fn files() -> Vec<Bytes> {
    let codecs = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW];
    let all = codecs.iter().flat_map(|codec| {
        [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0].map(|version| (*codec, version))
    });
    let properties = |(codec, version)| {
        WriterProperties::builder()
            .set_compression(codec)
            .set_writer_version(version)
            .set_data_page_row_count_limit(300)
            .set_write_batch_size(100)
            .build()
    };
    all.map(|it| file(&table(2500, 400, 7), properties(it))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is changed, there is an error or a file with as many rows, and no panic.
    #[test]
    fn bytes_that_are_changed(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        thread_local! {
            static FILES: Vec<Bytes> = files();
        }
        let mut bytes = FILES.with(|files| which.get(files).to_vec());
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let mut out = Vec::new();
        let rewriter = rewriter(recompressing(RewritePlan::default())).with_page_limit(1 << 20);
        if let Ok(report) = rewriter.rewrite(&Bytes::from(bytes), "changed", &mut out, None) {
            let (out, length) = (Bytes::from(out.clone()), out.len() as u64);
            let read = landbridge_parquet::Footer::read(&out, length, "out");
            let footer = futures::executor::block_on(read).expect("a footer");
            prop_assert_eq!((report.bytes_written, report.rows), (length, footer.rows()));
        }
    }
}

#[test]
fn page_indexes_and_bloom_filters_stay_valid() {
    let source = rich();
    let (out, report) = recompressed(&source);
    check_same(&source, &out, &report);
    assert!(report.recompressed_from > report.recompressed_to && report.recompressed_to > 0);
    let new = metadata(&out);
    let mut filters = 0;
    for (group, offsets) in new.row_groups().iter().zip(new.offset_index().expect("an index")) {
        for (chunk, offsets) in group.columns().iter().zip(offsets) {
            let first = offsets.page_locations().first().expect("a page").offset;
            assert_eq!(first, chunk.data_page_offset());
            let filter = parquet::bloom_filter::Sbbf::read_from_column_chunk(chunk, &out);
            let filter = filter.expect("a filter").expect("there is one");
            if chunk.column_path().string() == "word" {
                assert!(filter.check(&"word 7") && !filter.check(&"no word of it"));
                filters += 1;
            }
        }
    }
    assert_eq!(filters, 3);
    // A reader that skips pages by the page index finds the same rows.
    let some = |file: &Bytes| {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options);
        let rows = RowSelection::from(vec![RowSelector::skip(4321), RowSelector::select(2)]);
        let mut reader = reader.expect("a reader").with_row_selection(rows).build().expect("rows");
        reader.next().expect("a batch").expect("rows")
    };
    assert_eq!(some(&out), some(&source));
}

#[test]
fn sorted_numbers_lose_their_dictionary_and_most_of_their_bytes() {
    let ids = || numbers((0..20_000).map(|it| it / 4));
    let gzip = WriterProperties::builder().set_compression(Compression::GZIP(GzipLevel::default()));
    let source = file(&[("id", ids())], gzip.build());
    let (out, report) = recompressed(&source);
    check_same(&source, &out, &report);
    let (old, new) = (metadata(&source), metadata(&out));
    let (old, new) = (old.row_group(0).column(0), new.row_group(0).column(0));
    assert!(old.encodings().any(|it| it == Encoding::RLE_DICTIONARY));
    assert!(new.encodings().all(|it| matches!(it, Encoding::PLAIN | Encoding::RLE)));
    assert_eq!(new.dictionary_page_offset(), None);
    let (from, to) = (report.recompressed_from, report.recompressed_to);
    assert!(to * 2 < from, "{from} bytes become {to}");
}

#[test]
fn what_does_not_become_smaller_by_enough_stays() {
    // Random numbers.
    let mut state = 1_u64;
    let noise = numbers((0..20_000).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state ^ (state >> 29)) as i64
    }));
    let none = WriterProperties::builder().set_dictionary_enabled(false);
    let source = file(&[("noise", noise)], none.build());
    let (out, report) = recompressed(&source);
    assert_eq!((report.recompressed_from, report.recompressed_to), (0, 0));
    assert_eq!(rows(&out), rows(&source));
    assert_eq!(
        metadata(&out).row_group(0).column(0).compression_codec(),
        CompressionCodec::UNCOMPRESSED
    );
    // The price decides: a share of the content must be saved.
    let (dear, report) = rewritten(
        &rich(),
        RewritePlan { recompress: Some(Recompress { min_saving: 1.0 }), ..RewritePlan::default() },
    );
    assert_eq!(report.recompressed_from, 0);
    assert_eq!(rows(&dear), rows(&rich()));
}

#[test]
fn other_actions_work_beside_it() {
    let source = rich();
    let drop = || plan([("id", Action::Drop), ("last", Action::SetNull)]);
    let (out, report) = rewritten(&source, recompressing(drop()));
    assert_eq!(rows(&out), rows(&rewritten(&source, drop()).0));
    assert!(report.recompressed_to > 0);
    // All but the chunks of a few bytes.
    let codecs = metadata(&out);
    let codecs = codecs.row_groups().iter().flat_map(|group| group.columns());
    let squeezed = codecs.filter(|it| it.compression_codec() == CompressionCodec::ZSTD);
    assert!(squeezed.count() > 3, "more than the chunks of NULLs");
    let invalid = RewritePlan {
        compression: landbridge_core::rewrite::Compression::Snappy,
        ..recompressing(RewritePlan::default())
    };
    assert_eq!(Rewriter::new(invalid).expect_err("refused").kind(), ErrorKind::Config);
}

/// The sizes of windows and the order of requests do not decide the bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gives_the_bytes_of_a_file() {
    let source = rich();
    let (expected, _) = recompressed(&source);
    for window_bytes in [3000, 100_000, 8 << 20] {
        let settings = StreamSettings { window_bytes, chunk_bytes: 1000, queued_chunks: 2 };
        let rewriter = rewriter(recompressing(RewritePlan::default()));
        let length = source.len() as u64;
        let mut stream = stream::rewrite(rewriter, source.clone(), length, "test", None, settings);
        let mut out = Vec::new();
        while let Some(bytes) = stream.bytes.recv().await {
            out.extend_from_slice(&bytes);
        }
        stream.report().await.expect("rewritten");
        assert!(out == expected, "{window_bytes}");
    }
}

/// A fault behind the sample is an error; a plain copy passes it on, as before.
#[test]
fn what_cannot_be_decompressed_is_an_error_that_a_copy_does_not_have() {
    let text: Vec<_> = (0..120_000_u64)
        .map(|it| format!("/products/{}/reviews?from={}", it * 104_729 % 50_021, it % 11))
        .collect();
    let text: Vec<_> = text.iter().map(|it| Some(it.as_str())).collect();
    let gzip = WriterProperties::builder()
        .set_compression(Compression::GZIP(GzipLevel::try_new(1).expect("a level")))
        .set_dictionary_enabled(false)
        .build();
    let mut broken = file(&[("text", texts(&text))], gzip).to_vec();
    let chunk = metadata(&Bytes::from(broken.clone())).row_group(0).column(0).byte_range();
    let last = usize::try_from(chunk.0 + chunk.1 - 5).expect("small");
    broken[last] ^= 0xff;
    let broken = Bytes::from(broken);
    let rewriter = rewriter(recompressing(RewritePlan::default()));
    let error = rewriter.rewrite(&broken, "test", Vec::new(), None).expect_err("a wrong checksum");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let mut out = Vec::new();
    rewriter.without_recompression().rewrite(&broken, "test", &mut out, None).expect("copied");
    assert_eq!(Bytes::from(out), broken);
}
