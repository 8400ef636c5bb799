//! A table to make, and its name while MySQL or MariaDB fills it.

/// The comment of a table that is filled in MySQL or MariaDB, and that it keeps.
pub const STAGING_COMMENT: &str = "rows written by landbridge recover";

/// What follows the name of a table that is being filled.
const STAGING: &str = "_landbridge_part";
/// The longest name of a table, in bytes: see `recover::sql`.
const NAME_BYTES: usize = 63;

/// The name under which a table of MySQL or MariaDB is filled.
pub fn staging_name(name: &str) -> String {
    let mut end = name.len().min(NAME_BYTES - STAGING.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{STAGING}", &name[..end])
}

/// A table to make.
#[derive(Clone, Debug)]
pub struct NewTable {
    /// Its schema; for MySQL and MariaDB the database.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The statements that begin the transaction and make the table: of PostgreSQL under its name, of MySQL and MariaDB under
    /// [`staging_name`], with [`STAGING_COMMENT`].
    pub begin: String,
}
