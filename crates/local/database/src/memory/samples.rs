//! Tables with every type in the AWS documentation of exports, one for each engine family.

use super::{MemoryDatabase, MemoryTable};
use crate::error::DatabaseError;
use landbridge_source::Engine;

/// Column, declaration, a usual cell, and a cell at a limit or of an unusual form.
type Sample = (&'static str, &'static str, &'static str, &'static str);

const MYSQL: &[Sample] = &[
    ("id", "bigint not null", "1", "9223372036854775807"),
    ("c_tinyint", "tinyint", "-128", "127"),
    ("c_bool", "tinyint(1)", "1", "3"),
    ("c_tinyint_u", "tinyint unsigned", "0", "255"),
    ("c_smallint", "smallint", "-32768", "32767"),
    ("c_smallint_u", "smallint unsigned", "0", "65535"),
    ("c_mediumint", "mediumint", "-8388608", "8388607"),
    ("c_mediumint_u", "mediumint unsigned", "0", "16777215"),
    ("c_int", "int", "-2147483648", "2147483647"),
    ("c_int_u", "int unsigned", "0", "4294967295"),
    ("c_bigint_u", "bigint unsigned", "0", "18446744073709551615"),
    ("c_year", "year", "1901", "2155"),
    ("c_decimal_9", "decimal(9,2)", "-1.50", "9999999.99"),
    ("c_decimal_18", "decimal(18,4)", "-1.5", "99999999999999.9999"),
    ("c_decimal_20", "decimal(20,0)", "0", "99999999999999999999"),
    ("c_decimal_38", "decimal(38,10)", "-0.0000000001", "9999999999999999999999999999.9999999999"),
    (
        "c_decimal_65",
        "decimal(65,30)",
        "1.000000000000000000000000000000",
        "-0.000000000000000000000000000001",
    ),
    ("c_float", "float", "1.5", "-0.25"),
    ("c_double", "double", "1.7976931348623157e308", "0.1"),
    ("c_char", "char(20)", "서울", "Seoul"),
    ("c_varchar", "varchar(80)", "제주 바다", ""),
    ("c_tinytext", "tinytext", "a", "b"),
    ("c_text", "text", "line\nbreak", "tab\t"),
    ("c_mediumtext", "mediumtext", "quote \"", "\\"),
    ("c_longtext", "longtext", "긴 글", "long"),
    ("c_enum", "enum('new','paid')", "new", "paid"),
    ("c_set", "set('a','b')", "a,b", ""),
    ("c_json", "json", "{\"a\": 1}", "[]"),
    ("c_bit", "bit(12)", "\\x0fff", "\\x0001"),
    ("c_binary", "binary(2)", "\\x00ff", "\\xffff"),
    ("c_varbinary", "varbinary(8)", "\\x", "\\x00"),
    ("c_tinyblob", "tinyblob", "\\x01", "\\x02"),
    ("c_blob", "blob", "\\x0102", "\\xff"),
    ("c_mediumblob", "mediumblob", "\\x03", "\\x04"),
    ("c_longblob", "longblob", "\\x05", "\\x06"),
    // SRID 4326 (little-endian), then the WKB of POINT(1 2).
    (
        "c_point",
        "point",
        "\\xe61000000101000000000000000000f03f0000000000000040",
        "\\xe61000000101000000000000000000f03f0000000000000040",
    ),
    ("c_date", "date", "2026-03-01", "0000-00-00"),
    ("c_time", "time", "-838:59:59", "838:59:59"),
    ("c_datetime", "datetime(6)", "2026-03-01 09:30:00.123456", "1000-01-01 00:00:00"),
    ("c_timestamp", "timestamp", "1970-01-01 00:00:01", "2038-01-19 03:14:07"),
];

