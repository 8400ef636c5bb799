//! Removes bounds from one record of the ledger: the smallest and largest value of a column whose
//! contract does not allow them. No I/O.

use std::collections::BTreeSet;

use landbridge_core::contract::{Contract, TableContract};
use landbridge_core::receipt::{Receipt, ReceiptColumn};
use landbridge_ledger::records::{Batch, ITEMS, ItemRecord, RECEIPTS};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The folder of batches.
const BATCHES: &str = "batches";

/// A kind of record that can contain bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// A transferred object of the table with this name in BigQuery.
    Item { table: String },
    /// A receipt.
    Receipt,
    /// Receipts on their way to BigQuery.
    Batch,
}

impl RecordKind {
    /// The kind of the record with this name below the source's folder; `None` for all others.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".json")?.split('/');
        let (_day, folder) = (parts.next()?, parts.next()?);
        let rest: Vec<&str> = parts.collect();
        match (folder, rest.as_slice()) {
            (ITEMS, [table, _number]) => {
                // The name of the plan is `<table>@<digest>`.
                let table = table.split('@').next().unwrap_or(table);
                Some(Self::Item { table: table.to_owned() })
            }
            (RECEIPTS, [_table]) => Some(Self::Receipt),
            (BATCHES, [number]) if !number.ends_with("-done") => Some(Self::Batch),
            _ => None,
        }
    }
}

/// A record without bounds, and the columns that had some, as `table.column`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stripped {
    pub(super) bytes: Vec<u8>,
    pub(super) columns: BTreeSet<String>,
}

/// The record without the bounds that the contract does not allow; `None` if it has none.
///
/// # Errors
/// If the bytes are not such a record.
pub(super) fn strip(
    kind: &RecordKind,
    bytes: &[u8],
    contract: &Contract,
) -> Result<Option<Stripped>, serde_json::Error> {
    let mut columns = BTreeSet::new();
    let stripped = match kind {
        RecordKind::Item { table } => {
            edited(bytes, |item: &mut ItemRecord| strip_item(item, table, contract, &mut columns))
        }
        RecordKind::Receipt => edited(bytes, |receipt: &mut Receipt| {
            let of_table = contract.tables.get(&receipt.source_table);
            strip_columns(&mut receipt.columns, &receipt.source_table, of_table, &mut columns);
            Ok(())
        }),
        RecordKind::Batch => {
            edited(bytes, |batch: &mut Batch| strip_batch(batch, contract, &mut columns))
        }
    }?;
    Ok((!columns.is_empty()).then_some(Stripped { bytes: stripped, columns }))
}

/// The record after an edit, as the ledger writes it.
fn edited<T: DeserializeOwned + Serialize>(
    bytes: &[u8],
    edit: impl FnOnce(&mut T) -> Result<(), serde_json::Error>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut value = serde_json::from_slice(bytes)?;
    edit(&mut value)?;
    serde_json::to_vec_pretty(&value)
}

fn strip_item(
    item: &mut ItemRecord,
    table: &str,
    contract: &Contract,
    found: &mut BTreeSet<String>,
) -> Result<(), serde_json::Error> {
    for (name, stats) in &mut item.columns {
        let bounded = stats.min.is_some() || stats.max.is_some();
        if bounded && !allowed_in_item(contract, table, name) {
            found.insert(format!("{table}.{name}"));
            *stats = std::mem::take(stats).without_bounds();
        }
    }
    Ok(())
}

/// Whether the contract allows bounds of this column of an item. An item names its table in
/// BigQuery only. If several tables of the source could have that name, all of them must agree.
fn allowed_in_item(contract: &Contract, table: &str, column: &str) -> bool {
    let of_source = |name: &&String| {
        let (schema, short) = name.split_once('.').unwrap_or(("", name));
        let names = |database| contract.bigquery_table_name(database, schema, short) == table;
        // Whether the schema is the database depends on the engine, which no record names.
        names("") || names(schema)
    };
    let mut tables = contract.tables.keys().filter(of_source).peekable();
    tables.peek().is_some()
        && tables.all(|name| TableContract::allows_bounds(contract.tables.get(name), column))
}

