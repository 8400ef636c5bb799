//! Reads sources: local files by positioned reads, footers, and the byte ranges of chunks.

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

/// A local file that many threads can read at the same time: unlike those of [`File`], its reads do
/// not move a shared position.
#[derive(Clone, Debug)]
pub struct LocalFile {
    file: Arc<File>,
    length: u64,
}

impl LocalFile {
    /// Opens a file.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), length })
    }

    /// Its validated footer. `name` is the file's, for error messages.
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
    type T = LocalFileReader;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(LocalFileReader { file: self.clone(), at: start })
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

/// Reads a [`LocalFile`] from an offset on.
#[derive(Debug)]
pub struct LocalFileReader {
    file: LocalFile,
    at: u64,
}

impl Read for LocalFileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Ranged reads of a blocking source: its futures are ready as soon as they are created. The second
/// field is the name of the source.
struct BlockingReader<'a, R>(&'a R, &'a str);

impl<R: ChunkReader> RangeReader for BlockingReader<'_, R> {
    async fn read(&self, start: u64, length: u64) -> Result<Bytes> {
        let bytes = usize::try_from(length)
            .map_err(|_| RewriteError::PageTooLarge)
            .and_then(|length| Ok(self.0.get_bytes(start, length)?));
        bytes.map_err(|error| error.into_error(|| self.1.to_owned()))
    }
}

/// The validated footer of a source.
pub(super) fn footer<R: ChunkReader>(source: &R, name: &str) -> Result<Footer> {
    let read = Footer::read(&BlockingReader(source, name), source.len(), name).now_or_never();
    read.unwrap_or_else(|| {
        Err(Error::new(ErrorKind::Rejected, "the read of a footer did not complete", name))
    })
}

/// The start and length of a chunk, within the data of the file.
pub(super) fn range(
    chunk: &ColumnChunkMetaData,
    footer: &Footer,
) -> Result<(u64, u64), RewriteError> {
    let data = chunk.data_page_offset();
    // Some writers store 0 if there is no dictionary.
    let start = match chunk.dictionary_page_offset() {
        Some(dictionary) if dictionary > 0 && dictionary < data => dictionary,
        _ => data,
    };
    let wrong = RewriteError::Malformed("a column is outside of the file's data");
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
