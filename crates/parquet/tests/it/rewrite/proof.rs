//! The figures of columns, compared with the figures of texts that are written here by hand.

use std::collections::BTreeMap;

use arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int32Array, ListArray, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray,
    UInt32Array,
};
use arrow::datatypes::Int64Type;
use landbridge_core::config::Mask;
use landbridge_core::proof::farm::fingerprint;
use landbridge_core::proof::rows::RowSet;
use landbridge_core::proof::{ColumnProof, Figures};
use landbridge_core::rewrite::{Decimal, Recompress};
use landbridge_parquet::rewrite::ProofPlan;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterPropertiesBuilder, WriterVersion};

use super::*;

const ROWS: usize = 3000;

/// A column, and the canonical text of each of its values.
type Column = (&'static str, ArrayRef, Vec<Option<String>>);

/// Every seventh value is NULL; values repeat after `distinct`.
fn values<T>(distinct: usize, value: impl Fn(i64) -> T) -> Vec<Option<T>> {
    (0..ROWS).map(|row| (row % 7 != 3).then(|| value((row % distinct) as i64))).collect()
}

fn texts_of<T>(values: &[Option<T>], text: impl Fn(&T) -> String) -> Vec<Option<String>> {
    values.iter().map(|value| value.as_ref().map(&text)).collect()
}

fn columns(distinct: usize) -> Vec<Column> {
    let plain = |value: &i64| value.to_string();
    let numbers = values(distinct, |n| n * 1_000_003 - 77);
    let small = values(distinct, |n| (n - 5) as i32);
    let unsigned = values(distinct, |n| u32::MAX - n as u32);
    let truths = values(distinct, |n| n % 3 == 0);
    let doubles = values(distinct, |n| n as f64 / 8.0);
    let floats = values(distinct, |n| n as f32 / 8.0);
    let words = values(distinct, |n| format!("고객 {n}"));
    let bytes = values(distinct, |n| vec![0, n as u8, 255]);
    let days = values(distinct, |n| n as i32 - 800);
    let instants = values(distinct, |n| n * 999_999_937 - 5);
    let millis = values(distinct, |n| n * 1_000_003 - 5);
    let money = values(distinct, |n| i128::from(n * 125 - 300));
    let huge = values(distinct, |n| i128::from(n) * 10_i128.pow(30) - 1);
    let eighths = |eighths: i64| match eighths {
        0 => "0".to_owned(),
        // The whole part, and the fraction in units of 2^-62.
        _ => format!("{}:{}", eighths / 8, (eighths % 8) << 59),
    };
    let index = values(distinct, |n| n);
    let cents = |value: &i128| {
        let text = format!("{:03}", value.unsigned_abs());
        let (whole, fraction) = text.split_at(text.len() - 2);
        let fraction = fraction.trim_end_matches('0');
        let sign = if *value < 0 { "-" } else { "" };
        match fraction {
            "" => format!("{sign}{whole}"),
            fraction => format!("{sign}{whole}.{fraction}"),
        }
    };
    let decimal = |values: &[Option<i128>], precision, scale| {
        let array = Decimal128Array::from(values.to_vec());
        array.with_precision_and_scale(precision, scale).expect("a decimal")
    };
    vec![
        ("number", Arc::new(Int64Array::from(numbers.clone())), texts_of(&numbers, plain)),
        ("small", Arc::new(Int32Array::from(small.clone())), texts_of(&small, i32::to_string)),
        (
            "unsigned",
            Arc::new(UInt32Array::from(unsigned.clone())),
            texts_of(&unsigned, u32::to_string),
        ),
        ("truth", Arc::new(BooleanArray::from(truths.clone())), texts_of(&truths, bool::to_string)),
        ("double", Arc::new(Float64Array::from(doubles)), texts_of(&index, |n| eighths(*n))),
        ("float", Arc::new(Float32Array::from(floats)), texts_of(&index, |n| eighths(*n))),
        ("word", Arc::new(StringArray::from(words.clone())), words),
        (
            "bytes",
            Arc::new(BinaryArray::from_iter(bytes.iter().map(Option::as_ref))),
            // The text of BYTES are the bytes; these are no UTF-8, so see `expected`.
            texts_of(&bytes, |bytes| bytes.iter().map(|it| char::from(*it)).collect()),
        ),
        ("day", Arc::new(Date32Array::from(days.clone())), texts_of(&days, i32::to_string)),
        (
            "instant",
            Arc::new(TimestampMicrosecondArray::from(instants.clone()).with_timezone("UTC")),
            texts_of(&instants, plain),
        ),
        (
            "millis",
            Arc::new(TimestampMillisecondArray::from(millis.clone()).with_timezone("UTC")),
            texts_of(&millis, |millis| (millis * 1000).to_string()),
        ),
        ("cents", Arc::new(decimal(&money, 8, 2)), texts_of(&money, cents)),
        ("money", Arc::new(decimal(&money, 15, 2)), texts_of(&money, cents)),
        ("long", Arc::new(decimal(&money, 30, 2)), texts_of(&money, cents)),
        ("huge", Arc::new(decimal(&huge, 38, 0)), texts_of(&huge, i128::to_string)),
    ]
}

/// The figures of texts, without a total.
fn expected(column: &str, texts: &[Option<String>]) -> Figures {
    let mut figures = Figures::none(None);
    for text in texts.iter().flatten() {
        let bytes: Vec<u8> = match column {
            "bytes" => text.chars().map(|it| it as u8).collect(),
            _ => text.clone().into_bytes(),
        };
        figures.add(fingerprint(&bytes));
    }
    figures
}

fn proven(source: &Bytes, plan: RewritePlan, proof: ProofPlan) -> (Bytes, RewriteReport) {
    let mut out = Vec::new();
    let rewriter = rewriter(plan).with_proof(proof);
    let report = rewriter.rewrite(source, "test", &mut out, None).expect("rewritten");
    (out.into(), report)
}

fn kept() -> ProofPlan {
    ProofPlan { kept: true, ..ProofPlan::default() }
}

fn proof<'a>(report: &'a RewriteReport, column: &str) -> Option<&'a ColumnProof> {
    let found = report.columns.iter().find(|it| it.name == column);
    found.expect("the column").proof.as_ref()
}

