//! The key of exports: its state, its rotation, and whether the functions may use it.

use landbridge_core::config::Config;
use landbridge_core::{Error, ErrorKind};
use serde_json::{Value, json};

use super::Phase;
use super::answer::{Answer, Refused};
use super::document::{Caller, Document, Question, Verdict, verdict};
use super::line::Line;
use super::role::{Policies, account_of, look_at_policies, policies};
use super::signed::Signed;

/// Who needs what of the key, and through which service. Starting an export needs the first two
/// (RDS API reference, StartExportTask, `KmsKeyId`), reading an encrypted object the third (S3
/// User Guide, "Using server-side encryption with AWS KMS keys").
const USES: [(&str, &str, &str); 4] = [
    ("export", "kms:CreateGrant", "rds"),
    ("export", "kms:DescribeKey", "rds"),
    ("export", "kms:Decrypt", "s3"),
    ("transfer", "kms:Decrypt", "s3"),
];

/// The three lines of the key.
pub(super) async fn check(signed: &Signed, config: &Config, phase: Phase) -> [Line; 3] {
    let mut there = Line::new("aws", "export key");
    let mut rotation = Line::new("aws", "export key rotation");
    let mut rights = Line::new("aws", "export key rights");
    let key = &config.export.kms_key;
    let described = signed.kms("DescribeKey", &json!({ "KeyId": key })).await;
    let arn = match described {
        Ok(answer) => judge(&mut there, key, &answer["KeyMetadata"]),
        Err(Refused::Absent) => {
            let what = format!("there is no key {key}");
            // Terraform makes the key of an alias; one that has its own ARN here exists already.
            if key.contains(":alias/") {
                let advice = "correct export.kms_key, or make it: terraform apply";
                there = phase.missing(there, &what, advice);
            } else {
                there.bad(what, "correct export.kms_key");
            }
            None
        }
        Err(refused) => {
            refused.tell(&mut there, format!("aws kms describe-key --key-id {key}"));
            None
        }
    };
    let Some(arn) = arn else {
        rotation.unchecked("needs the key", None);
        rights.unchecked("needs the key", None);
        return [there, rotation, rights];
    };
    judge_rotation(&mut rotation, signed, &arn).await;
    let rights = judge_rights(rights, signed, config, phase, &arn).await;
    [there, rotation, rights]
}

/// Whether RDS can encrypt an export with it; its own ARN if so.
fn judge(line: &mut Line, key: &str, metadata: &Value) -> Option<String> {
    let text = |name: &str| metadata[name].as_str().unwrap_or_default();
    // Older servers know the spec by its former name only.
    let spec = Some(text("KeySpec")).filter(|it| !it.is_empty());
    let spec = spec.unwrap_or(text("CustomerMasterKeySpec"));
    let (arn, state, usage) = (text("Arn"), text("KeyState"), text("KeyUsage"));
    if arn.is_empty() {
        line.bad(format!("KMS tells no ARN of {key}"), "look: aws kms describe-key");
    } else if text("KeyManager") == "AWS" {
        line.bad(
            format!("{key} is managed by AWS: no policy of it can be written"),
            "name a customer managed key in export.kms_key",
        );
    } else if (usage, spec) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT") {
        line.bad(
            format!("{key} is for {usage} with {spec}"),
            "name a key for ENCRYPT_DECRYPT with SYMMETRIC_DEFAULT in export.kms_key",
        );
    } else if state == "Enabled" {
        line.good(format!("{arn} is enabled, symmetric"));
        return Some(arn.to_owned());
    } else {
        let how = match state {
            "Disabled" => format!("aws kms enable-key --key-id {arn}"),
            "PendingDeletion" => format!(
                "aws kms cancel-key-deletion --key-id {arn}, then aws kms enable-key: without it \
                 no export can be read again"
            ),
            _ => format!("wait, or see why: aws kms describe-key --key-id {arn}"),
        };
        line.bad(format!("{key} is {state}"), how);
    }
    None
}

/// Exports work without; whoever reviews security asks for it.
async fn judge_rotation(line: &mut Line, signed: &Signed, arn: &str) {
    let answer = signed.kms("GetKeyRotationStatus", &json!({ "KeyId": arn })).await;
    match answer {
        Ok(answer) if answer["KeyRotationEnabled"] == true => {
            let days = answer["RotationPeriodInDays"].as_u64();
            line.good(days.map_or("on".to_owned(), |days| format!("every {days} days")));
        }
        Ok(_) => line.unchecked(
            "it is off; exports work without",
            Some(format!("aws kms enable-key-rotation --key-id {arn}")),
        ),
        Err(refused) => {
            refused.tell(line, format!("aws kms get-key-rotation-status --key-id {arn}"));
        }
    }
}

