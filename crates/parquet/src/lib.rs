//! Reads Parquet footers, and rewrites a few columns of a file while all others are copied as bytes.
//!
//! | module | responsibility |
//! |---|---|
//! | [`plan`] | what happens to each column: [`plan::RewritePlan`], in YAML or in code |
//! | [`rewrite`] | applies a plan: drops, retypes, tokenises and renames columns; copies all others as bytes |
//! | [`footer`] | reads and validates a footer from ranged reads; rows and columns |
//! | [`empty`] | writes a file without rows |
//! | [`cells`] | reads rows as text, with another reader than `rewrite` |
//! | [`changes`] | compares two exports of a table by a key, and writes files of the rows that differ |
//! | [`table`] | writes a file from rows of text |
//! | [`types`] | the types of columns |
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow::array::{ArrayRef, RecordBatch, StringArray};
//! use bytes::Bytes;
//! use landbridge_parquet::plan::RewritePlan;
//! use landbridge_parquet::rewrite::Rewriter;
//! use parquet::arrow::ArrowWriter;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A file with three columns of text.
//! let text = |values: [&str; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
//! let batch = RecordBatch::try_from_iter([
//!     ("name", text(["Kim", "Lee"])),
//!     ("born", text(["2001-02-03", "0000-00-00"])),
//!     ("note", text(["likes tea", ""])),
//! ])?;
//! let mut file = Vec::new();
//! let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None)?;
//! writer.write(&batch)?;
//! writer.close()?;
//! let file = Bytes::from(file);
//!
//! // `born` becomes a date, `note` is dropped, and the bytes of `name` are copied.
//! let plan = "
//! columns:
//!   born: { retype: { to: date } }
//!   note: drop
//! rename: { name: full_name }
//! max_misfit_share: 0.5
//! ";
//! let plan = RewritePlan::from_yaml(plan, "the plan")?.into_value();
//! let mut out = Vec::new();
//! let report = Rewriter::new(plan)?.rewrite(&file, "people.parquet", &mut out, None)?;
//!
//! assert_eq!(report.rows, 2);
//! // `0000-00-00` is no date: it becomes NULL, and the report counts it.
//! let born = report.columns.iter().find(|column| column.name == "born").expect("a report");
//! assert_eq!(born.misfits.values().sum::<u64>(), 1);
//! assert_eq!(born.nulls, Some(1));
//! # Ok(())
//! # }
//! ```
//!
//! A source is anything that implements [`parquet::file::reader::ChunkReader`]: bytes in memory, a
//! [`std::fs::File`], or [`rewrite::LocalFile`]. [`rewrite::stream`] reads ranges asynchronously, for objects in
//! a cloud.

pub mod cells;
pub mod changes;
pub mod empty;
pub mod footer;
mod raw_footer;
pub mod rewrite;
pub mod table;
mod thrift;

pub use footer::{Footer, RangeReader};
#[doc(inline)]
pub use landbridge_core::{Error, ErrorKind, Result, rewrite as plan, types};

/// The code of README.md is compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
