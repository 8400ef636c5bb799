//! [`LocalGoogle`]: all servers over one shared state, with direct access for set-up and tests.

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
use crate::bigquery::QueryLimits;
use crate::bigquery::catalog::{Catalog, PlannedFailure};
use crate::bigquery::names::TableName;
use crate::bigquery::query::cells;
use crate::error::GoogleError;
use crate::masking::MaskingRule;
use crate::storage::store::{NewObject, ObjectStore, Preconditions};
use crate::storage::{Storage, UploadInterruption};
use crate::sts::{AwsProvider, CallerIdentityLookup, Sts};
use crate::turned;
use crate::web::Handler;

/// The configuration of the servers.
#[derive(Clone, Debug)]
pub struct GoogleOptions {
    /// The directory for the bytes of objects; created if missing.
    pub data_dir: PathBuf,
    /// The id of the only project.
    pub project: String,
    /// The default location of datasets and buckets, such as `asia-northeast3`.
    pub location: String,
    /// Whether calls without a token are accepted. The caller is then an owner without access to
    /// tagged columns. `false` by default: such a call gets 401.
    pub allow_anonymous: bool,
    /// How many responses of `jobs.get` report RUNNING after a job has finished. 0 by default:
    /// only the response of `jobs.insert` does.
    pub extra_running_polls: u32,
    /// The maximum number of metadata updates of a table in ten seconds (Google: 5). `None` by
    /// default: no limit.
    pub metadata_update_limit: Option<usize>,
    /// The memory and rows at which a query ends with an error. Google has no such limits.
    pub query_limits: QueryLimits,
    /// How long a federated token is valid, by the machine's clock. One hour by default, as at
    /// Google.
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
            query_limits: QueryLimits::default(),
            token_lifetime: Duration::from_secs(3_600),
        }
    }
}

/// The result of a query as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryRows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The columns' types, as the REST API names them.
    pub types: Vec<String>,
    /// The cells as text; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// An entry of an object listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSummary {
    /// The name in the bucket.
    pub name: String,
    /// The size in bytes.
    pub size: u64,
    /// The generation; every write increases it.
    pub generation: i64,
}

/// The local Cloud Storage, BigQuery and token service. Clones share their state.
#[derive(Clone)]
pub struct LocalGoogle {
    pub(crate) storage: Storage,
    pub(crate) bigquery: BigQuery,
    sts: Sts,
    /// The claim that is turned around; see [`turned`](crate::turned).
    turned: Arc<Mutex<Option<&'static str>>>,
}

impl LocalGoogle {
    /// Creates servers without data. Objects and tables exist as long as this value or a clone.
    ///
    /// # Errors
    /// Fails if the data directory cannot be created.
    pub fn new(options: GoogleOptions, clock: Clock) -> io::Result<Self> {
        let store = ObjectStore::new(options.data_dir.join("objects"), clock.clone())?;
        let access = Arc::new(RwLock::new(AccessControl::new(&options.project)));
        let storage = Storage::new(
            store.clone(),
            access.clone(),
            options.location.clone(),
            options.project.clone(),
            options.allow_anonymous,
        );
        let sts = Sts {
            access: access.clone(),
            token_lifetime: options.token_lifetime,
            trusted_provider: Arc::default(),
            lookup: Arc::default(),
        };
        let bigquery = BigQuery {
            catalog: Arc::new(Mutex::new(Catalog::default())),
            access,
            settings: Arc::default(),
            store,
            clock,
            project: options.project,
            location: options.location,
            allow_anonymous: options.allow_anonymous,
            extra_running_polls: options.extra_running_polls,
            metadata_update_limit: options.metadata_update_limit,
            query_limits: options.query_limits,
        };
        Ok(Self { storage, bigquery, sts, turned: Arc::default() })
    }

    /// The Cloud Storage service.
    pub fn storage_service(&self) -> Arc<dyn wire::Service> {
        let (storage, turned) = (self.storage.clone(), self.turned.clone());
        Handler::service(move |call| {
            let (storage, turned) = (storage.clone(), turned_claim(&turned));
            Box::pin(turned::answer(turned, async move { storage.handle(call) }))
        })
    }

    /// Turns a claim around for all later calls of clients, or with `None` turns none. Returns `false`,
    /// and changes nothing, for a claim that cannot be turned; see [`TURNABLE`](turned::TURNABLE).
    pub fn turn(&self, claim: Option<&str>) -> bool {
        let known = claim.map(|it| turned::TURNABLE.iter().copied().find(|known| *known == it));
        let (Some(Some(_)) | None) = known else { return false };
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = known.flatten();
        true
    }

