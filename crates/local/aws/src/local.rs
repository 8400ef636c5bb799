//! The handle of an account: what tests, the demo and `local up` do without the network.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use landbridge_local_database::{ExportQuirks, SourceDatabase};
use landbridge_local_wire::{Clock, Service};

use crate::identity::{self, CallerIdentity, CallerIdentityError, Identity};
use crate::options::AwsOptions;
use crate::rds::{
    self, DatabaseKind, DatabaseSettings, ExportView, NewSnapshot, RdsServer, SnapshotView,
};
use crate::s3::{Condition, ObjectView, Refusal, S3Server};
use crate::secrets::{self, SecretsServer};
use crate::shared::Shared;

/// An AWS account of the local cloud: RDS, S3 and Secrets Manager over one state. Clones share it.
#[derive(Clone)]
pub struct LocalAws(Arc<Shared>);

impl LocalAws {
    /// An account without databases, buckets, roles and keys.
    ///
    /// # Errors
    /// When its folder under [`AwsOptions::data_dir`] can't be made.
    pub async fn new(options: AwsOptions, clock: Clock) -> io::Result<Self> {
        Ok(Self(Arc::new(Shared::new(options, clock).await?)))
    }

    /// What it was set up with.
    pub fn options(&self) -> &AwsOptions {
        &self.0.options
    }

    /// RDS, to be served.
    pub fn rds_service(&self) -> Arc<dyn Service> {
        Arc::new(RdsServer(self.0.clone()))
    }

    /// S3, to be served.
    pub fn s3_service(&self) -> Arc<dyn Service> {
        Arc::new(S3Server::new(self.0.clone()))
    }

    /// Secrets Manager, to be served.
    pub fn secrets_service(&self) -> Arc<dyn Service> {
        Arc::new(SecretsServer(self.0.clone()))
    }

    /// Lets somebody sign requests besides the account's own key: a role's temporary
    /// credentials. The same access key again replaces them. What they may do is not looked at.
    pub fn add_identity(&self, identity: Identity) {
        self.0.add_identity(identity);
    }

    /// Answers `GetCallerIdentity` of AWS's Security Token Service to a request that somebody
    /// else passes on, as Google's does: whoever signed it, not whoever brings it.
    ///
    /// # Errors
    /// As AWS refuses: an unknown key, a signature that does not match or has expired.
    pub fn caller_identity(
        &self,
        parts: &http::request::Parts,
        body: &[u8],
    ) -> Result<CallerIdentity, CallerIdentityError> {
        identity::caller(&self.0, parts, body)
    }

    /// A secret that is there without the API having been called, by its name or whole ARN.
    /// One that is there gets a new version.
    pub fn put_secret(&self, id: &str, text: &str) {
        secrets::add(&self.0, id, text);
    }

    /// Refuses everybody a secret, by its name, with `AccessDeniedException`, or lets them in again.
    pub fn deny_secret(&self, name: &str, denied: bool) {
        self.0.secrets().deny(name, denied);
    }

    /// Puts a database up as a DB instance, `available`. The same id again replaces its data.
    pub fn add_instance(&self, id: &str, source: Arc<dyn SourceDatabase>) {
        rds::add_instance(&self.0, id, source);
    }

    /// Puts a database up as an Aurora cluster with one member, `<id>-instance-1`.
    pub fn add_cluster(&self, id: &str, source: Arc<dyn SourceDatabase>) {
        rds::add_cluster(&self.0, id, source);
    }

    /// Sets what a database is set to, at once; says whether there is such a database.
    pub fn update_settings(
        &self,
        kind: DatabaseKind,
        id: &str,
        change: impl FnOnce(&mut DatabaseSettings),
    ) -> bool {
        let mut state = self.0.rds();
        let database = state.databases.get_mut(&(kind, id.to_ascii_lowercase()));
        database.map(|database| change(&mut database.settings)).is_some()
    }

    /// What a database is set to, and its status, by the clock.
    pub fn describe_database(
        &self,
        kind: DatabaseKind,
        id: &str,
    ) -> Option<(DatabaseSettings, String)> {
        rds::settle_databases(&self.0);
        let state = self.0.rds();
        let database = state.databases.get(&(kind, id.to_ascii_lowercase()))?;
        let status = state.status(database, self.0.clock.now(), &self.0.options);
        Some((database.settings.clone(), status))
    }

    /// The tags of a database.
    pub fn database_tags(&self, kind: DatabaseKind, id: &str) -> Option<BTreeMap<String, String>> {
        let state = self.0.rds();
        state.databases.get(&(kind, id.to_ascii_lowercase())).map(|it| it.tags.clone())
    }

    /// Sets how many instances (and clusters) the account may have.
    pub fn set_database_quota(&self, quota: usize) {
        self.0.rds().database_quota = Some(quota);
    }

    /// Makes a snapshot be `deleting`; says whether there is such a snapshot.
    pub fn set_snapshot_deleting(&self, kind: DatabaseKind, id: &str) -> bool {
        let mut state = self.0.rds();
        let snapshot = state.snapshots.get_mut(&(kind, id.to_ascii_lowercase()));
        snapshot.map(|snapshot| snapshot.deleting = true).is_some()
    }

    /// Makes a database be in a state, for example `stopped`; only `available` ones can be
    /// snapshotted. Says whether there is such a database.
    pub fn set_database_status(&self, kind: DatabaseKind, id: &str, status: &str) -> bool {
        let mut state = self.0.rds();
        let database = state.databases.get_mut(&(kind, id.to_ascii_lowercase()));
        database.map(|database| database.status = status.to_owned()).is_some()
    }