fn without_total(proof: &ColumnProof) -> Figures {
    Figures { total: None, ..proof.plain }
}

fn check(properties: WriterPropertiesBuilder, distinct: usize, what: &str) {
    let columns = columns(distinct);
    let arrays: Vec<_> = columns.iter().map(|(name, array, _)| (*name, array.clone())).collect();
    let properties = properties
        .set_max_row_group_row_count(Some(1700))
        .set_data_page_row_count_limit(400)
        .set_write_batch_size(100)
        .build();
    let source = file(&arrays, properties);
    let recompressed =
        RewritePlan { recompress: Some(Recompress::default()), ..RewritePlan::default() };
    // The file as it is, one that loses a column, and one whose columns are compressed again.
    for plan in [RewritePlan::default(), plan([("small", Action::Drop)]), recompressed] {
        let (out, report) = proven(&source, plan.clone(), kept());
        let (without, _) = rewritten(&source, plan);
        assert_eq!(out, without, "{what}: the output is the same");
        for (name, _, texts) in &columns {
            if !report.columns.iter().any(|it| it.name == *name) {
                continue;
            }
            let proof = proof(&report, name);
            let proof = proof.unwrap_or_else(|| panic!("{what}: no figures of {name}"));
            assert_eq!(without_total(proof), expected(name, texts), "{what}: {name}");
        }
    }
}