    /// Sets the address of the Cloud Storage server (`http://127.0.0.1:PORT`); later calls have no
    /// effect. Call this before a resumable upload starts: the first response contains the upload's
    /// address, and Google's Rust client sends a `Host` header without the port.
    pub fn set_storage_url(&self, url: &str) {
        self.storage.set_url(url);
    }

    /// The BigQuery service.
    pub fn bigquery_service(&self) -> Arc<dyn wire::Service> {
        let (bigquery, turned) = (self.bigquery.clone(), self.turned.clone());
        Handler::service(move |call| {
            let (bigquery, turned) = (bigquery.clone(), turned_claim(&turned));
            Box::pin(turned::answer(turned, async move { bigquery.handle(call).await }))
        })
    }

    /// The Security Token Service.
    pub fn sts_service(&self) -> Arc<dyn wire::Service> {
        let (sts, turned) = (self.sts.clone(), self.turned.clone());
        Handler::service(move |call| {
            let (sts, turned) = (sts.clone(), turned_claim(&turned));
            Box::pin(turned::answer(turned, async move { sts.handle(&call).await }))
        })
    }

    /// Trusts roles of an AWS account; replaces the provider that was trusted before. `lookup`
    /// forwards a signed request to AWS.
    pub fn trust_aws(&self, provider: AwsProvider, lookup: CallerIdentityLookup) {
        let mut trusted_provider =
            self.sts.trusted_provider.write().unwrap_or_else(PoisonError::into_inner);
        *trusted_provider = Some(provider);
        self.forward_to_aws(lookup);
    }

    /// Sets how signed requests are forwarded to AWS, for the providers of the control plane.
    pub fn forward_to_aws(&self, lookup: CallerIdentityLookup) {
        *self.sts.lookup.write().unwrap_or_else(PoisonError::into_inner) = Some(lookup);
    }

    /// Makes the project one in which nothing was done: only these APIs are enabled, and each right comes by a
    /// call of the control plane.
    pub fn begin_empty(&self, services: &[&str]) {
        let services = services.iter().map(|it| (*it).to_owned()).collect();
        self.access().plane.services = Some(services);
    }

    /// Asks callers who set policy tags for the right on the taxonomy, as a project that began empty does.
    pub fn check_taxonomies(&self) {
        self.access().plane.checks_taxonomies = true;
    }

    /// Makes the principal of a token a member of groups (`analysts@example.com`).
    pub fn join_groups(&self, token: &str, groups: impl IntoIterator<Item = String>) {
        self.access().join_groups(token, groups.into_iter().collect());
    }

    /// Sets the grants of a principal set (`principalSet://iam.googleapis.com/…`), whose members
    /// are federated. Tokens that were issued before keep their grants, except those on buckets.
    pub fn grant_principal_set(&self, set: &str, grants: Grants) {
        self.access().grant_principal_set(set, grants);
    }

    /// Adds a principal with a bearer token. A second call with the same token replaces the first.
    pub fn add_principal(&self, token: &str, email: &str, grants: Grants) {
        self.access().add_principal(token, email, grants);
    }

    /// Creates a bucket with Google's default policy: viewers and editors of the project can read
    /// its objects. An existing one stays unchanged.
    pub fn create_bucket(&self, name: &str) {
        let _ = self.storage.create_bucket(name, &self.bigquery.location, Map::new());
    }

    /// Sets properties of a bucket, as `buckets.patch` does; null removes one.
    ///
    /// # Errors
    /// 404 without the bucket.
    pub fn set_bucket_properties(
        &self,
        bucket: &str,
        properties: &Value,
    ) -> Result<(), GoogleError> {
        self.storage.set_bucket_properties(bucket, properties)
    }

    /// Sets properties of a dataset, as `datasets.patch` does, but for its access list.
    ///
    /// # Errors
    /// 400 for a property that BigQuery refuses, 404 without the dataset.
    pub fn set_dataset_properties(&self, id: &str, properties: &Value) -> Result<(), GoogleError> {
        self.bigquery.change_dataset(id, properties)
    }

    /// Keeps a resource of the control plane by its name, such as a workload identity pool or its provider,
    /// as if a call had created it. An existing one is replaced.
    ///
    /// # Errors
    /// 400 for an id, a mapping or a condition that the API refuses, 404 for a kind that these servers do
    /// not keep.
    pub fn keep_resource(&self, name: &str, resource: &Value) -> Result<(), GoogleError> {
        self.bigquery.keep_resource(name, resource)
    }

    /// The IAM policy of a bucket, as `buckets.getIamPolicy` returns it in version 3.
    ///
    /// # Errors
    /// 404 without the bucket.
    pub fn bucket_policy(&self, bucket: &str) -> Result<Value, GoogleError> {
        self.storage.bucket_policy(bucket, i64::MAX)
    }

