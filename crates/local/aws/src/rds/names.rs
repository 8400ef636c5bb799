//! Rules for identifiers, and ARNs.

use super::fault::Fault;
use super::model::DatabaseKind;
use crate::options::AwsOptions;

/// AWS documentation: CreateDBSnapshot, DBSnapshotIdentifier.
const SNAPSHOT: usize = 255;
/// AWS documentation: StartExportTask, ExportTaskIdentifier.
const EXPORT: usize = 60;
/// AWS documentation: CreateDBInstance, DBInstanceIdentifier.
const DATABASE: usize = 63;

/// The rule that all identifiers share; they differ in length only.
fn check(what: &str, id: &str, longest: usize) -> Result<(), Fault> {
    let begins = id.chars().next().is_some_and(|first| first.is_ascii_alphabetic());
    let letters = id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let hyphens = !id.ends_with('-') && !id.contains("--");
    if id.len() <= longest && begins && letters && hyphens {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "The parameter {what} is not a valid identifier. Identifiers must begin with a letter; \
         must contain only ASCII letters, digits, and hyphens; must not end with a hyphen or \
         contain two consecutive hyphens; and must have at most {longest} characters."
    )))
}

/// RDS stores snapshot identifiers in lower case.
pub(crate) fn snapshot_id(what: &str, id: &str) -> Result<String, Fault> {
    check(what, id, SNAPSHOT).map(|()| id.to_ascii_lowercase())
}

pub(crate) fn export_id(id: &str) -> Result<String, Fault> {
    check("ExportTaskIdentifier", id, EXPORT).map(|()| id.to_ascii_lowercase())
}

pub(crate) fn database_id(what: &str, id: &str) -> Result<String, Fault> {
    check(what, id, DATABASE).map(|()| id.to_ascii_lowercase())
}

/// What an ARN of RDS names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Database(DatabaseKind, String),
    Snapshot(DatabaseKind, String),
}

impl Resource {
    pub(crate) fn arn(&self, options: &AwsOptions) -> String {
        let (kind, id) = match self {
            Self::Database(DatabaseKind::Instance, id) => ("db", id),
            Self::Database(DatabaseKind::Cluster, id) => ("cluster", id),
            Self::Snapshot(DatabaseKind::Instance, id) => ("snapshot", id),
            Self::Snapshot(DatabaseKind::Cluster, id) => ("cluster-snapshot", id),
        };
        format!("arn:aws:rds:{}:{}:{kind}:{id}", options.region, options.account)
    }

    /// Reads an ARN of this account and region.
    pub(crate) fn parse(arn: &str, options: &AwsOptions) -> Option<Self> {
        let ours = format!("arn:aws:rds:{}:{}:", options.region, options.account);
        let (kind, id) = arn.strip_prefix(&ours)?.split_once(':')?;
        let id = id.to_ascii_lowercase();
        match kind {
            "db" => Some(Self::Database(DatabaseKind::Instance, id)),
            "cluster" => Some(Self::Database(DatabaseKind::Cluster, id)),
            "snapshot" => Some(Self::Snapshot(DatabaseKind::Instance, id)),
            "cluster-snapshot" => Some(Self::Snapshot(DatabaseKind::Cluster, id)),
            _ => None,
        }
    }
}

/// The id itself, or the end of its ARN.
pub(crate) fn bare(id_or_arn: &str, options: &AwsOptions) -> String {
    match Resource::parse(id_or_arn, options) {
        Some(Resource::Database(_, id) | Resource::Snapshot(_, id)) => id,
        None => id_or_arn.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        let long = "a".repeat(61);
        let cases = [
            ("shop-2026-01-01-01", true),
            ("A1", true),
            (&long[..60], true),
            (&long, false),
            ("1a", false),
            ("-a", false),
            ("a-", false),
            ("a--b", false),
            ("a_b", false),
            ("한글", false),
            ("", false),
        ];
        for (id, good) in cases {
            assert_eq!(export_id(id).is_ok(), good, "{id}");
        }
        assert!(snapshot_id("", &"a".repeat(255)).is_ok());
        assert!(snapshot_id("", &"a".repeat(256)).is_err());
        assert_eq!(snapshot_id("", "Shop"), Ok("shop".to_owned()));
    }

    #[test]
    fn arns() {
        let options = AwsOptions::default();
        for resource in [
            Resource::Database(DatabaseKind::Instance, "shop".into()),
            Resource::Database(DatabaseKind::Cluster, "shop".into()),
            Resource::Snapshot(DatabaseKind::Instance, "rds:shop-2026-01-01".into()),
            Resource::Snapshot(DatabaseKind::Cluster, "shop-1".into()),
        ] {
            let arn = resource.arn(&options);
            assert_eq!(Resource::parse(&arn, &options), Some(resource), "{arn}");
        }
        assert_eq!(Resource::parse("arn:aws:rds:us-east-1:1:db:x", &options), None);
    }
}
