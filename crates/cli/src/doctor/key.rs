//! The checks of the export key (its state, its rotation, whether the functions may use it) and of the
//! key that encrypts the source.

use landbridge_aws::inspect::{CallError, CallResult, Inspector};
use landbridge_aws::rds::SourceCandidate;
use landbridge_core::chain::ALGORITHM;
use landbridge_core::config::Config;
use landbridge_core::{Error, ErrorKind};
use serde_json::{Value, json};

use super::Phase;
use super::line::{CheckState, ReportLine};
use super::role::{Policies, account_of, name_of, policies, show_policies_command};
use landbridge_core::iam::{AccessRequest, Caller, PolicyDocument, Verdict, evaluate};

/// What using a key through RDS takes: the role of an export "must have encryption and decryption
/// permissions" (Amazon RDS User Guide, "Exporting DB snapshot data to Amazon S3"). The API reference of
/// StartExportTask names `CreateGrant` and `DescribeKey` only; deployments that work have these too.
const THROUGH_RDS: [(&str, Through); 8] = [
    ("kms:CreateGrant", Through::Service("rds")),
    ("kms:DescribeKey", Through::Service("rds")),
    ("kms:Decrypt", Through::Service("rds")),
    ("kms:Encrypt", Through::Service("rds")),
    ("kms:GenerateDataKey", Through::Service("rds")),
    ("kms:GenerateDataKeyWithoutPlaintext", Through::Service("rds")),
    ("kms:ReEncryptFrom", Through::Service("rds")),
    ("kms:ReEncryptTo", Through::Service("rds")),
];
/// Reading an encrypted object needs `Decrypt` (S3 User Guide, "Using server-side encryption with AWS KMS
/// keys").
const THROUGH_S3: [(&str, Through); 1] = [("kms:Decrypt", Through::Service("s3"))];

/// The encryption context of S3. With a bucket key it is the bucket's ARN, not the object's, so a condition on
/// objects alone refuses every export (Amazon S3 User Guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket
/// Keys", changes to note).
const S3_CONTEXT: &str = "kms:EncryptionContext:aws:s3:arn";

/// How a role calls KMS, which conditions of policies depend on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Through {
    /// Through this service.
    Service(&'static str),
    /// Itself, to sign a day.
    Signing,
    /// Itself.
    Nothing,
}

