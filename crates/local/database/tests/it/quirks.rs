//! Damage that a test can request, and changes between two days.

use landbridge_local_database::{Engine, ExportQuirks, MemoryDatabase, MemoryTable};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::support::{cells, run, snapshot, table};

fn orders(rows: usize) -> MemoryTable {
    let table =
        MemoryTable::new("public", "orders").column("id", "bigint").column("sum", "numeric(12,2)");
    table.rows((0..rows).map(|row| vec![Some(row.to_string()), Some("1.00".to_owned())]))
}

fn shop(table: MemoryTable) -> MemoryDatabase {
    let fixed = MemoryDatabase::new(Engine::postgres("15.4"), "shop");
    fixed.set_table(table).unwrap();
    fixed
}

#[tokio::test]
async fn a_manifest_can_be_truncated() {
    let quirks = ExportQuirks { truncated_manifest: true, ..ExportQuirks::default() };
    let exported = run(snapshot(&shop(orders(3))).await.as_ref(), quirks).await;
    let (_, manifest) =
        exported.objects.iter().find(|(key, _)| key.contains("_from_1_to_")).unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(manifest).unwrap_err().is_eof());
}

#[tokio::test]
async fn a_file_can_be_truncated() {
    for rows in [0, 3, 25] {
        let truncated_file = Some("public.orders".to_owned());
        let quirks = ExportQuirks { truncated_file, rows_per_part: 10, ..ExportQuirks::default() };
        let files =
            run(snapshot(&shop(orders(rows))).await.as_ref(), quirks).await.files("exports/");
        let broken =
            files.iter().filter(|file| SerializedFileReader::new((*file).clone()).is_err()).count();
        assert_eq!(broken, 1, "of {rows} rows");
        assert!(SerializedFileReader::new(files.last().unwrap().clone()).is_err(), "the last one");
    }
}

#[tokio::test]
async fn a_file_can_have_another_schema() {
    let mismatched_file = Some("public.orders".to_owned());
    let quirks = ExportQuirks { mismatched_file, ..ExportQuirks::default() };
    let files = run(snapshot(&shop(orders(3))).await.as_ref(), quirks).await.files("exports/");
    let columns = files.into_iter().map(|file| {
        let reader = SerializedFileReader::new(file).unwrap();
        reader.metadata().file_metadata().schema_descr().column(0).name().to_owned()
    });
    assert_eq!(columns.collect::<Vec<_>>(), ["id", "unexpected"]);
}

/// The database changes; an earlier snapshot does not.
#[tokio::test]
async fn a_database_changes_between_days() {
    let fixed = shop(orders(3));
    let before = snapshot(&fixed).await;
    let changed = MemoryTable::new("public", "orders").column("id", "text").column("extra", "date");
    fixed.set_table(changed.row([Some("a"), None])).unwrap();
    let after = snapshot(&fixed).await;
    assert_eq!(cells(before.as_ref(), table(before.as_ref(), "orders")).len(), 3);
    assert_eq!(
        cells(after.as_ref(), table(after.as_ref(), "orders")),
        [[Some("a".to_owned()), None]]
    );
    assert!(fixed.remove_table("public", "orders") && !fixed.remove_table("public", "orders"));
    assert!(snapshot(&fixed).await.tables().is_empty());
}

/// The error of an invalid cell does not contain the cell.
#[test]
fn errors_show_no_cell() {
    let fixed = MemoryDatabase::new(Engine::mysql("8.0.36"), "shop");
    let people = || MemoryTable::new("shop", "people");
    let cases = [
        (
            people().column("age", "int").row([Some("secret")]),
            "row 0 of column age is not a valid int (int32)",
        ),
        (
            people().column("sum", "decimal(4,2)").row([Some("1.00")]).row([Some("100.00")]),
            "row 1 of column sum is not a valid decimal (int32 (DECIMAL(4,2)))",
        ),
        (
            people().column("id", "bigint unsigned").row([Some("184467440737095516150")]),
            "row 0 of column id is not a valid bigint unsigned (fixed_len_byte_array (DECIMAL(20,0)))",
        ),
        (
            people().column("at", "datetime").row([Some("secret")]),
            "row 0 of column at is not a valid datetime (int64 (TIMESTAMP_MICRO))",
        ),
        (
            people().column("id", "int").row([]),
            "row 0 of column shop.people is not a valid row of 1 cells",
        ),
        (
            people().column("id", "number"),
            "number is not a type of MySQL; write it as the engine's catalogue does",
        ),
    ];
    for (table, expected) in cases {
        assert_eq!(fixed.set_table(table).unwrap_err().to_string(), expected);
    }
}