#[test]
fn kept_columns_in_every_codec_and_encoding() {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ];
    for codec in codecs {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for distinct in [20, 3000] {
                let properties = || {
                    WriterProperties::builder().set_compression(codec).set_writer_version(version)
                };
                let what = format!("{codec:?} {version:?} {distinct}");
                check(properties().set_dictionary_enabled(true), distinct, &what);
                // Version 2 without a dictionary uses the DELTA encodings, and RLE for booleans.
                check(properties().set_dictionary_enabled(false), distinct, &what);
            }
        }
    }
}

#[test]
fn a_chunk_with_dictionary_and_plain_pages_has_figures() {
    let properties = WriterProperties::builder().set_dictionary_page_size_limit(2000);
    check(properties, 3000, "a dictionary that is given up");
}

#[test]
fn exact_sums_of_numbers() {
    let columns = columns(20);
    let arrays: Vec<_> = columns.iter().map(|(name, array, _)| (*name, array.clone())).collect();
    let source = file(&arrays, WriterProperties::default());
    let (_, report) = proven(&source, RewritePlan::default(), kept());
    let total = |name| proof(&report, name).and_then(|it| it.plain.total).map(|it| it.text());
    let sum: i64 = values(20, |n| n * 1_000_003 - 77).into_iter().flatten().sum();
    assert_eq!(total("number"), Some(sum.to_string()));
    let cents: i64 = values(20, |n| n * 125 - 300).into_iter().flatten().sum();
    let units = cents.to_string();
    let money = format!("{}.{}", &units[..units.len() - 2], &units[units.len() - 2..]);
    let money = money.trim_end_matches('0').trim_end_matches('.').to_owned();
    for name in ["cents", "money", "long"] {
        assert_eq!(total(name), Some(money.clone()), "{name}");
    }
    // Of 38 digits before the point, ten thousand values can overflow a BIGNUMERIC.
    assert_eq!(total("huge"), None);
    for name in ["truth", "double", "word", "day", "instant"] {
        assert_eq!(total(name), None, "{name}");
    }
}

#[test]
fn converted_columns_have_the_figures_of_what_is_written() {
    let rows = 2500;
    let text = |value: &dyn Fn(usize) -> String| {
        let values = (0..rows).map(|row| (row % 5 != 0).then(|| value(row)));
        Arc::new(StringArray::from_iter(values)) as ArrayRef
    };
    let day = |row: usize| format!("1970-01-{:02}", row % 28 + 1);
    let money = |row: usize| format!("{row}.50");
    let source = file(
        &[
            ("day", text(&day)),
            ("odd", text(&|row| if row % 2 == 0 { day(row) } else { "no date".to_owned() })),
            ("at", text(&|row| format!("1970-01-01 00:00:00.{row:06}"))),
            ("clock", text(&|row| format!("00:00:00.{row:06}"))),
            ("money", text(&money)),
            ("long", text(&money)),
            ("truth", text(&|row| (if row % 2 == 0 { "t" } else { "f" }).to_owned())),
            ("token", text(&|row| format!("account {row}"))),
            ("tags", text(&|row| format!("{{{row},\"a b\"}}"))),
            ("gone", text(&day)),
            ("null", text(&day)),
        ],
        WriterProperties::default(),
    );
    let numeric = |precision| TargetType::Numeric(Decimal { precision, scale: 2 });
    let plan = plan([
        ("day", retype(TargetType::Date)),
        ("odd", retype(TargetType::Date)),
        ("at", retype(TargetType::Timestamp)),
        ("clock", retype(TargetType::Time)),
        ("money", retype(numeric(12))),
        ("long", retype(numeric(30))),
        ("truth", retype(TargetType::Bool)),
        ("token", Action::Tokenise { domain: String::new() }),
        ("tags", retype(TargetType::List(Box::new(TargetType::Text)))),
        ("gone", Action::Drop),
        ("null", Action::SetNull),
    ]);
    // Also without the kept columns: these are not kept.
    let (_, report) = proven(&source, plan, ProofPlan::default());
    let present = || (0..rows).filter(|row| row % 5 != 0);
    let dates = |keep: &dyn Fn(usize) -> bool| {
        present().filter(|row| keep(*row)).map(|row| Some((row % 28).to_string())).collect()
    };
    let key = key();
    let cases: Vec<(&str, Vec<Option<String>>)> = vec![
        ("day", dates(&|_| true)),
        ("odd", dates(&|row| row % 2 == 0)),
        ("at", present().map(|row| Some(row.to_string())).collect()),
        ("clock", present().map(|row| Some(row.to_string())).collect()),
        ("money", present().map(|row| Some(format!("{row}.5"))).collect()),
        ("long", present().map(|row| Some(format!("{row}.5"))).collect()),
        ("truth", present().map(|row| Some((row % 2 == 0).to_string())).collect()),
        (
            "token",
            present().map(|row| Some(key.token("", format!("account {row}").as_bytes()))).collect(),
        ),
        // A NULL array is empty in BigQuery.
        (
            "tags",
            (0..rows)
                .map(|row| match (row % 5, row.to_string()) {
                    (0, _) => Some(String::new()),
                    (_, text) => Some(format!("{}:{text}3:a b", text.len())),
                })
                .collect(),
        ),
        ("null", Vec::new()),
    ];
    for (name, texts) in cases {
        let proof = proof(&report, name).unwrap_or_else(|| panic!("no figures of {name}"));
        assert_eq!(without_total(proof), expected(name, &texts), "{name}");
    }
    let total = proof(&report, "money").and_then(|it| it.plain.total).expect("a total").text();
    let sum: usize = present().sum();
    assert_eq!(total, (sum + present().count() / 2).to_string());
}

