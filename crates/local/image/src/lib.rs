//! Databases of the local cloud, and the snapshot export that RDS makes of them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`image`] | [`Source`] (a database that lives on) and [`Image`] (its state at one instant, immutable) |
//! | [`types`] | each MySQL and PostgreSQL type → what the export writes for it |
//! | [`text`] | cells given as text → Arrow arrays |
//! | [`travel`] | the embedded default: a travel-affiliate business that changes daily |
//! | [`database`] | a real database, of whichever engine its address names |
//! | [`postgres`] | a real PostgreSQL database, read as of one instant |
//! | [`mysql`] | a real MySQL or MariaDB database, likewise |
//! | [`fixed`] | tables given in code, for tests |
//! | [`export`] | the writer of an export's objects: Parquet files, markers and manifests |
//! | [`throwaway`] | database servers that live as long as a test |
//!
//! Nothing here knows Landbridge's own rules: the emulation must not share what
//! it is there to check. Facts about the export come from the AWS documentation
//! of RDS snapshot export and from readers' reports of real exports.

mod ahead;
pub mod database;
mod error;
pub mod export;
pub mod fixed;
mod hash;
pub mod image;
mod jobs;
pub mod mysql;
pub mod postgres;
mod stored;
pub mod text;
pub mod throwaway;
pub mod travel;
pub mod types;

pub use database::Database;
pub use error::ImageError;
pub use export::{
    EmptyForm, ExportOutcome, ExportQuirks, ExportSpec, ExportedTable, MemorySink, ObjectSink,
    check_only, export,
};
pub use fixed::{Fixed, FixedTable};
pub use image::{Batches, Column, Engine, Flavour, Image, Login, Revived, Source, Table};
pub use mysql::MySql;
pub use postgres::Postgres;
pub use throwaway::{ThrowAwayMariaDb, ThrowAwayPostgres};
pub use travel::Travel;
pub use types::{Physical, SourceType};
