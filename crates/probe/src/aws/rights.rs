//! Claims about the rights on the two keys and on the bucket, by IAM's policy simulator. It starts nothing and uses no key.

use landbridge_aws::inspect::{CallError, CallResult, Inspector};
use landbridge_aws::rds::{ExportStatus, ExportTask};
use serde_json::json;

use super::Options;
use crate::report::{Probed, Shape, Stop, seen};

/// What the role of an export needs on the export key (Amazon RDS User Guide, "Exporting DB snapshot data to Amazon
/// S3"; RDS API reference, StartExportTask).
const EXPORT_ROLE: [&str; 8] = [
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];
/// What the caller of StartExportTask needs on it.
const CALLER: [&str; 2] = ["kms:CreateGrant", "kms:DescribeKey"];
/// What none of the roles needs.
const NEVER: [&str; 3] = ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:DisableKey"];
/// What the role of an export needs on the objects of an export, and on the bucket (RDS API reference, StartExportTask,
/// `IamRoleArn`).
const ON_OBJECTS: [&str; 3] = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"];
const ON_BUCKET: [&str; 2] = ["s3:ListBucket", "s3:GetBucketLocation"];
/// What a signing function does not need.
const NOT_TO_SIGN: [&str; 5] = [
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:DisableKey",
];

/// The condition keys of a request, each with its type and value.
type Context<'a> = [(&'a str, &'a str, &'a str)];

/// Why a call says nothing.
fn stop(error: &CallError) -> Stop {
    match error {
        CallError::MissingPermission(_) => Stop::failed(Shape::of("a right to look is missing")),
        CallError::NotFound => Stop::skipped("the role or the key does not exist"),
        CallError::NoEndpoint(_) => Stop::skipped("no endpoint of IAM or KMS is set"),
        CallError::Failed(_) => Stop::failed(Shape::of("AWS did not answer")),
    }
}

struct Simulator<'a> {
    client: &'a Inspector,
    key: String,
}

impl<'a> Simulator<'a> {
    async fn of(client: &'a Inspector, key: &str) -> Result<Self, Stop> {
        let described: CallResult<_> = client.kms("DescribeKey", &json!({ "KeyId": key })).await;
        let described = described.map_err(|error| stop(&error))?;
        let arn = described.pointer("/KeyMetadata/Arn").and_then(|it| it.as_str());
        let key = arn.ok_or_else(|| Stop::failed(Shape::of("the key was not described")))?;
        Ok(Self { client, key: key.to_owned() })
    }

    /// How many of the actions a role may do with the key.
    async fn allowed(
        &self,
        role: &str,
        actions: &[&str],
        context: &Context<'_>,
    ) -> Result<usize, Stop> {
        allowed(self.client, role, (actions, &self.key), context).await
    }
}

/// How many of the actions a role may do with a resource.
async fn allowed(
    client: &Inspector,
    role: &str,
    (actions, resource): (&[&str], &str),
    context: &Context<'_>,
) -> Result<usize, Stop> {
    let decided = client.simulate(role, actions, resource, context).await;
    Ok(decided.map_err(|error| stop(&error))?.into_iter().filter(|it| *it).count())
}

/// How many exports with the role of landbridge.yaml are complete.
fn complete(options: &Options, tasks: Result<Vec<ExportTask>, Stop>) -> Result<u64, Stop> {
    let is_proof = |task: &&ExportTask| {
        task.status == ExportStatus::Complete && task.role_arn == options.export_role
    };
    match tasks?.iter().filter(is_proof).count() {
        0 => Err(Stop::skipped("no complete export with the role of landbridge.yaml is listed")),
        count => Ok(count as u64),
    }
}

/// Whether an export was completed by a role that has these rights on the objects of our exports, and none on others.
pub(super) async fn objects(
    client: Result<&Inspector, Stop>,
    options: &Options,
    tasks: Result<Vec<ExportTask>, Stop>,
) -> Probed {
    let (client, count) = (client?, complete(options, tasks)?);
    let (role, context) = (&options.export_role, [("aws:SecureTransport", "boolean", "true")]);
    let partition = role.split(':').nth(1).unwrap_or("aws");
    let bucket = format!("arn:{partition}:s3:::{}", options.bucket);
    let path = match options.export_prefix.as_str() {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let ours = format!("{bucket}/{path}landbridge-{}-20260101-a1/file", options.source_name);
    let others = format!("{bucket}/{path}other/file");
    let own = allowed(client, role, (&ON_OBJECTS, &ours), &context).await?;
    let more = allowed(client, role, (&ON_OBJECTS, &others), &context).await?;
    let on_bucket = allowed(client, role, (&ON_BUCKET, &bucket), &context).await?;
    let shape = Shape::default().number(count, "complete exports by a role with");
    let shape = shape.number(own as u64, "of 3 rights on objects of our exports");
    let shape =
        shape.number(more as u64, "on others").number(on_bucket as u64, "of 2 on the bucket");
    seen((own, more, on_bucket) == (ON_OBJECTS.len(), 0, ON_BUCKET.len()), shape)
}

/// Whether an export was completed by a role that has these rights on the key and no others.
pub(super) async fn export(
    client: Result<&Inspector, Stop>,
    options: &Options,
    tasks: Result<Vec<ExportTask>, Stop>,
) -> Probed {
    let (client, count) = (client?, complete(options, tasks)?);
    let simulator = Simulator::of(client, &options.export_key).await?;
    let via = format!("rds.{}.amazonaws.com", options.region);
    let context = [
        ("kms:ViaService", "string", via.as_str()),
        ("kms:GrantIsForAWSResource", "boolean", "true"),
    ];
    let role = simulator.allowed(&options.export_role, &EXPORT_ROLE, &context).await?;
    let more = simulator.allowed(&options.export_role, &NEVER, &context).await?;
    let caller = simulator.allowed(&options.function_role("export"), &CALLER, &context).await?;
    let shape = Shape::default().number(count, "complete exports by a role with");
    let shape = shape.number(role as u64, "of 8 rights");
    let shape = shape.number(more as u64, "rights that it does not need");
    let shape = shape.and("its caller has").number(caller as u64, "of 2 rights");
    seen((role, more, caller) == (EXPORT_ROLE.len(), 0, CALLER.len()), shape)
}

/// Whether the function that signs may do so with one algorithm, and nothing else with the key.
pub(super) async fn sign(client: Result<&Inspector, Stop>, options: &Options) -> Probed {
    let Some(key) = options.signing_key.as_deref() else {
        return Err(Stop::skipped("landbridge.yaml has no proof.sign"));
    };
    let simulator = Simulator::of(client?, key).await?;
    let role = options.function_role("load");
    let with = |algorithm| [("kms:SigningAlgorithm", "string", algorithm)];
    let signs = simulator.allowed(&role, &["kms:Sign"], &with("ECDSA_SHA_256")).await?;
    let other = simulator.allowed(&role, &["kms:Sign"], &with("ECDSA_SHA_512")).await?;
    let reads = simulator.allowed(&role, &["kms:GetPublicKey"], &[]).await?;
    let more = simulator.allowed(&role, &NOT_TO_SIGN, &[]).await?;
    let say = |done, yes, no| if done { yes } else { no };
    let shape = Shape::of(say(signs == 1, "it may sign", "it may not sign"))
        .and(say(other == 0, "with one algorithm alone", "with another algorithm too"))
        .and(say(reads == 1, "it may read the public key", "it may not read the public key"));
    let shape = shape.number(more as u64, "other rights on the key");
    seen((signs, other, reads, more) == (1, 0, 1, 0), shape)
}
