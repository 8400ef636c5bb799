//! The rules of Landbridge. No I/O, no clock, no environment: everything here
//! is a function of its arguments, and cannot fail on the outside world.
//!
//! | module | what it decides |
//! |---|---|
//! | [`config`], [`contract`], [`yaml`] | the two files an operator writes, and how their faults are told |
//! | [`ids`] | identifiers that a cloud restricts, and how ours are derived from source and day |
//! | [`calendar`], [`schedule`] | what a day is, and when a schedule fires |
//! | [`retention`] | which snapshots to make and which to thin |
//! | [`restore`] | what a snapshot is restored to, and how two databases change names |
//! | [`manifest`] | what RDS says of an export |
//! | [`types`] | source type → Parquet → BigQuery |
//! | [`diff`] | the live table against the wanted one |
//! | [`plan`] | what one day moves, object by object |
//! | [`rewrite`] | what happens to each column on its way, and why a value may not fit |
//! | [`receipt`] | the proof of a table's day |
//! | [`cost`] | what a month costs, and what dominates it |
//! | [`created`] | whether a create call created the resource or found it |
//! | [`error`] | one error, one policy |

pub mod calendar;
pub mod config;
pub mod contract;
pub mod cost;
pub mod created;
pub mod diff;
pub mod error;
pub mod ids;
pub mod manifest;
pub mod plan;
pub mod receipt;
pub mod restore;
pub mod retention;
pub mod rewrite;
pub mod schedule;
pub mod types;
pub mod yaml;

pub use created::Created;
pub use error::{Error, ErrorKind, Result};