    /// Replaces the IAM policy of a bucket, as `buckets.setIamPolicy` does. Bindings that are not in
    /// the new policy are gone, also those of [`Grants::bucket_role`].
    ///
    /// # Errors
    /// 400 for an invalid policy, 404 without the bucket, 412 for an outdated etag.
    pub fn set_bucket_policy(&self, bucket: &str, policy: &Value) -> Result<(), GoogleError> {
        self.storage.set_bucket_policy(bucket, policy)
    }

    /// Whether a principal (an e-mail address or a token) can read an object.
    ///
    /// # Errors
    /// 401 for an unknown principal.
    pub fn can_read_object(
        &self,
        principal: &str,
        bucket: &str,
        object: &str,
    ) -> Result<bool, GoogleError> {
        self.bigquery.with_access(|access| {
            let caller = access.find_principal(principal)?;
            Ok(access.allows_on_object(&caller, bucket, object, "storage.objects.get"))
        })
    }

    /// Creates a dataset in the default location. An existing one stays unchanged.
    pub fn create_dataset(&self, id: &str) {
        let _ = self.bigquery.create_dataset(id, &self.bigquery.location, Map::new());
    }

    /// Adds a policy tag, or replaces the one with the same resource name.
    pub fn add_policy_tag(&self, tag: PolicyTag) {
        self.access().add_policy_tag(tag);
    }

    /// Sets the name with which error messages show a taxonomy
    /// (`projects/P/locations/L/taxonomies/T`). The default is its id.
    pub fn set_taxonomy_display_name(&self, resource: &str, display_name: &str) {
        self.access().set_taxonomy_display_name(resource, display_name);
    }

    /// Adds a data policy to a tag, or replaces the masked readers of the policy with this rule.
    /// Masked readers are members of IAM policies (`group:analysts@example.com`), e-mail addresses, or
    /// [`ALL_AUTHENTICATED_USERS`](crate::ALL_AUTHENTICATED_USERS). The first data policy of a
    /// taxonomy starts the enforcement of its tags.
    pub fn set_data_policy(
        &self,
        tag: &str,
        rule: MaskingRule,
        masked_readers: impl IntoIterator<Item = impl Into<String>>,
    ) {
        let readers: BTreeSet<String> = masked_readers.into_iter().map(Into::into).collect();
        self.access().set_data_policy(tag, rule, readers);
    }

    /// Gives the data policy of a tag with this rule an id; `false` if another one has it. Without an id, the list of policies
    /// gives it a number. A policy that does not exist is added, without readers.
    pub fn name_data_policy(&self, id: &str, tag: &str, rule: MaskingRule) -> bool {
        self.access().name_data_policy(id, tag, rule)
    }

    /// Sets the description of a taxonomy or of a policy tag.
    pub fn describe(&self, resource: &str, description: &str) {
        self.access().plane.descriptions.insert(resource.to_owned(), description.to_owned());
    }

    /// Grants the Fine-Grained Reader role on a tag to an existing principal.
    pub fn add_fine_grained_reader(&self, tag: &str, email: &str) {
        self.access().add_fine_grained_reader(tag, email);
    }

    /// Enables an API of the project, such as `sts.googleapis.com`, or disables it. Service Usage
    /// reports this, and calls of a disabled API are refused, except calls of Cloud Storage and of the token service.
    pub fn set_service_enabled(&self, service: &str, enabled: bool) {
        let disabled = &mut self.bigquery.project_settings().disabled_services;
        if enabled {
            disabled.remove(service)
        } else {
            disabled.insert(service.to_owned())
        };
    }

    /// Activates FINE_GRAINED_ACCESS_CONTROL of a taxonomy, as it is by default, or takes it away: then
    /// the taxonomy enforces its tags only if one of them has a data policy.
    pub fn set_taxonomy_enforced(&self, taxonomy: &str, enforced: bool) {
        self.access().set_activated(taxonomy, enforced);
    }

    /// Sets the rules of an organisation policy (`spec.rules` of the Organization Policy API).
    pub fn set_organisation_policy(&self, constraint: &str, rules: Value) {
        let policies = &mut self.bigquery.project_settings().organisation_policies;
        policies.insert(constraint.to_owned(), rules);
    }

    /// Denies all callers access to a bucket, or restores it.
    pub fn set_bucket_denied(&self, bucket: &str, denied: bool) {
        self.access().set_bucket_denied(bucket, denied);
    }

    /// Denies all callers access to a dataset, or restores it.
    pub fn set_dataset_denied(&self, dataset: &str, denied: bool) {
        self.access().set_dataset_denied(dataset, denied);
    }

