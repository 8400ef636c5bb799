//! The ledger: what Landbridge has recorded, as small JSON objects in S3 below
//! `<ledger.prefix>/<source>/`. `docs/ledger.md` lists the records.
//!
//! Every record is created only if it does not exist (`If-None-Match: *`) or replaced only in the
//! version that was read (`If-Match`), so two ticks at once cannot overwrite each other's records. The one exception is [`Records::set`],
//! for records of which either value is right.
//!
//! | module | what it contains |
//! |---|---|
//! | here | [`Ledger`], and its two scopes [`SourceLedger`] and [`DayLedger`] |
//! | [`name`] | the name of a record, with its scope and the type of its value |
//! | [`records`] | the names and the values of all records |
//! | `index` | reads and writes what ticks need of a day's receipts, in one object |
//! | `store` | reading and writing JSON objects in S3 |
//! | [`read`] | what several records together say, for people |
//! | `redo` | the requests to do days again |
//! | `format` | the format number of the ledger |

mod format;
mod index;
pub mod name;
pub mod read;
pub mod records;
mod redo;
mod store;

pub use format::FORMAT;
pub use name::{DayName, SourceName};
pub use records::{ReceiptSummaries, ReceiptSummary};
pub use redo::RedoDays;
pub use store::{Recorded, Written};

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use landbridge_aws::S3;
use landbridge_core::calendar::Day;
use landbridge_core::config::Config;
use landbridge_core::ids::{hash, short_hash};
use landbridge_core::plan::{TableEntry, TablePlan};
use landbridge_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::name::{DayScope, Name, SourceScope};
use crate::records::below;
use crate::store::Store;

/// Records read at once: they are small, and the network's latency dominates.
const AT_ONCE: usize = 16;

/// The ledger of one source. Clones share the check of the format number.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Arc<Store>,
}

/// The records of a source that outlive days: claims, notices, settings, drills.
pub type SourceLedger = Records<SourceScope>;

/// The records of one source and day.
pub type DayLedger = Records<DayScope>;

/// The records of one scope.
#[derive(Clone, Debug)]
pub struct Records<S> {
    store: Arc<Store>,
    /// The S3 key prefix of the scope, without a trailing slash.
    root: String,
    scope: PhantomData<S>,
}

impl Ledger {
    /// The ledger of the configured source, for the functions. Its first write creates the
    /// record of the format number if there is none.
    pub fn new(s3: S3, config: &Config) -> Self {
        Self::open(s3, config, true)
    }

    /// The same ledger for the operator's command, which never writes the format number: the
    /// operator may write below `drills/` and `redo/` only.
    pub fn for_operator(s3: S3, config: &Config) -> Self {
        Self::open(s3, config, false)
    }

    fn open(s3: S3, config: &Config, creates_format: bool) -> Self {
        let root = below(&config.ledger.prefix, &config.source.name);
        Self { store: Arc::new(Store::new(s3, config.export.bucket.clone(), root, creates_format)) }
    }

    /// The records that outlive days.
    pub fn source(&self) -> SourceLedger {
        Records::at(&self.store, self.store.root().to_owned())
    }

    /// The records of `day`.
    pub fn day(&self, day: Day) -> DayLedger {
        Records::at(&self.store, format!("{}/{day}", self.store.root()))
    }
}

impl DayLedger {
    /// The plan of a table in the day's plan; `None` when it has another revision or digest,
    /// because another tick is planning.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when it does not exist; any ledger error.
    pub async fn table_plan(&self, entry: &TableEntry) -> Result<Option<TablePlan>> {
        let plan = self.value(&records::table_plan(&entry.table)).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::Corrupt,
                "the ledger lacks the plan of a table",
                entry.table.clone(),
            )
        })?;
        Ok((plan.record_name() == entry.record_name()).then_some(plan))
    }

    /// The records of the same source that outlive days.
    pub fn source(&self) -> SourceLedger {
        Records::at(&self.store, self.store.root().to_owned())
    }
}

impl<S> Records<S> {
    fn at(store: &Arc<Store>, root: String) -> Self {
        Self { store: store.clone(), root, scope: PhantomData }
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    /// Where the scope, or a record or folder of it, is in S3: `s3://bucket/prefix/shop/…`.
    pub fn location(&self, name: &str) -> String {
        self.store.location(&self.key(name))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Any S3 error; [`ErrorKind::Corrupt`] when the object is not this record;
    /// [`ErrorKind::Config`] when a newer version of Landbridge wrote the ledger.
    pub async fn get<T: DeserializeOwned>(&self, name: &Name<S, T>) -> Result<Option<Recorded<T>>> {
        self.store.get(&self.key(name.path())).await
    }

    /// The value of a record, for callers that do not replace it.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn value<T: DeserializeOwned>(&self, name: &Name<S, T>) -> Result<Option<T>> {
        Ok(self.get(name).await?.map(|found| found.value))
    }

    /// Writes a record that must not exist yet. Idempotent: an equal record is no error.
    ///
    /// # Errors
    /// Any S3 error; [`ErrorKind::Config`] as [`Self::get`].
    pub async fn create<T: Serialize>(&self, name: &Name<S, T>, value: &T) -> Result<Written> {
        self.store.create(&self.key(name.path()), value).await
    }

    /// Replaces the record that was read with this `etag`. Idempotent: if the record already
    /// equals `value`, it is no error.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub async fn replace<T: Serialize>(
        &self,
        name: &Name<S, T>,
        etag: &str,
        value: &T,
    ) -> Result<Written> {
        self.store.replace(&self.key(name.path()), etag, value).await
    }

