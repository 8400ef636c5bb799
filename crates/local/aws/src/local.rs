//! [`LocalAws`]: access to an emulated account without the network, for tests, the demo and
//! `landbridge local up`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use landbridge_local_database::{ExportQuirks, SourceDatabase};
use landbridge_local_wire::{Clock, Service};

use crate::account::Account;
use crate::caller_identity::{self, CallerIdentity, CallerIdentityError};
use crate::iam::{Decide, IamServer};
use crate::identity::Identity;
use crate::kms::{Kms, KmsServer};
use crate::options::AwsOptions;
use crate::rds::{
    self, DatabaseKind, DatabaseSettings, ExportView, NewSnapshot, Rds, RdsServer, SnapshotView,
};
use crate::s3::{BeforeRequest, Condition, ObjectView, S3Server, Store};
use crate::secrets::{Secrets, SecretsServer};
use crate::sns::{PublishedMessage, Sns, SnsServer};
use crate::sqs::{QueueCounts, QueueMessage, QueueSettings, Sqs, SqsServer};

/// An emulated AWS account with RDS, S3 and Secrets Manager. Clones share the account.
#[derive(Clone)]
pub struct LocalAws {
    account: Arc<Account>,
    store: Arc<Store>,
    rds: Arc<Rds>,
    secrets: Arc<Secrets>,
    sns: Arc<Sns>,
    sqs: Arc<Sqs>,
    kms: Arc<Kms>,
}

impl LocalAws {
    /// Creates an account without databases, buckets, roles and KMS keys.
    ///
    /// # Errors
    /// The I/O error of creating its directory under [`AwsOptions::data_dir`].
    pub async fn new(options: AwsOptions, clock: Clock) -> io::Result<Self> {
        let account = Arc::new(Account::new(options, clock).await?);
        let store = Arc::new(Store::new(
            &account.objects_dir(),
            account.clock.clone(),
            account.turned.clone(),
        ));
        let rds = Arc::new(Rds::new(account.clone(), store.clone()));
        Ok(Self {
            kms: Arc::new(Kms::new(account.clone(), rds.clone())),
            rds,
            secrets: Arc::new(Secrets::new(account.clone())),
            sns: Arc::new(Sns::new(account.clone())),
            sqs: Arc::new(Sqs::new(account.clone())),
            store,
            account,
        })
    }

    /// The options with which the account was created.
    pub fn options(&self) -> &AwsOptions {
        &self.account.options
    }

    /// RDS as an HTTP service.
    pub fn rds_service(&self) -> Arc<dyn Service> {
        Arc::new(RdsServer(self.rds.clone()))
    }

    /// S3 as an HTTP service. Every request first completes the exports that have ended, so that
    /// it finds their objects.
    pub fn s3_service(&self) -> Arc<dyn Service> {
        let rds = self.rds.clone();
        let complete_exports: BeforeRequest = Arc::new(move || {
            let rds = rds.clone();
            Box::pin(async move { rds::complete_due_exports(&rds).await })
        });
        Arc::new(S3Server::new(self.account.clone(), self.store.clone(), complete_exports))
    }

    /// Secrets Manager as an HTTP service.
    pub fn secrets_service(&self) -> Arc<dyn Service> {
        Arc::new(SecretsServer(self.secrets.clone()))
    }

    /// KMS as an HTTP service.
    pub fn kms_service(&self) -> Arc<dyn Service> {
        Arc::new(KmsServer(self.kms.clone()))
    }

    /// IAM as an HTTP service, for the simulation of what roles may do; `decide` knows their policies.
    pub fn iam_service(&self, decide: Decide) -> Arc<dyn Service> {
        Arc::new(IamServer { account: self.account.clone(), decide })
    }

    /// Adds a P-256 key that signs, from PKCS #8, under the ARN by which callers name it. Whether it is such a key.
    pub fn add_signing_key(&self, arn: &str, pkcs8: &[u8]) -> bool {
        self.kms.add(arn, pkcs8)
    }

    /// The public key of a key that signs: DER of its SubjectPublicKeyInfo.
    pub fn public_signing_key(&self, arn: &str) -> Option<Vec<u8>> {
        self.kms.public_key(arn)
    }

    /// Refuses every call of KMS, or allows them again.
    pub fn deny_signing(&self, denied: bool) {
        self.kms.set_denied(denied);
    }

    /// Turns a claim around for all later calls, or with `None` turns none. Returns `false`, and changes nothing, for a
    /// claim that cannot be turned; see [`TURNABLE`](crate::turned::TURNABLE).
    pub fn turn(&self, claim: Option<&str>) -> bool {
        self.account.turned.set(claim)
    }

    /// SNS as an HTTP service.
    pub fn sns_service(&self) -> Arc<dyn Service> {
        Arc::new(SnsServer(self.sns.clone()))
    }

