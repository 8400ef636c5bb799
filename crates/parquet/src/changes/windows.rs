//! Reads several columns of an object side by side, through ranged reads: each column is read in order, and each has the window
//! that it is at in memory. (The stream of a rewrite reads one column after the other, with one window.)

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use landbridge_core::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;

use crate::RangeReader;

/// The memory of all windows of an object, in bytes.
const MEMORY: u64 = 16 << 20;
/// The bounds of a window.
const SMALLEST: u64 = 64 << 10;
const LARGEST: u64 = 2 << 20;

/// An object whose columns are read side by side. It is read on threads that may block.
#[derive(Debug)]
pub struct Windows<S> {
    shared: Arc<Shared<S>>,
}

impl<S> Clone for Windows<S> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

#[derive(Debug)]
struct Shared<S> {
    source: S,
    length: u64,
    window: u64,
    most: usize,
    runtime: Handle,
    /// By their numbers, the last used first.
    windows: Mutex<VecDeque<(u64, Bytes)>>,
}

impl<S: RangeReader + Send + Sync + 'static> Windows<S> {
    /// An object of `length` bytes with so many columns. Must be called within a Tokio runtime.
    pub fn new(source: S, length: u64, columns: usize) -> Self {
        let most = columns.max(1) + 2;
        let window = (MEMORY / most as u64).clamp(SMALLEST, LARGEST);
        let (runtime, windows) = (Handle::current(), Mutex::default());
        Self { shared: Arc::new(Shared { source, length, window, most, runtime, windows }) }
    }
}

impl<S: RangeReader + Send + Sync + 'static> Shared<S> {
    /// The rest of the window that contains offset `at`; empty at the end of the object.
    fn rest(&self, at: u64) -> Result<Bytes> {
        if at >= self.length {
            return Ok(Bytes::new());
        }
        let number = at / self.window;
        let start = number * self.window;
        let rest = |bytes: &Bytes| {
            let from = usize::try_from(at - start).unwrap_or(usize::MAX);
            bytes.slice(from.min(bytes.len())..)
        };
        let lock = || self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut windows = lock();
            if let Some(place) = windows.iter().position(|(it, _)| *it == number)
                && let Some(window) = windows.remove(place)
            {
                windows.push_front(window);
                return Ok(windows.front().map(|(_, bytes)| rest(bytes)).unwrap_or_default());
            }
            windows.truncate(self.most.saturating_sub(1));
        }
        let length = self.window.min(self.length - start);
        let bytes = self.runtime.block_on(self.source.read(start, length))?;
        if bytes.len() as u64 != length {
            let what = "a ranged read returned another number of bytes than requested";
            return Err(Error::new(ErrorKind::Transient, what, ""));
        }
        let rest = rest(&bytes);
        lock().push_front((number, bytes));
        Ok(rest)
    }
}

impl<S: RangeReader + Send + Sync + 'static> Length for Windows<S> {
    fn len(&self) -> u64 {
        self.shared.length
    }
}

impl<S: RangeReader + Send + Sync + 'static> ChunkReader for Windows<S> {
    type T = WindowReader<S>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(WindowReader { shared: self.shared.clone(), at: start, bytes: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let fails = |error: Error| ParquetError::External(Box::new(error));
        let first = self.shared.rest(start).map_err(fails)?;
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        // Never more than the object has, whatever a forged header says.
        let left = self.shared.length.saturating_sub(start);
        if left < length as u64 {
            return Err(ParquetError::EOF("a page ends after the file".to_owned()));
        }
        let mut bytes = BytesMut::with_capacity(length);
        bytes.extend_from_slice(&first);
        while bytes.len() < length {
            let next = self.shared.rest(start + bytes.len() as u64).map_err(fails)?;
            let wanted = next.len().min(length - bytes.len());
            bytes.extend_from_slice(&next[..wanted]);
        }
        Ok(bytes.freeze())
    }
}

/// Reads from an offset on.
#[derive(Debug)]
pub struct WindowReader<S> {
    shared: Arc<Shared<S>>,
    at: u64,
    bytes: Bytes,
}

impl<S: RangeReader + Send + Sync + 'static> Read for WindowReader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            self.bytes = self.shared.rest(self.at).map_err(io::Error::other)?;
        }
        let count = buffer.len().min(self.bytes.len());
        buffer[..count].copy_from_slice(&self.bytes.split_to(count));
        self.at += count as u64;
        Ok(count)
    }
}