async fn judge_rights(
    mut line: Line,
    signed: &Signed,
    config: &Config,
    phase: Phase,
    arn: &str,
) -> Line {
    let policy = match key_policy(signed, arn).await {
        Ok(policy) => [policy],
        Err(refused) => {
            let look = format!("aws kms get-key-policy --policy-name default --key-id {arn}");
            refused.tell(&mut line, look);
            return line;
        }
    };
    let account = account_of(&config.export.role_arn);
    let partition = arn.split(':').nth(1).unwrap_or("aws");
    let (mut lacking, mut unclear) = (Vec::new(), None);
    let mut read: Option<(&str, String, Policies)> = None;
    for (function, action, service) in USES {
        let name = format!("landbridge-{}-{function}", config.source.name);
        let role = format!("arn:{partition}:iam::{account}:role/{name}");
        if read.as_ref().is_none_or(|(of, ..)| *of != function) {
            match policies(signed, &name).await {
                Ok(its) => read = Some((function, name.clone(), its)),
                Err(Refused::Absent) => {
                    let advice = "make it: terraform apply";
                    return phase.missing(line, &format!("there is no role {name}"), advice);
                }
                Err(refused) => {
                    refused.tell(&mut line, look_at_policies(&name));
                    return line;
                }
            }
        }
        let Some((_, _, its)) = &read else { continue };
        let via = format!("{service}.{}.amazonaws.com", config.source.region);
        let known = [
            ("kms:ViaService", via.as_str()),
            ("kms:CallerAccount", account),
            ("kms:GrantIsForAWSResource", "true"),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalArn", &role),
            ("aws:SecureTransport", "true"),
        ];
        let asked = |caller| Question { caller, action, resource: arn, known: &known };
        match together(&policy, its, account == account_of(arn), &role, asked) {
            Verdict::Allowed => {}
            Verdict::Denied(by) => lacking.push(format!("{name} {action} (denied by {by})")),
            undecided => {
                // A third way to a right, beside both policies.
                match granted(signed, arn, &role, action).await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(Refused::Lacks(right)) => {
                        unclear = Some(format!("these credentials lack {right}"));
                        continue;
                    }
                    Err(refused) => {
                        let look = format!("aws kms list-grants --key-id {arn}");
                        refused.tell(&mut line, look);
                        return line;
                    }
                }
                match undecided {
                    Verdict::Unclear(why) => unclear = Some(format!("{name} {action}: {why}")),
                    Verdict::NotAllowed(Some(only)) => {
                        lacking.push(format!("{name} {action} unless {only}"));
                    }
                    _ => lacking.push(format!("{name} {action}")),
                }
            }
        }
        if let Some(boundary) = &its.boundary {
            unclear = Some(format!("what the permissions boundary {boundary} leaves to {name}"));
        }
    }
    match (lacking.is_empty(), unclear) {
        (false, _) => line.bad(
            format!("the policies of key and role do not allow {}", lacking.join(", ")),
            "allow it in the key's policy, or leave it to IAM there (the account's root as principal) and allow it in the role's",
        ),
        (true, Some(why)) => line.unchecked(
            format!("not evaluated: {why}"),
            Some(format!("aws kms get-key-policy --policy-name default --key-id {arn}")),
        ),
        (true, None) => line.good("export may lend it to RDS; export and transfer may decrypt"),
    }
    line
}

/// What the key's policy and the role's together say: the key's names the role, or leaves the
/// matter to IAM, where the role's decide. In another account the role's count in any case (AWS
/// KMS Developer Guide, "Key policies").
fn together<'a>(
    key: &[Document],
    role: &Policies,
    same_account: bool,
    arn: &'a str,
    asked: impl Fn(Caller<'a>) -> Question<'a>,
) -> Verdict {
    let direct = verdict(key, &asked(Caller::Role(arn)));
    let left = verdict(key, &asked(Caller::ByAccount(arn)));
    let own = verdict(&role.documents, &asked(Caller::Holder));
    let of_key = match (direct, left) {
        (denied @ Verdict::Denied(_), _) => return denied,
        (_, _) if matches!(own, Verdict::Denied(_)) => return own,
        (Verdict::Allowed, _) if same_account => return Verdict::Allowed,
        (_, Verdict::Allowed) | (Verdict::Allowed, _) => return own,
        (unclear @ Verdict::Unclear(_), _) | (_, unclear @ Verdict::Unclear(_)) => unclear,
        (only @ Verdict::NotAllowed(Some(_)), _) | (_, only) => only,
    };
    match own {
        // What is not clear of the key does not help where the role lacks it.
        Verdict::NotAllowed(_) if matches!(of_key, Verdict::Unclear(_)) => own,
        _ => of_key,
    }
}

async fn key_policy(signed: &Signed, arn: &str) -> Answer<Document> {
    let asked = json!({ "KeyId": arn, "PolicyName": "default" });
    let answer = signed.kms("GetKeyPolicy", &asked).await?;
    answer["Policy"].as_str().and_then(Document::parse).ok_or_else(|| {
        let what = "an answer of KMS is not as its documentation says";
        Refused::Failed(Error::new(ErrorKind::Rejected, what, format!("GetKeyPolicy of {arn}")))
    })
}

/// Whether a grant without constraints gives it to the role.
async fn granted(signed: &Signed, arn: &str, role: &str, action: &str) -> Answer<bool> {
    let asked = json!({ "KeyId": arn, "GranteePrincipal": role, "Limit": 100 });
    let answer = signed.kms("ListGrants", &asked).await?;
    let operation = action.trim_start_matches("kms:");
    let gives = |grant: &Value| {
        let all = grant["Operations"].as_array().into_iter().flatten();
        let unbound = grant["Constraints"].as_object().is_none_or(serde_json::Map::is_empty);
        grant["GranteePrincipal"] == role && unbound && all.into_iter().any(|it| it == operation)
    };
    Ok(answer["Grants"].as_array().into_iter().flatten().any(gives))
}