    /// The messages that were published to topics, in order.
    pub fn published(&self) -> Vec<PublishedMessage> {
        self.sns.published()
    }

    /// SQS as an HTTP service.
    pub fn sqs_service(&self) -> Arc<dyn Service> {
        Arc::new(SqsServer(self.sqs.clone()))
    }

    /// Creates a queue without an API call, or changes the settings of one that exists.
    pub fn create_queue(&self, name: &str, settings: QueueSettings) {
        self.sqs.create(name, settings);
    }

    /// How many messages a queue has at the current virtual time; `None` if it does not exist.
    pub fn queue_counts(&self, name: &str) -> Option<QueueCounts> {
        self.sqs.counts(name)
    }

    /// The texts of all messages of a queue, the oldest first.
    pub fn queue_bodies(&self, name: &str) -> Vec<String> {
        self.sqs.bodies(name)
    }

    /// Sends a message without an API call.
    pub fn send_to_queue(&self, name: &str, body: &str) {
        self.sqs.put(name, body);
    }

    /// Receives up to `most` messages (SQS allows ten at once), as the pollers of Lambda do.
    pub fn receive_from_queue(&self, name: &str, most: usize) -> Vec<QueueMessage> {
        self.sqs.receive(name, most)
    }

    /// Deletes a received message. A receipt of an earlier time deletes nothing.
    pub fn delete_from_queue(&self, name: &str, receipt: &str) {
        self.sqs.delete(name, receipt);
    }

    /// Deletes all messages of a queue, also those in flight.
    pub fn purge_queue(&self, name: &str) {
        self.sqs.purge(name);
    }

    /// Makes every message of a queue visible, also those in flight: a queue may deliver a message twice.
    pub fn deliver_again(&self, name: &str) {
        self.sqs.show_all(name);
    }

    /// Accepts the next `count` messages and loses them.
    pub fn lose_next_messages(&self, count: usize) {
        self.sqs.set_faults(|faults| faults.lose = count);
    }

    /// Delivers each message again at once, or stops doing so.
    pub fn deliver_twice(&self, twice: bool) {
        self.sqs.set_faults(|faults| faults.deliver_twice = twice);
    }

    /// Reports that queues are empty, or counts again: counts are approximate.
    pub fn count_no_messages(&self, nothing: bool) {
        self.sqs.set_faults(|faults| faults.counts_nothing = nothing);
    }

    /// Refuses every call of SQS, or allows them again.
    pub fn deny_queues(&self, denied: bool) {
        self.sqs.set_faults(|faults| faults.denied = denied);
    }

    /// Adds an identity that may sign requests, for example the temporary credentials of a role,
    /// or replaces the one with the same access key. Permissions of identities are not emulated.
    pub fn add_identity(&self, identity: Identity) {
        self.account.identities.add(identity);
    }

    /// Processes a `GetCallerIdentity` request of AWS's Security Token Service that a third party
    /// forwards, as Google's token service does. Returns the identity that signed the request.
    ///
    /// # Errors
    /// The AWS error for an unknown key, or for a signature that does not match or has expired.
    pub fn caller_identity(
        &self,
        parts: &http::request::Parts,
        body: &[u8],
    ) -> Result<CallerIdentity, CallerIdentityError> {
        caller_identity::caller_identity(&self.account, parts, body)
    }

    /// Creates a secret without an API call, by its name or its complete ARN. An existing secret
    /// gets a new version.
    pub fn put_secret(&self, id: &str, text: &str) {
        self.secrets.put_secret(id, text);
    }

    /// Refuses every request for a secret with `AccessDeniedException`, or allows it again.
    pub fn deny_secret(&self, name: &str, denied: bool) {
        self.secrets.set_denied(name, denied);
    }

    /// Creates an `available` DB instance over a source database, or replaces the one with the
    /// same id.
    pub fn add_instance(&self, id: &str, source: Arc<dyn SourceDatabase>) {
        rds::add_instance(&self.rds, id, source);
    }

    /// Creates an Aurora cluster over a source database, with one member, `<id>-instance-1`.
    pub fn add_cluster(&self, id: &str, source: Arc<dyn SourceDatabase>) {
        rds::add_cluster(&self.rds, id, source);
    }

    /// Creates a Multi-AZ cluster over a source database, with its three members, or replaces the
    /// cluster with the same id.
    pub fn add_multi_az_cluster(&self, id: &str, source: Arc<dyn SourceDatabase>) {
        rds::add_multi_az_cluster(&self.rds, id, source);
    }

    /// Changes the settings of a database immediately. Returns whether the database exists.
    pub fn update_settings(
        &self,
        kind: DatabaseKind,
        id: &str,
        change: impl FnOnce(&mut DatabaseSettings),
    ) -> bool {
        self.rds.update_settings(kind, id, change)
    }