fn strip_columns(
    columns: &mut [ReceiptColumn],
    source_table: &str,
    contract: Option<&TableContract>,
    found: &mut BTreeSet<String>,
) {
    for column in columns {
        let bounded = column.min.is_some() || column.max.is_some();
        if bounded && !TableContract::allows_bounds(contract, column.source_column()) {
            found.insert(format!("{source_table}.{}", column.name));
            (column.min, column.max) = (None, None);
        }
    }
}

/// A batch contains rows of `landbridge_ops.receipts`, one per line; the columns of a receipt are
/// JSON in a text.
fn strip_batch(
    batch: &mut Batch,
    contract: &Contract,
    found: &mut BTreeSet<String>,
) -> Result<(), serde_json::Error> {
    let mut lines = String::new();
    for line in batch.lines.lines() {
        let mut row: Value = serde_json::from_str(line)?;
        let source_table = row["source_table"].as_str().unwrap_or_default().to_owned();
        let text = row["columns"].as_str().unwrap_or("[]");
        let mut columns: Vec<ReceiptColumn> = serde_json::from_str(text)?;
        let mut of_line = BTreeSet::new();
        let of_table = contract.tables.get(&source_table);
        strip_columns(&mut columns, &source_table, of_table, &mut of_line);
        if !of_line.is_empty() {
            row["columns"] = Value::String(serde_json::to_value(&columns)?.to_string());
        }
        found.append(&mut of_line);
        lines += &format!("{row}\n");
    }
    batch.lines = lines;
    Ok(())
}

#[cfg(test)]
mod tests {
    use landbridge_core::{config, contract};
    use serde_json::json;

    use super::*;

    const CONTRACT: &str = r#"version: 1
tables:
  "public.people":
    columns:
      birth: { source: date, type: DATE, class: birth }
      height: { source: integer, type: INT64, class: none }
      listed: { source: date, type: DATE, class: none, bounds: true }
      debt: { source: numeric, type: NUMERIC, class: none, bounds: true }
  "sales.orders":
    columns:
      at: { source: date, type: DATE, class: none, bounds: true }
  "public.orders":
    columns:
      at: { source: date, type: DATE, class: birth }
"#;

    fn contract() -> Contract {
        let config = include_str!("../../../../examples/demo/landbridge.yaml");
        let config = config::parse("landbridge.yaml", config).expect("the demo's file is valid");
        contract::parse("contract.yaml", CONTRACT, &config).expect("a valid contract")
    }

    fn stripped(kind: RecordKind, record: &Value) -> Option<(Value, Vec<String>)> {
        let bytes = serde_json::to_vec_pretty(record).expect("JSON");
        let stripped = strip(&kind, &bytes, &contract()).expect("a record")?;
        // A second run finds nothing.
        assert_eq!(strip(&kind, &stripped.bytes, &contract()).expect("a record"), None);
        let value = serde_json::from_slice(&stripped.bytes).expect("JSON");
        Some((value, stripped.columns.into_iter().collect()))
    }

