//! The checks of the role that RDS assumes to write an export: its trust policy and its permissions.
//! Also reads the policies of any role, for `key`.

use landbridge_aws::inspect::{CallError, CallResult, Inspector, Xml};
use landbridge_core::config::Config;
use landbridge_core::{Error, ErrorKind};

use super::Phase;
use super::line::ReportLine;
use landbridge_core::iam::{AccessRequest, Caller, PolicyDocument, Verdict, evaluate};

/// The service that writes exports (Amazon RDS User Guide, "Providing access to an Amazon S3 bucket using an
/// IAM role").
const EXPORT_SERVICE: &str = "export.rds.amazonaws.com";
/// The permissions it needs on the objects of an export (RDS API reference, StartExportTask, `IamRoleArn`).
const ON_OBJECTS: [&str; 3] = ["s3:PutObject*", "s3:GetObject*", "s3:DeleteObject*"];
/// The permissions it needs on the bucket (the same reference).
const ON_BUCKET: [&str; 2] = ["s3:ListBucket", "s3:GetBucketLocation"];

/// A role as `GetRole` returns it.
struct Role {
    arn: String,
    trust: PolicyDocument,
    /// The ARN of the permissions boundary, which limits what the role's policies allow.
    boundary: Option<String>,
}

/// The policies of a role.
pub(super) struct Policies {
    /// Inline policies, then attached policies.
    pub(super) documents: Vec<PolicyDocument>,
    /// The ARN of the permissions boundary. It is reported, not evaluated.
    pub(super) boundary: Option<String>,
}

/// Checks the export role: its trust policy and its permissions.
pub(super) async fn check(client: &Inspector, config: &Config, phase: Phase) -> [ReportLine; 2] {
    let mut trust = ReportLine::new("aws", "export role trust");
    let mut permissions = ReportLine::new("aws", "export role permissions");
    let name = name_of(&config.export.role_arn);
    let role = match get_role(client, name).await {
        Ok(role) => role,
        Err(error) => {
            permissions.unchecked("needs the role", None);
            match error {
                CallError::NotFound => {
                    let advice = "correct export.role_arn, or create the role: terraform apply";
                    trust = phase.missing(trust, &format!("there is no role {name}"), advice);
                }
                other => trust.call_failed(other, show_role_command(name)),
            }
            return [trust, permissions];
        }
    };
    if role.arn != config.export.role_arn {
        trust.bad(
            format!("the ARN of the role {name} is {}", role.arn),
            "set export.role_arn to it, or sign in to the other account",
        );
        permissions.unchecked("needs the role", None);
        return [trust, permissions];
    }
    check_trust(&mut trust, config, &role);
    match documents(client, name).await {
        Ok(documents) => {
            check_permissions(&mut permissions, config, name, &documents, role.boundary)
        }
        Err(error) => permissions.call_failed(error, show_policies_command(name)),
    }
    [trust, permissions]
}

fn check_trust(line: &mut ReportLine, config: &Config, role: &Role) {
    let name = name_of(&role.arn);
    let account = account_of(&config.export.role_arn);
    let request = AccessRequest {
        caller: Caller::Service(EXPORT_SERVICE),
        action: "sts:AssumeRole",
        resource: "*",
        known: &[("aws:SourceAccount", account)],
    };
    match evaluate(std::slice::from_ref(&role.trust), &request) {
        Verdict::Allowed => line.good(format!("{EXPORT_SERVICE} may assume {name}")),
        Verdict::Unclear(why) => line.unchecked(
            format!("whether {EXPORT_SERVICE} may assume {name} is not evaluated: {why}"),
            Some(show_role_command(name)),
        ),
        Verdict::Denied(statement) => line.bad(
            format!("the trust policy of {name} denies it to {EXPORT_SERVICE} in {statement}"),
            "remove that statement, or limit it",
        ),
        Verdict::NotAllowed(Some(condition)) => line.bad(
            format!("{EXPORT_SERVICE} may assume {name} only if {condition}, but exports run in {account}"),
            format!("name {account} in that condition of the trust policy"),
        ),
        Verdict::NotAllowed(None) => line.bad(
            format!("the trust policy of {name} does not allow {EXPORT_SERVICE} to assume it"),
            format!("allow sts:AssumeRole for the service {EXPORT_SERVICE} in the trust policy"),
        ),
    }
}

