//! Parquet files on their way: read what a footer says, and rewrite the few columns that
//! cannot stay as they are.
//!
//! | module | what |
//! |---|---|
//! | [`footer`] | reads a footer from ranged reads, checks it, tells rows and columns |
//! | [`rewrite`] | a file with columns dropped, retyped, tokenised; all others copied as bytes |
//! | [`empty`] | a file of no rows |

pub mod empty;
pub mod footer;
pub mod rewrite;

pub use footer::{Footer, RangeReader};
