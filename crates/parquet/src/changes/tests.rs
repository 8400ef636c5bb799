use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int32Builder, Int64Array, ListBuilder, RecordBatch,
    StringArray,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::pick::{Picked, pick};
use super::*;

/// A row: key, a number by its bits, text, a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    id: Option<i64>,
    number: Option<u64>,
    note: Option<String>,
    list: Option<Vec<Option<i32>>>,
}

fn row(id: i64) -> Row {
    Row { id: Some(id), number: None, note: None, list: None }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let ids: Int64Array = rows.iter().map(|it| it.id).collect();
    let numbers: Float64Array = rows.iter().map(|it| it.number.map(f64::from_bits)).collect();
    let notes: StringArray = rows.iter().map(|it| it.note.clone()).collect();
    let mut lists = ListBuilder::new(Int32Builder::new());
    for row in rows {
        for value in row.list.iter().flatten() {
            lists.values().append_option(*value);
        }
        lists.append(row.list.is_some());
    }
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("id", Arc::new(ids), true),
        ("number", Arc::new(numbers), true),
        ("note", Arc::new(notes), true),
        ("list", Arc::new(lists.finish()), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Files of so many rows each, with row groups and pages of so many.
fn files(rows: &[Row], per_file: usize, per_group: usize) -> Vec<SourceFile<Bytes>> {
    let chunks: Vec<&[Row]> =
        if rows.is_empty() { vec![&[]] } else { rows.chunks(per_file).collect() };
    let file = |rows: &[Row]| {
        let batch = batch(rows);
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(per_group))
            .set_data_page_row_count_limit(per_group.div_ceil(3))
            .set_write_batch_size(2)
            .build();
        let mut bytes = Vec::new();
        let mut writer =
            ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        SourceFile { reader: Bytes::from(bytes), name: "file".to_owned() }
    };
    chunks.into_iter().map(file).collect()
}

fn read(bytes: Bytes) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let column = |name: &str| batch.column_by_name(name).cloned();
        for at in 0..batch.num_rows() {
            let mut row = row(0);
            let ids = column("id").unwrap();
            let ids = ids.as_primitive::<Int64Type>();
            row.id = ids.is_valid(at).then(|| ids.value(at));
            if let Some(numbers) = column("number") {
                let numbers = numbers.as_primitive::<Float64Type>();
                row.number = numbers.is_valid(at).then(|| numbers.value(at).to_bits());
            }
            if let Some(notes) = column("note") {
                let notes = notes.as_string::<i32>();
                row.note = notes.is_valid(at).then(|| notes.value(at).to_owned());
            }
            if let Some(lists) = column("list") {
                let lists = lists.as_list::<i32>();
                row.list = lists
                    .is_valid(at)
                    .then(|| lists.value(at).as_primitive::<Int32Type>().iter().collect());
            }
            rows.push(row);
        }
    }
    rows
}

fn compared(
    before: Vec<SourceFile<Bytes>>,
    after: Vec<SourceFile<Bytes>>,
    in_memory: usize,
) -> Compared {
    let (key, ignored) = (["id".to_owned()], BTreeSet::new());
    let stop = AtomicBool::new(false);
    let (secret, most) = ([7; 32], 1_000);
    let plan = Comparison { key: &key, ignored: &ignored, secret, most, in_memory, stop: &stop };
    compare(before, after, &plan).unwrap()
}

/// New, changed and deleted rows, or why not.
fn counts(before: &[Row], after: &[Row]) -> Result<[u64; 3], &'static str> {
    match compared(files(before, 2, 2), files(after, 3, 1), 2) {
        Compared::Found(it) => Ok([it.new, it.changed, it.deleted]),
        Compared::Refused(why) => Err(why),
    }
}

