//! All servers with one state, and the ways past HTTP that set-up and tests need.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;

use arrow::array::RecordBatch;
use bytes::Bytes;
use landbridge_local_wire::{self as wire, Clock};
use serde_json::{Map, Value};

use crate::access::{AccessControl, Grants, PolicyTag};
use crate::bigquery::BigQuery;
use crate::bigquery::catalog::{Catalog, PlannedFailure, TableName};
use crate::bigquery::query::{QuerySpec, cells};
use crate::error::GoogleError;
use crate::masking::MaskingRule;
use crate::storage::Storage;
use crate::storage::store::{NewObject, ObjectStore, Preconditions};
use crate::sts::{AwsProvider, CallerIdentityLookup, Sts};
use crate::web::Handler;

/// What the servers are set up with.
#[derive(Clone, Debug)]
pub struct GoogleOptions {
    /// Where the bytes of objects lie; made if it is not there.
    pub data_dir: PathBuf,
    /// The one project there is.
    pub project: String,
    /// Where datasets and buckets lie unless said otherwise, such as `asia-northeast3`.
    pub location: String,
    /// Whether a call without a token is answered, as an owner who reads no tagged column.
    /// Off by default: such a call gets 401.
    pub allow_anonymous: bool,
    /// How many answers of `jobs.get` still say RUNNING when a job has finished. 0 by default:
    /// only the answer to `jobs.insert` says so.
    pub extra_running_polls: u32,
    /// Metadata updates per table and ten seconds (Google: 5). `None` by default: no limit.
    pub metadata_update_limit: Option<usize>,
    /// How long a federated token counts, by the machine's clock. Google: an hour.
    pub token_lifetime: Duration,
}

impl Default for GoogleOptions {
    fn default() -> Self {
        Self {
            data_dir: std::env::temp_dir().join("landbridge-local-google"),
            project: "local-project".to_owned(),
            location: "US".to_owned(),
            allow_anonymous: false,
            extra_running_polls: 0,
            metadata_update_limit: None,
            token_lifetime: Duration::from_secs(3_600),
        }
    }
}

/// The result of a query, for a person to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The columns' types, as the REST API names them.
    pub types: Vec<String>,
    /// The cells as text; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Its name in the bucket.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its generation: every write makes a higher one.
    pub generation: i64,
}

/// The local Cloud Storage, BigQuery and token service. Clones share their state.
#[derive(Clone)]
pub struct LocalGoogle {
    storage: Storage,
    bigquery: BigQuery,
    sts: Sts,
}

impl LocalGoogle {
    /// Empty servers. Objects and tables live as long as the value and its clones.
    ///
    /// # Errors
    /// When the data directory cannot be made.
    pub fn new(options: GoogleOptions, clock: Clock) -> io::Result<Self> {
        let store = ObjectStore::new(options.data_dir.join("objects"), clock.clone())?;
        let access = Arc::new(RwLock::new(AccessControl::default()));
        let storage = Storage::new(
            store.clone(),
            access.clone(),
            options.location.clone(),
            options.allow_anonymous,
        );
        let sts = Sts {
            access: access.clone(),
            lifetime: options.token_lifetime,
            trusted: Arc::default(),
        };
        let bigquery = BigQuery {
            catalog: Arc::new(Mutex::new(Catalog::default())),
            access,
            store,
            clock,
            project: options.project,
            location: options.location,
            allow_anonymous: options.allow_anonymous,
            extra_running_polls: options.extra_running_polls,
            metadata_update_limit: options.metadata_update_limit,
        };
        Ok(Self { storage, bigquery, sts })
    }

    /// The Cloud Storage server, to be served.
    pub fn storage_service(&self) -> Arc<dyn wire::Service> {
        let storage = self.storage.clone();
        Handler::service(move |call| {
            let storage = storage.clone();
            Box::pin(async move { storage.handle(call) })
        })
    }

