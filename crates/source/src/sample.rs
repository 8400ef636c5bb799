//! What a reader of samples gives and gets.

use std::time::Duration;

use crate::error::SourceError;

/// Longer values are cut: their beginning shows their form.
pub const MAX_CHARACTERS: u32 = 2000;

/// How much of each table is read.
#[derive(Clone, Copy, Debug)]
pub struct SampleLimits {
    /// Rows per table at most.
    pub rows: u32,
    /// How long the server may work on one table. A table that takes longer has no sample.
    pub timeout: Duration,
}

impl SampleLimits {
    /// So many rows per table, and ten seconds.
    pub fn rows(rows: u32) -> Self {
        Self { rows, timeout: Duration::from_secs(10) }
    }
}

/// Takes the values of a sample, one by one. Tables and columns are named by their position.
pub trait Observer: Send {
    /// A value that is not NULL.
    fn value(&mut self, table: usize, column: usize, value: &str);

    /// The table has no sample. The error contains no value.
    fn failed(&mut self, table: usize, error: &SourceError);
}