fn check_permissions(
    line: &mut ReportLine,
    config: &Config,
    name: &str,
    documents: &[PolicyDocument],
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
    let (mut missing, mut unclear) = (Vec::new(), None);
    let on_objects = ON_OBJECTS.map(|it| (it, &objects)).into_iter();
    for (action, resource) in on_objects.chain(ON_BUCKET.map(|it| (it, &bucket))) {
        let request =
            AccessRequest { caller: Caller::PolicyOwner, action, resource, known: &known };
        match evaluate(documents, &request) {
            Verdict::Allowed => {}
            Verdict::Unclear(why) => unclear = Some(format!("{action}: {why}")),
            Verdict::NotAllowed(None) => missing.push(format!("{action} on {resource}")),
            Verdict::NotAllowed(Some(condition)) => {
                missing.push(format!("{action} on {resource} unless {condition}"));
            }
            Verdict::Denied(statement) => {
                missing.push(format!("{action} on {resource} (denied by {statement})"))
            }
        }
    }
    let boundary =
        boundary.map(|arn| format!("whether the permissions boundary {arn} allows them"));
    match (missing.is_empty(), unclear.or(boundary)) {
        (false, _) => line.bad(
            format!("{name} may not {}", missing.join(", ")),
            "allow it in the role's policies, or let Terraform create the role",
        ),
        (true, Some(why)) => {
            line.unchecked(format!("not evaluated: {why}"), Some(show_policies_command(name)));
        }
        (true, None) => line.good(format!("{name} may write {objects}")),
    }
}

/// Reads the policies of the role `name`.
pub(super) async fn policies(client: &Inspector, name: &str) -> CallResult<Policies> {
    let role = get_role(client, name).await?;
    Ok(Policies { documents: documents(client, name).await?, boundary: role.boundary })
}

async fn get_role(client: &Inspector, name: &str) -> CallResult<Role> {
    let response = client.iam("GetRole", &[("RoleName", name)]).await?;
    let arn = response.first("Arn").ok_or_else(|| malformed("GetRole", name))?;
    let trust = document(&response, "AssumeRolePolicyDocument", "GetRole", name)?;
    Ok(Role { arn, trust, boundary: response.first("PermissionsBoundaryArn") })
}

/// Reads the inline policies of a role, then the attached ones.
async fn documents(client: &Inspector, role: &str) -> CallResult<Vec<PolicyDocument>> {
    let mut all = Vec::new();
    for policy in client.iam_all("ListRolePolicies", role, "member").await? {
        let given = [("RoleName", role), ("PolicyName", &policy)];
        let response = client.iam("GetRolePolicy", &given).await?;
        all.push(document(&response, "PolicyDocument", "GetRolePolicy", &policy)?);
    }
    for arn in client.iam_all("ListAttachedRolePolicies", role, "PolicyArn").await? {
        let policy = client.iam("GetPolicy", &[("PolicyArn", &arn)]).await?;
        let version =
            policy.first("DefaultVersionId").ok_or_else(|| malformed("GetPolicy", &arn))?;
        let given = [("PolicyArn", arn.as_str()), ("VersionId", &version)];
        let response = client.iam("GetPolicyVersion", &given).await?;
        all.push(document(&response, "Document", "GetPolicyVersion", &arn)?);
    }
    Ok(all)
}

fn document(
    response: &Xml,
    element: &str,
    action: &str,
    resource: &str,
) -> CallResult<PolicyDocument> {
    let text = response.document(element);
    text.and_then(|text| PolicyDocument::parse(&text)).ok_or_else(|| malformed(action, resource))
}

fn malformed(action: &str, resource: &str) -> CallError {
    let what = "an IAM response does not have the documented form";
    CallError::Failed(Error::new(ErrorKind::Rejected, what, format!("{action} for {resource}")))
}

/// The name in a role's ARN: the part after the path.
pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The account of an ARN: its fifth field.
pub(super) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn show_role_command(name: &str) -> String {
    format!("aws iam get-role --role-name {name}")
}

/// The commands that list the policies of a role.
pub(super) fn show_policies_command(name: &str) -> String {
    format!(
        "aws iam list-role-policies --role-name {name}; aws iam list-attached-role-policies --role-name {name}"
    )
}
