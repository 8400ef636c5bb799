//! The tables: one per fault, all of the same columns, and a table of people that they refer to.

use std::fmt::Write as _;

use jiff::ToSpan;
use jiff::civil::date;
use landbridge_local_database::{MemoryDatabase, MemoryTable};

use super::faults::{Fault, Place};

/// The columns, with the declared type, the BigQuery type, and the class.
pub(super) const COLUMNS: [(&str, &str, &str, &str); 12] = [
    ("id", "bigint", "INT64", "none"),
    ("person_id", "bigint", "INT64", "none"),
    ("amount", "numeric(12,2)", "NUMERIC", "none"),
    ("fee", "numeric(12,2)", "NUMERIC", "none"),
    ("state", "text", "STRING", "none"),
    ("note", "text", "STRING", "none"),
    ("city", "text", "STRING", "none"),
    ("street", "text", "STRING", "none"),
    ("paid", "boolean", "BOOL", "none"),
    ("placed_at", "timestamp with time zone", "TIMESTAMP", "none"),
    ("valid_until", "date", "DATE", "none"),
    ("phone", "text", "STRING", "phone"),
];

/// The number of people, whose ids begin with 1.
pub(super) const PEOPLE: i64 = 100;
/// The first id of every table.
pub(super) const FIRST_ID: i64 = 5_001;
/// The rows of the first day, and of each day after it.
const ROWS: i64 = 320;
const ROWS_PER_DAY: i64 = 12;

/// The rows of a table, each with its cells.
pub(super) type Rows = Vec<Vec<Option<String>>>;

/// The name of a fault's table.
pub(super) fn name(fault: &str) -> String {
    let fault = fault.replace('×', "times").replace('÷', "by");
    let letters = fault.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' });
    format!("t_{}", letters.collect::<String>().to_lowercase())
}

/// The position of a column.
pub(super) fn column(name: &str) -> usize {
    COLUMNS.iter().position(|it| it.0 == name).expect("a column")
}

/// The rows of the `n`-th day after the first.
pub(super) fn rows(n: i64) -> Rows {
    let count = ROWS + n * ROWS_PER_DAY;
    // The newest row is of half an hour before the snapshot, 01:00 of the day.
    let newest = date(2026, 11, 21).at(0, 30, 0, 0) + (n * 24 * 60).minutes();
    let cells = |k: i64| {
        let age = (count - 1 - k) * 7;
        vec![
            (FIRST_ID + k).to_string(),
            (k % PEOPLE + 1).to_string(),
            format!("{}.{:02}", 20 + k * 37 % 900, k * 13 % 97 + 1),
            format!("{}.{:02}", 1 + k * 7 % 9, k * 11 % 100),
            ["new", "paid", "shipped"][k as usize % 3].to_owned(),
            format!("remark {k} 가나다"),
            ["Seoul", "Busan", "Berlin"][k as usize % 3].to_owned(),
            format!("street {}", k % 50),
            (k % 3 == 0).to_string(),
            format!("{}+09", newest - age.minutes()).replace('T', " "),
            if k % 10 == 0 { "9999-12-31".to_owned() } else { format!("2027-0{}-15", k % 9 + 1) },
            format!("010-{k:04}"),
        ]
    };
    let with_nulls = |k: i64| {
        let mut cells: Vec<Option<String>> = cells(k).into_iter().map(Some).collect();
        if k % 5 == 0 {
            cells[column("note")] = None;
        }
        cells
    };
    (0..count).map(with_nulls).collect()
}

/// A table with these rows.
pub(super) fn table(name: &str, rows: Rows) -> MemoryTable {
    let columns = COLUMNS
        .iter()
        .fold(MemoryTable::new("public", name), |table, column| table.column(column.0, column.1));
    columns.rows(rows)
}

/// Writes the tables of the `n`-th day, with the faults of the source if `disturbed`.
pub(super) fn write(database: &MemoryDatabase, faults: &[&Fault], n: i64, disturbed: bool) {
    let person = |id: i64| vec![Some(id.to_string()), Some(format!("person {id} of day {n}"))];
    let people = MemoryTable::new("public", "people")
        .column("id", "bigint not null")
        .column("name", "text")
        .rows((1..=PEOPLE).map(person));
    database.set_table(people).expect("a table");
    for fault in faults {
        let name = name(fault.name);
        match (disturbed && fault.place == Place::Source, fault.source) {
            (true, Some(source)) => source(database, &name, n),
            _ => database.set_table(table(&name, rows(n))).expect("a table"),
        }
    }
}

/// The configuration: proof of every column, and every audit blocks.
pub(super) fn config(small: &str, faults: &[&Fault]) -> String {
    let mut text = small.to_owned();
    let checks = [
        "rows",
        "nulls",
        "keys",
        "key_range",
        "numbers",
        "freshness",
        "references",
        "values",
        "encoding",
        "unchanged",
    ];
    text.push_str("alerts:\n  webhook: { url: landbridge/shop/hook, key: landbridge/shop/hook-key }\nproof: { key: landbridge/shop/proof-key, kept: always }\naudits:\n  levels:\n");
    checks.iter().for_each(|check| {
        let _ = writeln!(text, "    {check}: block");
    });
    text.push_str("  tables:\n");
    for fault in faults {
        let _ = writeln!(
            text,
            "    public.{}:\n      key: id\n      fresh: {{ column: placed_at, max_age_hours: 8 }}\n      references: {{ person_id: public.people.id }}\n      values: {{ state: [new, paid, shipped] }}",
            name(fault.name)
        );
    }
    text
}

/// The contract of all tables.
pub(super) fn contract(faults: &[&Fault]) -> String {
    let mut text = "version: 1\ntables:\n  \"public.people\":\n    columns:\n      id: { source: bigint, type: INT64, class: none }\n      name: { source: text, type: STRING, class: name }\n".to_owned();
    for fault in faults {
        let _ = writeln!(text, "  \"public.{}\":\n    columns:", name(fault.name));
        for (name, declared, ty, class) in COLUMNS {
            let source = declared.trim_end_matches(" not null");
            let source = source.split('(').next().unwrap_or(source);
            let _ =
                writeln!(text, "      {name}: {{ source: {source}, type: {ty}, class: {class} }}");
        }
    }
    text
}
