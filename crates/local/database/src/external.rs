//! A real database as a source of the local cloud.

use std::sync::Arc;

use landbridge_source::Database;

use crate::snapshot::SourceDatabase;
use crate::{MySqlDatabase, PostgresDatabase};

/// The database as a source of snapshots. A snapshot of it shows the present, whatever instant is
/// requested.
pub fn external_database(database: Database) -> Arc<dyn SourceDatabase> {
    match database {
        Database::Postgres(server) => Arc::new(PostgresDatabase::new(server)),
        Database::MySql(server) => Arc::new(MySqlDatabase::new(server)),
    }
}
