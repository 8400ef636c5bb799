//! Catalogue queries of MySQL and MariaDB.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, Row};

use crate::catalogue::{Column, Storage, Table};

/// Tables with rows of their own: no views, no sequences. A partitioned table is listed once.
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
///
/// # Errors
/// When the server refuses a query, the connection breaks or a row of the catalogue cannot be
/// read.
pub async fn list_tables(conn: &mut Conn, database: &str) -> Result<Vec<Table>, Error> {
    let tables: Vec<(String, u64, bool)> = conn.exec(TABLES, (database,)).await?;
    let columns: Vec<Row> = conn.exec(COLUMNS, (database,)).await?;
    let column = |row: Row| column(&row).ok_or(Error::Driver(DriverError::FromRow { row }));
    let columns = columns.into_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let build = |(name, bytes, transactional): (String, u64, bool)| {
        let own = columns.iter().filter(|(table, _)| *table == name);
        Table {
            schema: database.to_owned(),
            columns: own.map(|(_, column)| column.clone()).collect(),
            name,
            partition_of: None,
            skip_reason: None,
            storage: Storage::MySql { bytes, transactional },
        }
    };
    Ok(tables.into_iter().map(build).collect())
}

/// The table's name and the column; `None` when a value is not of the documented type.
fn column(row: &Row) -> Option<(String, Column)> {
    let text = |at: usize| row.get_opt::<String, _>(at)?.ok();
    let number = |at: usize| row.get_opt::<Option<u64>, _>(at)?.ok();
    let size = |at: usize| Some(number(at)?.and_then(|size| u32::try_from(size).ok()));
    let (table, name, base, column_type) =
        (text(0)?, text(1)?, text(2)?.to_ascii_lowercase(), text(3)?);
    let (precision, scale) = (size(6)?, size(7)?);
    let is_unsigned = precision.is_some() && column_type.to_ascii_lowercase().contains("unsigned");
    let unsigned = if is_unsigned { " unsigned" } else { "" };
    // Taken from the sizes and not from the column type, which contains the values of an ENUM or
    // SET; those may be any text.
    let digits = match (base.as_str(), precision, scale) {
        ("decimal", Some(precision), Some(scale)) => format!("({precision},{scale})"),
        ("bit", Some(bits), _) => format!("({bits})"),
        _ => String::new(),
    };
    let column = Column {
        declaration: format!("{base}{digits}{unsigned}"),
        nullable: number(4)? == Some(1),
        char_max_length: size(5)?,
        numeric_precision: precision,
        numeric_scale: scale,
        datetime_precision: size(8)?,
        ..Column::new(&name, &format!("{base}{unsigned}"))
    };
    Some((table, column))
}
