//! Folders, file names and manifests of both engine families.

use expect_test::expect;
use landbridge_local_database::{
    EmptyTableForm, Engine, ExportQuirks, MemoryDatabase, MemoryTable,
};
use serde_json::Value;

use crate::support::{Exported, run, snapshot, spec, try_run};

/// A table of `rows` rows with an integer key.
fn keyed(schema: &str, name: &str, rows: usize) -> MemoryTable {
    let table = MemoryTable::new(schema, name)
        .column("id", "bigint not null")
        .column("note", "varchar(20)");
    table.rows((0..rows).map(|row| vec![Some(row.to_string()), None]))
}

/// A table without an integer key.
fn keyless(schema: &str, name: &str, rows: usize) -> MemoryTable {
    let table = MemoryTable::new(schema, name).column("code", "varchar(8)");
    table.rows((0..rows).map(|row| vec![Some(row.to_string())]))
}

fn postgres() -> MemoryDatabase {
    let fixed = MemoryDatabase::new(Engine::postgres("15.4"), "shop");
    let tables = [
        keyed("public", "orders", 25),
        keyless("public", "codes", 25),
        keyed("public", "odd `name\\ of \"it\"", 1),
        keyed("public", "visits", 25),
        keyed("public", "visits_2026_01", 15).partition_of("visits"),
        keyed("public", "visits_2026_02", 10).partition_of("visits"),
        keyed("public", "visits_2026_03", 0).partition_of("visits"),
        keyed("audit", "events.old", 1),
        keyed("public", "empty", 0),
        keyed("public", "cache", 3).skipped("it is unlogged"),
        keyed("public", "a/b", 3),
        MemoryTable::new("public", "sums").column("id", "bigint").column("total (won)", "bigint"),
        MemoryTable::new("public", "tabbed").column("a\tb", "bigint"),
    ];
    for table in tables {
        fixed.set_table(table).unwrap();
    }
    fixed
}

/// Small files, so that small tables have several.
fn small() -> ExportQuirks {
    ExportQuirks {
        rows_per_part: 10,
        rows_per_group: 4,
        empty: EmptyTableForm::SuccessMarkerOnly,
        ..ExportQuirks::default()
    }
}