#[test]
fn what_a_mask_shows_has_figures_of_its_own() {
    let mails: Vec<_> = (0..500).map(|row| format!("person{}@example.com", row % 50)).collect();
    let mails: Vec<_> = mails.iter().map(|it| Some(it.as_str())).collect();
    let mut unclear = mails.clone();
    unclear[7] = Some("a@b");
    let source = file(
        &[("mail", texts(&mails)), ("unclear", texts(&unclear)), ("phone", texts(&mails))],
        WriterProperties::default(),
    );
    let masks =
        [("mail", Mask::EmailMask), ("unclear", Mask::EmailMask), ("phone", Mask::AlwaysNull)];
    let masks = masks.map(|(name, mask)| (name.to_owned(), mask)).into_iter().collect();
    let (_, report) = proven(
        &source,
        RewritePlan::default(),
        ProofPlan { kept: true, masks, ..ProofPlan::default() },
    );
    let shown = vec![Some("XXXXX@example.com".to_owned()); 500];
    let masked = proof(&report, "mail").expect("figures").masked.expect("masked figures");
    assert_eq!((masked.mask, masked.figures), (Mask::EmailMask, expected("mail", &shown)));
    for name in ["unclear", "phone"] {
        let proof = proof(&report, name).expect("figures");
        assert_eq!((proof.plain.count, proof.masked), (500, None), "{name}");
    }
}

/// The fingerprint of rows of texts, by a computation of its own.
fn rows_of(columns: &[&[Option<String>]]) -> Figures {
    let mut figures = Figures::none(None);
    for row in 0..ROWS {
        let numbers = columns.chunks(64).map(|block| {
            let cells = block.iter().enumerate();
            let number = cells.fold(0, |number, (place, column)| {
                let hash = column[row].as_ref().map_or(0, |text| fingerprint(text.as_bytes()));
                number ^ hash.rotate_left(place as u32)
            });
            number.cast_signed().to_string()
        });
        figures.add(fingerprint(numbers.collect::<Vec<_>>().join(":").as_bytes()));
    }
    figures
}

