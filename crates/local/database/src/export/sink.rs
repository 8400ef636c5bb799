//! The destination of an export's objects.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;

/// A store of objects, for example a bucket.
pub trait ObjectSink: Send + Sync {
    /// Stores `bytes` under `key` and replaces an existing object.
    ///
    /// # Errors
    /// When the object cannot be stored. The export stops then.
    fn put<'a>(&'a self, key: String, bytes: Bytes) -> BoxFuture<'a, io::Result<()>>;
}

/// Objects kept in memory, for tests.
#[derive(Debug, Default)]
pub struct MemorySink {
    objects: Mutex<BTreeMap<String, Bytes>>,
}

impl MemorySink {
    /// All objects, by key.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ObjectSink for MemorySink {
    fn put<'a>(&'a self, key: String, bytes: Bytes) -> BoxFuture<'a, io::Result<()>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(key, bytes);
        Box::pin(std::future::ready(Ok(())))
    }
}
