//! Sorts the hashes of rows in bounded memory: runs that fit are sorted and written to temporary files without a name,
//! which end with the process, and are merged when they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};

use landbridge_core::{Error, ErrorKind, Result};

use super::RowAt;

/// The bytes of a hash: with 128 bits, two of a billion keys have the same one with a probability of about 10⁻²¹.
pub(super) const HASH: usize = 16;
const ENTRY: usize = 2 * HASH + 8;
/// The buffer of a run that is read.
const BUFFER: usize = 64 << 10;

/// A row: the hash of its key, the hash of its values, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) key: [u8; HASH],
    pub(super) row: [u8; HASH],
    pub(super) at: RowAt,
}

impl Entry {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.key)?;
        out.write_all(&self.row)?;
        out.write_all(&self.at.file.to_le_bytes())?;
        out.write_all(&self.at.row.to_le_bytes())
    }

    fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = [0; ENTRY];
        let mut filled = 0;
        while filled < ENTRY {
            match from.read(&mut bytes[filled..])? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
        }
        let (mut key, mut row, mut number) = ([0; HASH], [0; HASH], [0; 4]);
        key.copy_from_slice(&bytes[..HASH]);
        row.copy_from_slice(&bytes[HASH..2 * HASH]);
        number.copy_from_slice(&bytes[2 * HASH..2 * HASH + 4]);
        let file = u32::from_le_bytes(number);
        number.copy_from_slice(&bytes[2 * HASH + 4..]);
        Ok(Some(Self { key, row, at: RowAt { file, row: u32::from_le_bytes(number) } }))
    }
}

/// Collects rows.
pub(super) struct Sorter {
    buffer: Vec<Entry>,
    most: usize,
    runs: Vec<Run>,
}

enum Run {
    Memory(std::vec::IntoIter<Entry>),
    Disk(BufReader<File>),
}

impl Run {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Self::Memory(entries) => Ok(entries.next()),
            Self::Disk(file) => Entry::read(file),
        }
    }
}

impl Sorter {
    /// At most `most` rows are in memory.
    pub(super) fn new(most: usize) -> Self {
        Self { buffer: Vec::new(), most: most.max(1), runs: Vec::new() }
    }

    pub(super) fn add(&mut self, entry: Entry) -> Result<()> {
        self.buffer.push(entry);
        if self.buffer.len() < self.most {
            return Ok(());
        }
        self.buffer.sort_unstable();
        let run = spill(&self.buffer).map_err(|error| disk(&error))?;
        self.runs.push(Run::Disk(BufReader::with_capacity(BUFFER, run)));
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Sorted> {
        self.buffer.sort_unstable();
        self.runs.push(Run::Memory(self.buffer.into_iter()));
        let mut sorted = Sorted { runs: self.runs, heads: BinaryHeap::new() };
        for run in 0..sorted.runs.len() {
            sorted.advance(run)?;
        }
        Ok(sorted)
    }
}

fn spill(entries: &[Entry]) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(BUFFER, tempfile::tempfile()?);
    for entry in entries {
        entry.write(&mut out)?;
    }
    let mut file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(file)
}

/// A full disk, for example.
fn disk(error: &io::Error) -> Error {
    let why = error.kind().to_string();
    Error::new(ErrorKind::Transient, "rows cannot be sorted on the local disk", why)
}

/// The rows in the order of their keys.
pub(super) struct Sorted {
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
}

impl Sorted {
    fn advance(&mut self, run: usize) -> Result<()> {
        let next = self.runs[run].next().map_err(|error| disk(&error))?;
        self.heads.extend(next.map(|entry| Reverse((entry, run))));
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>> {
        let Some(Reverse((entry, run))) = self.heads.pop() else { return Ok(None) };
        self.advance(run)?;
        Ok(Some(entry))
    }
}
