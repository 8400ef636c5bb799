//! Parquet files on their way: read what a footer says, write a new footer behind
//! the same bytes, and rewrite the few columns that cannot stay as they are.
//!
//! | module | what |
//! |---|---|
//! | [`footer`] | reads a footer from ranged reads, checks it, tells rows and columns |
//! | [`splice`] | a file as untouched bytes plus a new footer |
//! | [`rewrite`] | a file with columns dropped, retyped, tokenised; all others copied as bytes |
//! | [`empty`] | a file of no rows |

pub mod empty;
pub mod footer;
pub mod rewrite;
pub mod splice;

pub use footer::{Footer, Ranges};
pub use splice::Splice;
