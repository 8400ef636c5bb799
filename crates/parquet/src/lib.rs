//! Reads Parquet footers, and rewrites a few columns of a file while all others are copied as bytes.
//!
//! | module | responsibility |
//! |---|---|
//! | [`footer`] | reads and validates a footer from ranged reads; rows and columns |
//! | [`rewrite`] | drops, retypes and tokenises columns; copies all others as bytes |
//! | [`empty`] | writes a file without rows |

pub mod empty;
pub mod footer;
mod raw_footer;
pub mod rewrite;
mod thrift;

pub use footer::{Footer, RangeReader};
