//! The file of SQL statements: a new table beside the live one, and its rows.
//!
//! Every value is a constant that the server converts to the column's type, as it reads its own text form. For MySQL and MariaDB, text
//! with a backslash or a control character is written as its bytes, so that no setting of the session
//! (`NO_BACKSLASH_ESCAPES`, the client's character set) changes it.

use std::fmt::Write;

use landbridge_core::calendar::Day;
use landbridge_core::types::Engine;
use landbridge_parquet::cells::Cell;
use landbridge_source::fill::{STAGING_COMMENT, staging_name};

use super::columns::{Choice, Column, Kind};
use super::value::{self, Form};
use super::{Prepared, Types};
use crate::failure::{Failure, Result};

/// Rows of one INSERT at most, and its length in bytes from which another begins: MySQL's `max_allowed_packet` was
/// 4 MiB in old versions (MySQL Reference Manual, "Packet Too Large").
const ROWS: usize = 500;
const BYTES: usize = 1 << 20;
/// The longest name of a table: 63 bytes in PostgreSQL (documentation, "Identifiers and Key Words"), 64 characters in
/// MySQL ("Identifier Length Limits"). One limit for both.
const NAME_BYTES: usize = 63;

/// Takes statements.
pub(super) trait Sink {
    /// Takes a whole statement, or a part of the file between statements.
    ///
    /// # Errors
    /// `Failed` if it cannot be taken.
    fn put(&mut self, text: &str) -> Result;
}

/// The names of the new table and the live one.
#[derive(Debug)]
pub(super) struct Names {
    /// The schema of both; for MySQL and MariaDB the database.
    pub(super) schema: String,
    pub(super) live: String,
    pub(super) new: String,
}

impl Names {
    /// The names for a table of the source.
    ///
    /// # Errors
    /// `Usage` if the name of the new table is too long, or is the live table's although it may not be.
    pub(super) fn of(
        source_table: &str,
        day: Day,
        name: Option<&str>,
        may_be_live: bool,
    ) -> Result<Self> {
        let (schema, live) = source_table.split_once('.').unwrap_or(("", source_table));
        let suffix = format!("_recovered_{}", day.compact());
        let new = match name {
            Some(name) => name.to_owned(),
            None => format!("{}{suffix}", shortened(live, NAME_BYTES - suffix.len())),
        };
        let is_live = new.to_lowercase() == live.to_lowercase();
        if new.is_empty() || new.len() > NAME_BYTES || (is_live && !may_be_live) {
            return Err(Failure::Usage(format!(
                "--as: the new table needs a name of 1 to {NAME_BYTES} bytes that is not the name of the live table"
            )));
        }
        Ok(Self { schema: schema.to_owned(), live: live.to_owned(), new })
    }

    fn full(&self, engine: Engine, table: &str) -> String {
        match self.schema.as_str() {
            "" => quoted(engine, table),
            schema => format!("{}.{}", quoted(engine, schema), quoted(engine, table)),
        }
    }
}

/// What is written before, with and after the rows.
pub(super) struct Statements {
    engine: Engine,
    /// The table that is filled, quoted, with its schema.
    table: String,
    begin: String,
    /// `INSERT INTO … VALUES`
    insert: String,
    /// For messages.
    names: Vec<String>,
    forms: Vec<Form>,
    /// Digits of a fraction that the columns of the new table hold, where the server rounds more without an error; see
    /// [`Statements::limited`].
    fractions: Vec<Option<u32>>,
    source_table: String,
}

/// The rows of the INSERT that is being written.
pub(super) struct Inserts<'a> {
    statements: &'a Statements,
    text: String,
    rows: usize,
}

impl Statements {
    /// The statements for a new table. A database is filled under another name first, as
    /// [`fill`](landbridge_source::fill) says.
    pub(super) fn new(prepared: &Prepared, names: &Names, types: Types, into: Into) -> Self {
        let (engine, chosen) = (prepared.engine, &prepared.chosen);
        let columns: Vec<String> =
            chosen.kept.iter().map(|column| quoted(engine, &column.name)).collect();
        let columns = columns.join(", ");
        let is_staged = into == Into::Database && engine == Engine::Mysql;
        let (filled, option) = match is_staged {
            true => (staging_name(&names.new), format!(" COMMENT = '{STAGING_COMMENT}'")),
            false => (names.new.clone(), String::new()),
        };
        let table = names.full(engine, &filled);
        let create = match types {
            Types::Live => {
                like_live(engine, &table, &names.full(engine, &names.live), chosen, &option)
            }
            Types::Export => from_export(engine, &table, chosen, &option),
        };
        // The bytes of MySQL's and MariaDB's CHAR are text.
        let form = |column: &Column| match column.kind {
            Kind::Text if engine == Engine::Mysql => Form::Text,
            _ => column.form,
        };
        Self {
            engine,
            begin: format!("{}\n{create}\n", session(engine)),
            insert: format!("INSERT INTO {table} ({columns}) VALUES\n"),
            table,
            names: chosen.kept.iter().map(|column| column.name.clone()).collect(),
            forms: chosen.kept.iter().map(form).collect(),
            fractions: Vec::new(),
            source_table: prepared.source_table.clone(),
        }
    }

