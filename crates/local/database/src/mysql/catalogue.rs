//! What the source's catalogue says of its tables.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use crate::error::DatabaseError;
use crate::snapshot::{Column, EngineFamily, Table};
use crate::types::ParquetType;

/// A table, and how its rows are asked for.
pub(super) struct Found {
    pub(super) table: Table,
    /// `SELECT … FROM …` that gives one column per column of the table.
    pub(super) select: String,
    /// Bytes of its rows, as the engine estimates them.
    pub(super) bytes: u64,
    /// Whether its engine has transactions.
    pub(super) transactional: bool,
    /// The columns of times, some of which no time of Arrow's is equal to: zero dates.
    pub(super) asides: Vec<usize>,
}

impl Found {
    /// The table's name.
    pub(super) fn name(&self) -> &str {
        &self.table.name
    }

    /// The table as the image keeps it: behind its own columns, one for each of
    /// [`Found::asides`] with the server's words where the time itself is NULL for want of a
    /// value. An export does not see them.
    pub(super) fn stored(&self) -> Result<Table, DatabaseError> {
        let mut table = self.table.clone();
        for at in &self.asides {
            let name = format!("{} as printed", self.table.columns[*at].name);
            table.columns.push(Column::declared(EngineFamily::MySql, &name, "text")?);
        }
        Ok(table)
    }
}

/// Tables with rows of their own, in the order of their names: no views, no sequences. A
/// partitioned table is one table here.
const TABLES: &str = "
    SELECT t.table_name, COALESCE(t.data_length, 0), COALESCE(e.transactions, 'NO') = 'YES'
    FROM information_schema.tables t
    LEFT JOIN information_schema.engines e ON e.engine = t.engine
    WHERE t.table_schema = ? AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    ORDER BY t.table_name";

const COLUMNS: &str = "
    SELECT table_name, column_name, data_type, column_type, is_nullable = 'YES',
           character_maximum_length, numeric_precision, numeric_scale, datetime_precision
    FROM information_schema.columns
    WHERE table_schema = ?
    ORDER BY table_name, ordinal_position";

/// All tables of the database, in the order of their names.
pub(super) async fn tables(
    conn: &mut Conn,
    database: &str,
) -> Result<Result<Vec<Found>, DatabaseError>, mysql_async::Error> {
    let tables: Vec<(String, u64, bool)> = conn.exec(TABLES, (database,)).await?;
    let columns: Vec<Row> = conn.exec(COLUMNS, (database,)).await?;
    let columns: Result<Vec<Declared>, DatabaseError> =
        columns.iter().map(Declared::read).collect();
    let build = |columns: &[Declared], (name, bytes, transactional): (String, u64, bool)| {
        let mut table = Table::new(database, &name, Vec::new());
        let mut cells = Vec::new();
        for declared in columns.iter().filter(|column| column.table == name) {
            table.columns.push(declared.column()?);
            cells.push(declared.select());
        }
        let select =
            format!("SELECT {} FROM {}.{}", cells.join(", "), quoted(database), quoted(&name));
        let times = |(at, column): (usize, &Column)| {
            (column.source_type.parquet_type() == ParquetType::TimestampMicros).then_some(at)
        };
        let asides = table.columns.iter().enumerate().filter_map(times).collect();
        Ok(Found { table, select, bytes, transactional, asides })
    };
    Ok(columns.and_then(|columns| tables.into_iter().map(|it| build(&columns, it)).collect()))
}

/// A column as the catalogue describes it.
struct Declared {
    table: String,
    name: String,
    /// `bigint`, `enum`.
    data_type: String,
    /// `bigint(20) unsigned`, `enum('a','b')`.
    column_type: String,
    nullable: bool,
    char_max_length: Option<u64>,
    num_precision: Option<u64>,
    num_scale: Option<u64>,
    datetime_precision: Option<u64>,
}

impl Declared {
    fn read(row: &Row) -> Result<Declared, DatabaseError> {
        let broken = || DatabaseError::Broken { what: "the catalogue of the source database" };
        let text = |at: usize| row.get_opt::<String, _>(at).and_then(Result::ok).ok_or_else(broken);
        let size =
            |at: usize| row.get_opt::<Option<u64>, _>(at).and_then(Result::ok).ok_or_else(broken);
        Ok(Declared {
            table: text(0)?,
            name: text(1)?,
            data_type: text(2)?.to_ascii_lowercase(),
            column_type: text(3)?,
            nullable: size(4)? == Some(1),
            char_max_length: size(5)?,
            num_precision: size(6)?,
            num_scale: size(7)?,
            datetime_precision: size(8)?,
        })
    }

    fn column(&self) -> Result<Column, DatabaseError> {
        let size = |size: Option<u64>| size.and_then(|size| u32::try_from(size).ok());
        let mut column = Column::declared(EngineFamily::MySql, &self.name, &self.declaration())?;
        column.nullable = self.nullable;
        column.char_max_length = size(self.char_max_length);
        column.num_precision = size(self.num_precision);
        column.num_scale = size(self.num_scale);
        column.datetime_precision = size(self.datetime_precision);
        Ok(column)
    }

    /// What is declared, but for the words of an ENUM or a SET, which may be any.
    fn declaration(&self) -> String {
        let data_type = &self.data_type;
        let sizes = match (data_type.as_str(), self.num_precision, self.num_scale) {
            ("decimal", Some(precision), Some(scale)) => format!("({precision},{scale})"),
            ("bit", Some(bits), _) => format!("({bits})"),
            _ => String::new(),
        };
        let is_number = self.num_precision.is_some();
        let unsigned = is_number && self.column_type.to_ascii_lowercase().contains("unsigned");
        format!("{data_type}{sizes}{}", if unsigned { " unsigned" } else { "" })
    }

    /// What stands in the SELECT. A FLOAT is asked for as the DOUBLE of the same value: the
    /// server prints six digits of a FLOAT, which is not all of it.
    fn select(&self) -> String {
        let name = quoted(&self.name);
        if self.data_type == "float" { format!("{name} + 0e0") } else { name }
    }
}

/// A name in backticks.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
