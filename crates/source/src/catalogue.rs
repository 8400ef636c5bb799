//! Tables and columns, as a database's catalogue describes them.

/// [`Table::skip_reason`] of a table of which the connected user may not read all rows: it lacks the right, or row-level
/// security applies to it.
pub const NOT_READABLE: &str = "the master user may not read it";

/// A table of a source database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The schema; for MySQL and MariaDB the database.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The table that this one is a partition of: its name, or `schema.name` when it is in
    /// another schema. Always `None` for MySQL and MariaDB, whose catalogue lists a partitioned
    /// table once.
    pub partition_of: Option<String>,
    /// Why a snapshot export skips the table: it is unlogged, temporary or without columns, or
    /// the connected user may not read it. For MySQL and MariaDB always `None`.
    pub skip_reason: Option<String>,
    /// How its rows are stored.
    pub storage: Storage,
}

/// How a table's rows are stored, which decides how they can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// PostgreSQL.
    Postgres {
        /// Whether the table has declarative partitions, which contain its rows.
        partitioned: bool,
        /// Blocks of its file when it can be read by ranges of blocks (access method `heap`),
        /// else 0.
        blocks: u64,
    },
    /// MySQL and MariaDB.
    MySql {
        /// Size of the rows in bytes, as the storage engine estimates it.
        bytes: u64,
        /// Whether the storage engine supports transactions.
        transactional: bool,
    },
}

/// A column as `information_schema.columns` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The type without its size, as the manifest of an export prints it: `character varying`,
    /// `ARRAY`, `USER-DEFINED`, `bigint unsigned`.
    pub data_type: String,
    /// The type with its size, as in `CREATE TABLE`: `numeric(12,2)`, `text[]`,
    /// `decimal(10,0) unsigned`. For a domain of PostgreSQL this is the base type; the values of
    /// an ENUM or SET of MySQL are left out.
    pub declaration: String,
    /// Whether the column accepts NULL.
    pub nullable: bool,
    /// Maximum length of a text in characters. `None` for PostgreSQL, see `declaration`.
    pub char_max_length: Option<u32>,
    /// Number of digits. For PostgreSQL only of `numeric` with a declared size.
    pub numeric_precision: Option<u32>,
    /// Digits after the decimal point, for the same types as `numeric_precision`.
    pub numeric_scale: Option<u32>,
    /// Digits of the fraction of a second. `None` for PostgreSQL, see `declaration`.
    pub datetime_precision: Option<u32>,
    /// Number of dimensions that an array of PostgreSQL is declared with; 0 for other types.
    /// PostgreSQL does not enforce it.
    pub array_dimensions: u32,
    /// Whether the type is a PostgreSQL domain, which a snapshot export writes as text.
    pub is_domain: bool,
    /// Whether the type is a PostgreSQL enumeration.
    pub is_enum: bool,
}

impl Column {
    /// A nullable column of a type without a size.
    pub fn new(name: &str, data_type: &str) -> Column {
        Column {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            declaration: data_type.to_owned(),
            nullable: true,
            char_max_length: None,
            numeric_precision: None,
            numeric_scale: None,
            datetime_precision: None,
            array_dimensions: 0,
            is_domain: false,
            is_enum: false,
        }
    }

    /// Whether the column is a PostgreSQL array.
    pub fn is_array(&self) -> bool {
        self.data_type == "ARRAY"
    }
}

/// Quotes an SQL name with this quotation mark; a mark within the name is doubled.
pub fn quote_name(mark: char, name: &str) -> String {
    let doubled = name.replace(mark, &format!("{mark}{mark}"));
    format!("{mark}{doubled}{mark}")
}
