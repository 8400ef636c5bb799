//! The differences between moto and AWS. A test that depends on one reads a flag here; a
//! flag that is no longer true fails, so that the list stays current.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use landbridge_aws::S3;

use super::server::Moto;
use crate::conditions::{Guarantees, conditional_writes};
use crate::sdk::{Account, REGION};

/// Which behaviour of AWS a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// A finished export has its files and manifests in the bucket.
    pub(crate) exports_write_objects: bool,
    /// An export is STARTING and IN_PROGRESS before it is over.
    pub(crate) exports_take_time: bool,
    /// The status of an export is in upper case, as the API's documentation writes it.
    pub(crate) export_status_is_upper_case: bool,
    /// The id of an export, its bucket, role and key are validated.
    pub(crate) exports_check_their_arguments: bool,
    /// `SourceArn` of DescribeExportTasks leaves out the tasks of other snapshots.
    pub(crate) exports_can_be_filtered: bool,
    /// A snapshot is `creating` before it is `available`.
    pub(crate) snapshots_take_time: bool,
    /// A listing has pages of `MaxRecords`.
    pub(crate) listings_have_pages: bool,
    /// A request that is signed with another secret is refused.
    pub(crate) signatures_are_checked: bool,
    /// Of conditional writes of S3 that arrive together, one wins.
    pub(crate) conditional_writes_are_atomic: bool,
}

/// moto 5.2, as `tests/moto/requirements.txt` pins it.
pub(crate) const MOTO: Capabilities = Capabilities {
    // It has no data that it could export: the test writes the objects instead.
    exports_write_objects: false,
    // Tasks are created complete.
    exports_take_time: false,
    // `complete`: our client reads statuses in any case for this reason alone.
    export_status_is_upper_case: false,
    // Only the snapshot is validated.
    exports_check_their_arguments: false,
    // The parameter is ignored: our client filters the response by source itself.
    exports_can_be_filtered: false,
    // Snapshots are created available.
    snapshots_take_time: false,
    // MaxRecords and Marker are ignored for snapshots.
    listings_have_pages: false,
    // It verifies signatures from the n-th call on, if started with that option; not needed here,
    // because the local cloud verifies every signature.
    signatures_are_checked: false,
    // It checks first and writes later, in threads. A race cannot be produced reliably, so this
    // flag alone comes from reading moto's source and not from a probe.
    conditional_writes_are_atomic: false,
};

/// Creates a bucket in moto.
pub(crate) async fn create_bucket(s3: &aws_sdk_s3::Client, bucket: &str) {
    let place = BucketLocationConstraint::from(REGION);
    let place = CreateBucketConfiguration::builder().location_constraint(place).build();
    s3.create_bucket()
        .bucket(bucket)
        .create_bucket_configuration(place)
        .send()
        .await
        .expect("a bucket");
}

/// Creates a DB instance in moto.
pub(crate) async fn create_instance(rds: &aws_sdk_rds::Client, id: &str, engine: &str) {
    let call = rds.create_db_instance().db_instance_identifier(id).engine(engine);
    let call = call.db_instance_class("db.t4g.medium").allocated_storage(20);
    let call = call.master_username("admin").master_user_password("not-a-secret");
    call.send().await.expect("an instance");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_still_has_the_known_gaps() {
    let Some(moto) = Moto::start("moto: its gaps").await else { return };
    let (rds, s3) = (moto.account().rds(), moto.account().s3());
    create_bucket(&s3, "probes").await;
    create_instance(&rds, "probed", "postgres").await;
    let mut statuses = Vec::new();
    let mut arns = Vec::new();
    for n in 0..21 {
        let call = rds.create_db_snapshot().db_snapshot_identifier(format!("probe-{n:02}"));
        let snapshot = call.db_instance_identifier("probed").send().await.expect("a snapshot");
        let snapshot = snapshot.db_snapshot.expect("the snapshot's description");
        statuses.push(snapshot.status.expect("a status"));
        arns.push(snapshot.db_snapshot_arn.expect("an ARN"));
    }
    let page = rds.describe_db_snapshots().max_records(20).send().await.expect("a listing");

    let start = |id: &str, bucket: &str, arn: &str| {
        let call = rds.start_export_task().export_task_identifier(id).s3_bucket_name(bucket);
        call.source_arn(arn).iam_role_arn("no-role").kms_key_id("no-key").send()
    };
    let refused = start("bad--id", "no-such-bucket", &arns[0]).await.is_err();
    start("probe", "probes", &arns[1]).await.expect("an export");
    let tasks =
        rds.describe_export_tasks().export_task_identifier("probe").send().await.expect("tasks");
    let status = tasks.export_tasks()[0].status().expect("a status").to_owned();
    let filtered = rds.describe_export_tasks().source_arn(&arns[1]).send().await.expect("tasks");
    let strangers = filtered.export_tasks().iter().any(|task| task.source_arn() != Some(&arns[1]));
    let objects = s3.list_objects_v2().bucket("probes").send().await.expect("a listing");
    let wrong_secret = Account { secret: "another", ..moto.account() };

    let observed = Capabilities {
        exports_write_objects: !objects.contents().is_empty(),
        exports_take_time: !status.eq_ignore_ascii_case("COMPLETE"),
        export_status_is_upper_case: status == status.to_ascii_uppercase(),
        exports_check_their_arguments: refused,
        exports_can_be_filtered: !strangers,
        snapshots_take_time: statuses.iter().any(|status| status != "available"),
        listings_have_pages: page.db_snapshots().len() == 20 && page.marker().is_some(),
        signatures_are_checked: wrong_secret.s3().list_buckets().send().await.is_err(),
        conditional_writes_are_atomic: MOTO.conditional_writes_are_atomic,
    };
    assert_eq!(observed, MOTO, "moto (left) is not what the flags (right) say");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moto_supports_conditional_writes() {
    let Some(moto) = Moto::start("moto: conditional writes").await else { return };
    let s3 = moto.account().s3();
    create_bucket(&s3, "ledgers").await;
    let guarantees = Guarantees { atomic: MOTO.conditional_writes_are_atomic };
    conditional_writes(&S3::new(s3), "ledgers", guarantees).await;
}
