//! Rewriting from ranged reads into a stream of bytes, with no file between.
//!
//! The engine runs on a thread that may block. It reads through windows that are fetched
//! ahead of it and cover the file in its order, so that many small columns are one request;
//! and it writes into a channel that holds little, so that a slow sink slows the source.

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
use super::{RewriteReport, Rewriter, lost};
use crate::RangeReader;

/// How much memory goes where, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// What one request reads. Two windows are held: the one that is used, the one that comes.
    pub window_bytes: usize,
    /// What one message of the output has, about.
    pub chunk_bytes: usize,
    /// How many messages wait for the sink.
    pub queued_chunks: usize,
}

impl Default for StreamSettings {
    /// 8 MiB per request and 1 MiB per message, of which four wait: some 25 MiB in all beside
    /// what the engine needs.
    fn default() -> Self {
        Self { window_bytes: 8 << 20, chunk_bytes: 1 << 20, queued_chunks: 4 }
    }
}

/// A rewrite that runs.
#[derive(Debug)]
pub struct RewriteStream {
    /// The bytes of the output, in order. Their end says nothing of success: ask
    /// [`RewriteStream::report`]. Dropping it stops the rewrite.
    pub bytes: mpsc::Receiver<Bytes>,
    done: JoinHandle<Result<RewriteReport>>,
    name: String,
}

impl RewriteStream {
    /// How it ended. Until this says that all is well, what came is no Parquet file.
    ///
    /// # Errors
    /// As [`Rewriter::rewrite`]; [`ErrorKind::Transient`] when the receiver was dropped.
    pub async fn report(mut self) -> Result<RewriteReport> {
        self.bytes.close();
        self.done.await.unwrap_or_else(|_| Err(lost(&self.name)))
    }
}

/// Starts to rewrite these row groups, or all, of a source of `length` bytes. Call it within a
/// Tokio runtime. `name` is the source's, for errors.
pub fn rewrite<S: RangeReader + Send + Sync + 'static>(
    rewriter: Rewriter,
    source: S,
    length: u64,
    name: &str,
    row_groups: Option<Vec<usize>>,
    settings: StreamSettings,
) -> RewriteStream {
    let (sender, bytes) = mpsc::channel(settings.queued_chunks.max(1));
    let source = Windows {
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
    let done = tokio::task::spawn_blocking(move || {
        let mut sink =
            Messages { sender, held: BytesMut::new(), size: settings.chunk_bytes.max(1) };
        let report = rewriter.rewrite(&source, &task_name, &mut sink, row_groups.as_deref())?;
        sink.send().map_err(|error| RewriteError::from(error).at(|| task_name))?;
        Ok(report)
    });
    RewriteStream { bytes, done, name }
}

/// A source behind windows.
struct Windows<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    source: Arc<S>,
    length: u64,
    window: u64,
    runtime: Handle,
    state: Mutex<State>,
}

/// The window that was used last, and the one that is on its way.
#[derive(Default)]
struct State {
    start: u64,
    bytes: Bytes,
    coming: Option<(u64, JoinHandle<Result<Bytes>>)>,
}

impl<S: RangeReader + Send + Sync + 'static> Shared<S> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, start: u64) -> JoinHandle<Result<Bytes>> {
        let source = self.source.clone();
        let length = self.window.min(self.length - start);
        self.runtime.spawn(async move { source.read(start, length).await })
    }

    /// Bytes from `at` on: what is left of a window. Nothing at the end of the file.
    fn window(&self, at: u64) -> Result<Bytes> {
        if at >= self.length {
            return Ok(Bytes::new());
        }
        let mut state = self.state();
        if let Some(bytes) = part(state.start, &state.bytes, at) {
            return Ok(bytes);
        }
        let coming = match state.coming.take() {
            Some((start, task)) if (start..start + self.window).contains(&at) => (start, task),
            other => {
                if let Some((_, task)) = other {
                    task.abort();
                }
                (at, self.fetch(at))
            }
        };
        // Given back before the next one arrives: two windows are held, never three.
        state.bytes = Bytes::new();
        let (start, task) = coming;
        let bytes = self.runtime.block_on(task).unwrap_or_else(|_| Err(lost("")))?;
        let next = start + bytes.len() as u64;
        if bytes.is_empty() {
            return Err(Error::new(ErrorKind::Transient, "a ranged read gave nothing", ""));
        }
        if next < self.length {
            state.coming = Some((next, self.fetch(next)));
        }
        (state.start, state.bytes) = (start, bytes);
        part(start, &state.bytes, at).ok_or_else(|| {
            Error::new(ErrorKind::Transient, "a ranged read gave less than was asked", "")
        })
    }
}

/// What a window that begins at `start` has from `at` on.
fn part(start: u64, bytes: &Bytes, at: u64) -> Option<Bytes> {
    let from = usize::try_from(at.checked_sub(start)?).ok()?;
    (from < bytes.len()).then(|| bytes.slice(from..))
}

impl<S> Drop for Shared<S> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, task)) = state.coming.take() {
            task.abort();
        }
    }
}

impl<S: RangeReader + Send + Sync + 'static> Length for Windows<S> {
    fn len(&self) -> u64 {
        self.shared.length
    }
}

impl<S: RangeReader + Send + Sync + 'static> ChunkReader for Windows<S> {
    type T = Window<S>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(Window { shared: self.shared.clone(), at: start, bytes: Bytes::new() })
    }

    /// Footers and indexes, which lie at the end: a request of their own, so that the windows
    /// go on where they are.
    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let shared = &self.shared;
        let bytes = shared.runtime.block_on(shared.source.read(start, length as u64));
        bytes.map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Reads through the windows from some place on.
struct Window<S> {
    shared: Arc<Shared<S>>,
    at: u64,
    bytes: Bytes,
}

impl<S: RangeReader + Send + Sync + 'static> Read for Window<S> {
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

/// Writes into the channel.
struct Messages {
    sender: mpsc::Sender<Bytes>,
    held: BytesMut,
    size: usize,
}

impl Messages {
    fn send(&mut self) -> io::Result<()> {
        let stopped = |_| {
            io::Error::other(Error::new(ErrorKind::Transient, "the sink of a rewrite is gone", ""))
        };
        self.sender.blocking_send(self.held.split().freeze()).map_err(stopped)
    }
}

impl Write for Messages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= self.size {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// The writer flushes after every column. Small messages would come of it, so bytes wait
    /// until there are enough of them; the rest goes when all is written.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