#[test]
fn rows_have_fingerprints_of_what_each_kind_of_reader_sees() {
    let mails = values(40, |n| format!("p{n}@example.com"));
    let days = values(3000, |n| format!("1970-01-{:02}", n % 28 + 1));
    let all: Vec<_> = columns(3000).into_iter().filter(|it| it.0 != "bytes").collect();
    let mut arrays: Vec<_> = all.iter().map(|(name, array, _)| (*name, array.clone())).collect();
    arrays.push(("mail", Arc::new(StringArray::from(mails.clone()))));
    arrays.push(("secret", Arc::new(StringArray::from(days.clone()))));
    arrays.push(("gone", Arc::new(StringArray::from(days.clone()))));
    let columns = all.iter().map(|(name, _, texts)| (*name, texts.clone()));
    let mut columns: BTreeMap<&str, Vec<Option<String>>> = columns.collect();
    columns.insert("mail", mails);
    let number = |day: &String| (day[8..].parse::<i32>().expect("a day") - 1).to_string();
    columns.insert("secret", texts_of(&days, number));
    columns.insert("gone", vec![None; ROWS]);
    let shown: Vec<_> = columns["mail"]
        .iter()
        .map(|it| it.as_ref().map(|_| "XXXXX@example.com".to_owned()))
        .collect();
    let nothing = vec![None; ROWS];
    let classed = ["mail", "secret"];
    let of = |seen: &dyn Fn(&str) -> Option<Vec<Option<String>>>| {
        let cells = columns.iter().map(|(name, texts)| match classed.contains(name) {
            true => seen(name).unwrap_or_else(|| nothing.clone()),
            false => texts.clone(),
        });
        let cells: Vec<_> = cells.collect();
        rows_of(&cells.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let expected = [
        (RowSet::Open, of(&|_| None)),
        (RowSet::Shown, of(&|name| (name == "mail").then(|| shown.clone()))),
        (RowSet::All, of(&|name| Some(columns[name].clone()))),
    ];
    let open = columns.keys().filter(|it| !classed.contains(it)).map(|it| (*it).to_owned());
    let proof = ProofPlan {
        kept: true,
        masks: [("mail".to_owned(), Mask::EmailMask)].into(),
        open: open.collect(),
        ..ProofPlan::default()
    };
    let properties = || WriterProperties::builder().set_max_row_group_row_count(Some(1700));
    let convert = || plan([("secret", retype(TargetType::Date)), ("gone", Action::SetNull)]);
    for dictionary in [true, false] {
        let source = file(&arrays, properties().set_dictionary_enabled(dictionary).build());
        let (_, report) = proven(&source, convert(), proof.clone());
        let found = report.row_proofs.iter().map(|(set, it)| (*set, it.figures));
        assert_eq!(found.collect::<Vec<_>>(), expected, "dictionary: {dictionary}");
        // In parts.
        let rewriter = rewriter(convert()).with_proof(proof.clone());
        let part = |groups: &[usize]| {
            let mut out = Vec::new();
            rewriter.rewrite(&source, "test", &mut out, Some(groups)).expect("rewritten")
        };
        let mut parts = part(&[1]);
        parts.merge(part(&[0])).expect("the same columns");
        assert_eq!(parts.row_proofs, report.row_proofs);
        // A file that is copied as a whole.
        let (_, copied) = proven(&source, RewritePlan::default(), proof.clone());
        assert_eq!(copied.row_proofs.len(), 3);
        assert_ne!(copied.row_proofs, report.row_proofs, "other values");
    }
    // A row group that needs more memory has none: 1,700 rows of three sets with one number each.
    let source = file(&arrays, properties().build());
    for (row_memory, sets) in [(1700 * 3 * 8, 3), (1700 * 3 * 8 - 1, 0)] {
        let (_, report) = proven(&source, convert(), ProofPlan { row_memory, ..proof.clone() });
        assert_eq!(report.row_proofs.len(), sets, "{row_memory}");
    }
    // Without the figures of one column, rows have none.
    let lists =
        ListArray::from_iter_primitive::<Int64Type, _, _>((0..ROWS).map(|_| Some([Some(1)])));
    arrays.push(("list", Arc::new(lists)));
    let (_, report) = proven(&file(&arrays, properties().build()), convert(), proof.clone());
    assert_eq!(report.row_proofs, BTreeMap::new());
    assert!(self::proof(&report, "mail").is_some());
    // On a day without figures of copied columns, likewise.
    let proof = ProofPlan { kept: false, ..proof };
    let (_, report) =
        proven(&file(&arrays[..3], properties().build()), RewritePlan::default(), proof);
    assert_eq!(report.row_proofs, BTreeMap::new());
}

/// Figures of an earlier day hold where the bytes are the same, and only there.
#[test]
fn figures_of_the_same_bytes_are_taken_over() {
    let of = |distinct: usize| -> Vec<(&str, ArrayRef)> {
        columns(distinct).into_iter().map(|(name, array, _)| (name, array)).collect()
    };
    let properties = || {
        WriterProperties::builder()
            .set_max_row_group_row_count(Some(1700))
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
            .set_compression(Compression::UNCOMPRESSED)
            .build()
    };
    let day = file(&of(3000), properties());
    let drop = || plan([("small", Action::Drop)]);
    let first = ProofPlan { kept: true, contents: true, ..ProofPlan::default() };
    let recompressed =
        RewritePlan { recompress: Some(Recompress::default()), ..RewritePlan::default() };
    for plan in [RewritePlan::default(), drop(), recompressed] {
        let (_, report) = proven(&day, plan.clone(), first.clone());
        let real: BTreeMap<String, ColumnProof> =
            report.columns.iter().map(|it| (it.name.clone(), it.proof.expect("figures"))).collect();
        assert!(real.values().all(|it| it.content.is_some()));
        // Marked, so that what is taken over can be distinguished from what is computed.
        let mut known = real.clone();
        known.values_mut().for_each(|it| it.plain.count = 7);
        let second = ProofPlan { known: known.clone(), ..first.clone() };
        let (out, report) = proven(&day, plan.clone(), second.clone());
        assert_eq!(out, rewritten(&day, plan.clone()).0);
        for column in &report.columns {
            assert_eq!(column.proof, Some(known[&column.name]), "{}: taken over", column.name);
        }
        assert_eq!(report.row_proofs, BTreeMap::new());
        // One bit of a value: the footer declares the same, the digest does not.
        let mut changed = day.to_vec();
        let needle = "고객 2998".as_bytes();
        let at = changed.windows(needle.len()).position(|it| it == needle).expect("a value");
        changed[at + needle.len() - 1] ^= 1;
        let changed = Bytes::from(changed);
        let (_, report) = proven(&changed, plan.clone(), second.clone());
        let (_, fresh) = proven(&changed, plan.clone(), first.clone());
        for (column, fresh) in report.columns.iter().zip(&fresh.columns) {
            if column.name == "word" {
                assert_eq!(column.proof, fresh.proof, "read again");
                assert_ne!(column.proof, Some(real["word"]), "another value");
            } else {
                assert_eq!(column.proof, Some(known[&column.name]), "{}", column.name);
            }
        }
        // Another mask is another figure, of the same bytes.
        let masks = [("word".to_owned(), Mask::FirstFourCharacters)].into();
        let masked = ProofPlan { masks, ..second.clone() };
        let (_, report) = proven(&day, plan.clone(), masked);
        assert!(proof(&report, "word").is_some_and(|it| it.masked.is_some() && it.plain.count > 7));
        // Other bytes, which the footer declares: decoded while they pass.
        let other = file(&of(1499), properties());
        let (_, report) = proven(&other, plan, second);
        assert!(
            report
                .columns
                .iter()
                .all(|it| it.proof.is_some_and(|it| it.plain.count > 7 && it.content.is_some()))
        );
    }
}

#[test]
fn parts_of_a_file_add_up() {
    let columns = columns(3000);
    let arrays: Vec<_> = columns.iter().map(|(name, array, _)| (*name, array.clone())).collect();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(700)).build();
    let source = file(&arrays, properties);
    let rewriter = rewriter(plan([("small", Action::Drop)])).with_proof(kept());
    let part = |groups: &[usize]| {
        let mut out = Vec::new();
        rewriter.rewrite(&source, "test", &mut out, Some(groups)).expect("rewritten")
    };
    let mut all = part(&[0, 3]);
    all.merge(part(&[1])).expect("the same columns");
    all.merge(part(&[2, 4])).expect("the same columns");
    let whole = part(&[0, 1, 2, 3, 4]);
    for (a, b) in all.columns.iter().zip(&whole.columns) {
        assert!(a.proof.is_some(), "{}", a.name);
        assert_eq!(a.proof, b.proof, "{}", a.name);
    }
}

#[test]
fn what_cannot_be_decoded_is_copied_without_figures() {
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        (0..10).map(|it| Some((0..it % 4).map(Some).collect::<Vec<_>>())),
    );
    let long = "x".repeat(9 << 20);
    let long: Vec<_> = (0..10).map(|row| (row == 5).then_some(long.as_str())).collect();
    let source = file(
        &[("list", Arc::new(lists)), ("long", texts(&long)), ("id", numbers(0..10))],
        WriterProperties::builder().set_encoding(Encoding::PLAIN).build(),
    );
    let (out, report) = proven(&source, RewritePlan::default(), kept());
    assert_eq!(out, source);
    assert_eq!(proof(&report, "list"), None, "nested");
    assert_eq!(proof(&report, "long"), None, "a page of 9 MiB");
    assert!(proof(&report, "id").is_some());
    // Without `kept`, nothing is decoded.
    let (_, report) = proven(&source, RewritePlan::default(), ProofPlan::default());
    assert!(report.columns.iter().all(|column| column.proof.is_none()));
    // An encoding that the decoder does not know.
    let doubles: ArrayRef = Arc::new(Float64Array::from_iter_values((0..100).map(f64::from)));
    let split = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::BYTE_STREAM_SPLIT)
        .build();
    let (_, report) = proven(&file(&[("d", doubles)], split), RewritePlan::default(), kept());
    assert_eq!(proof(&report, "d"), None);
}

