//! Rewrites from ranged reads into a stream of bytes, without a local file.
//!
//! The engine runs on a blocking thread. It reads through prefetched windows that cover the file in
//! order, so that many small columns need one request. It writes into a bounded channel, so that a
//! slow receiver slows down the reads.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::error::RewriteError;
use super::{RewriteReport, Rewriter, task_lost};
use crate::RangeReader;

/// The memory limits of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// The size of one ranged read. Two windows are in memory: the current one and the next one.
    pub window_bytes: usize,
    /// The approximate size of one chunk of the output.
    pub chunk_bytes: usize,
    /// How many chunks may wait for the receiver.
    pub queued_chunks: usize,
}

impl Default for StreamSettings {
    /// 8 MiB per ranged read, and 4 waiting chunks of 1 MiB: about 25 MiB in total, in addition to the
    /// memory of the engine.
    fn default() -> Self {
        Self { window_bytes: 8 << 20, chunk_bytes: 1 << 20, queued_chunks: 4 }
    }
}

/// A running rewrite.
#[derive(Debug)]
pub struct RewriteStream {
    /// The bytes of the output, in order. The end of the channel does not mean success: call
    /// [`RewriteStream::report`]. Dropping the receiver stops the rewrite.
    pub bytes: mpsc::Receiver<Bytes>,
    task: JoinHandle<Result<RewriteReport>>,
    name: String,
}

impl RewriteStream {
    /// Waits for the end of the rewrite. Unless this succeeds, the received bytes are not a complete
    /// Parquet file.
    ///
    /// # Errors
    /// As [`Rewriter::rewrite`]; [`ErrorKind::Transient`] if the receiver was dropped.
    pub async fn report(mut self) -> Result<RewriteReport> {
        self.bytes.close();
        self.task.await.unwrap_or_else(|_| Err(task_lost(&self.name)))
    }
}

/// Starts to rewrite `row_groups`, or all row groups, of a source of `length` bytes. Must be called
/// within a Tokio runtime. `name` is the source's, for error messages.
pub fn rewrite<S: RangeReader + Send + Sync + 'static>(
    rewriter: Rewriter,
    source: S,
    length: u64,
    name: &str,
    row_groups: Option<Vec<usize>>,
    settings: StreamSettings,
) -> RewriteStream {
    let (sender, bytes) = mpsc::channel(settings.queued_chunks.max(1));
    let source = WindowedSource {
        shared: Arc::new(Shared {
            source: Arc::new(source),
            length,
            window: settings.window_bytes.max(1) as u64,
            runtime: Handle::current(),
            state: Mutex::default(),
        }),
    };
    let name = name.to_owned();
    let task_name = name.clone();
    let task = tokio::task::spawn_blocking(move || {
        let mut sink =
            ChannelWriter { sender, buffer: BytesMut::new(), size: settings.chunk_bytes.max(1) };
        let report = rewriter.rewrite(&source, &task_name, &mut sink, row_groups.as_deref())?;
        sink.send().map_err(|error| RewriteError::from(error).into_error(|| task_name))?;
        Ok(report)
    });
    RewriteStream { bytes, task, name }
}

/// A source that is read through prefetched windows.
struct WindowedSource<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    source: Arc<S>,
    length: u64,
    window: u64,
    runtime: Handle,
    state: Mutex<WindowState>,
}

/// The current window, and the request for the next one.
#[derive(Default)]
struct WindowState {
    start: u64,
    bytes: Bytes,
    prefetch: Option<(u64, JoinHandle<Result<Bytes>>)>,
}

impl<S: RangeReader + Send + Sync + 'static> Shared<S> {
    fn state(&self) -> MutexGuard<'_, WindowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, start: u64) -> JoinHandle<Result<Bytes>> {
        let source = self.source.clone();
        let length = self.window.min(self.length - start);
        self.runtime.spawn(async move { source.read(start, length).await })
    }

    /// The rest of the window that contains offset `at`; empty at the end of the file.
    fn window(&self, at: u64) -> Result<Bytes> {
        if at >= self.length {
            return Ok(Bytes::new());
        }
        let mut state = self.state();
        if let Some(bytes) = part(state.start, &state.bytes, at) {
            return Ok(bytes);
        }
        let prefetch = match state.prefetch.take() {
            Some((start, task)) if (start..start + self.window).contains(&at) => (start, task),
            other => {
                if let Some((_, task)) = other {
                    task.abort();
                }
                (at, self.fetch(at))
            }
        };
        // Freed before the next window arrives, so that at most two are in memory.
        state.bytes = Bytes::new();
        let (start, task) = prefetch;
        let bytes = self.runtime.block_on(task).unwrap_or_else(|_| Err(task_lost("")))?;
        let next = start + bytes.len() as u64;
        if bytes.is_empty() {
            return Err(Error::new(ErrorKind::Transient, "a ranged read returned no bytes", ""));
        }
        if next < self.length {
            state.prefetch = Some((next, self.fetch(next)));
        }
        (state.start, state.bytes) = (start, bytes);
        part(start, &state.bytes, at).ok_or_else(|| {
            Error::new(
                ErrorKind::Transient,
                "a ranged read returned fewer bytes than requested",
                "",
            )
        })
    }
}

/// The part of a window from offset `at` on; `start` is the offset of the window.
fn part(start: u64, bytes: &Bytes, at: u64) -> Option<Bytes> {
    let from = usize::try_from(at.checked_sub(start)?).ok()?;
    (from < bytes.len()).then(|| bytes.slice(from..))
}

impl<S> Drop for Shared<S> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, task)) = state.prefetch.take() {
            task.abort();
        }
    }
}

impl<S: RangeReader + Send + Sync + 'static> Length for WindowedSource<S> {
    fn len(&self) -> u64 {
        self.shared.length
    }
}

impl<S: RangeReader + Send + Sync + 'static> ChunkReader for WindowedSource<S> {
    type T = WindowReader<S>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(WindowReader { shared: self.shared.clone(), at: start, bytes: Bytes::new() })
    }

    /// Reads footers and page indexes, which are at the end of the file, with a separate request: the
    /// current window stays.
    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let shared = &self.shared;
        let bytes = shared.runtime.block_on(shared.source.read(start, length as u64));
        bytes.map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Reads through the windows from an offset on.
struct WindowReader<S> {
    shared: Arc<Shared<S>>,
    at: u64,
    bytes: Bytes,
}

impl<S: RangeReader + Send + Sync + 'static> Read for WindowReader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            self.bytes = self.shared.window(self.at).map_err(io::Error::other)?;
        }
        let count = buffer.len().min(self.bytes.len());
        buffer[..count].copy_from_slice(&self.bytes.split_to(count));
        self.at += count as u64;
        Ok(count)
    }
}

/// Writes into the channel, in chunks of about `size` bytes.
struct ChannelWriter {
    sender: mpsc::Sender<Bytes>,
    buffer: BytesMut,
    size: usize,
}

impl ChannelWriter {
    fn send(&mut self) -> io::Result<()> {
        let stopped = |_| {
            io::Error::other(Error::new(
                ErrorKind::Transient,
                "the receiver of a rewrite was dropped",
                "",
            ))
        };
        self.sender.blocking_send(self.buffer.split().freeze()).map_err(stopped)
    }
}

impl Write for ChannelWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= self.size {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Does nothing. The engine flushes after every column, which would send small chunks. `rewrite`
    /// sends the rest at the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