#[test]
fn every_difference_of_a_value_counts_and_layout_does_not() {
    let nan = |bits: u64| Row { number: Some(f64::NAN.to_bits() | bits), ..row(1) };
    let number = |it: f64| Row { number: Some(it.to_bits()), ..row(1) };
    let note = |it: &str| Row { note: Some(it.to_owned()), ..row(1) };
    let list = |it: &[Option<i32>]| Row { list: Some(it.to_vec()), ..row(1) };
    let changed = [
        (row(1), note("")),
        (note("ab"), note("a")),
        (number(0.0), number(-0.0)),
        (nan(0), nan(1)),
        (row(1), number(0.0)),
        (row(1), list(&[])),
        (list(&[]), list(&[None])),
        (list(&[None]), list(&[None, None])),
        (list(&[Some(1), Some(2)]), list(&[Some(2), Some(1)])),
    ];
    for (one, other) in changed {
        let (one, other) = (&[one], &[other]);
        assert_eq!(counts(one, other), Ok([0, 1, 0]), "{one:?} {other:?}");
        assert_eq!(counts(one, one), Ok([0, 0, 0]));
    }
    let rows: Vec<Row> = (0..9).map(row).collect();
    let reversed: Vec<Row> = rows.iter().rev().cloned().collect();
    assert_eq!(counts(&rows, &reversed), Ok([0, 0, 0]));
    assert_eq!(counts(&rows, &reversed[1..]), Ok([0, 0, 1]));
    assert_eq!(counts(&rows[..3], &reversed), Ok([6, 0, 0]));
    assert_eq!(counts(&[], &rows), Ok([9, 0, 0]));
    assert_eq!(counts(&rows, &[]), Ok([0, 0, 9]));
}

#[test]
fn a_key_that_is_no_key_ends_the_comparison() {
    let rows: Vec<Row> = (0..5).map(row).collect();
    let null = [rows.clone(), vec![Row { id: None, ..row(0) }]].concat();
    let twice = [rows.clone(), vec![Row { note: Some("x".to_owned()), ..row(3) }]].concat();
    for (bad, why) in [(null, "a key is NULL"), (twice, "a key occurs twice")] {
        assert_eq!(counts(&rows, &bad), Err(why));
        assert_eq!(counts(&bad, &rows), Err(why));
        assert_eq!(counts(&bad, &bad), Err(why));
    }
    // Also where the key is deleted or new.
    assert_eq!(counts(&[], &[row(1), row(1)]), Err("a key occurs twice"));
    let many: Vec<Row> = (0..1_001).map(row).collect();
    assert_eq!(
        compared(files(&[], 1, 1), files(&many, 500, 100), 64),
        Compared::Refused("too many of its rows changed")
    );
}

