//! The role that RDS assumes to write an export: whom it trusts and what it may do. And what the
//! policies of any role are.

use landbridge_core::config::Config;
use landbridge_core::{Error, ErrorKind};

use super::Phase;
use super::answer::{Answer, Refused, Xml};
use super::document::{Caller, Document, Question, Verdict, verdict};
use super::line::Line;
use super::signed::Signed;

/// Who writes exports (Amazon RDS User Guide, "Providing access to an Amazon S3 bucket using an
/// IAM role").
const EXPORTER: &str = "export.rds.amazonaws.com";
/// What it needs on the objects of an export (RDS API reference, StartExportTask, `IamRoleArn`).
const ON_OBJECTS: [&str; 3] = ["s3:PutObject*", "s3:GetObject*", "s3:DeleteObject*"];
/// What it needs on the bucket (the same place).
const ON_BUCKET: [&str; 2] = ["s3:ListBucket", "s3:GetBucketLocation"];

/// A role as IAM describes it.
struct Role {
    arn: String,
    trust: Document,
    /// A permissions boundary narrows what its policies allow.
    boundary: Option<String>,
}

/// The policies of a role.
pub(super) struct Policies {
    /// Its own and the attached ones.
    pub(super) documents: Vec<Document>,
    /// The ARN of what narrows them. Nobody reads it here.
    pub(super) boundary: Option<String>,
}

/// The two lines of the export role.
pub(super) async fn check(signed: &Signed, config: &Config, phase: Phase) -> [Line; 2] {
    let mut trust = Line::new("aws", "export role trust");
    let mut rights = Line::new("aws", "export role rights");
    let name = name_of(&config.export.role_arn);
    let role = match get(signed, name).await {
        Ok(role) => role,
        Err(refused) => {
            rights.unchecked("needs the role", None);
            match refused {
                Refused::Absent => {
                    let advice = "correct export.role_arn, or make it: terraform apply";
                    trust = phase.missing(trust, &format!("there is no role {name}"), advice);
                }
                other => other.tell(&mut trust, look_at(name)),
            }
            return [trust, rights];
        }
    };
    if role.arn != config.export.role_arn {
        trust.bad(
            format!("the role {name} is {}", role.arn),
            "write that in export.role_arn, or sign in to the other account",
        );
        rights.unchecked("needs the role", None);
        return [trust, rights];
    }
    judge_trust(&mut trust, config, &role);
    match documents(signed, name).await {
        Ok(documents) => judge_rights(&mut rights, config, name, &documents, role.boundary),
        Err(refused) => refused.tell(&mut rights, look_at_policies(name)),
    }
    [trust, rights]
}

fn judge_trust(line: &mut Line, config: &Config, role: &Role) {
    let name = name_of(&role.arn);
    let account = account_of(&config.export.role_arn);
    let question = Question {
        caller: Caller::Service(EXPORTER),
        action: "sts:AssumeRole",
        resource: "*",
        known: &[("aws:SourceAccount", account)],
    };
    match verdict(std::slice::from_ref(&role.trust), &question) {
        Verdict::Allowed => line.good(format!("{EXPORTER} may assume {name}")),
        Verdict::Unclear(why) => line.unchecked(
            format!("whether {EXPORTER} may assume {name} is not evaluated: {why}"),
            Some(look_at(name)),
        ),
        Verdict::Denied(statement) => line.bad(
            format!("{statement} of the trust policy of {name} denies it to {EXPORTER}"),
            "take that statement out, or narrow it",
        ),
        Verdict::NotAllowed(Some(only)) => line.bad(
            format!("{EXPORTER} may assume {name} only if {only}, and exports are of {account}"),
            format!("let that condition of its trust policy name {account}"),
        ),
        Verdict::NotAllowed(None) => line.bad(
            format!("{name} is not trusted by its policy to be assumed by {EXPORTER}"),
            format!("allow sts:AssumeRole to the service {EXPORTER} in its trust policy"),
        ),
    }
}