    /// The record, created with `value` if it does not exist. The first record counts: when two
    /// ticks do this at once, both get the same one.
    ///
    /// # Errors
    /// As [`Self::get`] and [`Self::create`].
    pub async fn create_or_get<T: Serialize + DeserializeOwned>(
        &self,
        name: &Name<S, T>,
        value: &T,
    ) -> Result<Recorded<T>> {
        self.store.create_or_get(&self.key(name.path()), value).await
    }

    /// Sets a record to `value`, whatever it was. When two ticks do this at once, one of the two
    /// values remains.
    ///
    /// # Errors
    /// As [`Self::get`] and [`Self::create`].
    pub async fn set<T>(&self, name: &Name<S, T>, value: &T) -> Result<()>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        match self.get(name).await? {
            Some(found) if found.value == *value => return Ok(()),
            Some(found) => self.replace(name, &found.etag, value).await?,
            None => self.create(name, value).await?,
        };
        Ok(())
    }

    /// The names of the records below `folder`, grouped by the first part of their names:
    /// `items/orders/00001.json` counts for `orders`, and so does `receipts/orders.json`.
    ///
    /// # Errors
    /// Any S3 error; [`ErrorKind::Config`] as [`Self::get`].
    pub async fn names(&self, folder: &str) -> Result<BTreeMap<String, Vec<String>>> {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in self.list(folder).await? {
            let (group, name) = name.split_once('/').unwrap_or((&name, ""));
            names.entry(group.to_owned()).or_default().push(name.to_owned());
        }
        Ok(names)
    }

    /// The names of the records below `folder` that begin with `start`, in order. One call for a thousand of them.
    ///
    /// # Errors
    /// Any S3 error; [`ErrorKind::Config`] as [`Self::get`].
    pub async fn names_from(&self, folder: &str, start: &str) -> Result<Vec<String>> {
        let root = self.key(&format!("{folder}/"));
        let keys = self.store.list(&format!("{root}{start}")).await?;
        let name = |key: &String| Some(key.strip_prefix(&root)?.strip_suffix(".json")?.to_owned());
        Ok(keys.iter().filter_map(name).collect())
    }

    /// A digest of the names and versions of the records below `folder`: it changes when one of them
    /// is written. One call, however many records there are.
    ///
    /// # Errors
    /// Any S3 error; [`ErrorKind::Config`] as [`Self::get`].
    pub async fn versions(&self, folder: &str) -> Result<String> {
        let objects = self.store.list_objects(&self.key(&format!("{folder}/"))).await?;
        let lines = objects.iter().map(|it| format!("{} {}\n", it.key, it.etag));
        Ok(short_hash(&lines.collect::<String>()))
    }

    /// Reads every record below `folder`, in the order of their names.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn read_all<T: DeserializeOwned>(&self, folder: &str) -> Result<Vec<T>> {
        let names = self.list(folder).await?;
        let records: Vec<Option<Recorded<T>>> =
            futures::stream::iter(names)
                .map(|name| async move {
                    self.store.get(&self.key(&format!("{folder}/{name}.json"))).await
                })
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
        Ok(records.into_iter().flatten().map(|found| found.value).collect())
    }

    /// The SHA-256 of each record below `folder` as it is stored, in hexadecimal digits, by its name. A record that
    /// is not UTF-8, which no record is, has an empty one.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn digests(&self, folder: &str) -> Result<BTreeMap<String, String>> {
        let names = self.list(folder).await?;
        let digests: Vec<Option<(String, String)>> = futures::stream::iter(names)
            .map(|name| async move {
                let bytes = self.store.bytes(&self.key(&format!("{folder}/{name}.json"))).await?;
                let digest =
                    |bytes: bytes::Bytes| std::str::from_utf8(&bytes).map(hash).unwrap_or_default();
                Ok::<_, Error>(bytes.map(|bytes| (name, digest(bytes))))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(digests.into_iter().flatten().collect())
    }

    /// The ETags of the records below `folder`, by their names. One call for a thousand records.
    ///
    /// # Errors
    /// Any S3 error; [`ErrorKind::Config`] as [`Self::get`].
    pub async fn etags(&self, folder: &str) -> Result<BTreeMap<String, String>> {
        let root = self.key(&format!("{folder}/"));
        let objects = self.store.list_objects(&root).await?;
        let named = objects.into_iter().filter_map(|object| {
            let name = object.key.strip_prefix(&root)?.strip_suffix(".json")?.to_owned();
            Some((name, object.etag))
        });
        Ok(named.collect())
    }

    /// The names below `folder`, without the folder and without `.json`, in order.
    async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let root = self.key(&format!("{folder}/"));
        let keys = self.store.list(&root).await?;
        let name = |key: &String| Some(key.strip_prefix(&root)?.strip_suffix(".json")?.to_owned());
        Ok(keys.iter().filter_map(name).collect())
    }
}