const POSTGRES: &[Sample] = &[
    ("id", "bigint not null", "1", "9223372036854775807"),
    ("c_bigserial", "bigserial", "1", "2"),
    ("c_integer", "integer", "-2147483648", "2147483647"),
    ("c_serial", "serial", "1", "2"),
    ("c_smallint", "smallint", "-32768", "32767"),
    ("c_smallserial", "smallserial", "1", "2"),
    ("c_real", "real", "1.5", "-0.25"),
    ("c_double", "double precision", "0.1", "1e300"),
    ("c_boolean", "boolean", "t", "f"),
    ("c_bytea", "bytea", "\\x00ff", "\\x"),
    ("c_numeric", "numeric(12,2)", "1234567890.12", "NaN"),
    ("c_numeric_open", "numeric", "0.000000000000000000000000000000000000001", "Infinity"),
    ("c_money", "money", "$1,234.56", "-$0.01"),
    ("c_date", "date", "2026-03-01", "0044-03-15 BC"),
    ("c_time", "time", "23:59:59.999999", "24:00:00"),
    ("c_timetz", "time with time zone", "09:30:00+09", "09:30:00+05:30"),
    ("c_interval", "interval", "1 year 2 mons 3 days 04:05:06", "-00:00:01"),
    ("c_timestamp", "timestamp", "2026-03-01 09:30:00.5", "infinity"),
    ("c_timestamptz", "timestamp(3) with time zone", "2026-03-01 00:30:00+00", "-infinity"),
    (
        "c_uuid",
        "uuid",
        "00000000-0000-4000-8000-000000000000",
        "ffffffff-ffff-4fff-bfff-ffffffffffff",
    ),
    ("c_json", "json", "{\"a\":  1}", "null"),
    ("c_jsonb", "jsonb", "{\"a\": 1}", "[]"),
    ("c_xml", "xml", "<a/>", "<b>가</b>"),
    ("c_array", "integer[]", "{1,NULL,3}", "{}"),
    ("c_text_array", "text[]", "{\"a b\",\"c\\\"d\"}", "{{a},{b}}"),
    ("c_bit", "bit(4)", "0101", "1111"),
    ("c_varbit", "bit varying(8)", "1", ""),
    ("c_cidr", "cidr", "192.0.2.0/24", "2001:db8::/32"),
    ("c_inet", "inet", "192.0.2.1", "2001:db8::1"),
    ("c_macaddr", "macaddr", "00:00:5e:00:53:01", "00:00:5e:00:53:ff"),
    ("c_range", "int4range", "[1,5)", "empty"),
    ("c_composite", "address", "(Seoul,\"1 Road\")", "(,)"),
    ("c_enum", "order_status", "new", "paid"),
    ("c_char", "char(5)", "ab   ", "가나다라마"),
    ("c_varchar", "varchar(80)", "제주 바다", ""),
    ("c_text", "text", "line\nbreak", "tab\t"),
    ("c_name", "name", "pg_class", "a"),
    ("c_point", "point", "(1,2)", "(-0.5,1e+300)"),
    ("c_circle", "circle", "<(0,0),1>", "<(1,1),0>"),
    ("c_pg_lsn", "pg_lsn", "0/0", "16/B374D848"),
    ("c_hstore", "hstore", "\"a\"=>\"1\"", "\"a\"=>NULL"),
];

fn table(schema: &str, samples: &[Sample]) -> MemoryTable {
    let table = samples
        .iter()
        .fold(MemoryTable::new(schema, "every_type"), |table, (name, declared, ..)| {
            table.column(name, declared)
        });
    let nulls = samples
        .iter()
        .enumerate()
        .map(|(index, sample)| (index == 0).then_some(if sample.0 == "id" { "2" } else { "" }));
    table
        .row(samples.iter().map(|sample| Some(sample.2)))
        .row(nulls)
        .row(samples.iter().map(|sample| Some(sample.3)))
}

impl MemoryDatabase {
    /// A MySQL database `shop` with one table `every_type` of three rows: usual cells, NULLs, and
    /// cells at limits, including zero dates and a TINYINT(1) of 3.
    ///
    /// # Errors
    /// None in practice; the samples are valid for their columns.
    pub fn mysql_every_type() -> Result<MemoryDatabase, DatabaseError> {
        let database = MemoryDatabase::new(Engine::mysql("8.0.36"), "shop");
        database.set_table(table("shop", MYSQL))?;
        Ok(database)
    }

    /// A PostgreSQL database `shop` with one table `public.every_type` of three rows: usual cells,
    /// NULLs, and cells at limits.
    ///
    /// # Errors
    /// None in practice; the samples are valid for their columns.
    pub fn postgres_every_type() -> Result<MemoryDatabase, DatabaseError> {
        let database = MemoryDatabase::new(Engine::postgres("15.4"), "shop");
        database.set_table(table("public", POSTGRES))?;
        Ok(database)
    }
}
