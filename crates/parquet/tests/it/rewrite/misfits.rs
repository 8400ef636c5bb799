//! When misfits hold a table, and when a column stays text because of them.

use arrow::array::BinaryArray;
use landbridge_core::ErrorKind;
use landbridge_core::rewrite::{Misfit, OnMisfit};

use super::*;

fn days(rows: usize, wrong: usize) -> Bytes {
    let values: Vec<_> =
        (0..rows).map(|row| Some(if row < wrong { "infinity" } else { "2026-11-22" })).collect();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(100)).build();
    file(&[("day", texts(&values)), ("n", numbers(0..rows as i64))], properties)
}

fn with(share: f64, on_misfit: OnMisfit) -> RewritePlan {
    RewritePlan { max_misfit_share: share, on_misfit, ..plan([("day", retype(TargetType::Date))]) }
}

#[test]
fn too_many_misfits_hold_the_file() {
    let mut out = Vec::new();
    let by_default = RewritePlan {
        max_misfit_share: RewritePlan::default().max_misfit_share,
        ..with(0.0, OnMisfit::SetNull)
    };
    rewriter(by_default.clone())
        .rewrite(&days(1000, 1), "people", &mut out, None)
        .expect("one in a thousand");
    let mut out = Vec::new();
    let error = rewriter(by_default)
        .rewrite(&days(1000, 2), "people", &mut out, None)
        .expect_err("two are held");
    assert_eq!(error.kind(), ErrorKind::Held);
    assert_eq!(error.context(), "people, column `day`: 2 × infinity of 1000 values");
    assert!(!out.ends_with(b"PAR1"), "what was written is no Parquet file");
    let error =
        rewriter(with(0.0, OnMisfit::SetNull)).rewrite(&days(1000, 1), "people", Vec::new(), None);
    assert_eq!(error.expect_err("none is allowed").kind(), ErrorKind::Held);
}

#[test]
fn the_misfits_of_all_parts_are_checked_together() {
    let source = days(2000, 2);
    let rewriter = rewriter(with(0.001, OnMisfit::SetNull));
    let parts: Vec<_> = (0..20).map(|group| vec![group]).collect();
    let alone = rewriter.rewrite(&source, "people", Vec::new(), Some(&[0]));
    assert_eq!(alone.expect_err("2 of 100").kind(), ErrorKind::Held);
    let report = rewriter
        .rewrite_parts(&source, "people", &parts, 2, |_| Ok(Vec::new()))
        .expect("2 of 2000");
    assert_eq!(report.columns[0].misfits[&Misfit::Infinite], 2);
}

#[test]
fn a_column_with_keep_text_stays_text_on_a_misfit() {
    let source = days(300, 1);
    let (out, report) = rewritten(&source, with(0.0, OnMisfit::KeepText));
    assert_eq!(rows(&out), rows(&source));
    assert!(report.columns[0].kept_text);
    assert_eq!(report.columns[0].misfits[&Misfit::Infinite], 1);
    assert_eq!(report.columns[0].values, Some(300));
    // The misfit is in the first row group; the others decide alike.
    let mut out = Vec::new();
    rewriter(with(0.0, OnMisfit::KeepText))
        .rewrite(&source, "test", &mut out, Some(&[2]))
        .expect("rewritten");
    assert_eq!(shown(&rows(&out.into()), "day").len(), 100);

    let (out, report) = rewritten(&days(300, 0), with(0.0, OnMisfit::KeepText));
    assert_eq!(rows(&out).schema().field(0).data_type(), &arrow::datatypes::DataType::Date32);
    assert!(!report.columns[0].kept_text);
}

#[test]
fn a_column_that_stays_text_is_annotated_as_text() {
    let day: BinaryArray = vec![Some(&b"infinity"[..])].into();
    let source = file(&[("day", Arc::new(day))], WriterProperties::default());
    let (out, _) = rewritten(&source, with(0.0, OnMisfit::KeepText));
    assert_eq!(rows(&out).schema().field(0).data_type(), &arrow::datatypes::DataType::Utf8);
}

#[test]
fn all_files_of_a_table_decide_alike() {
    let (good, bad) = (days(300, 0), days(300, 1));
    let rewriter = rewriter(with(0.0, OnMisfit::KeepText));
    let mut scanned = rewriter.scan(&good, "good").expect("scanned");
    scanned.merge(rewriter.scan(&bad, "bad").expect("scanned")).expect("the same columns");
    assert_eq!(scanned.columns[0].misfits[&Misfit::Infinite], 1);
    let settled = rewriter.with_scan_result(&scanned);
    let mut out = Vec::new();
    let report = settled.rewrite(&good, "good", &mut out, None).expect("rewritten");
    assert_eq!(rows(&out.into()), rows(&good), "text as in the other file");
    assert_eq!(report.bytes_decoded, 0);
}
