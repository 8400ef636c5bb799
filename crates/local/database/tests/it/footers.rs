//! Every row of the two type tables of the AWS documentation, checked in the footers.

use expect_test::{Expect, expect};
use landbridge_local_database::{Engine, ExportQuirks, MemoryDatabase, MemoryTable, TimestampForm};
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::printer::print_schema;

use crate::support::{printed, run, snapshot};

async fn check(source: MemoryDatabase, folder: &str, quirks: ExportQuirks, expected: Expect) {
    let exported = run(snapshot(&source).await.as_ref(), quirks).await;
    let mut text = String::new();
    for file in exported.files(folder) {
        let reader = SerializedFileReader::new(file).unwrap();
        let metadata = reader.metadata();
        let mut schema = Vec::new();
        print_schema(&mut schema, metadata.file_metadata().schema());
        text.push_str(&String::from_utf8(schema).unwrap());
        assert!(
            metadata.file_metadata().key_value_metadata().is_none(),
            "no Arrow schema beside Parquet's"
        );
        for group in metadata.row_groups() {
            assert!(
                group
                    .columns()
                    .iter()
                    .all(|chunk| matches!(chunk.compression(), Compression::GZIP(_)))
            );
        }
    }
    expected.assert_eq(&text);
}

#[tokio::test]
async fn mysql() {
    let every_type = MemoryDatabase::mysql_every_type().unwrap();
    check(
        every_type,
        "exports/day-1/shop/shop.every_type/",
        ExportQuirks::default(),
        expect![[r#"
            message spark_schema {
              OPTIONAL INT64 id;
              OPTIONAL INT32 c_tinyint;
              OPTIONAL INT32 c_bool;
              OPTIONAL INT32 c_tinyint_u (INTEGER(16,true));
              OPTIONAL INT32 c_smallint;
              OPTIONAL INT32 c_smallint_u;
              OPTIONAL INT32 c_mediumint;
              OPTIONAL INT64 c_mediumint_u;
              OPTIONAL INT32 c_int;
              OPTIONAL INT64 c_int_u;
              OPTIONAL FIXED_LEN_BYTE_ARRAY (9) c_bigint_u (DECIMAL(20,0));
              OPTIONAL INT32 c_year;
              OPTIONAL INT32 c_decimal_9 (DECIMAL(9,2));
              OPTIONAL INT64 c_decimal_18 (DECIMAL(18,4));
              OPTIONAL FIXED_LEN_BYTE_ARRAY (9) c_decimal_20 (DECIMAL(20,0));
              OPTIONAL FIXED_LEN_BYTE_ARRAY (16) c_decimal_38 (DECIMAL(38,10));
              OPTIONAL BYTE_ARRAY c_decimal_65 (STRING);
              OPTIONAL DOUBLE c_float;
              OPTIONAL DOUBLE c_double;
              OPTIONAL BYTE_ARRAY c_char;
              OPTIONAL BYTE_ARRAY c_varchar (STRING);
              OPTIONAL BYTE_ARRAY c_tinytext (STRING);
              OPTIONAL BYTE_ARRAY c_text (STRING);
              OPTIONAL BYTE_ARRAY c_mediumtext (STRING);
              OPTIONAL BYTE_ARRAY c_longtext (STRING);
              OPTIONAL BYTE_ARRAY c_enum (STRING);
              OPTIONAL BYTE_ARRAY c_set (STRING);
              OPTIONAL BYTE_ARRAY c_json (STRING);
              OPTIONAL BYTE_ARRAY c_bit;
              OPTIONAL BYTE_ARRAY c_binary;
              OPTIONAL BYTE_ARRAY c_varbinary;
              OPTIONAL BYTE_ARRAY c_tinyblob;
              OPTIONAL BYTE_ARRAY c_blob;
              OPTIONAL BYTE_ARRAY c_mediumblob;
              OPTIONAL BYTE_ARRAY c_longblob;
              OPTIONAL BYTE_ARRAY c_point;
              OPTIONAL BYTE_ARRAY c_date (STRING);
              OPTIONAL BYTE_ARRAY c_time (STRING);
              OPTIONAL INT64 c_datetime (TIMESTAMP(MICROS,true));
              OPTIONAL INT64 c_timestamp (TIMESTAMP(MICROS,true));
            }
        "#]],
    )
    .await;
}

#[tokio::test]
async fn postgres() {
    let every_type = MemoryDatabase::postgres_every_type().unwrap();
    check(
        every_type,
        "exports/day-1/shop/public.every_type/",
        ExportQuirks::default(),
        expect![[r#"
            message spark_schema {
              OPTIONAL INT64 id;
              OPTIONAL INT64 c_bigserial;
              OPTIONAL INT32 c_integer;
              OPTIONAL INT32 c_serial;
              OPTIONAL INT32 c_smallint (INTEGER(16,true));
              OPTIONAL INT32 c_smallserial (INTEGER(16,true));
              OPTIONAL FLOAT c_real;
              OPTIONAL DOUBLE c_double;
              OPTIONAL BOOLEAN c_boolean;
              OPTIONAL BYTE_ARRAY c_bytea;
              OPTIONAL BYTE_ARRAY c_numeric (STRING);
              OPTIONAL BYTE_ARRAY c_numeric_open (STRING);
              OPTIONAL BYTE_ARRAY c_money (STRING);
              OPTIONAL BYTE_ARRAY c_date (STRING);
              OPTIONAL BYTE_ARRAY c_time (STRING);
              OPTIONAL BYTE_ARRAY c_timetz (STRING);
              OPTIONAL BYTE_ARRAY c_interval (STRING);
              OPTIONAL BYTE_ARRAY c_timestamp (STRING);
              OPTIONAL BYTE_ARRAY c_timestamptz (STRING);
              OPTIONAL BYTE_ARRAY c_uuid (STRING);
              OPTIONAL BYTE_ARRAY c_json (STRING);
              OPTIONAL BYTE_ARRAY c_jsonb (STRING);
              OPTIONAL BYTE_ARRAY c_xml (STRING);
              OPTIONAL BYTE_ARRAY c_array (STRING);
              OPTIONAL BYTE_ARRAY c_text_array (STRING);
              OPTIONAL BYTE_ARRAY c_bit (STRING);
              OPTIONAL BYTE_ARRAY c_varbit (STRING);
              OPTIONAL BYTE_ARRAY c_cidr (STRING);
              OPTIONAL BYTE_ARRAY c_inet (STRING);
              OPTIONAL BYTE_ARRAY c_macaddr (STRING);
              OPTIONAL BYTE_ARRAY c_range (STRING);
              OPTIONAL BYTE_ARRAY c_composite (STRING);
              OPTIONAL BYTE_ARRAY c_enum (STRING);
              OPTIONAL BYTE_ARRAY c_char (STRING);
              OPTIONAL BYTE_ARRAY c_varchar (STRING);
              OPTIONAL BYTE_ARRAY c_text (STRING);
              OPTIONAL BYTE_ARRAY c_name (STRING);
              OPTIONAL BYTE_ARRAY c_point (STRING);
              OPTIONAL BYTE_ARRAY c_circle (STRING);
              OPTIONAL BYTE_ARRAY c_pg_lsn (STRING);
              OPTIONAL BYTE_ARRAY c_hstore (STRING);
            }
        "#]],
    )
    .await;
}

#[tokio::test]
async fn timestamps_have_the_requested_form() {
    for (timestamps, written) in [
        (TimestampForm::Micros, "MICROS,true"),
        (TimestampForm::Millis, "MILLIS,true"),
        (TimestampForm::LocalMicros, "MICROS,false"),
        (TimestampForm::LocalMillis, "MILLIS,false"),
        (TimestampForm::LocalNanos, "NANOS,false"),
    ] {
        let quirks = ExportQuirks { timestamps, ..ExportQuirks::default() };
        let table = MemoryTable::new("shop", "visits")
            .column("at", "datetime(3)")
            .row([Some("2026-03-01 09:30:00.5")]);
        let fixed = MemoryDatabase::new(Engine::mysql("8.0.39"), "shop");
        fixed.set_table(table).unwrap();
        let exported = run(snapshot(&fixed).await.as_ref(), quirks).await;
        let reader = SerializedFileReader::new(exported.files("exports/").remove(0)).unwrap();
        let mut schema = Vec::new();
        print_schema(&mut schema, reader.metadata().file_metadata().schema());
        let schema = String::from_utf8(schema).unwrap();
        assert!(schema.contains(&format!("INT64 at (TIMESTAMP({written}));")), "{schema}");
        let cells = printed(&exported.rows("exports/day-1/shop/shop.visits/"));
        let value = cells[0][0].clone().unwrap();
        assert!(value.starts_with("2026-03-01T09:30:00.5"), "{value}");
    }
}

/// Values are unchanged: limits, NULLs, unusual forms.
#[tokio::test]
async fn values_are_unchanged() {
    let mut text = String::new();
    let sources = [
        ("exports/day-1/shop/shop.every_type/", MemoryDatabase::mysql_every_type().unwrap()),
        ("exports/day-1/shop/public.every_type/", MemoryDatabase::postgres_every_type().unwrap()),
    ];
    for (folder, source) in sources {
        let rows =
            run(snapshot(&source).await.as_ref(), ExportQuirks::default()).await.rows(folder);
        let cells = printed(&rows);
        for (index, field) in rows.schema().fields().iter().enumerate() {
            let cell = |row: usize| cells[row][index].as_deref().unwrap_or("NULL").to_owned();
            assert_eq!(cell(1) == "NULL", field.name() != "id");
            text.push_str(&format!("{}: {:?} {:?}\n", field.name(), cell(0), cell(2)));
        }
    }
    expect![[r#"
        id: "1" "9223372036854775807"
        c_tinyint: "-128" "127"
        c_bool: "1" "3"
        c_tinyint_u: "0" "255"
        c_smallint: "-32768" "32767"
        c_smallint_u: "0" "65535"
        c_mediumint: "-8388608" "8388607"
        c_mediumint_u: "0" "16777215"
        c_int: "-2147483648" "2147483647"
        c_int_u: "0" "4294967295"
        c_bigint_u: "0" "18446744073709551615"
        c_year: "1901" "2155"
        c_decimal_9: "-1.50" "9999999.99"
        c_decimal_18: "-1.5000" "99999999999999.9999"
        c_decimal_20: "0" "99999999999999999999"
        c_decimal_38: "-0.0000000001" "9999999999999999999999999999.9999999999"
        c_decimal_65: "1.000000000000000000000000000000" "-0.000000000000000000000000000001"
        c_float: "1.5" "-0.25"
        c_double: "1.7976931348623157e308" "0.1"
        c_char: "ec849cec9ab8" "53656f756c"
        c_varchar: "제주 바다" ""
        c_tinytext: "a" "b"
        c_text: "line\nbreak" "tab\t"
        c_mediumtext: "quote \"" "\\"
        c_longtext: "긴 글" "long"
        c_enum: "new" "paid"
        c_set: "a,b" ""
        c_json: "{\"a\": 1}" "[]"
        c_bit: "0fff" "0001"
        c_binary: "00ff" "ffff"
        c_varbinary: "" "00"
        c_tinyblob: "01" "02"
        c_blob: "0102" "ff"
        c_mediumblob: "03" "04"
        c_longblob: "05" "06"
        c_point: "e61000000101000000000000000000f03f0000000000000040" "e61000000101000000000000000000f03f0000000000000040"
        c_date: "2026-03-01" "0000-00-00"
        c_time: "-838:59:59" "838:59:59"
        c_datetime: "2026-03-01T09:30:00.123456" "1000-01-01T00:00:00"
        c_timestamp: "1970-01-01T00:00:01" "2038-01-19T03:14:07"
        id: "1" "9223372036854775807"
        c_bigserial: "1" "2"
        c_integer: "-2147483648" "2147483647"
        c_serial: "1" "2"
        c_smallint: "-32768" "32767"
        c_smallserial: "1" "2"
        c_real: "1.5" "-0.25"
        c_double: "0.1" "1e300"
        c_boolean: "true" "false"
        c_bytea: "00ff" ""
        c_numeric: "1234567890.12" "NaN"
        c_numeric_open: "0.000000000000000000000000000000000000001" "Infinity"
        c_money: "$1,234.56" "-$0.01"
        c_date: "2026-03-01" "0044-03-15 BC"
        c_time: "23:59:59.999999" "24:00:00"
        c_timetz: "09:30:00+09" "09:30:00+05:30"
        c_interval: "1 year 2 mons 3 days 04:05:06" "-00:00:01"
        c_timestamp: "2026-03-01 09:30:00.5" "infinity"
        c_timestamptz: "2026-03-01 00:30:00+00" "-infinity"
        c_uuid: "00000000-0000-4000-8000-000000000000" "ffffffff-ffff-4fff-bfff-ffffffffffff"
        c_json: "{\"a\":  1}" "null"
        c_jsonb: "{\"a\": 1}" "[]"
        c_xml: "<a/>" "<b>가</b>"
        c_array: "{1,NULL,3}" "{}"
        c_text_array: "{\"a b\",\"c\\\"d\"}" "{{a},{b}}"
        c_bit: "0101" "1111"
        c_varbit: "1" ""
        c_cidr: "192.0.2.0/24" "2001:db8::/32"
        c_inet: "192.0.2.1" "2001:db8::1"
        c_macaddr: "00:00:5e:00:53:01" "00:00:5e:00:53:ff"
        c_range: "[1,5)" "empty"
        c_composite: "(Seoul,\"1 Road\")" "(,)"
        c_enum: "new" "paid"
        c_char: "ab   " "가나다라마"
        c_varchar: "제주 바다" ""
        c_text: "line\nbreak" "tab\t"
        c_name: "pg_class" "a"
        c_point: "(1,2)" "(-0.5,1e+300)"
        c_circle: "<(0,0),1>" "<(1,1),0>"
        c_pg_lsn: "0/0" "16/B374D848"
        c_hstore: "\"a\"=>\"1\"" "\"a\"=>NULL"
    "#]].assert_eq(&text);
}