#[tokio::test]
async fn postgres_family() {
    let exported = run(snapshot(&postgres()).await.as_ref(), small()).await;
    expect![[r#"
        exports/day-1/export_info_day-1.json
        exports/day-1/export_tables_info_day-1_from_11_to_15.json
        exports/day-1/export_tables_info_day-1_from_1_to_5.json
        exports/day-1/export_tables_info_day-1_from_6_to_10.json
        exports/day-1/shop/audit.events.old/1/_SUCCESS
        exports/day-1/shop/audit.events.old/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/public.codes/1/_SUCCESS
        exports/day-1/shop/public.codes/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/public.codes/2/_SUCCESS
        exports/day-1/shop/public.codes/2/part-00002-U-c000.gz.parquet
        exports/day-1/shop/public.codes/3/_SUCCESS
        exports/day-1/shop/public.codes/3/part-00003-U-c000.gz.parquet
        exports/day-1/shop/public.empty/1/_SUCCESS
        exports/day-1/shop/public.odd__name__of__it_/1/_SUCCESS
        exports/day-1/shop/public.odd__name__of__it_/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/public.orders/1/_SUCCESS
        exports/day-1/shop/public.orders/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/public.orders/1/part-00002-U-c000.gz.parquet
        exports/day-1/shop/public.orders/1/part-00003-U-c000.gz.parquet
        exports/day-1/shop/public.visits/1/_SUCCESS
        exports/day-1/shop/public.visits/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/public.visits/2/_SUCCESS
        exports/day-1/shop/public.visits/2/part-00002-U-c000.gz.parquet
        exports/day-1/shop/public.visits/3/_SUCCESS
        exports/day-1/shop/public.visits/3/part-00003-U-c000.gz.parquet
        exports/day-1/shop/public.visits_2026_01/1/_SUCCESS
        exports/day-1/shop/public.visits_2026_01/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/public.visits_2026_01/1/part-00001-U-c000.gz.parquet
        exports/day-1/shop/public.visits_2026_02/1/_SUCCESS
        exports/day-1/shop/public.visits_2026_02/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/public.visits_2026_03/1/_SUCCESS
    "#]]
    .assert_eq(&exported.keys());
    let mut warnings = exported.outcome.warnings.join("\n");
    warnings.push('\n');
    expect![[r#"
        table shop.public.cache was skipped: it is unlogged
        table shop.public.a/b was skipped: its name contains a slash
        table shop.public.sums was skipped: the name of its column "total (won)" contains one of , ; { } ( ) = space, tab or newline
        table shop.public.tabbed was skipped: the name of its column "a\tb" contains one of , ; { } ( ) = space, tab or newline
    "#]].assert_eq(&warnings);
}

#[tokio::test]
async fn mysql_family() {
    let fixed = MemoryDatabase::new(Engine::mysql("8.0.36"), "shop");
    fixed.set_table(keyed("shop", "orders", 25)).unwrap();
    fixed.set_table(keyed("shop", "my orders", 0)).unwrap();
    let quirks = ExportQuirks { empty: EmptyTableForm::ZeroRowFile, ..small() };
    let exported = run(snapshot(&fixed).await.as_ref(), quirks).await;
    expect![[r#"
        exports/day-1/export_info_day-1.json
        exports/day-1/export_tables_info_day-1_from_1_to_3.json
        exports/day-1/shop/shop.my_orders/1/_SUCCESS
        exports/day-1/shop/shop.my_orders/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/shop.orders/1/_SUCCESS
        exports/day-1/shop/shop.orders/1/part-00000-U-c000.gz.parquet
        exports/day-1/shop/shop.orders/1/part-00001-U-c000.gz.parquet
        exports/day-1/shop/shop.orders/1/part-00002-U-c000.gz.parquet
    "#]]
    .assert_eq(&exported.keys());
    let targets = |exported: &Exported| -> Vec<String> {
        exported
            .entries()
            .iter()
            .map(|entry| entry["target"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(targets(&exported), ["sys", "shop.orders", "shop.my orders"]);
    let quirks = ExportQuirks { three_part_targets: true, ..small() };
    let three = run(snapshot(&fixed).await.as_ref(), quirks).await;
    assert_eq!(targets(&three), ["sys", "shop.shop.orders", "shop.shop.my orders"]);
    assert_eq!(exported.rows("exports/day-1/shop/shop.orders/").num_rows(), 25);
    assert_eq!(exported.footer_rows("exports/day-1/shop/shop.my_orders/"), 0);
}

impl Exported {
    /// Rows according to the footers of a folder's files.
    fn footer_rows(&self, folder: &str) -> i64 {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        let files = self.files(folder);
        assert_eq!(files.len(), 1);
        SerializedFileReader::new(files[0].clone()).unwrap().metadata().file_metadata().num_rows()
    }
}

/// The folder of a partitioned table and those of its partitions contain the same rows.
#[tokio::test]
async fn rows_of_partitions_are_exported_twice() {
    let exported = run(snapshot(&postgres()).await.as_ref(), small()).await;
    let rows =
        |name: &str| exported.outcome.tables.iter().find(|table| table.name == name).unwrap().rows;
    assert_eq!(rows("visits"), 25);
    assert_eq!(rows("visits_2026_01") + rows("visits_2026_02") + rows("visits_2026_03"), 25);
    assert_eq!(exported.rows("exports/day-1/shop/public.visits/").num_rows(), 25);
}

#[tokio::test]
async fn older_exports_have_no_batch_folder() {
    let fixed = MemoryDatabase::new(Engine::postgres("15.4"), "shop");
    fixed.set_table(keyed("public", "orders", 5)).unwrap();
    let exported =
        run(snapshot(&fixed).await.as_ref(), ExportQuirks { no_batch_folder: true, ..small() })
            .await;
    expect![[r#"
        exports/day-1/export_info_day-1.json
        exports/day-1/export_tables_info_day-1_from_1_to_3.json
        exports/day-1/shop/public.orders/_SUCCESS
        exports/day-1/shop/public.orders/part-00000-U-c000.gz.parquet
    "#]]
    .assert_eq(&exported.keys());
}

/// By default both representations of an empty table occur.
#[tokio::test]
async fn empty_tables_take_both_forms() {
    let fixed = MemoryDatabase::new(Engine::postgres("15.4"), "shop");
    for number in 0..16 {
        fixed.set_table(keyed("public", &format!("t{number}"), 0)).unwrap();
    }
    let quirks = ExportQuirks { empty: EmptyTableForm::ByHash, ..small() };
    let outcome = run(snapshot(&fixed).await.as_ref(), quirks).await.outcome;
    let files: u64 = outcome.tables.iter().map(|table| table.files).sum();
    assert!((1..16).contains(&files), "{files} of 16 empty tables have a file");
}

#[tokio::test]
async fn manifests() {
    let exported = run(snapshot(&postgres()).await.as_ref(), small()).await;
    let info: Value =
        serde_json::from_slice(&exported.objects["exports/day-1/export_info_day-1.json"]).unwrap();
    let total = info["totalExportedDataInGB"].as_f64().unwrap();
    assert!(total > 0.0 && total < 0.001 && total == exported.outcome.total_gb);
    let mut info =
        serde_json::to_string_pretty(&info).unwrap().replace(&total.to_string(), "TOTAL");
    info.push('\n');
    expect![[r#"
        {
          "exportTaskIdentifier": "day-1",
          "status": "COMPLETE",
          "percentProgress": 100,
          "exportOnly": [],
          "sourceArn": "arn:aws:rds:ap-northeast-2:123456789012:snapshot:shop-1",
          "s3Bucket": "bucket",
          "s3Prefix": "exports",
          "exportedFilesPath": "exports/day-1",
          "iamRoleArn": "arn:aws:iam::123456789012:role/export",
          "kmsKeyId": "arn:aws:kms:ap-northeast-2:123456789012:key/1",
          "taskStartTime": "2026-03-01T16:00:00Z",
          "taskEndTime": "2026-03-01T16:20:00Z",
          "totalExportedDataInGB": TOTAL
        }
    "#]]
    .assert_eq(&info);

    let entries = exported.entries();
    let mut text = String::new();
    for entry in &entries {
        let mut entry = entry.clone();
        if let Some(size) = entry.get_mut("sizeGB") {
            *size = if size.is_string() { "SIZE".into() } else { Value::from(1) };
        }
        text.push_str(&format!("{entry}\n"));
    }
    expect![[r#"
        {"target":"shop.public.empty","status":"COMPLETE","TableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"id","originalType":"bigint","expectedExportedType":"int64","originalCharMaxLength":"0","originalNumPrecision":"64","originalDateTimePrecision":"0"},{"columnName":"note","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":"20","originalNumPrecision":"0","originalDateTimePrecision":"0"}]}}
        {"target":"shop.public.cache","status":"SKIPPED","warningMessage":"table shop.public.cache was skipped: it is unlogged"}
        {"target":"shop.public.a/b","status":"SKIPPED","warningMessage":"table shop.public.a/b was skipped: its name contains a slash"}
        {"target":"shop.public.sums","status":"SKIPPED","warningMessage":"table shop.public.sums was skipped: the name of its column \"total (won)\" contains one of , ; { } ( ) = space, tab or newline"}
        {"target":"shop.public.tabbed","status":"SKIPPED","warningMessage":"table shop.public.tabbed was skipped: the name of its column \"a\\tb\" contains one of , ; { } ( ) = space, tab or newline"}
        {"target":"postgres","warningMessage":"The database postgres has no tables that can be exported."}
        {"target":"template1","warningMessage":"The database template1 has no tables that can be exported."}
        {"target":"shop.public.orders","status":"COMPLETE","tableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"id","originalType":"bigint","expectedExportedType":"int64","originalCharMaxLength":0,"originalNumPrecision":64,"originalDateTimePrecision":0},{"columnName":"note","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":20,"originalNumPrecision":0,"originalDateTimePrecision":0}]}}
        {"target":"shop.public.codes","status":"COMPLETE","tableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"code","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":8,"originalNumPrecision":0,"originalDateTimePrecision":0}]}}
        {"target":"shop.public.odd `name\\ of \"it\"","status":"COMPLETE","sizeGB":"SIZE","tableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"id","originalType":"bigint","expectedExportedType":"int64","originalCharMaxLength":"0","originalNumPrecision":"64","originalDateTimePrecision":"0"},{"columnName":"note","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":"20","originalNumPrecision":"0","originalDateTimePrecision":"0"}]}}
        {"target":"shop.public.visits","status":"COMPLETE","sizeGB":1,"TableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"id","originalType":"bigint","expectedExportedType":"int64","originalCharMaxLength":0,"originalNumPrecision":64,"originalDateTimePrecision":0},{"columnName":"note","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":20,"originalNumPrecision":0,"originalDateTimePrecision":0}]}}
        {"target":"shop.public.visits_2026_01","status":"COMPLETE","sizeGB":"SIZE","TableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"id","originalType":"bigint","expectedExportedType":"int64","originalCharMaxLength":"0","originalNumPrecision":"64","originalDateTimePrecision":"0"},{"columnName":"note","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":"20","originalNumPrecision":"0","originalDateTimePrecision":"0"}]}}
        {"target":"shop.public.visits_2026_02","status":"COMPLETE","sizeGB":1,"TableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"id","originalType":"bigint","expectedExportedType":"int64","originalCharMaxLength":0,"originalNumPrecision":64,"originalDateTimePrecision":0},{"columnName":"note","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":20,"originalNumPrecision":0,"originalDateTimePrecision":0}]}}
        {"target":"shop.public.visits_2026_03","status":"COMPLETE","sizeGB":1,"tableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"id","originalType":"bigint","expectedExportedType":"int64","originalCharMaxLength":0,"originalNumPrecision":64,"originalDateTimePrecision":0},{"columnName":"note","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":20,"originalNumPrecision":0,"originalDateTimePrecision":0}]}}
        {"target":"shop.audit.events.old","status":"COMPLETE","sizeGB":"SIZE","tableStatistics":{"extractionStartTime":"2026-03-01T16:00:00Z","extractionEndTime":"2026-03-01T16:20:00Z"},"schemaMetadata":{"originalTypeMappings":[{"columnName":"id","originalType":"bigint","expectedExportedType":"int64","originalCharMaxLength":"0","originalNumPrecision":"64","originalDateTimePrecision":"0"},{"columnName":"note","originalType":"character varying","expectedExportedType":"binary (UTF8)","originalCharMaxLength":"20","originalNumPrecision":"0","originalDateTimePrecision":"0"}]}}
    "#]].assert_eq(&text);
}

#[tokio::test]
async fn sizes_may_be_missing_everywhere() {
    let snapshot = snapshot(&MemoryDatabase::mysql_every_type().unwrap()).await;
    let exported = run(snapshot.as_ref(), ExportQuirks { no_sizes: true, ..small() }).await;
    assert!(!format!("{:?}", exported.entries()).contains("originalNumPrecision"));
}

#[tokio::test]
async fn only_some_tables() {
    let snapshot = snapshot(&postgres()).await;
    let run = async |only: &[&str]| {
        let only: Vec<String> = only.iter().map(|part| (*part).to_owned()).collect();
        let mut spec = spec(small());
        spec.only = &only;
        let outcome = try_run(snapshot.as_ref(), &spec).await.map(|exported| exported.outcome);
        outcome
            .map(|outcome| outcome.tables.into_iter().map(|table| table.name).collect::<Vec<_>>())
    };
    assert_eq!(run(&["shop"]).await.unwrap().len(), 9);
    assert_eq!(run(&["shop.audit"]).await.unwrap(), ["events.old"]);
    assert_eq!(
        run(&["shop.audit.events.old", "shop.public.orders"]).await.unwrap(),
        ["orders", "events.old"]
    );
    let refused = run(&["shop.public.order"]).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ExportOnly names shop.public.order, which is not in the snapshot; \
         use the form database, database.schema or database.schema.table"
    );
}

#[tokio::test]
async fn the_same_export_is_the_same_bytes() {
    let snapshot = snapshot(&postgres()).await;
    assert!(
        run(snapshot.as_ref(), small()).await.objects
            == run(snapshot.as_ref(), small()).await.objects
    );
    let mut other = spec(small());
    other.export_id = "day-2";
    let other = try_run(snapshot.as_ref(), &other).await.unwrap();
    assert!(other.objects.keys().all(|key| key.starts_with("exports/day-2/")));
}