    /// The settings of a database and its status at the current virtual time.
    pub fn describe_database(
        &self,
        kind: DatabaseKind,
        id: &str,
    ) -> Option<(DatabaseSettings, String)> {
        rds::complete_due_tasks(&self.rds);
        self.rds.settings_and_status(kind, id)
    }

    /// The tags of a database.
    pub fn database_tags(&self, kind: DatabaseKind, id: &str) -> Option<BTreeMap<String, String>> {
        self.rds.database_tags(kind, id)
    }

    /// Sets the quota of instances, and of clusters.
    pub fn set_database_quota(&self, quota: usize) {
        self.rds.state().database_quota = Some(quota);
    }

    /// Changes the quota of manual snapshots, for instances and for clusters each.
    pub fn set_snapshot_quota(&self, quota: usize) {
        self.rds.state().snapshot_quota = Some(quota);
    }

    /// Sets the status of a snapshot to `deleting`. Returns whether the snapshot exists.
    pub fn set_snapshot_deleting(&self, kind: DatabaseKind, id: &str) -> bool {
        self.rds.set_snapshot_deleting(kind, id)
    }

    /// Sets the status of a snapshot to `failed`. Returns whether the snapshot exists.
    pub fn set_snapshot_failed(&self, kind: DatabaseKind, id: &str) -> bool {
        self.rds.set_snapshot_failed(kind, id)
    }

    /// Lets the API delete snapshots with the status `failed`. According to the API reference it
    /// deletes available ones only, so it refuses by default.
    pub fn delete_failed_snapshots(&self, allowed: bool) {
        self.rds.state().deletes_failed_snapshots = allowed;
    }

    /// Sets the status of a database, for example to `stopped`. RDS creates snapshots of
    /// `available` databases only. Returns whether the database exists.
    pub fn set_database_status(&self, kind: DatabaseKind, id: &str, status: &str) -> bool {
        self.rds.set_database_status(kind, id, status)
    }

    /// Gives a database a status, for example `modifying`, during a period of virtual time. Outside
    /// of it, the database is `available`.
    pub fn set_busy(
        &self,
        kind: DatabaseKind,
        id: &str,
        status: &str,
        period: std::ops::Range<Timestamp>,
    ) {
        self.rds.set_busy(kind, id, status, period);
    }

    /// Sets the duration of exports that start from now on, in virtual minutes.
    pub fn set_export_minutes(&self, minutes: i64) {
        self.rds.state().export_minutes = Some(minutes);
    }

    /// Adds an IAM role that RDS can assume and that may write to every bucket.
    pub fn add_role(&self, arn: &str) {
        self.rds.state().roles.insert(arn.to_owned(), true);
    }

    /// Adds an IAM role that may not write; an export with it fails with
    /// `IamRoleMissingPermissions`.
    pub fn add_role_without_permissions(&self, arn: &str) {
        self.rds.state().roles.insert(arn.to_owned(), false);
    }

    /// Adds a KMS key by its ARN or an alias, or enables it again.
    pub fn add_kms_key(&self, arn: &str) {
        self.rds.state().kms_keys.insert(arn.to_owned(), true);
    }

    /// Disables a KMS key; an export with it fails with `KMSKeyNotAccessibleFault`.
    pub fn disable_kms_key(&self, arn: &str) {
        self.rds.state().kms_keys.insert(arn.to_owned(), false);
    }

    /// Adds a snapshot without an API call, for example one of a person or an automated one, or
    /// replaces the one with the same id. Quotas do not apply.
    ///
    /// # Errors
    /// With data: the database does not exist or cannot be read.
    pub async fn add_snapshot(&self, new: NewSnapshot) -> io::Result<()> {
        rds::add_snapshot(&self.rds, new).await
    }

    /// Sets a tag of a database or snapshot. Returns whether the resource exists.
    pub fn set_tag(&self, arn: &str, key: &str, value: &str) -> bool {
        rds::set_tag(&self.rds, arn, key, value)
    }

    /// Removes a tag of a database or snapshot. Returns whether the resource exists.
    pub fn remove_tag(&self, arn: &str, key: &str) -> bool {
        rds::remove_tag(&self.rds, arn, key)
    }

    /// All snapshots, those of instances first, in the order of their ids.
    pub fn snapshots(&self) -> Vec<SnapshotView> {
        self.rds.snapshot_views()
    }

    /// All export tasks in the order of their ids. A task whose time has come counts as ended
    /// only after the next [`complete_due_exports`](Self::complete_due_exports) or request.
    pub fn exports(&self) -> Vec<ExportView> {
        self.rds.export_views()
    }

