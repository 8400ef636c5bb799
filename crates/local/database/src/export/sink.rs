//! Where an export's objects go.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;

/// A place that takes whole objects, for example a bucket.
pub trait ObjectSink: Send + Sync {
    /// Stores `bytes` under `key`, over what was there.
    ///
    /// # Errors
    /// Whatever keeps the object from being stored; the export stops at it.
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