/// The ARN of a role, and the permissions that it needs on the key with the way in which it calls KMS.
type Uses = (String, Vec<(&'static str, Through)>);

/// The permissions that the functions and the role of RDS need.
fn uses(config: &Config) -> [Uses; 3] {
    [
        (function_role(config, "export"), [&THROUGH_RDS[..], &THROUGH_S3].concat()),
        (function_role(config, "transfer"), THROUGH_S3.to_vec()),
        (config.export.role_arn.clone(), THROUGH_RDS.to_vec()),
    ]
}

/// The ARN of the role of a function.
pub(super) fn function_role(config: &Config, function: &str) -> String {
    let role = &config.export.role_arn;
    let partition = role.split(':').nth(1).unwrap_or("aws");
    let (account, source) = (account_of(role), &config.source.name);
    format!("arn:{partition}:iam::{account}:role/landbridge-{source}-{function}")
}

/// Checks the key: its state, its rotation, and the functions' permissions on it.
pub(super) async fn check(client: &Inspector, config: &Config, phase: Phase) -> [ReportLine; 3] {
    let mut state = ReportLine::new("aws", "export key");
    let mut rotation = ReportLine::new("aws", "export key rotation");
    let mut permissions = ReportLine::new("aws", "export key permissions");
    let key = &config.export.kms_key;
    let described = client.kms("DescribeKey", &json!({ "KeyId": key })).await;
    let arn = match described {
        Ok(answer) => check_state(&mut state, key, &answer["KeyMetadata"]),
        Err(CallError::NotFound) => {
            let what = format!("there is no key {key}");
            // Terraform creates the key of an alias. A key named by its own ARN must already exist.
            if key.contains(":alias/") {
                let advice = "correct export.kms_key, or create the key: terraform apply";
                state = phase.missing(state, &what, advice);
            } else {
                state.bad(what, "correct export.kms_key");
            }
            None
        }
        Err(error) => {
            state.call_failed(error, format!("aws kms describe-key --key-id {key}"));
            None
        }
    };
    let Some(arn) = arn else {
        rotation.unchecked("needs the key", None);
        permissions.unchecked("needs the key", None);
        return [state, rotation, permissions];
    };
    check_rotation(&mut rotation, client, &arn).await;
    let good = "export and the role of RDS may encrypt with it, export and transfer may decrypt";
    let uses = uses(config).into();
    let permissions = check_permissions(permissions, client, config, phase, &arn, uses, good).await;
    [state, rotation, permissions]
}

/// Checks that `snapshot` and `export` may use the key that encrypts the source. RDS uses it for
/// snapshots and exports in the name of the caller (Amazon RDS User Guide, "AWS KMS key management").
pub(super) async fn check_source(
    client: &Inspector,
    config: &Config,
    phase: Phase,
    source: Option<&SourceCandidate>,
) -> ReportLine {
    let mut line = ReportLine::new("aws", "source key");
    let Some(source) = source else {
        line.unchecked("needs the source", None);
        return line;
    };
    let Some(key) = source.kms_key.as_deref() else {
        line.good("RDS names no KMS key of the source");
        return line;
    };
    match client.kms("DescribeKey", &json!({ "KeyId": key })).await {
        Ok(answer) if answer["KeyMetadata"]["KeyManager"] == "AWS" => {
            line.good(format!("{key} is managed by AWS, so no function needs a right on it"));
            return line;
        }
        Ok(_) => {}
        Err(error) => {
            line.call_failed(error, format!("aws kms describe-key --key-id {key}"));
            return line;
        }
    }
    let uses = ["snapshot", "export"].map(|it| (function_role(config, it), THROUGH_RDS.to_vec()));
    let good = "snapshot and export may use it through RDS";
    let mut line = check_permissions(line, client, config, phase, key, uses.into(), good).await;
    if line.state == CheckState::Bad {
        line.advice = Some(format!(
            "set source_kms_key_arn = \"{key}\" in module aws and run terraform apply; the key policy must \
             allow these roles, or delegate to IAM (the account's root as principal)"
        ));
    }
    line
}

/// Checks that RDS can encrypt an export with the key. Returns the key's own ARN if it can.
fn check_state(line: &mut ReportLine, key: &str, metadata: &Value) -> Option<String> {
    let text = |name: &str| metadata[name].as_str().unwrap_or_default();
    // Older servers return the key spec only under its former name.
    let spec = Some(text("KeySpec")).filter(|it| !it.is_empty());
    let spec = spec.unwrap_or(text("CustomerMasterKeySpec"));
    let (arn, state, usage) = (text("Arn"), text("KeyState"), text("KeyUsage"));
    if arn.is_empty() {
        line.bad(
            format!("the KMS response for {key} has no ARN"),
            format!("aws kms describe-key --key-id {key}"),
        );
    } else if text("KeyManager") == "AWS" {
        line.bad(
            format!("{key} is managed by AWS, so its policy cannot be changed"),
            "name a customer-managed key in export.kms_key",
        );
    } else if (usage, spec) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT") {
        line.bad(
            format!("{key} is for {usage} with {spec}"),
            "name a symmetric encryption key (ENCRYPT_DECRYPT, SYMMETRIC_DEFAULT) in export.kms_key",
        );
    } else if state == "Enabled" {
        line.good(format!("{arn} is enabled, symmetric"));
        return Some(arn.to_owned());
    } else {
        let consequence = "without the key, no existing export can be read";
        line.bad(format!("{key} is {state}"), advice_for_state(state, arn, consequence));
    }
    None
}

/// What to do about a key that is not enabled. `consequence`: what happens without it.
pub(super) fn advice_for_state(state: &str, arn: &str, consequence: &str) -> String {
    match state {
        "Disabled" => format!("aws kms enable-key --key-id {arn}"),
        "PendingDeletion" => format!(
            "run aws kms cancel-key-deletion --key-id {arn}, then aws kms enable-key: {consequence}"
        ),
        _ => format!("wait, or look up the cause: aws kms describe-key --key-id {arn}"),
    }
}

/// Rotation is not needed for exports, so a key without it is reported but not bad.
async fn check_rotation(line: &mut ReportLine, client: &Inspector, arn: &str) {
    let answer = client.kms("GetKeyRotationStatus", &json!({ "KeyId": arn })).await;
    match answer {
        Ok(answer) if answer["KeyRotationEnabled"] == true => {
            let days = answer["RotationPeriodInDays"].as_u64();
            line.good(days.map_or("on".to_owned(), |days| format!("every {days} days")));
        }
        Ok(_) => line.unchecked(
            "rotation is off; exports do not need it",
            Some(format!("aws kms enable-key-rotation --key-id {arn}")),
        ),
        Err(error) => {
            line.call_failed(error, format!("aws kms get-key-rotation-status --key-id {arn}"));
        }
    }
}

/// The policies that decide who may use the key, and what is known about its callers.
struct KeyAccess<'a> {
    client: &'a Inspector,
    arn: &'a str,
    policy: [PolicyDocument; 1],
    /// The account of the functions.
    account: &'a str,
    region: &'a str,
    /// The bucket of the exports.
    bucket_arn: String,
}