    /// Makes one request of a resumable upload fail, with a part of its bytes kept. Two calls make two
    /// requests fail, in this order.
    pub fn interrupt_upload(&self, interruption: UploadInterruption) {
        self.storage.interrupt_upload(interruption);
    }

    /// Makes the next job fail with an error reason of BigQuery's before it has any effect. Two
    /// calls make the next two jobs fail.
    pub fn fail_next_job(&self, reason: &str, message: &str) {
        let failure = PlannedFailure { reason: reason.to_owned(), message: message.to_owned() };
        self.bigquery.catalog().planned_failures.push(failure);
    }

    /// Answers `tables.get` with the number of the project in the names of policy tags, where its id
    /// was sent, as Google's APIs do in some places (terraform-provider-google #19200).
    pub fn answer_with_project_number(&self) {
        self.bigquery.catalog().numbers_in_tags = true;
    }

    /// Makes `tables.patch` and `tables.update` remove the policy tag of a field that their schema names
    /// without `policyTags`, as BigQuery's discovery document says ("If not set, defaults to empty
    /// policy_tags"). By default the field keeps its tag, as users report (dbt-bigquery #349,
    /// python-bigquery #558).
    pub fn clear_omitted_tags(&self) {
        self.bigquery.catalog().clears_omitted_tags = true;
    }

    /// Holds the next job of `jobs.insert`: it is RUNNING without any effect until
    /// [`release_job`](Self::release_job). Two calls hold the next two jobs.
    pub fn hold_next_job(&self) {
        self.bigquery.catalog().planned_holds += 1;
    }

    /// The ids of the jobs that are held.
    pub fn held_jobs(&self) -> Vec<String> {
        self.bigquery.catalog().held_jobs.keys().cloned().collect()
    }

    /// Runs a held job now: its rights, files and table are those of this moment.
    ///
    /// # Errors
    /// 404 if no job with this id is held. An error of the job is in its status.
    pub async fn release_job(&self, id: &str) -> Result<(), GoogleError> {
        self.bigquery.release_job(id).await
    }

    /// Runs a statement, or a script, as a principal (an e-mail address or a token) without an HTTP call, so that it
    /// is not counted.
    ///
    /// # Errors
    /// The errors of `jobs.query`.
    pub async fn query_as(&self, principal: &str, sql: &str) -> Result<QueryRows, GoogleError> {
        let caller = self.bigquery.with_access(|access| access.find_principal(principal))?;
        self.bigquery.authorize_on_project(&caller, "bigquery.jobs.create")?;
        let result = self.bigquery.run_plain(&caller, sql).await?;
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

    /// Creates or replaces an object.
    ///
    /// # Errors
    /// Fails if the bucket does not exist or the name is invalid.
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

    /// Deletes an object. Returns whether it existed.
    pub fn delete_object(&self, bucket: &str, name: &str) -> bool {
        self.storage.store.delete(bucket, name, Preconditions::default(), None).is_ok()
    }

    /// An object's bytes; `None` if the object or the bucket does not exist.
    pub fn read_object(&self, bucket: &str, name: &str) -> Option<Bytes> {
        self.storage.store.get(bucket, name).ok().flatten()?.read().ok()
    }

    /// The objects of a bucket whose names start with `prefix`, sorted by name.
    pub fn list_objects(&self, bucket: &str, prefix: &str) -> Vec<ObjectSummary> {
        let objects = self.storage.store.list(bucket, prefix).unwrap_or_default();
        (objects.iter())
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

    /// The table resource that `tables.get` returns.
    pub fn table_resource(&self, dataset: &str, table: &str) -> Option<Value> {
        let name = TableName::new(&self.bigquery.project, dataset, table);
        let catalog = self.bigquery.catalog();
        let location = &catalog.datasets.get(dataset)?.location;
        Some(catalog.table(&name).ok()?.resource(&name, location))
    }

    /// A table's rows, unmasked, for comparisons in tests.
    pub fn table_batches(&self, dataset: &str, table: &str) -> Option<Vec<RecordBatch>> {
        let name = TableName::new(&self.bigquery.project, dataset, table);
        let catalog = self.bigquery.catalog();
        let table = catalog.table(&name).ok()?;
        Some(table.rows.batches_with_schema(&table.schema()))
    }

    /// The ids of all jobs since the start.
    pub fn job_ids(&self) -> Vec<String> {
        self.bigquery.catalog().jobs.keys().cloned().collect()
    }

    fn access(&self) -> RwLockWriteGuard<'_, AccessControl> {
        let mut access = self.bigquery.access.write().unwrap_or_else(PoisonError::into_inner);
        access.count_change();
        access
    }
}

fn turned_claim(turned: &Mutex<Option<&'static str>>) -> Option<&'static str> {
    *turned.lock().unwrap_or_else(PoisonError::into_inner)
}