#[test]
fn columns_that_stay_behind_do_not_count_and_other_schemas_are_refused() {
    let before = [Row { note: Some("a".to_owned()), ..row(1) }];
    let after = [Row { note: Some("b".to_owned()), ..row(1) }];
    let stop = AtomicBool::new(false);
    let run = |key: &str, ignored: &str, after: Vec<SourceFile<Bytes>>| {
        let (key, ignored) = ([key.to_owned()], BTreeSet::from([ignored.to_owned()]));
        let (secret, most, in_memory) = ([7; 32], 10, 10);
        let plan =
            Comparison { key: &key, ignored: &ignored, secret, most, in_memory, stop: &stop };
        compare(files(&before, 9, 9), after, &plan)
    };
    let same = Compared::Found(Changes::default());
    assert_eq!(run("id", "note", files(&after, 9, 9)).unwrap(), same);
    assert_ne!(run("id", "list", files(&after, 9, 9)).unwrap(), same);
    let no_key = Compared::Refused("a column of the key is missing or nested");
    for key in ["list", "unknown"] {
        assert_eq!(run(key, "note", files(&after, 9, 9)).unwrap(), no_key);
    }
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let other = RecordBatch::try_from_iter([("id", ids)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, other.schema(), None).unwrap();
    writer.write(&other).unwrap();
    writer.close().unwrap();
    let other = SourceFile { reader: Bytes::from(bytes), name: String::new() };
    assert!(matches!(run("id", "note", vec![other]).unwrap(), Compared::Refused(_)));
    let ended = AtomicBool::new(true);
    let (key, ignored, secret) = (["id".to_owned()], BTreeSet::new(), [7; 32]);
    let plan =
        Comparison { key: &key, ignored: &ignored, secret, most: 10, in_memory: 10, stop: &ended };
    assert!(compare(files(&before, 9, 9), files(&after, 9, 9), &plan).is_err());
    assert!(!format!("{plan:?}").contains('7'), "the secret is not shown");
}

fn rows() -> impl Strategy<Value = BTreeMap<i64, Row>> {
    let number = prop::option::of(prop::sample::select(vec![0_u64, 1 << 63, f64::NAN.to_bits()]));
    let note = prop::option::of("[a-c]{0,3}");
    let list = prop::option::of(prop::collection::vec(prop::option::of(0..3_i32), 0..4));
    let values = (number, note, list);
    let row = |(id, (number, note, list)): (i64, _)| (id, Row { id: Some(id), number, note, list });
    prop::collection::btree_map(0..40_i64, values, 0..40)
        .prop_map(move |rows| rows.into_iter().map(row).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// The rows that are found and written are those that a comparison of two maps finds, whatever the layouts are.
    #[test]
    fn changed_rows_are_those_of_a_naive_comparison(
        before in rows(),
        replaced in rows(),
        kept in 0..4_i64,
        seed in any::<u64>(),
        layouts in ((1..9_usize, 1..6_usize), (1..9_usize, 1..6_usize), 1..50_usize),
    ) {
        // Some rows stay, some are replaced, new or gone.
        let mut after = before.clone();
        after.retain(|id, _| id % 4 != kept);
        after.extend(replaced.into_iter().filter(|(id, _)| id % 4 >= kept));
        let shuffled = |rows: &BTreeMap<i64, Row>, salt: u64| {
            let mut rows: Vec<Row> = rows.values().cloned().collect();
            rows.sort_by_key(|it| (it.id.unwrap_or(0) as u64 + 1).wrapping_mul(seed | salt).rotate_left(7));
            rows
        };
        let ((file, group), (other_file, other_group), in_memory) = layouts;
        let one = files(&shuffled(&before, 1), file, group);
        let two = files(&shuffled(&after, 4097), other_file, other_group);
        let Compared::Found(found) = compared(one.clone(), two.clone(), in_memory) else {
            panic!("the keys are keys");
        };
        let carried: Vec<&Row> =
            after.iter().filter(|(id, row)| before.get(id) != Some(row)).map(|it| it.1).collect();
        let new = carried.iter().filter(|it| !before.contains_key(&it.id.unwrap())).count() as u64;
        let gone: Vec<i64> = before.keys().filter(|id| !after.contains_key(id)).copied().collect();
        prop_assert_eq!(
            (found.new, found.changed, found.deleted),
            (new, carried.len() as u64 - new, gone.len() as u64)
        );
        let mut read_back = Vec::new();
        let picked = Picked { rows: &found.carried, columns: None, file_bytes: 1 };
        pick(two, picked, &mut |bytes, rows| {
            let part = read(bytes);
            assert_eq!(part.len() as u64, rows);
            read_back.extend(part);
            Ok(())
        }).unwrap();
        read_back.sort();
        let mut expected: Vec<Row> = carried.into_iter().cloned().collect();
        expected.sort();
        prop_assert_eq!(read_back, expected);
        let (key, mut keys) = (["id".to_owned()], Vec::new());
        let picked = Picked { rows: &found.gone, columns: Some(&key), file_bytes: 1 << 20 };
        pick(one, picked, &mut |bytes, _| {
            let part = read(bytes);
            assert!(part.iter().all(|it| *it == row(it.id.unwrap())), "no other column");
            keys.extend(part.iter().filter_map(|it| it.id));
            Ok(())
        }).unwrap();
        keys.sort_unstable();
        prop_assert_eq!(keys, gone);
    }
}

#[test]
fn a_large_row_group_is_read_in_parts_and_a_row_that_is_missing_is_an_error() {
    let rows: Vec<Row> =
        (0..10_000).map(|id| Row { note: Some(format!("note {id}")), ..row(id) }).collect();
    let wanted: Vec<RowAt> =
        (0..10_000).filter(|it| it % 3 != 1).map(|row| RowAt { file: 0, row }).collect();
    let mut read_back = Vec::new();
    let mut add = |bytes, _| {
        read_back.extend(read(bytes));
        Ok(())
    };
    let picked = Picked { rows: &wanted, columns: None, file_bytes: 1 << 20 };
    pick(files(&rows, 10_000, 10_000), picked, &mut add).unwrap();
    let expected: Vec<Row> = rows.iter().filter(|it| it.id.unwrap() % 3 != 1).cloned().collect();
    assert_eq!(read_back, expected);
    for row in [RowAt { file: 0, row: 10_000 }, RowAt { file: 1, row: 0 }] {
        let picked = Picked { rows: &[row], columns: None, file_bytes: 1 };
        let error = pick(files(&rows, 10_000, 500), picked, &mut |_, _| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}