    /// The same statements; a value with more digits in its fraction than its column holds is an error. Columns without an
    /// entry hold all digits.
    pub(super) fn limited(self, fractions: Vec<Option<u32>>) -> Self {
        Self { fractions, ..self }
    }

    /// The table that the statements fill.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// The statements that precede the rows.
    pub(super) fn begin(&self) -> &str {
        &self.begin
    }

    /// The rows, of which none is written yet.
    pub(super) fn rows(&self) -> Inserts<'_> {
        Inserts { statements: self, text: String::new(), rows: 0 }
    }

    /// What follows the rows in a file.
    pub(super) fn end(&self, rows: u64) -> String {
        format!("COMMIT;\n-- {rows} rows in {}\n", one_line(&self.table))
    }
}

/// Where the statements go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Into {
    File,
    Database,
}

impl Inserts<'_> {
    /// Writes a row.
    ///
    /// # Errors
    /// `Failed` if a value has a form that cannot be written exactly.
    pub(super) fn row(&mut self, out: &mut dyn Sink, cells: &[Cell<'_>]) -> Result {
        self.text.push_str(if self.rows == 0 { &self.statements.insert } else { ",\n" });
        for (at, cell) in cells.iter().enumerate() {
            self.text.push_str(if at == 0 { "(" } else { ", " });
            let form = self.statements.forms.get(at).copied().unwrap_or(Form::Bytes);
            let most = self.statements.fractions.get(at).copied().flatten();
            if let (Some(most), Some(cell)) = (most, *cell)
                && fraction_digits(cell) > most
            {
                let name = self.statements.names.get(at).map_or("", String::as_str);
                return Err(Failure::Failed(format!(
                    "{}.{name} has a value with more digits after the point than the live table holds now, so it cannot be written exactly; take the types from the export: --types export",
                    self.statements.source_table
                )));
            }
            if !push(self.statements.engine, form, *cell, &mut self.text) {
                let name = self.statements.names.get(at).map_or("", String::as_str);
                return Err(Failure::Failed(format!(
                    "{}.{name} has values of a form that cannot be written exactly; restore the snapshot instead: `landbridge restore --help`",
                    self.statements.source_table
                )));
            }
        }
        self.text.push(')');
        self.rows += 1;
        if self.rows >= ROWS || self.text.len() >= BYTES { self.flush(out) } else { Ok(()) }
    }

    /// Writes the rows that are in memory.
    ///
    /// # Errors
    /// As [`Sink::put`].
    pub(super) fn flush(&mut self, out: &mut dyn Sink) -> Result {
        if self.rows > 0 {
            self.text.push_str(";\n");
            out.put(&self.text)?;
        }
        self.text.clear();
        self.rows = 0;
        Ok(())
    }
}

/// A text for a comment, which ends at the end of its line: what follows would be run.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// What a person reads first in the file.
pub(super) fn comment(prepared: &Prepared) -> String {
    let mut text = format!(
        "-- Rows of {} as the {} has them. The live table is not changed.\n",
        one_line(&prepared.source_table),
        one_line(&prepared.from)
    );
    for column in &prepared.chosen.left_out {
        let (name, reason) = (one_line(&column.column), one_line(&column.reason));
        writeln!(text, "-- Left out: {name}, {reason}").expect("memory");
    }
    text
}

/// Settings on which the meaning of constants depends, and the begin of the transaction. PostgreSQL undoes all of it if a
/// statement fails; MySQL and MariaDB cannot undo the creation of a table.
fn session(engine: Engine) -> &'static str {
    match engine {
        Engine::Postgres => {
            "BEGIN;\nSET LOCAL standard_conforming_strings = on;\nSET LOCAL client_encoding = 'UTF8';\nSET LOCAL TimeZone = 'UTC';\nSET LOCAL DateStyle = 'ISO, YMD';\n"
        }
        // Without NO_ZERO_DATE: the export can have zero dates.
        Engine::Mysql => {
            "SET NAMES utf8mb4;\nSET SESSION time_zone = '+00:00';\nSET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';\n"
        }
    }
}

