//! Reading a source: a local file by positioned reads, a footer, ranges within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use landbridge_core::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::error::RewriteError;
use crate::{Footer, RangeReader};

/// A local file. Unlike [`File`] itself, as which it can be read from many threads at once:
/// no read moves a common position.
#[derive(Clone, Debug)]
pub struct LocalFile {
    file: Arc<File>,
    length: u64,
}

impl LocalFile {
    /// Opens a file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length })
    }

    /// Its checked footer; `name` is for errors.
    ///
    /// # Errors
    /// As [`Footer::read`].
    pub fn footer(&self, name: &str) -> Result<Footer> {
        footer(self, name)
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(&*self.file, buffer, at);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(&*self.file, buffer, at);
    }
}

impl Length for LocalFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for LocalFile {
    type T = LocalRead;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(LocalRead { file: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let mut bytes = vec![0; length];
        self.get_read(start)?.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Reads a [`LocalFile`] from some place on.
#[derive(Debug)]
pub struct LocalRead {
    file: LocalFile,
    at: u64,
}

impl Read for LocalRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Ranged reads of what can be read at once: futures of it are ready when they are made.
struct AtOnce<'a, R>(&'a R, &'a str);

impl<R: ChunkReader> RangeReader for AtOnce<'_, R> {
    async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        let bytes = usize::try_from(length)
            .map_err(|_| RewriteError::PageTooLarge)
            .and_then(|length| Ok(self.0.get_bytes(start, length)?));
        bytes.map_err(|trouble| trouble.at(|| self.1.to_owned()))
    }
}

/// The checked footer of a source.
pub(super) fn footer<R: ChunkReader>(source: &R, name: &str) -> Result<Footer> {
    let read = Footer::read(&AtOnce(source, name), source.len(), name).now_or_never();
    read.unwrap_or_else(|| {
        Err(Error::new(ErrorKind::Rejected, "a footer was not read at once", name))
    })
}

/// Where a chunk lies: start and length, within the file's data.
pub(super) fn range(
    chunk: &ColumnChunkMetaData,
    footer: &Footer,
) -> Result<(u64, u64), RewriteError> {
    let data = chunk.data_page_offset();
    // Some writers say 0 where there is no dictionary.
    let start = match chunk.dictionary_page_offset() {
        Some(dictionary) if dictionary > 0 && dictionary < data => dictionary,
        _ => data,
    };
    let wrong = RewriteError::Page("a column lies beyond the file");
    let (Ok(start), Ok(length)) = (u64::try_from(start), u64::try_from(chunk.compressed_size()))
    else {
        return Err(wrong);
    };
    match start.checked_add(length) {
        Some(end) if start >= 4 && end <= footer.start && chunk.file_path().is_none() => {
            Ok((start, length))
        }
        _ => Err(wrong),
    }
}