    /// Tells the Cloud Storage server where it is served (`http://127.0.0.1:PORT`), once. It must
    /// know before a resumable upload begins: the upload's address is in its first answer, and
    /// Google's Rust client sends a `Host` header without the port.
    pub fn set_storage_url(&self, url: &str) {
        self.storage.set_url(url);
    }

    /// The BigQuery server, to be served.
    pub fn bigquery_service(&self) -> Arc<dyn wire::Service> {
        let bigquery = self.bigquery.clone();
        Handler::service(move |call| {
            let bigquery = bigquery.clone();
            Box::pin(async move { bigquery.handle(call).await })
        })
    }

    /// The Security Token Service, to be served.
    pub fn sts_service(&self) -> Arc<dyn wire::Service> {
        let sts = self.sts.clone();
        Handler::service(move |call| {
            let sts = sts.clone();
            Box::pin(async move { sts.handle(&call).await })
        })
    }

    /// Trusts an AWS account's roles, in place of whom was trusted before. `ask` passes a signed
    /// request on to AWS.
    pub fn trust_aws(&self, provider: AwsProvider, ask: CallerIdentityLookup) {
        let mut trusted = self.sts.trusted.write().unwrap_or_else(PoisonError::into_inner);
        *trusted = Some((provider, ask));
    }

    /// Grants to the members of a principal set (`principalSet://iam.googleapis.com/…`), who
    /// come by federation. Tokens that were given before keep what they had.
    pub fn grant_principal_set(&self, set: &str, grants: Grants) {
        self.access().grant_principal_set(set, grants);
    }

    /// Lets `email` call with a bearer token. The same token again replaces its grants.
    pub fn add_principal(&self, token: &str, email: &str, grants: Grants) {
        self.access().add_principal(token, email, grants);
    }

    /// Makes a bucket; one that is there stays as it is.
    pub fn create_bucket(&self, name: &str) {
        let _ = self.storage.store.create_bucket(name, &self.bigquery.location, Map::new());
    }

    /// Makes a dataset in the servers' location; one that is there stays as it is.
    pub fn create_dataset(&self, id: &str) {
        let _ = self.bigquery.create_dataset(id, &self.bigquery.location, Map::new());
    }

    /// Makes or renames a policy tag.
    pub fn add_policy_tag(&self, tag: PolicyTag) {
        self.access().add_policy_tag(tag);
    }

    /// Names a taxonomy (`projects/P/locations/L/taxonomies/T`) for refusals; unnamed, its id
    /// is shown.
    pub fn set_taxonomy_display_name(&self, resource: &str, display_name: &str) {
        self.access().set_taxonomy_display_name(resource, display_name);
    }

    /// Makes a data policy on a tag, or replaces the readers of the one with this rule. Masked
    /// readers are e-mail addresses, or [`ALL_AUTHENTICATED_USERS`](crate::ALL_AUTHENTICATED_USERS).
    /// The first data policy of a taxonomy starts the enforcement of its tags.
    pub fn set_data_policy(
        &self,
        tag: &str,
        rule: MaskingRule,
        masked_readers: impl IntoIterator<Item = impl Into<String>>,
    ) {
        let readers: BTreeSet<String> = masked_readers.into_iter().map(Into::into).collect();
        self.access().set_data_policy(tag, rule, readers);
    }

    /// Makes a principal that was added before a Fine-Grained Reader of a tag.
    pub fn add_fine_grained_reader(&self, tag: &str, email: &str) {
        self.access().add_fine_grained_reader(tag, email);
    }

    /// Refuses everybody a bucket, or lets them in again.
    pub fn set_bucket_denied(&self, bucket: &str, denied: bool) {
        self.access().set_bucket_denied(bucket, denied);
    }

    /// Refuses everybody a dataset, or lets them in again.
    pub fn set_dataset_denied(&self, dataset: &str, denied: bool) {
        self.access().set_dataset_denied(dataset, denied);
    }