/// A table with the types of the live one, without its keys and constraints, so that every row can be inserted. Of PostgreSQL,
/// only the types that the source's own are not enough for, see [`exact_type`].
fn like_live(engine: Engine, table: &str, live: &str, chosen: &Choice, option: &str) -> String {
    let column = |it: &Column| {
        let name = quoted(engine, &it.name);
        match (engine, exact_type(engine, it)) {
            (Engine::Mysql, _) => format!("live.{name}"),
            (Engine::Postgres, None) => name,
            (Engine::Postgres, Some(ty)) => format!("CAST(NULL AS {ty}) AS {name}"),
        }
    };
    let columns = chosen.kept.iter().map(column).collect::<Vec<_>>().join(", ");
    match engine {
        Engine::Postgres => {
            format!("CREATE TABLE {table} AS SELECT {columns} FROM {live} WITH NO DATA;")
        }
        // Columns of the right side of an outer join can be NULL in the new table; it has no row.
        Engine::Mysql => format!(
            "CREATE TABLE {table}{option} AS SELECT {columns} FROM (SELECT 1 AS one) AS d LEFT JOIN {live} AS live ON FALSE WHERE FALSE;\nSTART TRANSACTION;"
        ),
    }
}

/// The type that holds every value of the column exactly and compares as the source's does; `None` if only the live table has it.
///
/// PostgreSQL rounds a `numeric(12,2)` to a `numeric(12,0)`, and makes a date of a time, without an error. The live table may have got a
/// smaller type since the rows were exported, so what the export knows of the type decides, and sizes that it does not know are
/// left out. Of MySQL and MariaDB, a text without the live table's character set and collation could not be compared with it.
fn exact_type(engine: Engine, column: &Column) -> Option<String> {
    let source = column.source.trim().to_ascii_lowercase();
    match (engine, source.as_str(), &column.declared) {
        (Engine::Mysql, ..) => None,
        (_, "array", Some(declared)) => is_built_in(declared).then(|| declared.clone()),
        (.., Some(declared)) => Some(declared.clone()),
        (_, "character", None) => Some("bpchar".to_owned()),
        (_, "bit", None) => Some("bit varying".to_owned()),
        (.., None) => is_built_in(&source).then(|| source.clone()),
    }
}

/// Whether the new table gets the live table's type for the column, if it gets types of the live table.
pub(super) fn takes_live_type(engine: Engine, column: &Column) -> bool {
    exact_type(engine, column).is_none()
}

/// What the operator must check if the types are the live table's; `is_checked` if the types of the live table were compared with the
/// export's.
pub(super) fn remark(prepared: &Prepared, day: Day, is_checked: bool) -> Option<String> {
    let engine = prepared.engine;
    let kept = prepared.chosen.kept.iter();
    let names: Vec<&str> =
        kept.filter(|it| takes_live_type(engine, it)).map(|it| it.name.as_str()).collect();
    match engine {
        _ if names.is_empty() => None,
        Engine::Mysql if is_checked => None,
        Engine::Mysql => Some(format!(
            "the types are the live table's when the file is run: if a type was made smaller since {day}, such as DATETIME(6) to DATETIME, the server rounds values without an error; --types export avoids that"
        )),
        Engine::Postgres => Some(format!(
            "only the live table has the type of {}, so it is used: check that it was not changed since {day}",
            names.join(", ")
        )),
    }
}

/// How many digits a decimal number or a time has after its point, without the zeros at its end.
fn fraction_digits(cell: &[u8]) -> u32 {
    let Some(point) = cell.iter().rposition(|byte| *byte == b'.') else { return 0 };
    let fraction = &cell[point + 1..];
    let digits = fraction.iter().rposition(|byte| *byte != b'0').map_or(0, |last| last + 1);
    u32::try_from(digits).unwrap_or(u32::MAX)
}

/// A table with the types that the export's manifest has. It has no lengths, so texts get a type without one.
fn from_export(engine: Engine, table: &str, chosen: &Choice, option: &str) -> String {
    let columns = chosen.kept.iter().map(|column| {
        let ty = match engine {
            Engine::Postgres => postgres_type(column),
            Engine::Mysql => mysql_type(column),
        };
        format!("    {} {ty}", quoted(engine, &column.name))
    });
    let columns = columns.collect::<Vec<_>>().join(",\n");
    let start = if engine == Engine::Mysql { "\nSTART TRANSACTION;" } else { "" };
    format!("CREATE TABLE {table} (\n{columns}\n){option};{start}")
}

