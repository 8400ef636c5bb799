//! The bytes of one object: in memory when small, otherwise in a file of its own.
//!
//! A blob never changes. Replacing an object replaces its reference to a blob, so a reader keeps
//! the version with which it started, as S3 guarantees.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{Stream, stream};
use s3s::crypto::{Checksum as _, Md5};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// A blob up to this size stays in memory, so ledgers and manifests never touch the disk.
const MAX_IN_MEMORY_BYTES: usize = 64 * 1024;
/// The number of bytes to read from a file at a time.
const READ_CHUNK_BYTES: u64 = 256 * 1024;

/// Immutable bytes. The file is removed when the blob is dropped.
#[derive(Debug)]
pub(crate) enum Blob {
    /// A small blob.
    Memory(Bytes),
    /// A file that belongs to this blob only.
    File(PathBuf),
}

impl Drop for Blob {
    fn drop(&mut self) {
        if let Self::File(path) = self
            && let Err(error) = std::fs::remove_file(&*path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "could not remove the file of a blob");
        }
    }
}

impl Blob {
    /// Reads `range`, in bytes, which must be within the blob.
    pub(crate) async fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(slice(bytes, &range)),
            Self::File(path) => {
                let mut file = File::open(path).await?;
                file.seek(SeekFrom::Start(range.start)).await?;
                let mut buffer = vec![0; to_usize(range.end - range.start)];
                file.read_exact(&mut buffer).await?;
                Ok(buffer.into())
            }
        }
    }

    /// Streams `range`, in bytes, which must be within the blob. Memory use is bounded by
    /// [`READ_CHUNK_BYTES`].
    pub(crate) fn stream(
        self: Arc<Self>,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
        stream::try_unfold((self, range), |(blob, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let chunk_end = range.end.min(range.start + READ_CHUNK_BYTES);
            let bytes = blob.read(range.start..chunk_end).await?;
            Ok(Some((bytes, (blob, chunk_end..range.end))))
        })
    }
}

/// Creates blobs and names their files.
#[derive(Debug)]
pub(crate) struct BlobDirectory {
    dir: PathBuf,
    next_number: AtomicU64,
}

impl BlobDirectory {
    /// Keeps files in `dir`, which must exist.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), next_number: AtomicU64::new(1) }
    }

    /// Starts a new blob.
    pub(crate) fn writer(&self) -> BlobWriter {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        BlobWriter {
            path: self.dir.join(format!("{number:08}.blob")),
            buffer: Vec::new(),
            file: None,
            size: 0,
            md5: Md5::new(),
        }
    }
}

/// Writes a blob. Dropping it before [`finish`](BlobWriter::finish) removes what was written.
pub(crate) struct BlobWriter {
    path: PathBuf,
    buffer: Vec<u8>,
    file: Option<(Blob, File)>,
    size: u64,
    md5: Md5,
}

/// A completely written blob.
#[derive(Debug)]
pub(crate) struct FinishedBlob {
    /// The blob.
    pub(crate) blob: Arc<Blob>,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its MD5, which is the ETag of an object uploaded in one request.
    pub(crate) md5: [u8; 16],
}

impl BlobWriter {
    /// Appends a range of another blob.
    pub(crate) async fn copy_from(&mut self, source: &Blob, range: Range<u64>) -> io::Result<()> {
        let mut rest = range;
        while !rest.is_empty() {
            let chunk_end = rest.end.min(rest.start + READ_CHUNK_BYTES);
            self.write(&source.read(rest.start..chunk_end).await?).await?;
            rest.start = chunk_end;
        }
        Ok(())
    }

    /// Appends bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > MAX_IN_MEMORY_BYTES {
            self.spill().await?;
        }
        Ok(())
    }

    /// Moves the buffer to the file, which is created first when needed.
    async fn spill(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            let file = File::create(&self.path).await?;
            self.file = Some((Blob::File(self.path.clone()), file));
        }
        if let Some((_, file)) = &mut self.file {
            file.write_all(&self.buffer).await?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Completes the blob.
    pub(crate) async fn finish(mut self) -> io::Result<FinishedBlob> {
        let blob = if self.file.is_some() {
            self.spill().await?;
            match self.file.take() {
                Some((blob, mut file)) => {
                    file.flush().await?;
                    blob
                }
                None => Blob::Memory(Bytes::new()),
            }
        } else {
            Blob::Memory(std::mem::take(&mut self.buffer).into())
        };
        Ok(FinishedBlob { blob: Arc::new(blob), size: self.size, md5: self.md5.finalize() })
    }
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    bytes.slice(to_usize(range.start)..to_usize(range.end))
}

/// Sizes of buffers in memory fit `usize` on every supported machine.
fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