    /// Writes the objects of exports that have ended, as every request does.
    pub async fn complete_due_exports(&self) {
        rds::complete_due_exports(&self.rds).await;
    }

    /// Makes the next export fail with this cause after three fifths of its duration, when some
    /// of its objects are written. Several calls affect several exports.
    pub fn fail_next_export(&self, cause: &str) {
        self.rds.state().export_failures.push_back(cause.to_owned());
    }

    /// Sets the oddities of all exports that start from now on.
    pub fn set_export_quirks(&self, quirks: ExportQuirks) {
        self.rds.state().export_quirks = quirks;
    }

    /// Refuses an action of RDS, for example `StartExportTask`, with `AccessDenied` and this
    /// message.
    pub fn deny_action(&self, action: &str, message: &str) {
        self.rds.state().denied_actions.insert(action.to_owned(), message.to_owned());
    }

    /// Refuses an action of RDS with this error code, status 400 and this message.
    pub fn refuse_action(&self, action: &str, code: &'static str, message: &str) {
        let refusal = (code, message.to_owned());
        self.rds.state().refused_actions.insert(action.to_owned(), refusal);
    }

    /// Reverts [`deny_action`](Self::deny_action) and [`refuse_action`](Self::refuse_action).
    pub fn allow_action(&self, action: &str) {
        let mut state = self.rds.state();
        state.denied_actions.remove(action);
        state.refused_actions.remove(action);
    }

    /// Refuses the next `count` requests to RDS with `Throttling`.
    pub fn throttle_next_requests(&self, count: usize) {
        self.rds.state().requests_to_throttle = count;
    }

    /// Refuses the next `count` modifications and renames of databases as if a backup had begun just
    /// before: after a restore, RDS reports `available` and then goes on to `backing-up`.
    pub fn refuse_next_changes(&self, count: usize) {
        self.rds.state().changes_to_refuse = count;
    }

    /// Refuses every request on a bucket with `AccessDenied` and this message. Exports to the
    /// bucket fail.
    pub fn deny_bucket(&self, bucket: &str, message: &str) {
        self.deny_objects(bucket, "", message);
    }

    /// Refuses every request on the objects of a bucket whose keys begin with `prefix`.
    pub fn deny_objects(&self, bucket: &str, prefix: &str, message: &str) {
        self.store.set_denial(bucket, Some((prefix.to_owned(), message.to_owned())));
    }

    /// Reverts [`deny_bucket`](Self::deny_bucket) and [`deny_objects`](Self::deny_objects).
    pub fn allow_bucket(&self, bucket: &str) {
        self.store.set_denial(bucket, None);
    }

    /// Removes the public access blocks and the encryption of a bucket.
    pub fn expose_bucket(&self, bucket: &str) {
        self.store.expose(bucket);
    }

    /// Creates a bucket, unless it exists.
    pub async fn create_bucket(&self, bucket: &str) {
        if self.store.create_bucket(bucket).is_err() {
            tracing::debug!(bucket, "the bucket already exists");
        }
    }

    /// Removes a bucket with all its objects.
    pub async fn remove_bucket(&self, bucket: &str) {
        self.store.remove_bucket(bucket);
    }

    /// The bytes of an object; `None` if the bucket or the key does not exist.
    ///
    /// # Errors
    /// The I/O error of reading a file of the store.
    pub async fn read_object(&self, bucket: &str, key: &str) -> io::Result<Option<Bytes>> {
        self.complete_due_exports().await;
        match self.store.get(bucket, key) {
            Ok(object) => object.blob.read(0..object.size).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The objects whose keys begin with `prefix`, in S3's order; none if the bucket does not
    /// exist.
    pub async fn list_objects(&self, bucket: &str, prefix: &str) -> Vec<ObjectView> {
        self.complete_due_exports().await;
        self.store.views(bucket, prefix).unwrap_or_default()
    }

    /// Stores an object, or replaces it.
    ///
    /// # Errors
    /// The bucket does not exist, or a file of the store cannot be written.
    pub async fn put_object(&self, bucket: &str, key: &str, bytes: Bytes) -> io::Result<()> {
        self.complete_due_exports().await;
        self.store.put_bytes(bucket, key, &bytes).await
    }

    /// Removes the checksums of the objects under a prefix: objects that were written before S3 added checksums have none.
    pub fn forget_checksums(&self, bucket: &str, prefix: &str) {
        self.store.forget_checksums(bucket, prefix);
    }

    /// Deletes an object. Returns whether it existed.
    pub async fn delete_object(&self, bucket: &str, key: &str) -> bool {
        self.complete_due_exports().await;
        let exists = self.store.get(bucket, key).is_ok();
        exists && self.store.delete(bucket, key, &Condition::Always).is_ok()
    }
}
