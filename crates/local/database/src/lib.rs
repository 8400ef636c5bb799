//! Databases of the local cloud, and the snapshot exports that RDS makes of them.
//!
//! | module | responsibility |
//! |---|---|
//! | [`snapshot`] | [`SourceDatabase`], a database that changes, and [`DatabaseSnapshot`], its immutable state at one instant |
//! | [`types`] | each type of MySQL and PostgreSQL → what an export writes for it |
//! | [`text_cells`] | cells given as text → Arrow arrays |
//! | [`sample`] | the built-in database: a travel-affiliate business that changes daily |
//! | [`postgres`], [`mysql`] | snapshots of a real database, read at one instant and restored into a test server |
//! | `external` | [`external_database`]: a database of any supported engine |
//! | [`memory`] | tables defined in code, for tests |
//! | [`export`] | the objects of an export: Parquet files, markers and manifests |
//! | [`test_server`] | database servers that exist for the duration of a test |
//! | `copy_jobs`, `stored`, `prefetch` | tables copied in parallel into Arrow files and read back |
//! | `pseudo_random` | reproducible numbers that look random |
//!
//! This crate does not use `landbridge-core`: an emulator that shared the rules it checks would
//! agree with every mistake in them. Facts about exports come from the AWS documentation of RDS
//! snapshot export and from published reports about real exports.

mod copy_jobs;
mod error;
pub mod export;
mod external;
pub mod memory;
pub mod mysql;
pub mod postgres;
mod prefetch;
mod pseudo_random;
pub mod sample;
pub mod snapshot;
mod stored;
pub mod test_server;
pub mod text_cells;
pub mod types;

pub use error::DatabaseError;
pub use export::{
    EmptyTableForm, ExportOutcome, ExportQuirks, ExportSpec, ExportedTable, MemorySink, ObjectSink,
    OddFile, TimestampForm, check_export_only, export,
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