    /// Makes the next job fail with a reason of BigQuery's, before it does anything. Called
    /// twice, it fails the next two.
    pub fn fail_next_job(&self, reason: &str, message: &str) {
        let failure = PlannedFailure { reason: reason.to_owned(), message: message.to_owned() };
        self.bigquery.catalog().failures.push(failure);
    }

    /// Asks as a principal, named by e-mail address or token, past HTTP and its counting.
    ///
    /// # Errors
    /// As `jobs.query` answers them.
    pub async fn query_as(&self, principal: &str, sql: &str) -> Result<QueryRows, GoogleError> {
        let caller = self.bigquery.with_access(|access| access.find(principal))?;
        self.bigquery.authorize_on_project(&caller, "bigquery.jobs.create")?;
        let result = self.bigquery.run_query(&caller, &QuerySpec::plain(sql), false).await?;
        let rows = result
            .slice(0, usize::MAX)
            .map(|(batch, at)| {
                (result.fields.iter().zip(batch.columns()))
                    .map(|(field, column)| cells::cell_text(field, column, at))
                    .collect()
            })
            .collect();
        Ok(QueryRows {
            columns: result.fields.iter().map(|it| it.name.clone()).collect(),
            types: result.fields.iter().map(|it| it.field_type.name().to_owned()).collect(),
            rows,
        })
    }

    /// Puts an object into a bucket, replacing what was there.
    ///
    /// # Errors
    /// When the bucket is not there or the name is not allowed.
    pub fn put_object(&self, bucket: &str, name: &str, bytes: &[u8]) -> Result<(), GoogleError> {
        let new = NewObject {
            bucket: bucket.to_owned(),
            name: name.to_owned(),
            properties: Map::new(),
            preconditions: Preconditions::default(),
            crc32c: None,
            md5: None,
            may_replace: true,
        };
        self.storage.store.put(new, bytes).map(|_| ())
    }

    /// An object's bytes; `None` if there is no such object or bucket.
    pub fn read_object(&self, bucket: &str, name: &str) -> Option<Bytes> {
        self.storage.store.get(bucket, name).ok().flatten()?.read().ok()
    }

    /// The objects of a bucket whose names start with `prefix`, in the order of their names.
    pub fn list_objects(&self, bucket: &str, prefix: &str) -> Vec<ObjectSummary> {
        let found = self.storage.store.list(bucket, prefix).unwrap_or_default();
        (found.iter())
            .map(|it| ObjectSummary {
                name: it.name.clone(),
                size: it.size,
                generation: it.generation,
            })
            .collect()
    }

    /// The ids of a dataset's tables.
    pub fn table_ids(&self, dataset: &str) -> Vec<String> {
        let catalog = self.bigquery.catalog();
        catalog
            .datasets
            .get(dataset)
            .map_or_else(Vec::new, |it| it.tables.keys().cloned().collect())
    }

    /// The table resource, as tables.get prints it.
    pub fn table_resource(&self, dataset: &str, table: &str) -> Option<Value> {
        let name = TableName::new(&self.bigquery.project, dataset, table);
        let catalog = self.bigquery.catalog();
        let location = &catalog.datasets.get(dataset)?.location;
        Some(catalog.table(&name).ok()?.resource(&name, location))
    }

    /// A table's rows as they are kept, unmasked: for comparing two warehouses in a test.
    pub fn table_batches(&self, dataset: &str, table: &str) -> Option<Vec<RecordBatch>> {
        let name = TableName::new(&self.bigquery.project, dataset, table);
        let catalog = self.bigquery.catalog();
        let table = catalog.table(&name).ok()?;
        Some(table.rows.batches_with_schema(&table.schema()))
    }

    /// The ids of the jobs that were ever started.
    pub fn job_ids(&self) -> Vec<String> {
        self.bigquery.catalog().jobs.keys().cloned().collect()
    }

    fn access(&self) -> RwLockWriteGuard<'_, AccessControl> {
        self.bigquery.access.write().unwrap_or_else(PoisonError::into_inner)
    }
}
