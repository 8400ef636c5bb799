use bytes::Bytes;

use super::*;
use crate::cells::Cells;

fn columns(types: &[CellType]) -> Vec<TableColumn> {
    let column = |(at, ty): (usize, &CellType)| TableColumn { name: format!("c{at}"), ty: *ty };
    types.iter().enumerate().map(column).collect()
}

/// The rows that come back from a file, NULL as `∅`.
fn back(types: &[CellType], rows: &[&[Cell<'_>]]) -> Vec<Vec<String>> {
    let mut writer = TableWriter::new(Vec::new(), &columns(types)).unwrap();
    rows.iter().for_each(|row| writer.row(row).unwrap_or_else(|error| panic!("{error:?}")));
    let file = Bytes::from(writer.finish().unwrap());
    let cells = Cells::open(file, "test").unwrap();
    assert_eq!(cells.rows(), rows.len() as u64);
    let mut found = Vec::new();
    let all: Vec<usize> = (0..types.len()).collect();
    let each = &mut |cells: &[Cell<'_>]| {
        let text = |cell: &Cell<'_>| match cell {
            Some(cell) => String::from_utf8_lossy(cell).into_owned(),
            None => "∅".to_owned(),
        };
        found.push(cells.iter().map(text).collect());
        std::ops::ControlFlow::Continue(())
    };
    cells.read(&all, each).unwrap();
    found
}

/// The text that comes back of one value; `None` if it is refused.
fn one(ty: CellType, value: &str) -> Option<String> {
    let mut writer = TableWriter::new(Vec::new(), &columns(&[ty])).unwrap();
    match writer.row(&[Some(value.as_bytes())]) {
        Ok(()) => Some(back(&[ty], &[&[Some(value.as_bytes())]])[0][0].clone()),
        Err(RowError::Misfit(0)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_table_without_rows_is_a_file() {
    assert_eq!(back(&[CellType::Int32, CellType::Text], &[]), Vec::<Vec<String>>::new());
}

#[test]
fn values_come_back_exactly_or_are_refused() {
    use CellType::{Bool, Bytes, Date, Double, Int32, Int64, Json, Text, Time};
    let (utc, local) = (CellType::Timestamp { utc: true }, CellType::Timestamp { utc: false });
    let money = CellType::Decimal { precision: 6, scale: 2 };
    let most = CellType::Decimal { precision: 38, scale: 0 };
    let nines = "9".repeat(38);
    for (ty, value, expected) in [
        (Bool, "f", Some("f")),
        (Bool, "yes", None),
        (Int32, "-2147483648", Some("-2147483648")),
        (Int32, "2147483648", None),
        (Int64, "9223372036854775807", Some("9223372036854775807")),
        (Int64, "", None),
        (Double, "0.1", Some("1e-1")),
        (money, "-12.5", Some("-12.50")),
        (money, "1234.500", Some("1234.50")),
        (money, "1234.505", None),
        (money, "10000", None),
        (money, "NaN", None),
        (money, "-0.01", Some("-0.01")),
        (most, &nines, Some(nines.as_str())),
        (Date, "0001-01-01", Some("0001-01-01")),
        (Date, "9999-12-31", Some("9999-12-31")),
        (Date, "0000-00-00", None),
        (Date, "0044-03-15 BC", None),
        (Date, "infinity", None),
        (Time, "23:59:59.999999", Some("23:59:59.999999")),
        (Time, "24:00:00", None),
        (Time, "23:59:60", None),
        (Time, "-01:00:00", None),
        (Time, "05:00:00+09", None),
        (utc, "2026-11-21 05:00:00.125+09", Some("2026-11-20 20:00:00.125000")),
        (utc, "1969-12-31 23:59:59.999999", Some("1969-12-31 23:59:59.999999")),
        (utc, "2026-11-21 05:00:00.1234567", None),
        (local, "2026-11-21 05:00:00", Some("2026-11-21 05:00:00.000000")),
        (local, "2026-11-21 05:00:00+00", None),
        (local, "-infinity", None),
        (Text, "", Some("")),
        (Text, "it's \\ \n고객", Some("it's \\ \n고객")),
        (Json, "{\"a\": null}", Some("{\"a\": null}")),
        (Bytes, "\0\u{1}", Some("\0\u{1}")),
    ] {
        assert_eq!(one(ty, value).as_deref(), expected, "{ty:?} of {value}");
    }
    let id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    assert_eq!(one(CellType::Uuid, "a0eebc99"), None);
    assert!(one(CellType::Uuid, id).is_some());
    assert_eq!(text::uuid(id).unwrap()[..3], [0xa0, 0xee, 0xbc]);
}

#[test]
fn text_that_is_not_utf_8_is_refused_and_bytes_are_kept() {
    let row: [Cell<'_>; 1] = [Some(&[0xff, 0])];
    let mut writer = TableWriter::new(Vec::new(), &columns(&[CellType::Text])).unwrap();
    assert!(matches!(writer.row(&row), Err(RowError::Misfit(0))));
    let mut writer = TableWriter::new(Vec::new(), &columns(&[CellType::Bytes])).unwrap();
    assert!(writer.row(&row).is_ok());
}

#[test]
fn row_groups_end_and_nothing_is_lost_between_them() {
    let numbers: Vec<String> =
        (0..GROUP_ROWS * 2 + 7).map(|number| format!("{number:06}")).collect();
    let rows: Vec<[Cell<'_>; 2]> = numbers
        .iter()
        .enumerate()
        .map(|(at, it)| [Some(it.as_bytes()), (at % 3 > 0).then_some(it.as_bytes())])
        .collect();
    let rows: Vec<&[Cell<'_>]> = rows.iter().map(<[Cell<'_>; 2]>::as_slice).collect();
    let found = back(&[CellType::Int32, CellType::Text], &rows);
    for (at, row) in found.iter().enumerate() {
        assert_eq!(row[0], at.to_string());
        assert_eq!(row[1], if at % 3 > 0 { format!("{at:06}") } else { "∅".to_owned() });
    }
}

#[test]
fn a_decimal_of_too_many_digits_is_text() {
    assert_eq!(CellType::decimal(12, 2), CellType::Decimal { precision: 12, scale: 2 });
    for (precision, scale) in [(39, 0), (0, 0), (3, 4)] {
        assert_eq!(CellType::decimal(precision, scale), CellType::Text);
    }
}