fn judge_rights(
    line: &mut Line,
    config: &Config,
    name: &str,
    documents: &[Document],
    boundary: Option<String>,
) {
    let (export, role) = (&config.export, &config.export.role_arn);
    let account = account_of(role);
    let partition = role.split(':').nth(1).unwrap_or("aws");
    let prefix = export.prefix.trim_matches('/');
    let path = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let bucket = format!("arn:{partition}:s3:::{}", export.bucket);
    let objects = format!("{bucket}/{path}landbridge-{}-*", config.source.name);
    let known = [
        ("aws:SecureTransport", "true"),
        ("aws:PrincipalArn", role.as_str()),
        ("aws:PrincipalAccount", account),
        ("aws:ResourceAccount", account),
        ("s3:ResourceAccount", account),
    ];
    let (mut lacking, mut unclear) = (Vec::new(), None);
    let asked = ON_OBJECTS.map(|it| (it, &objects)).into_iter();
    for (action, resource) in asked.chain(ON_BUCKET.map(|it| (it, &bucket))) {
        let question = Question { caller: Caller::Holder, action, resource, known: &known };
        match verdict(documents, &question) {
            Verdict::Allowed => {}
            Verdict::Unclear(why) => unclear = Some(format!("{action}: {why}")),
            Verdict::NotAllowed(None) => lacking.push(format!("{action} on {resource}")),
            Verdict::NotAllowed(Some(only)) => {
                lacking.push(format!("{action} on {resource} unless {only}"));
            }
            Verdict::Denied(by) => lacking.push(format!("{action} on {resource} (denied by {by})")),
        }
    }
    let boundary =
        boundary.map(|arn| format!("what the permissions boundary {arn} leaves of them"));
    match (lacking.is_empty(), unclear.or(boundary)) {
        (false, _) => line.bad(
            format!("{name} may not {}", lacking.join(", ")),
            "allow it in the role's policies, or have Terraform make the role",
        ),
        (true, Some(why)) => {
            line.unchecked(format!("not evaluated: {why}"), Some(look_at_policies(name)));
        }
        (true, None) => line.good(format!("{name} may write {objects}")),
    }
}

/// What is written in the policies of the role `name`.
pub(super) async fn policies(signed: &Signed, name: &str) -> Answer<Policies> {
    let role = get(signed, name).await?;
    Ok(Policies { documents: documents(signed, name).await?, boundary: role.boundary })
}

async fn get(signed: &Signed, name: &str) -> Answer<Role> {
    let answer = signed.iam("GetRole", &[("RoleName", name)]).await?;
    let arn = answer.first("Arn").ok_or_else(|| unreadable("GetRole", name))?;
    let trust = document(&answer, "AssumeRolePolicyDocument", "GetRole", name)?;
    Ok(Role { arn, trust, boundary: answer.first("PermissionsBoundaryArn") })
}

/// Its own documents, then those of the policies that are attached to it.
async fn documents(signed: &Signed, role: &str) -> Answer<Vec<Document>> {
    let mut all = Vec::new();
    for policy in signed.iam_all("ListRolePolicies", role, "member").await? {
        let given = [("RoleName", role), ("PolicyName", &policy)];
        let answer = signed.iam("GetRolePolicy", &given).await?;
        all.push(document(&answer, "PolicyDocument", "GetRolePolicy", &policy)?);
    }
    for arn in signed.iam_all("ListAttachedRolePolicies", role, "PolicyArn").await? {
        let policy = signed.iam("GetPolicy", &[("PolicyArn", &arn)]).await?;
        let version =
            policy.first("DefaultVersionId").ok_or_else(|| unreadable("GetPolicy", &arn))?;
        let given = [("PolicyArn", arn.as_str()), ("VersionId", &version)];
        let answer = signed.iam("GetPolicyVersion", &given).await?;
        all.push(document(&answer, "Document", "GetPolicyVersion", &arn)?);
    }
    Ok(all)
}

fn document(answer: &Xml, element: &str, action: &str, of: &str) -> Answer<Document> {
    let text = answer.first(element);
    text.and_then(|text| Document::parse(&text)).ok_or_else(|| unreadable(action, of))
}

fn unreadable(action: &str, of: &str) -> Refused {
    let what = "an answer of IAM is not as its documentation says";
    Refused::Failed(Error::new(ErrorKind::Rejected, what, format!("{action} of {of}")))
}

/// The name in a role's ARN: what follows the path.
pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The account of an ARN: its fifth field.
pub(super) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn look_at(name: &str) -> String {
    format!("aws iam get-role --role-name {name}")
}

/// How the policies of a role are looked at by hand.
pub(super) fn look_at_policies(name: &str) -> String {
    format!(
        "aws iam list-role-policies --role-name {name}; aws iam list-attached-role-policies --role-name {name}"
    )
}