fn postgres_type(column: &Column) -> String {
    let declared = column.source.trim().to_ascii_lowercase();
    if let Some(exact) = &column.declared {
        let element = declared == "array";
        // Elements of an array can be of a type that another database does not have.
        return if !element || is_built_in(exact) { exact.clone() } else { "text".to_owned() };
    }
    match declared.as_str() {
        "bigint"
        | "integer"
        | "smallint"
        | "real"
        | "double precision"
        | "boolean"
        | "bytea"
        | "numeric"
        | "date"
        | "time without time zone"
        | "time with time zone"
        | "timestamp without time zone"
        | "timestamp with time zone"
        | "interval"
        | "uuid"
        | "json"
        | "jsonb"
        | "xml"
        | "inet"
        | "cidr"
        | "macaddr"
        | "macaddr8"
        | "money"
        | "point"
        | "line"
        | "lseg"
        | "box"
        | "path"
        | "polygon"
        | "circle"
        | "tsvector"
        | "tsquery"
        | "pg_lsn" => declared,
        "bit" | "bit varying" => "bit varying".to_owned(),
        _ => "text".to_owned(),
    }
}

/// Whether an array, such as `numeric(12,2)[]`, has elements that each database of PostgreSQL has.
fn is_built_in(array: &str) -> bool {
    let element = array.trim_end_matches("[]");
    let base = match (element.find('('), element.find(')')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}{}", &element[..open], &element[close + 1..])
        }
        _ => element.to_owned(),
    };
    let built_in = include_str!("postgres_types.txt");
    built_in.lines().any(|it| it == base.trim())
}

fn mysql_type(column: &Column) -> String {
    let declared = column.source.trim().to_ascii_lowercase();
    let base = declared.split(['(', ' ']).next().unwrap_or_default();
    let unsigned = if declared.contains("unsigned") { " unsigned" } else { "" };
    match base {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" => {
            format!("{base}{unsigned}")
        }
        "year" | "float" | "double" | "date" => base.to_owned(),
        "datetime" | "timestamp" => "datetime(6)".to_owned(),
        "time" => "time(6)".to_owned(),
        "decimal" | "numeric" => match column.digits {
            (precision @ 1..=65, Some(scale)) => format!("decimal({precision},{scale})"),
            _ => "decimal(65,30)".to_owned(),
        },
        "bit" | "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob"
        | "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => "longblob".to_owned(),
        _ => "longtext CHARACTER SET utf8mb4".to_owned(),
    }
}

/// Appends a cell as a constant. Returns whether it can be written exactly.
fn push(engine: Engine, form: Form, cell: Cell<'_>, out: &mut String) -> bool {
    let Some(cell) = cell else {
        out.push_str("NULL");
        return true;
    };
    if form == Form::Bytes {
        push_bytes(engine, cell, out);
        return true;
    }
    let Some(text) = value::text(form, cell) else { return false };
    match (form, engine, text) {
        (Form::Bool, ..) => out.push_str(if text == "t" { "TRUE" } else { "FALSE" }),
        (Form::Float, Engine::Postgres, "NaN") => out.push_str("'NaN'"),
        (Form::Float, Engine::Postgres, "inf" | "Infinity") => out.push_str("'Infinity'"),
        (Form::Float, Engine::Postgres, "-inf" | "-Infinity") => out.push_str("'-Infinity'"),
        // They have no such numbers.
        (Form::Float, Engine::Mysql, "NaN" | "inf" | "-inf") => return false,
        (Form::Digits | Form::Float, ..) => out.push_str(text),
        (Form::Time | Form::Text | Form::Bytes, ..) => push_text(engine, text, out),
    }
    true
}

fn push_text(engine: Engine, text: &str, out: &mut String) {
    let is_plain = |it: char| it != '\\' && !it.is_control();
    if engine == Engine::Mysql && !text.chars().all(is_plain) {
        out.push_str("CONVERT(");
        push_bytes(engine, text.as_bytes(), out);
        out.push_str(" USING utf8mb4)");
        return;
    }
    out.push('\'');
    for character in text.chars() {
        if character == '\'' {
            out.push('\'');
        }
        out.push(character);
    }
    out.push('\'');
}

fn push_bytes(engine: Engine, bytes: &[u8], out: &mut String) {
    out.push_str(match engine {
        Engine::Postgres => "'\\x",
        Engine::Mysql => "x'",
    });
    for byte in bytes {
        write!(out, "{byte:02x}").expect("memory");
    }
    out.push('\'');
}

