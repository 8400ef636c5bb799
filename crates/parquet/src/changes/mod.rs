//! Which rows of a table differ between two exports, by a key: new, changed and deleted ones; and files that have
//! these rows alone.
//!
//! Nothing is assumed about files, row groups or the order of rows: two exports of the same rows may differ in all of
//! them. Of each row, two hashes are kept while it is compared: that of its key, and that of all its values. They are HMACs
//! under a secret that the caller makes for one comparison and forgets, so that what is sorted on disk says nothing of a
//! value, today or later.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the comparison |
//! | `hash` | the two hashes of each row |
//! | `sort` | sorts them in bounded memory |
//! | [`pick`] | writes files that have some rows of other files |
//! | [`windows`] | reads several columns of an object side by side |

mod hash;
mod leaf;
pub mod pick;
mod sort;
#[cfg(test)]
mod tests;
pub mod windows;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering as Atomic};

use landbridge_core::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;

use self::sort::{Entry, Sorted};

/// A file of an export.
#[derive(Clone, Debug)]
pub struct SourceFile<R> {
    /// Its bytes.
    pub reader: R,
    /// Its name, for error messages.
    pub name: String,
}

/// What is compared.
pub struct Comparison<'a> {
    /// The columns of the key.
    pub key: &'a [String],
    /// The columns that do not count, because they stay in AWS.
    pub ignored: &'a BTreeSet<String>,
    /// The secret of the hashes: random bytes that are used for this comparison alone.
    pub secret: [u8; 32],
    /// Rows that may differ, at most. This bounds the memory of the result.
    pub most: usize,
    /// Rows of each export that are sorted in memory at once, 40 bytes each. The rest waits in temporary files without a name.
    pub in_memory: usize,
    /// Set when the result is not needed any more: the comparison then ends soon, with an error.
    pub stop: &'a AtomicBool,
}

impl fmt::Debug for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A row by its place in an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowAt {
    /// The number of the file, from 0.
    pub file: u32,
    /// The number of the row in the file, from 0.
    pub row: u32,
}

/// The rows that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that only the later export has.
    pub new: u64,
    /// Keys of which a value differs.
    pub changed: u64,
    /// Keys that only the earlier export has.
    pub deleted: u64,
    /// The new and changed rows, in the later export, in order.
    pub carried: Vec<RowAt>,
    /// The deleted rows, in the earlier export, in order.
    pub gone: Vec<RowAt>,
}

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The rows that differ; none if the exports have the same rows.
    Found(Changes),
    /// Why the exports cannot be compared by this key.
    Refused(&'static str),
}

/// Compares two exports of a table.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if a file cannot be decoded; [`ErrorKind::Transient`] if the rows cannot be sorted on disk, or after
/// [`Comparison::stop`]; any error of reading. No error contains a value.
pub fn compare<R: ChunkReader + Clone + 'static>(
    before: Vec<SourceFile<R>>,
    after: Vec<SourceFile<R>>,
    comparison: &Comparison<'_>,
) -> Result<Compared> {
    let Some(first) = after.first() else { return Ok(Compared::Refused("it has no files")) };
    let schema = &hash::schema(first.clone())?;
    let (before, after) = std::thread::scope(|scope| {
        let before = scope.spawn(|| hash::sorted(before, schema, comparison));
        let after = hash::sorted(after, schema, comparison);
        (before.join().unwrap_or_else(|_| Err(ended())), after)
    });
    match (before?, after?) {
        (Ok(before), Ok(after)) => differences(before, after, comparison),
        (Err(why), _) | (_, Err(why)) => Ok(Compared::Refused(why)),
    }
}

/// Goes through both exports in the order of their keys.
fn differences(before: Sorted, after: Sorted, comparison: &Comparison<'_>) -> Result<Compared> {
    const TWICE: &str = "a key occurs twice";
    let (mut before, mut after) = (Keys::new(before)?, Keys::new(after)?);
    let mut changes = Changes::default();
    loop {
        let order = match (&before.next, &after.next) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.key.cmp(&other.key),
        };
        let earlier = if order.is_le() { before.take()? } else { None };
        let later = if order.is_ge() { after.take()? } else { None };
        match (earlier, later) {
            (Some(one), Some(other)) if one.row == other.row => {}
            (Some(_), Some(other)) => {
                changes.changed += 1;
                changes.carried.push(other.at);
            }
            (Some(one), None) => {
                changes.deleted += 1;
                changes.gone.push(one.at);
            }
            (None, Some(other)) => {
                changes.new += 1;
                changes.carried.push(other.at);
            }
            (None, None) => {}
        }
        if before.twice || after.twice {
            return Ok(Compared::Refused(TWICE));
        }
        if changes.carried.len() + changes.gone.len() > comparison.most {
            return Ok(Compared::Refused("too many of its rows changed"));
        }
        check(comparison.stop)?;
    }
    changes.carried.sort_unstable();
    changes.gone.sort_unstable();
    Ok(Compared::Found(changes))
}

/// The rows of an export in the order of their keys.
struct Keys {
    sorted: Sorted,
    next: Option<Entry>,
    /// Whether a key that was taken occurs again.
    twice: bool,
}

impl Keys {
    fn new(mut sorted: Sorted) -> Result<Self> {
        let next = sorted.next()?;
        Ok(Self { sorted, next, twice: false })
    }

    fn take(&mut self) -> Result<Option<Entry>> {
        let taken = std::mem::replace(&mut self.next, self.sorted.next()?);
        let key = |entry: &Option<Entry>| entry.map(|entry| entry.key);
        self.twice |= taken.is_some() && key(&taken) == key(&self.next);
        Ok(taken)
    }
}

/// An error if the result is not needed any more.
fn check(stop: &AtomicBool) -> Result<()> {
    if stop.load(Atomic::Relaxed) { Err(ended()) } else { Ok(()) }
}

fn ended() -> Error {
    Error::new(ErrorKind::Transient, "a comparison was stopped", "")
}

/// The messages of the `parquet` crate can contain values, so only the error of a read is kept.
fn failed(name: &str, error: ParquetError) -> Error {
    let ParquetError::External(cause) = error else {
        return Error::new(ErrorKind::Corrupt, "a Parquet file cannot be decoded", name);
    };
    let unread = || Error::new(ErrorKind::Transient, "a file cannot be read", name);
    match cause.downcast::<Error>() {
        Ok(own) => *own,
        Err(cause) => match cause.downcast::<std::io::Error>().map(|it| it.into_inner()) {
            Ok(Some(cause)) => cause.downcast::<Error>().map_or_else(|_| unread(), |own| *own),
            _ => unread(),
        },
    }
}
