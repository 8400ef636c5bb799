//! Claims about the rights on the two keys, by IAM's policy simulator. It starts nothing and uses no key.

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
/// What a signing function does not need.
const NOT_TO_SIGN: [&str; 5] = [
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:DisableKey",
];

/// The condition keys of a request, each with its type and value.
type Context<'a> = Vec<(&'a str, &'a str, &'a str)>;

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

    /// How many of the actions a role may do.
    async fn allowed(
        &self,
        role: &str,
        actions: &[&str],
        context: &Context<'_>,
    ) -> Result<usize, Stop> {
        let decided = self.client.simulate(role, actions, &self.key, context).await;
        Ok(decided.map_err(|error| stop(&error))?.into_iter().filter(|it| *it).count())
    }
}

/// Whether an export was completed by a role that has these rights on the key and no others.
pub(super) async fn export(
    client: Result<&Inspector, Stop>,
    options: &Options,
    tasks: Result<Vec<ExportTask>, Stop>,
) -> Probed {
    let client = client?;
    let is_proof = |task: &&ExportTask| {
        task.status == ExportStatus::Complete && task.role_arn == options.export_role
    };
    let complete = tasks?.iter().filter(is_proof).count();
    if complete == 0 {
        return Err(Stop::skipped("no complete export with the role of landbridge.yaml is listed"));
    }
    let simulator = Simulator::of(client, &options.export_key).await?;
    let via = format!("rds.{}.amazonaws.com", options.region);
    let context = vec![
        ("kms:ViaService", "string", via.as_str()),
        ("kms:GrantIsForAWSResource", "boolean", "true"),
    ];
    let role = simulator.allowed(&options.export_role, &EXPORT_ROLE, &context).await?;
    let more = simulator.allowed(&options.export_role, &NEVER, &context).await?;
    let caller = simulator.allowed(&options.function_role("export"), &CALLER, &context).await?;
    let shape = Shape::default().number(complete as u64, "complete exports by a role with");
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
    let with = |algorithm| vec![("kms:SigningAlgorithm", "string", algorithm)];
    let signs = simulator.allowed(&role, &["kms:Sign"], &with("ECDSA_SHA_256")).await?;
    let other = simulator.allowed(&role, &["kms:Sign"], &with("ECDSA_SHA_512")).await?;
    let reads = simulator.allowed(&role, &["kms:GetPublicKey"], &Vec::new()).await?;
    let more = simulator.allowed(&role, &NOT_TO_SIGN, &Vec::new()).await?;
    let say = |done, yes, no| if done { yes } else { no };
    let shape = Shape::of(say(signs == 1, "it may sign", "it may not sign"))
        .and(say(other == 0, "with one algorithm alone", "with another algorithm too"))
        .and(say(reads == 1, "it may read the public key", "it may not read the public key"));
    let shape = shape.number(more as u64, "other rights on the key");
    seen((signs, other, reads, more) == (1, 0, 1, 0), shape)
}
