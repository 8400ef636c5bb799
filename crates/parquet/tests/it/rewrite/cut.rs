//! Cutting one file into several.

use std::sync::Mutex;

use landbridge_parquet::Footer;
use landbridge_parquet::rewrite::{Cut, LocalFile, cut_row_groups};

use super::*;

fn long() -> Bytes {
    let days: Vec<_> =
        (0..10_000).map(|row| format!("20{:02}-01-{:02}", row % 90 + 10, row % 28 + 1)).collect();
    let days: Vec<_> = days.iter().map(|day| Some(day.as_str())).collect();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1000)).build();
    file(&[("n", numbers(0..10_000)), ("day", texts(&days)), ("m", numbers(0..10_000))], properties)
}

#[test]
fn every_part_is_complete_and_together_they_have_all_rows() {
    let source = long();
    let plan = plan([("day", retype(TargetType::Date)), ("m", Action::Drop)]);
    let (whole, whole_report) = rewritten(&source, plan.clone());
    let place = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(place.path(), &source).expect("written");
    let local = LocalFile::open(place.path()).expect("opened");
    let footer = futures::executor::block_on(Footer::read(&source, source.len() as u64, "test"))
        .expect("a footer");
    for count in [1, 3, 10, 99] {
        let parts = cut_row_groups(&footer, Cut::PartCount(count));
        assert_eq!(parts.len(), count.min(10));
        let outputs = Mutex::new(vec![Vec::new(); parts.len()]);
        let outputs = &outputs;
        let report = rewriter(plan.clone())
            .rewrite_parts(&local, "test", &parts, 4, |part| Ok(Into { outputs, part }))
            .expect("rewritten");
        assert_eq!(report.columns, whole_report.columns);
        assert_eq!(report.rows, 10_000);
        let outputs = outputs.lock().expect("no panic");
        let batches: Vec<_> = outputs.iter().map(|out| rows(&Bytes::from(out.clone()))).collect();
        let all = concat_batches(&batches[0].schema(), &batches).expect("one schema");
        assert_eq!(all, rows(&whole), "{count}");
    }
}

/// Writes into one of several vectors.
struct Into<'a> {
    outputs: &'a Mutex<Vec<Vec<u8>>>,
    part: usize,
}

impl std::io::Write for Into<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.outputs.lock().expect("no panic")[self.part].extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_part_that_cannot_be_written_stops_the_rewrite() {
    let source = long();
    let parts: Vec<_> = (0..10).map(|group| vec![group]).collect();
    let refuse = |part| match part {
        3 => Err(landbridge_core::Error::new(landbridge_core::ErrorKind::Denied, "no", "")),
        _ => Ok(Vec::new()),
    };
    let result = rewriter(RewritePlan::default()).rewrite_parts(&source, "test", &parts, 2, refuse);
    assert_eq!(result.expect_err("refused").kind(), landbridge_core::ErrorKind::Denied);
    let result = rewriter(RewritePlan::default()).rewrite(&source, "test", Vec::new(), Some(&[10]));
    assert_eq!(result.expect_err("there are ten").kind(), landbridge_core::ErrorKind::Rejected);
}

#[test]
fn a_file_without_rows_has_one_part() {
    let none: [Option<&str>; 0] = [];
    let source = file(&[("day", texts(&none)), ("n", numbers([]))], WriterProperties::default());
    let (out, report) = rewritten(&source, plan([("day", retype(TargetType::Date))]));
    assert_eq!(report.rows, 0);
    assert_eq!(rows(&out).num_rows(), 0);
    assert_eq!(rows(&out).schema().field(0).data_type(), &arrow::datatypes::DataType::Date32);
}