    #[test]
    fn names_of_records() {
        let item = |table: &str| Some(RecordKind::Item { table: table.to_owned() });
        let cases = [
            ("2026-11-21/items/people@d1/00000.json", item("people")),
            ("2026-11-21/items/people@d1-2/00000.json", item("people")),
            ("2026-11-21/receipts/people.json", Some(RecordKind::Receipt)),
            ("2026-11-21/batches/001.json", Some(RecordKind::Batch)),
            ("2026-11-21/batches/001-done.json", None),
            ("2026-11-21/plan/people.json", None),
            ("claims/people.json", None),
            ("format.json", None),
        ];
        for (name, kind) in cases {
            assert_eq!(RecordKind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn an_item_keeps_only_bounds_that_the_contract_allows() {
        // More digits than a double has: the bounds that stay must not change.
        let debt = json!({"decimal": [-900_719_925_474_099_317_i64, 2]});
        let item = |birth: Value, height: Value| {
            json!({
                "object": "o", "generation": 1, "bytes": 2, "crc32c": 3, "rows": 4,
                "columns": {
                    "birth": birth,
                    "height": height,
                    "listed": {"nulls": 0, "bounded": true, "min": {"date": 1}, "max": {"date": 2}},
                    "debt": {"bounded": true, "min": debt, "max": debt},
                    "other": {"nulls": 1, "bounded": false},
                }
            })
        };
        let (after, columns) = stripped(
            RecordKind::Item { table: "people".to_owned() },
            &item(
                json!({"nulls": 0, "bounded": true, "min": {"date": -9}, "max": {"date": 9}}),
                json!({"values": 4, "bounded": true, "min": {"integer": 150}}),
            ),
        )
        .expect("bounds");
        let without = |nulls: &str, number: u64| json!({nulls: number, "bounded": false});
        assert_eq!(after, item(without("nulls", 0), without("values", 4)));
        assert_eq!(columns, ["people.birth", "people.height"]);
    }

    #[test]
    fn an_item_of_a_table_with_an_ambiguous_name_keeps_nothing() {
        let item = json!({
            "object": "o", "generation": 1, "bytes": 2, "crc32c": 3, "rows": 4,
            "columns": {"at": {"bounded": true, "min": {"date": 1}, "max": {"date": 2}}},
        });
        // `public.orders`, or `sales.orders` if `sales` is the database.
        let ambiguous = stripped(RecordKind::Item { table: "orders".to_owned() }, &item);
        assert_eq!(ambiguous.expect("bounds").1, ["orders.at"]);
        let clear = stripped(RecordKind::Item { table: "sales__orders".to_owned() }, &item);
        assert_eq!(clear, None);
        let unknown = stripped(RecordKind::Item { table: "gone".to_owned() }, &item);
        assert_eq!(unknown.expect("bounds").1, ["gone.at"]);
    }

    #[test]
    fn receipts_and_batches() {
        let column = |name: &str, bounds: bool| {
            let mut column = json!({
                "name": name, "source": "date", "type": "DATE", "class": "none",
                "tag_read_back": true,
            });
            if bounds {
                column["min"] = json!("1907-03-04");
                column["max"] = json!("1911-05-06");
            }
            column
        };
        let receipt = |height: bool| {
            json!({
                "source": "shop", "day": "2026-11-21", "source_table": "public.people",
                "table": "people", "state": "published", "snapshot": "s", "snapshot_at": null,
                "export": "e", "files": 1, "bytes": 1, "rows_footer": 1, "rows_planned": 1,
                "rows_loaded": 1, "rows_table": 1, "job": null, "notes": [], "problem": null,
                "columns": [column("listed", true), column("height", height)],
                "export_started_at": null, "export_ended_at": null, "planned_at": null,
                "recorded_at": "2026-11-20T17:10:00Z", "load_ms": null,
            })
        };
        let (after, columns) = stripped(RecordKind::Receipt, &receipt(true)).expect("bounds");
        assert_eq!((after, columns), (receipt(false), vec!["public.people.height".to_owned()]));
        assert_eq!(stripped(RecordKind::Receipt, &receipt(false)), None);

        let batch = |height: bool| {
            let row = |height| {
                let receipt: Receipt = serde_json::from_value(receipt(height)).expect("a receipt");
                format!("{}\n", receipt.row())
            };
            json!({"number": 1, "receipts": ["a", "b"], "lines": row(height) + &row(height)})
        };
        let (after, columns) = stripped(RecordKind::Batch, &batch(true)).expect("bounds");
        assert_eq!((after, columns), (batch(false), vec!["public.people.height".to_owned()]));
        assert_eq!(stripped(RecordKind::Batch, &batch(false)), None);
    }

    #[test]
    fn another_record_is_an_error() {
        assert!(strip(&RecordKind::Receipt, b"{}", &contract()).is_err());
        assert!(strip(&RecordKind::Batch, b"not JSON", &contract()).is_err());
    }
}
