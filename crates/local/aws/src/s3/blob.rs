//! The bytes of one object: in memory when small, in a file of their own when not.
//!
//! A blob never changes. Replacing an object swaps the blob it points at, so a
//! reader keeps the version it began with, as S3 promises.

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

/// Up to here (bytes) a blob stays in memory: ledgers and manifests never touch the disk.
const IN_MEMORY: usize = 64 * 1024;
/// How much of a file is read at a time (bytes).
const READ_STEP: u64 = 256 * 1024;

/// Immutable bytes. A file is removed when its last holder lets go.
#[derive(Debug)]
pub(crate) enum Blob {
    /// Small bytes.
    Memory(Bytes),
    /// The path of a file which belongs to this blob alone.
    File(PathBuf),
}

impl Drop for Blob {
    fn drop(&mut self) {
        if let Self::File(path) = self
            && let Err(error) = std::fs::remove_file(&*path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "a blob's file was not removed");
        }
    }
}

impl Blob {
    /// Reads `range` (bytes, within the blob) whole.
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

    /// Streams `range` (bytes, within the blob) in steps, so memory stays bounded.
    pub(crate) fn stream(
        self: Arc<Self>,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
        stream::try_unfold((self, range), |(blob, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let middle = range.end.min(range.start + READ_STEP);
            let bytes = blob.read(range.start..middle).await?;
            Ok(Some((bytes, (blob, middle..range.end))))
        })
    }
}

/// Where blobs are kept, and how their files are named.
#[derive(Debug)]
pub(crate) struct Blobs {
    dir: PathBuf,
    next: AtomicU64,
}

impl Blobs {
    /// Keeps files under `dir`, which must exist.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), next: AtomicU64::new(1) }
    }

    /// Begins a blob.
    pub(crate) fn writer(&self) -> Writer {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Writer {
            path: self.dir.join(format!("{number:08}.blob")),
            buffer: Vec::new(),
            file: None,
            size: 0,
            md5: Md5::new(),
        }
    }
}

/// A blob being written; dropping it before [`finish`](Writer::finish) leaves nothing behind.
pub(crate) struct Writer {
    path: PathBuf,
    buffer: Vec<u8>,
    file: Option<(Blob, File)>,
    size: u64,
    md5: Md5,
}

/// A blob that is whole.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The bytes.
    pub(crate) blob: Arc<Blob>,
    /// How many.
    pub(crate) size: u64,
    /// Their MD5, which is the ETag of an object put in one piece.
    pub(crate) md5: [u8; 16],
}

impl Writer {
    /// Appends bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.md5.update(bytes);
        self.size += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() > IN_MEMORY {
            self.spill().await?;
        }
        Ok(())
    }

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

    /// Ends the blob.
    pub(crate) async fn finish(mut self) -> io::Result<Finished> {
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
        Ok(Finished { blob: Arc::new(blob), size: self.size, md5: self.md5.finalize() })
    }
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    bytes.slice(to_usize(range.start)..to_usize(range.end))
}

/// Sizes of what is held in memory fit `usize` on every machine this runs on.
fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
