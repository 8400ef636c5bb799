//! The rules of Landbridge. This crate does no I/O and reads no clock and no environment: every
//! result depends on the arguments alone.
//!
//! | module | responsibility |
//! |---|---|
//! | [`config`], [`contract`], [`yaml`] | the two files that an operator writes, and error messages with line numbers |
//! | [`ids`] | identifiers that a cloud restricts, derived from source and day |
//! | [`calendar`], [`schedule`] | days and hours in the configured time zone, and when a schedule fires |
//! | [`retention`] | which snapshots to create and which to delete |
//! | [`restore`] | the snapshot and the settings of a restore, and the swap of two names |
//! | [`incident`] | what is wrong, grouped by its cause, and the messages that say so |
//! | [`manifest`] | the manifests that RDS writes for an export |
//! | [`memory`] | how much memory a function needs for a contract |
//! | [`types`] | the column types: source → Parquet → BigQuery |
//! | [`diff`] | the difference between the live table and the desired one |
//! | [`plan`] | the objects that are transferred for a day |
//! | [`iam`] | what policy documents of AWS allow |
//! | [`access`] | who sees which class, by the policies that Google has now |
//! | [`audit`] | what is unusual about a table, compared with its earlier days |
//! | [`proof`] | what is computed of a column, so that its values in BigQuery can be proven |
//! | [`protection`] | what a table's rows are, and the class of each of its columns now |
//! | [`retype`] | a column whose type in the contract differs from BigQuery's: what a person can do |
//! | [`rewrite`] | the conversion of each column, and the reasons why a value may not fit |
//! | [`names`] | the names of columns and tables in BigQuery |
//! | [`models`] | what analysts' models need to know of the tables: `sources.yml` of dbt |
//! | [`ops`] | the tables and views of `warehouse.ops_dataset` |
//! | [`note`] | what readers of a plan or receipt should know |
//! | [`receipt`] | the receipt of a table for a day |
//! | [`chain`] | the chain of published days, and its signatures |
//! | [`fan_out`] | which objects of a day are handed to workers, and for which the transfer waits |
//! | [`redo`] | requests to do a day again |
//! | [`unchanged`] | whether a table may keep the rows of an earlier day, because its export has the same content |
//! | [`cost`] | the cost of a month and of a day |
//! | [`handover`] | when another way to BigQuery is better |
//! | [`views`] | friendly views of the tables: their SQL and descriptions |
//! | [`created`] | whether a create call created the resource or found it |
//! | [`error`] | the error type, and the retry policy and operator's action for each kind |

pub mod access;
pub mod audit;
pub mod calendar;
pub mod chain;
pub mod config;
pub mod contract;
pub mod cost;
pub mod created;
pub mod delta;
pub mod describe;
pub mod diff;
pub mod error;
pub mod fan_out;
pub mod forget;
pub mod handover;
pub mod iam;
pub mod ids;
pub mod incident;
pub mod manifest;
pub mod memory;
pub mod models;
pub mod names;
pub mod note;
pub mod ops;
pub mod personal;
pub mod plan;
pub mod proof;
pub mod protection;
pub mod receipt;
pub mod redo;
pub mod restore;
pub mod retention;
pub mod retype;
pub mod rewrite;
pub mod schedule;
pub mod turn;
pub mod types;
pub mod unchanged;
pub mod views;
pub mod yaml;

pub use created::Created;
pub use error::{Error, ErrorKind, Result};
