//! Databases of the local cloud, and the snapshot export that RDS makes of them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`image`] | [`SourceDatabase`] (a database that lives on) and [`DatabaseSnapshot`] (its state at one instant, immutable) |
//! | [`types`] | each MySQL and PostgreSQL type → what the export writes for it |
//! | [`text`] | cells given as text → Arrow arrays |
//! | [`travel`] | the embedded default: a travel-affiliate business that changes daily |
//! | [`database`] | a real database, of whichever engine its address names |
//! | [`postgres`] | a real PostgreSQL database, read as of one instant |
//! | [`mysql`] | a real MySQL or MariaDB database, likewise |
//! | [`fixed`] | tables given in code, for tests |
//! | [`export`] | the writer of an export's objects: Parquet files, markers and manifests |
//! | [`test_server`] | database servers that live as long as a test |
//!
//! Nothing here knows Landbridge's own rules: the emulation must not share what
//! it is there to check. Facts about the export come from the AWS documentation
//! of RDS snapshot export and from readers' reports of real exports.

mod error;
pub mod export;
mod external;
mod hash;
mod jobs;
pub mod memory;
pub mod mysql;
pub mod postgres;
mod prefetch;
pub mod sample;
pub mod snapshot;
mod stored;
pub mod test_server;
pub mod text;
pub mod types;

pub use error::DatabaseError;
pub use export::{
    EmptyTableForm, ExportOutcome, ExportQuirks, ExportSpec, ExportedTable, MemorySink, ObjectSink,
    check_export_only, export,
};
pub use external::external_database;
pub use landbridge_source::{Engine, EngineFamily};
pub use memory::{MemoryDatabase, MemoryTable};
pub use mysql::MySqlDatabase;
pub use postgres::PostgresDatabase;
pub use sample::SampleDatabase;
pub use snapshot::{
    Batches, Column, DatabaseSnapshot, Login, SourceDatabase, StartedServer, Table,
};
pub use test_server::{TestMariaDb, TestPostgres};
pub use types::{ParquetType, SourceType};