    /// An IAM role that RDS can assume and that may write to every bucket.
    pub fn add_role(&self, arn: &str) {
        self.0.rds().roles.insert(arn.to_owned(), true);
    }

    /// An IAM role that may not write: `IamRoleMissingPermissions`.
    pub fn add_role_without_permissions(&self, arn: &str) {
        self.0.rds().roles.insert(arn.to_owned(), false);
    }

    /// A KMS key, by its ARN, or an alias of one.
    pub fn add_kms_key(&self, arn: &str) {
        self.0.rds().keys.insert(arn.to_owned(), true);
    }

    /// Disables a KMS key: `KMSKeyNotAccessibleFault`.
    pub fn disable_kms_key(&self, arn: &str) {
        self.0.rds().keys.insert(arn.to_owned(), false);
    }

    /// A snapshot that is there without the API having been called: made by a person,
    /// by RDS itself, or long ago. One of the same id is replaced; quotas don't apply.
    ///
    /// # Errors
    /// When it is to hold data and the database is unknown or can't be read.
    pub async fn add_snapshot(&self, new: NewSnapshot) -> io::Result<()> {
        rds::add_snapshot(&self.0, new).await
    }

    /// Sets a tag of a database or snapshot; says whether the ARN names one.
    pub fn set_tag(&self, arn: &str, key: &str, value: &str) -> bool {
        rds::tag(&self.0, arn, key, value)
    }

    /// Removes a tag of a database or snapshot; says whether the ARN names one.
    pub fn remove_tag(&self, arn: &str, key: &str) -> bool {
        rds::untag(&self.0, arn, key)
    }

    /// All snapshots, instances' before clusters', in the order of their ids.
    pub fn snapshots(&self) -> Vec<SnapshotView> {
        let now = self.0.clock.now();
        let state = self.0.rds();
        state.snapshots.values().map(|snapshot| snapshot.view(now, &self.0.options)).collect()
    }

    /// All export tasks in the order of their ids. A task that has ended by the clock is
    /// seen as ended after the next [`complete_due_exports`](Self::complete_due_exports) or request.
    pub fn exports(&self) -> Vec<ExportView> {
        let now = self.0.clock.now();
        self.0.rds().exports.values().map(|task| task.view(now)).collect()
    }

    /// Writes the objects of exports that have ended by the clock, as any request does.
    pub async fn complete_due_exports(&self) {
        rds::settle(&self.0).await;
    }

    /// The next export to be started fails with this cause, after three fifths of its time,
    /// and leaves some objects behind. Calls add up.
    pub fn fail_next_export(&self, cause: &str) {
        self.0.rds().failures.push_back(cause.to_owned());
    }

    /// Oddities of all exports that are started from now on.
    pub fn set_export_quirks(&self, quirks: ExportQuirks) {
        self.0.rds().quirks = quirks;
    }

    /// Refuses an action of RDS (`StartExportTask`) with `AccessDenied` and this message.
    pub fn deny_action(&self, action: &str, message: &str) {
        self.0.rds().denied.insert(action.to_owned(), message.to_owned());
    }

    /// Takes back a [`deny_action`](Self::deny_action).
    pub fn allow_action(&self, action: &str) {
        self.0.rds().denied.remove(action);
    }

    /// Answers the next `n` requests to RDS with `Throttling`.
    pub fn throttle_next_requests(&self, n: usize) {
        self.0.rds().throttled = n;
    }

    /// Refuses every request on a bucket with `AccessDenied` and this message; exports to it fail.
    pub fn deny_bucket(&self, bucket: &str, message: &str) {
        self.0.store.deny(bucket, Some(message.to_owned()));
    }

    /// Takes a bucket's public access blocks and its encryption away.
    pub fn expose_bucket(&self, bucket: &str) {
        self.0.store.expose(bucket);
    }

    /// Takes back a [`deny_bucket`](Self::deny_bucket).
    pub fn allow_bucket(&self, bucket: &str) {
        self.0.store.deny(bucket, None);
    }

    /// Makes a bucket; one that is there stays as it is.
    pub async fn create_bucket(&self, bucket: &str) {
        if self.0.store.create_bucket(bucket).is_err() {
            tracing::debug!(bucket, "the bucket is there already");
        }
    }

    /// Removes a bucket with everything in it.
    pub async fn remove_bucket(&self, bucket: &str) {
        self.0.store.remove_bucket(bucket);
    }

    /// An object's bytes, or `None` when the bucket or the key isn't there.
    ///
    /// # Errors
    /// When a file of the store can't be read.
    pub async fn read_object(&self, bucket: &str, key: &str) -> io::Result<Option<Bytes>> {
        self.complete_due_exports().await;
        match self.0.store.get(bucket, key) {
            Ok(entry) => entry.blob.read(0..entry.size).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The objects whose keys begin with `prefix`, in S3's order; none when the bucket
    /// isn't there.
    pub async fn list_objects(&self, bucket: &str, prefix: &str) -> Vec<ObjectView> {
        self.complete_due_exports().await;
        self.0.store.views(bucket, prefix).unwrap_or_default()
    }

    /// Puts an object, over what was there.
    ///
    /// # Errors
    /// When the bucket isn't there or a file of the store can't be written.
    pub async fn put_object(&self, bucket: &str, key: &str, bytes: Bytes) -> io::Result<()> {
        self.complete_due_exports().await;
        self.0.store.put_bytes(bucket, key, &bytes).await
    }

    /// Deletes an object; says whether it was there.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> bool {
        self.complete_due_exports().await;
        let there = self.0.store.get(bucket, key).is_ok();
        let deleted: Result<(), Refusal> = self.0.store.delete(bucket, key, &Condition::Always);
        there && deleted.is_ok()
    }
}