/// Copied pages are not examined without proof, so proof must not refuse one either.
#[test]
fn damaged_pages_are_copied_as_without_proof() {
    let columns = columns(3000);
    let arrays: Vec<_> = columns.iter().map(|(name, array, _)| (*name, array.clone())).collect();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let source = file(&arrays, properties.build());
    let drop = || plan([("small", Action::Drop)]);
    let mut damaged = 0;
    for at in (4..source.len()).step_by(source.len() / 300) {
        let mut bytes = source.to_vec();
        bytes[at] ^= 0x55;
        let bytes = Bytes::from(bytes);
        let copy = |proof: bool| {
            let mut out = Vec::new();
            let rewriter = rewriter(drop());
            let rewriter = if proof { rewriter.with_proof(kept()) } else { rewriter };
            let report = rewriter.rewrite(&bytes, "test", &mut out, None);
            report.map(|report| (out, report)).map_err(|error| error.to_string())
        };
        match (copy(false), copy(true)) {
            (Ok((plain, _)), Ok((proven, report))) => {
                assert_eq!(plain, proven, "byte {at}");
                damaged += usize::from(report.columns.iter().any(|it| it.proof.is_none()));
            }
            (Err(plain), Err(proven)) => assert_eq!(plain, proven, "byte {at}"),
            (plain, proven) => {
                panic!("byte {at}: {} and {}", plain.is_ok(), proven.is_ok());
            }
        }
    }
    assert!(damaged > 20, "{damaged} copies have a column without figures");
}

#[test]
fn a_report_is_written_without_figures() {
    let source = file(&[("id", numbers(0..10))], WriterProperties::default());
    let (_, report) = proven(&source, RewritePlan::default(), kept());
    let sum = proof(&report, "id").expect("figures").plain.sum.to_string();
    let written = serde_json::to_string(&report).expect("JSON");
    assert!(!written.contains(&sum) && !written.contains("proof"), "{written}");
}
