//! Parquet files on their way: read what a footer says, and write a new footer
//! behind the same bytes.
//!
//! | module | what |
//! |---|---|
//! | [`footer`] | reads a footer from ranged reads, checks it, tells rows and columns |
//! | [`splice`] | a file as untouched bytes plus a new footer |
//! | [`empty`] | a file of no rows |
//!
//! Column chunks are never decoded here. What rewrites a column's data
//! (retyping, dropping, tokenising) belongs into [`splice`], of which copying
//! everything unchanged is the simplest case.

pub mod empty;
pub mod footer;
pub mod splice;

pub use footer::{Footer, Ranges};
pub use splice::Splice;
