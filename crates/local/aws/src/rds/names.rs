//! Rules for identifiers; ARNs.

use super::error::RdsError;
use super::kind::DatabaseKind;
use crate::options::AwsOptions;

/// The maximum length of a snapshot id. AWS documentation: CreateDBSnapshot, DBSnapshotIdentifier.
const MAX_SNAPSHOT_ID: usize = 255;
/// The maximum length of an export id. AWS documentation: StartExportTask, ExportTaskIdentifier.
const MAX_EXPORT_ID: usize = 60;
/// The maximum length of a database id. AWS documentation: CreateDBInstance, DBInstanceIdentifier.
const MAX_DATABASE_ID: usize = 63;

/// Validates an id and returns it in lower case, as RDS stores it. The rules for the kinds of ids
/// differ only in the maximum length.
fn validate(parameter: &str, id: &str, max_length: usize) -> Result<String, RdsError> {
    let begins_with_letter = id.starts_with(|first: char| first.is_ascii_alphabetic());
    let characters_valid = id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let hyphens_valid = !id.ends_with('-') && !id.contains("--");
    if id.len() <= max_length && begins_with_letter && characters_valid && hyphens_valid {
        return Ok(id.to_ascii_lowercase());
    }
    Err(RdsError::invalid_parameter(format!(
        "The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; \
         must contain only ASCII letters, digits, and hyphens; must not end with a hyphen or \
         contain two consecutive hyphens; and must have at most {max_length} characters."
    )))
}

pub(super) fn snapshot_id(parameter: &str, id: &str) -> Result<String, RdsError> {
    validate(parameter, id, MAX_SNAPSHOT_ID)
}

pub(super) fn export_id(id: &str) -> Result<String, RdsError> {
    validate("ExportTaskIdentifier", id, MAX_EXPORT_ID)
}

pub(super) fn database_id(parameter: &str, id: &str) -> Result<String, RdsError> {
    validate(parameter, id, MAX_DATABASE_ID)
}

/// A resource of RDS that an ARN identifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Database(DatabaseKind, String),
    Snapshot(DatabaseKind, String),
}

impl Resource {
    pub(super) fn arn(&self, options: &AwsOptions) -> String {
        let (kind, id) = match self {
            Self::Database(DatabaseKind::Instance, id) => ("db", id),
            Self::Database(DatabaseKind::Cluster, id) => ("cluster", id),
            Self::Snapshot(DatabaseKind::Instance, id) => ("snapshot", id),
            Self::Snapshot(DatabaseKind::Cluster, id) => ("cluster-snapshot", id),
        };
        format!("arn:aws:rds:{}:{}:{kind}:{id}", options.region, options.account)
    }

    /// Parses an ARN of this account and region.
    pub(super) fn parse(arn: &str, options: &AwsOptions) -> Option<Self> {
        let prefix = format!("arn:aws:rds:{}:{}:", options.region, options.account);
        let (kind, id) = arn.strip_prefix(&prefix)?.split_once(':')?;
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

/// The id in lower case, given an id or an ARN.
pub(super) fn id_of(id_or_arn: &str, options: &AwsOptions) -> String {
    match Resource::parse(id_or_arn, options) {
        Some(Resource::Database(_, id) | Resource::Snapshot(_, id)) => id,
        None => id_or_arn.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_validated() {
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
        for (id, valid) in cases {
            assert_eq!(export_id(id).is_ok(), valid, "{id}");
        }
        assert!(snapshot_id("", &"a".repeat(255)).is_ok());
        assert!(snapshot_id("", &"a".repeat(256)).is_err());
        assert_eq!(snapshot_id("", "Shop"), Ok("shop".to_owned()));
    }

    #[test]
    fn arns_are_parsed_and_written() {
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
