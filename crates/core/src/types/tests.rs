//! Tables of source types: what an export writes, what a load makes of it, and what its text can be.

use expect_test::expect;

use super::*;

fn original(source: &str) -> OriginalColumn {
    OriginalColumn {
        name: "c".to_owned(),
        original_type: source.to_owned(),
        ..OriginalColumn::default()
    }
}

#[test]
fn what_an_export_writes_for_every_type_that_is_not_text() {
    let mut shown = String::new();
    for (engine, names) in SOURCE_TYPES {
        let more: &[&str] = match engine {
            Engine::Postgres => &["int8", "int4", "int2", "float4", "float8", "bool"],
            Engine::Mysql => &[
                "integer(11) unsigned",
                "decimal(9,2)",
                "decimal(10,2)",
                "decimal(18,2)",
                "decimal(19,2)",
                "decimal(38,2)",
                "decimal(39,2)",
            ],
        };
        for name in names.iter().chain(more) {
            let column = exported_column(engine, &original(name));
            if column.annotation == Annotation::String {
                assert_eq!(column.physical, Physical::ByteArray, "{name}");
            } else {
                shown += &format!("{engine:?} {name}: {column}\n");
            }
        }
    }
    let digits = |precision, scale| {
        let original = OriginalColumn { precision, scale, ..original("decimal") };
        exported_column(Engine::Mysql, &original)
    };
    shown += &format!("Mysql decimal of 12, 3: {}\n", digits(12, Some(3)));
    shown += &format!("Mysql decimal of unknown digits: {}\n", digits(0, None));
    expect![[r#"
        Postgres bigint: Int64
        Postgres integer: Int32
        Postgres smallint: Int32 (Int { bits: 16, signed: true })
        Postgres real: Float
        Postgres double precision: Double
        Postgres boolean: Boolean
        Postgres bytea: ByteArray
        Postgres int8: Int64
        Postgres int4: Int32
        Postgres int2: Int32 (Int { bits: 16, signed: true })
        Postgres float4: Float
        Postgres float8: Double
        Postgres bool: Boolean
        Mysql tinyint: Int32
        Mysql smallint: Int32
        Mysql mediumint: Int32
        Mysql int: Int32
        Mysql bigint: Int64
        Mysql tinyint unsigned: Int32 (Int { bits: 16, signed: true })
        Mysql smallint unsigned: Int32
        Mysql mediumint unsigned: Int64
        Mysql int unsigned: Int64
        Mysql bigint unsigned: Fixed(9) (Decimal { precision: 20, scale: 0 })
        Mysql year: Int32
        Mysql decimal: Int64 (Decimal { precision: 10, scale: 0 })
        Mysql decimal unsigned: Int64 (Decimal { precision: 10, scale: 0 })
        Mysql float: Double
        Mysql float unsigned: Double
        Mysql double: Double
        Mysql double unsigned: Double
        Mysql char: ByteArray
        Mysql bit: ByteArray
        Mysql binary: ByteArray
        Mysql varbinary: ByteArray
        Mysql tinyblob: ByteArray
        Mysql blob: ByteArray
        Mysql mediumblob: ByteArray
        Mysql longblob: ByteArray
        Mysql geometry: ByteArray
        Mysql point: ByteArray
        Mysql linestring: ByteArray
        Mysql polygon: ByteArray
        Mysql multipoint: ByteArray
        Mysql multilinestring: ByteArray
        Mysql multipolygon: ByteArray
        Mysql geometrycollection: ByteArray
        Mysql geomcollection: ByteArray
        Mysql datetime: Int64 (TimestampMicros)
        Mysql timestamp: Int64 (TimestampMicros)
        Mysql integer(11) unsigned: Int64
        Mysql decimal(9,2): Int32 (Decimal { precision: 9, scale: 2 })
        Mysql decimal(10,2): Int64 (Decimal { precision: 10, scale: 2 })
        Mysql decimal(18,2): Int64 (Decimal { precision: 18, scale: 2 })
        Mysql decimal(19,2): Fixed(9) (Decimal { precision: 19, scale: 2 })
        Mysql decimal(38,2): Fixed(16) (Decimal { precision: 38, scale: 2 })
        Mysql decimal of 12, 3: Int64 (Decimal { precision: 12, scale: 3 })
        Mysql decimal of unknown digits: Int64 (Decimal { precision: 10, scale: 0 })
    "#]]
    .assert_eq(&shown);
}

#[test]
fn what_the_text_of_a_type_can_be() {
    let mut shown = String::new();
    for (engine, names) in SOURCE_TYPES {
        for name in names {
            let form = text_form(engine, name);
            let types = BigQueryType::ALL.iter().filter(|ty| form.can_be(**ty));
            let types: Vec<&str> = types.map(|ty| ty.name()).collect();
            let natural = natural_type(engine, &original(name), &TimeRules::default());
            if types != ["STRING"] && form != TextForm::Free || natural != BigQueryType::String {
                shown += &format!("{engine:?} {name}: {natural} of {}\n", types.join(" "));
            }
        }
    }
    expect![[r#"
        Postgres bigint: INT64 of STRING INT64 FLOAT64 NUMERIC BIGNUMERIC
        Postgres integer: INT64 of STRING INT64 FLOAT64 NUMERIC BIGNUMERIC
        Postgres smallint: INT64 of STRING INT64 FLOAT64 NUMERIC BIGNUMERIC
        Postgres real: FLOAT64 of STRING FLOAT64 NUMERIC BIGNUMERIC
        Postgres double precision: FLOAT64 of STRING FLOAT64 NUMERIC BIGNUMERIC
        Postgres numeric: BIGNUMERIC of STRING INT64 FLOAT64 NUMERIC BIGNUMERIC
        Postgres boolean: BOOL of STRING BOOL
        Postgres date: DATE of STRING DATE
        Postgres time without time zone: TIME of STRING TIME
        Postgres timestamp without time zone: DATETIME of STRING DATETIME TIMESTAMP
        Postgres timestamp with time zone: TIMESTAMP of STRING TIMESTAMP
        Postgres bit: STRING of STRING BYTES BOOL
        Postgres bit varying: STRING of STRING BYTES
        Postgres oid: STRING of STRING INT64 NUMERIC BIGNUMERIC
        Postgres xid: STRING of STRING INT64 NUMERIC BIGNUMERIC
        Postgres xid8: STRING of STRING INT64 NUMERIC BIGNUMERIC
        Postgres cid: STRING of STRING INT64 NUMERIC BIGNUMERIC
        Mysql decimal: BIGNUMERIC of STRING NUMERIC BIGNUMERIC
        Mysql decimal unsigned: STRING of STRING NUMERIC BIGNUMERIC
        Mysql date: DATE of STRING DATE
        Mysql time: STRING of STRING TIME
        Mysql datetime: DATETIME of STRING DATETIME TIMESTAMP
        Mysql timestamp: STRING of STRING TIMESTAMP
    "#]]
    .assert_eq(&shown);
}

#[test]
fn only_text_bytes_and_whole_numbers_become_tokens() {
    let decimal = Annotation::Decimal { precision: 9, scale: 2 };
    for (physical, annotation, can) in [
        (Physical::ByteArray, Annotation::None, true),
        (Physical::ByteArray, Annotation::String, true),
        (Physical::ByteArray, decimal, false),
        (Physical::Int32, Annotation::None, true),
        (Physical::Int64, Annotation::Int { bits: 16, signed: false }, true),
        (Physical::Int32, Annotation::Date, false),
        (Physical::Int64, Annotation::TimestampMicros, false),
        (Physical::Int64, decimal, false),
        (Physical::Boolean, Annotation::None, false),
        (Physical::Double, Annotation::None, false),
        (Physical::Fixed(9), decimal, false),
    ] {
        let column = ParquetColumn { name: "c".to_owned(), physical, annotation };
        assert_eq!(column.can_be_tokenised(), can, "{column}");
    }
}

#[test]
fn engines_by_the_names_of_rds() {
    for (name, engine) in [
        ("postgres", Some(Engine::Postgres)),
        ("aurora-postgresql", Some(Engine::Postgres)),
        ("mysql", Some(Engine::Mysql)),
        ("aurora-mysql", Some(Engine::Mysql)),
        ("mariadb", Some(Engine::Mysql)),
        ("aurora", Some(Engine::Mysql)),
        ("oracle-ee", None),
        ("sqlserver-se", None),
    ] {
        assert_eq!(Engine::from_rds(name), engine, "{name}");
    }
}
