//! Connects to a real PostgreSQL, MySQL or MariaDB database, lists its tables and counts their
//! rows.
//!
//! | module | responsibility |
//! |---|---|
//! | [`database`] | [`Database`]: a database of any supported engine, chosen by its URL |
//! | [`postgres`], [`mysql`] | connections, catalogue queries and row counts of one engine |
//! | [`catalogue`] | [`Table`] and [`Column`], as a catalogue describes them |
//! | [`engine`] | [`Engine`] and its version |
//! | [`rows`] | row counts of a restored database |
//! | [`sample`] | some rows of each table, given value by value to an observer |
//! | [`scan`] | all rows of a table, as the server writes them |
//! | [`fill`] | a new table, which appears with all of its rows or not at all |
//! | [`tls`] | [`Tls`]: which certificates a connection trusts |
//! | [`error`] | [`SourceError`] |
#![cfg_attr(
    feature = "proposal",
    doc = "//! | [`proposal`] | a contract proposed from a catalogue (feature `proposal`) |"
)]
#![cfg_attr(
    feature = "ddl",
    doc = "//! | [`ddl`] | the tables that schema dumps and migrations make (feature `ddl`) |"
)]
//!
//! Only [`Database::sample`] and [`Database::scan`] read rows. They store none of them. Only [`Database::fill`] writes. Only [`proposal`], a Cargo feature, knows the rules of
//! `landbridge-core`; everything else is shared with the emulator, which must not know them.

pub mod catalogue;
mod cell;
pub mod database;
#[cfg(feature = "ddl")]
pub mod ddl;
pub mod engine;
pub mod error;
pub mod fill;
pub mod mysql;
mod new_table;
pub mod postgres;
#[cfg(feature = "proposal")]
pub mod proposal;
pub mod rows;
pub mod sample;
pub mod scan;
pub mod tls;

pub use catalogue::{Column, NOT_READABLE, Table};
pub use database::Database;
pub use engine::{Engine, EngineFamily};
pub use error::{Result, SourceError};
pub use sample::{Observer, SampleLimits};
pub use tls::Tls;