/// A name in quotes of the engine.
fn quoted(engine: Engine, name: &str) -> String {
    match engine {
        Engine::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        Engine::Mysql => format!("`{}`", name.replace('`', "``")),
    }
}

/// The begin of a name, of so many bytes at most.
fn shortened(name: &str, bytes: usize) -> &str {
    let mut end = bytes.min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(engine: Engine, form: Form, cell: &[u8]) -> String {
        let mut out = String::new();
        assert!(push(engine, form, Some(cell), &mut out), "{form:?} {cell:?}");
        out
    }

    #[test]
    fn no_text_ends_its_constant() {
        let text = b"it's\\' -- \n;";
        assert_eq!(constant(Engine::Postgres, Form::Text, text), "'it''s\\'' -- \n;'");
        assert_eq!(
            constant(Engine::Mysql, Form::Text, text),
            "CONVERT(x'697427735c27202d2d200a3b' USING utf8mb4)"
        );
        let plain = "it's 고객".as_bytes();
        assert_eq!(constant(Engine::Mysql, Form::Text, plain), "'it''s 고객'");
        assert_eq!(constant(Engine::Postgres, Form::Bytes, &[0, 39]), "'\\x0027'");
        assert_eq!(constant(Engine::Mysql, Form::Bytes, &[0, 39]), "x'0027'");
    }

    #[test]
    fn what_has_no_exact_form_is_refused() {
        let refused =
            |engine, form, cell: &[u8]| !push(engine, form, Some(cell), &mut String::new());
        assert_eq!(constant(Engine::Postgres, Form::Float, b"-inf"), "'-Infinity'");
        assert_eq!(constant(Engine::Postgres, Form::Float, b"NaN"), "'NaN'");
        assert_eq!(constant(Engine::Mysql, Form::Float, b"1e-1"), "1e-1");
        assert!(refused(Engine::Mysql, Form::Float, b"NaN"));
        for engine in [Engine::Postgres, Engine::Mysql] {
            assert!(refused(engine, Form::Text, &[0xff]), "text that is not UTF-8");
            assert!(refused(engine, Form::Time, b"253402300800000000"), "after the year 9999");
        }
    }

    #[test]
    fn a_built_in_type_of_postgres_is_not_taken_from_the_live_table() {
        let exact = |source: &str, declared: Option<&str>| {
            let mut column = Column::test("amount", Kind::Text);
            (column.source, column.declared) = (source.to_owned(), declared.map(str::to_owned));
            exact_type(Engine::Postgres, &column)
        };
        for (source, declared, expected) in [
            ("numeric", None, Some("numeric")),
            ("numeric", Some("numeric(12,2)"), Some("numeric(12,2)")),
            ("timestamp with time zone", None, Some("timestamp with time zone")),
            ("character", None, Some("bpchar")),
            ("bit", None, Some("bit varying")),
            ("ARRAY", Some("text[]"), Some("text[]")),
            ("ARRAY", Some("mood[]"), None),
            ("ARRAY", None, None),
            ("USER-DEFINED", None, None),
            ("", None, None),
        ] {
            assert_eq!(exact(source, declared).as_deref(), expected, "{source}");
        }
    }

    #[test]
    fn digits_after_the_point() {
        for (cell, digits) in [
            ("2026-11-21 05:00:00.125000", 3),
            ("2026-11-21 05:00:00.000000", 0),
            ("-7.50", 1),
            ("7", 0),
            ("0.001", 3),
        ] {
            assert_eq!(fraction_digits(cell.as_bytes()), digits, "{cell}");
        }
    }

    #[test]
    fn no_name_ends_the_comment_after_the_rows() {
        let statements = Statements {
            engine: Engine::Postgres,
            table: quoted(Engine::Postgres, "orders\r\nDROP TABLE orders;\n"),
            begin: String::new(),
            insert: String::new(),
            names: Vec::new(),
            forms: Vec::new(),
            fractions: Vec::new(),
            source_table: String::new(),
        };
        let end = statements.end(1);
        let after = end.strip_prefix("COMMIT;\n").unwrap();
        let is_inert = |line: &str| line.is_empty() || line.starts_with("--");
        assert!(after.split(['\n', '\r']).all(is_inert), "{end}");
    }

    #[test]
    fn a_shortened_name_is_whole_characters() {
        assert_eq!(shortened("고객", 4), "고");
        assert_eq!(shortened("orders", 40), "orders");
    }
}