/// Whether a role has one permission on the key. The texts say what is missing or unknown.
enum Permission {
    Granted,
    Missing(String),
    Unknown(String),
}

/// Checks every permission of `uses`. `good` is what is found if all are granted.
pub(super) async fn check_permissions(
    mut line: ReportLine,
    client: &Inspector,
    config: &Config,
    phase: Phase,
    arn: &str,
    uses: Vec<Uses>,
    good: &str,
) -> ReportLine {
    let show_policy = format!("aws kms get-key-policy --policy-name default --key-id {arn}");
    let policy = match key_policy(client, arn).await {
        Ok(policy) => [policy],
        Err(error) => {
            line.call_failed(error, show_policy);
            return line;
        }
    };
    let account = account_of(&config.export.role_arn);
    let partition = arn.split(':').nth(1).unwrap_or("aws");
    let bucket_arn = format!("arn:{partition}:s3:::{}", config.export.bucket);
    let access =
        KeyAccess { client, arn, policy, account, region: &config.source.region, bucket_arn };
    let (mut missing, mut unknown) = (Vec::new(), None);
    for (role_arn, uses) in uses {
        let name = name_of(&role_arn);
        let role = match policies(client, name).await {
            Ok(role) => role,
            // The line `export role trust` reports a missing role of RDS.
            Err(CallError::NotFound) if role_arn == config.export.role_arn => {
                line.unchecked(format!("needs the role {name}"), None);
                return line;
            }
            Err(CallError::NotFound) => {
                let advice = "create it: terraform apply";
                return phase.missing(line, &format!("there is no role {name}"), advice);
            }
            Err(error) => {
                line.call_failed(error, show_policies_command(name));
                return line;
            }
        };
        for (action, through) in uses {
            match access.permission(&role_arn, &role, action, through).await {
                Ok(Permission::Granted) => {}
                Ok(Permission::Missing(what)) => missing.push(what),
                Ok(Permission::Unknown(why)) => unknown = Some(why),
                Err(error) => {
                    line.call_failed(error, format!("aws kms list-grants --key-id {arn}"));
                    return line;
                }
            }
        }
        if let Some(boundary) = &role.boundary {
            unknown =
                Some(format!("whether the permissions boundary {boundary} of {name} allows it"));
        }
    }
    match (missing.is_empty(), unknown) {
        (false, _) => line.bad(
            format!("the policies of key and role do not allow {}", missing.join(", ")),
            "allow it in the key policy, or delegate to IAM there (the account's root as principal) and allow it in the role's policies",
        ),
        (true, Some(why)) => line.unchecked(format!("not evaluated: {why}"), Some(show_policy)),
        (true, None) => line.good(good),
    }
    line
}

impl KeyAccess<'_> {
    /// Evaluates one permission of a role.
    async fn permission(
        &self,
        role_arn: &str,
        role: &Policies,
        action: &str,
        through: Through,
    ) -> CallResult<Permission> {
        let name = name_of(role_arn);
        let via = match through {
            Through::Service(service) => format!("{service}.{}.amazonaws.com", self.region),
            Through::Signing | Through::Nothing => String::new(),
        };
        let mut known = vec![
            ("kms:CallerAccount", self.account),
            ("aws:PrincipalAccount", self.account),
            ("aws:PrincipalArn", role_arn),
            ("aws:SecureTransport", "true"),
        ];
        match through {
            Through::Service(service) => {
                known.extend([
                    ("kms:ViaService", via.as_str()),
                    ("kms:GrantIsForAWSResource", "true"),
                ]);
                if service == "s3" {
                    known.push((S3_CONTEXT, &self.bucket_arn));
                }
            }
            Through::Signing => {
                known.extend([("kms:SigningAlgorithm", ALGORITHM), ("kms:MessageType", "RAW")]);
            }
            Through::Nothing => {}
        }
        let request = |caller| AccessRequest { caller, action, resource: self.arn, known: &known };
        let same_account = self.account == account_of(self.arn);
        let undecided =
            match evaluate_key_access(&self.policy, role, same_account, role_arn, request) {
                Verdict::Allowed => return Ok(Permission::Granted),
                Verdict::Denied(statement) => {
                    let what = format!("{name} {action} (denied by {statement})");
                    return Ok(Permission::Missing(what));
                }
                undecided => undecided,
            };
        // A grant gives the permission independently of both policies.
        match has_grant(self.client, self.arn, role_arn, action).await {
            Ok(true) => return Ok(Permission::Granted),
            Ok(false) => {}
            Err(CallError::MissingPermission(permission)) => {
                return Ok(Permission::Unknown(format!("these credentials lack {permission}")));
            }
            Err(error) => return Err(error),
        }
        Ok(match undecided {
            Verdict::Unclear(why) => Permission::Unknown(format!("{name} {action}: {why}")),
            Verdict::NotAllowed(Some(condition)) => {
                Permission::Missing(format!("{name} {action} unless {condition}"))
            }
            _ => Permission::Missing(format!("{name} {action}")),
        })
    }
}

/// Evaluates the key policy together with the role's policies. Either the key policy allows the role,
/// or it delegates to IAM and the role's policies decide. For a key of another account, the role's
/// policies must allow it in any case (AWS KMS Developer Guide, "Key policies").
fn evaluate_key_access<'a>(
    key: &[PolicyDocument],
    role: &Policies,
    same_account: bool,
    arn: &'a str,
    request: impl Fn(Caller<'a>) -> AccessRequest<'a>,
) -> Verdict {
    let direct = evaluate(key, &request(Caller::Role(arn)));
    let delegated = evaluate(key, &request(Caller::RoleViaAccount(arn)));
    let by_role = evaluate(&role.documents, &request(Caller::PolicyOwner));
    let by_key = match (direct, delegated) {
        (denied @ Verdict::Denied(_), _) => return denied,
        (_, _) if matches!(by_role, Verdict::Denied(_)) => return by_role,
        (Verdict::Allowed, _) if same_account => return Verdict::Allowed,
        (_, Verdict::Allowed) | (Verdict::Allowed, _) => return by_role,
        (unclear @ Verdict::Unclear(_), _) | (_, unclear @ Verdict::Unclear(_)) => unclear,
        (conditional @ Verdict::NotAllowed(Some(_)), _) | (_, conditional) => conditional,
    };
    match by_role {
        // An unclear key policy is irrelevant if the role's policies do not allow the action.
        Verdict::NotAllowed(_) if matches!(by_key, Verdict::Unclear(_)) => by_role,
        _ => by_key,
    }
}

async fn key_policy(client: &Inspector, arn: &str) -> CallResult<PolicyDocument> {
    let body = json!({ "KeyId": arn, "PolicyName": "default" });
    let response = client.kms("GetKeyPolicy", &body).await?;
    response["Policy"].as_str().and_then(PolicyDocument::parse).ok_or_else(|| {
        let what = "a KMS response does not have the documented form";
        CallError::Failed(Error::new(ErrorKind::Rejected, what, format!("GetKeyPolicy for {arn}")))
    })
}

/// Whether a grant without constraints allows the role this action.
async fn has_grant(client: &Inspector, arn: &str, role: &str, action: &str) -> CallResult<bool> {
    let body = json!({ "KeyId": arn, "GranteePrincipal": role, "Limit": 100 });
    let response = client.kms("ListGrants", &body).await?;
    let operation = action.trim_start_matches("kms:");
    let allows = |grant: &Value| {
        let mut operations = grant["Operations"].as_array().into_iter().flatten();
        let unconstrained = grant["Constraints"].as_object().is_none_or(serde_json::Map::is_empty);
        grant["GranteePrincipal"] == role && unconstrained && operations.any(|it| it == operation)
    };
    Ok(response["Grants"].as_array().into_iter().flatten().any(allows))
}
