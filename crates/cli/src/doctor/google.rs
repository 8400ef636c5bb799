//! The checks of Google: access token, landing bucket, datasets, policy tags and permissions.

use std::collections::BTreeMap;

use landbridge_core::access::Deployment;
use landbridge_core::config::Config;
use landbridge_core::contract::Contract;
use landbridge_core::diff::parse_policy_tags;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::Inspector;
use landbridge_gcp::inspect::CredentialSource;

use super::bucket_readers;
use super::line::ReportLine;
use super::{Phase, advice, project};

/// The permissions for attaching a policy tag to a column (Google documentation, "Introduction to
/// column-level access control"), and for loading
/// rows.
const LOAD_PERMISSIONS: [&str; 3] =
    ["bigquery.tables.setCategory", "bigquery.tables.update", "bigquery.tables.updateData"];

/// The permission for merging changes of a table: the statement reads the table's key.
const MERGE_PERMISSION: &str = "bigquery.tables.getData";

/// Runs all checks of Google.
pub(super) async fn check(
    config: &Config,
    contract: Option<&Contract>,
    deployment: &Deployment,
    phase: Phase,
) -> Vec<ReportLine> {
    let mut credentials = ReportLine::new("google", "credentials");
    let inspector = match Inspector::from_env(&config.warehouse.project) {
        Ok(inspector) => match inspector.check_credentials().await {
            Ok(()) => inspector,
            Err(error) => return no_token(credentials, &error),
        },
        Err(error) => return no_token(credentials, &error),
    };
    credentials.good("Google issued an access token");
    let mut lines = vec![credentials, federation()];
    lines.extend(landing(&inspector, config, deployment, phase).await);
    for (check, dataset) in [
        ("dataset", &config.warehouse.dataset),
        ("dataset of receipts", &config.warehouse.ops_dataset),
    ] {
        lines.push(self::dataset(&inspector, config, phase, check, dataset).await);
    }
    lines.push(policy_tags(&inspector, config, phase).await);
    lines.push(tagging_permission(&inspector, config, contract).await);
    let known: BTreeMap<String, String> = tags_by_class(config)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(class, tag)| Some((class, tag?)))
        .collect();
    lines.extend(project::check(&inspector, config, &known, phase).await);
    lines
}

/// Without an access token, no other check can run.
fn no_token(mut line: ReportLine, error: &Error) -> Vec<ReportLine> {
    let fix = match Inspector::credential_source() {
        CredentialSource::Federation => {
            "use an AWS role that the condition of the workload identity provider accepts: see \
             docs/federation.md"
        }
        CredentialSource::ApplicationDefault | CredentialSource::BareToken => {
            "gcloud auth application-default login"
        }
    };
    line.failed(error, fix);
    let mut rest = ReportLine::new("google", "everything else");
    rest.unchecked("needs an access token", None);
    vec![line, rest]
}

fn federation() -> ReportLine {
    let mut line = ReportLine::new("google", "federation");
    let manual_check = "run the command with the LANDBRIDGE_GCP_CREDENTIALS of the function load and the \
                        AWS credentials of its role";
    match Inspector::credential_source() {
        CredentialSource::Federation => {
            line.good("Google issued the token to the AWS role, without a stored key")
        }
        CredentialSource::ApplicationDefault => line.unchecked(
            "these are application default credentials, not those of the functions",
            Some(manual_check.to_owned()),
        ),
        CredentialSource::BareToken => {
            line.unchecked("LANDBRIDGE_GCP_TOKEN is set, as for a local cloud", None)
        }
    }
    line
}

/// Checks that a resource is in the warehouse's location, ignoring case: Cloud Storage reports
/// locations in capitals. `config_key` names the resource in `landbridge.yaml`.
fn check_location(
    mut line: ReportLine,
    found: Result<Option<String>>,
    phase: Phase,
    config: &Config,
    (resource, config_key, permission): (String, &str, &str),
) -> ReportLine {
    let wanted = &config.warehouse.location;
    match found {
        Ok(Some(location)) if location.eq_ignore_ascii_case(wanted) => {
            line.good(format!("{resource} in {wanted}"));
        }
        Ok(Some(location)) => line.bad(
            format!(
                "{resource} is in {}, the warehouse in {wanted}",
                location.to_ascii_lowercase()
            ),
            format!("name another in {config_key}, or correct warehouse.location: a resource cannot move to another location"),
        ),
        Ok(None) => {
            let fix = format!("correct {config_key}, or create it: terraform apply");
            line = phase.missing(line, &format!("there is no {resource}"), &fix);
        }
        Err(error) => line.failed(&error, advice(&error, permission)),
    }
    line
}

async fn landing(
    inspector: &Inspector,
    config: &Config,
    deployment: &Deployment,
    phase: Phase,
) -> [ReportLine; 3] {
    let bucket = &config.transfer.bucket;
    let found = inspector.bucket_location(bucket).await;
    let exists = matches!(found, Ok(Some(_)));
    let name = (format!("bucket {bucket}"), "transfer.bucket", "storage.objects.list");
    let bucket_line =
        check_location(ReportLine::new("google", "landing bucket"), found, phase, config, name);
    let mut private = ReportLine::new("google", "bucket privacy");
    let mut readers = ReportLine::new("google", "bucket readers");
    if !exists {
        private.unchecked("needs the bucket", None);
        readers.unchecked("needs the bucket", None);
        return [bucket_line, private, readers];
    }
    let protection = inspector.bucket_protection(bucket).await;
    let number = protection.as_ref().ok().and_then(|it| it.as_ref()?.project_number);
    bucket_readers::check(&mut readers, inspector, (config, deployment), number).await;
    match protection {
        Ok(Some(it)) if it.uniform_access && it.public_access_prevented => {
            private.good("access only through IAM, never public");
        }
        Ok(Some(it)) => private.bad(
            if it.uniform_access {
                "public access is not prevented"
            } else {
                "objects can have their own ACLs, and federation requires uniform access"
            },
            "run terraform apply, which sets uniform bucket-level access and public access prevention",
        ),
        Ok(None) => private.unchecked("the bucket was deleted during this run", None),
        Err(error) => private.unchecked(
            error.to_string(),
            Some(format!("gcloud storage buckets describe gs://{bucket}")),
        ),
    }
    [bucket_line, private, readers]
}

async fn dataset(
    inspector: &Inspector,
    config: &Config,
    phase: Phase,
    check: &'static str,
    dataset: &str,
) -> ReportLine {
    let found = inspector.dataset_location(dataset).await;
    let key = if check == "dataset" { "warehouse.dataset" } else { "warehouse.ops_dataset" };
    let name = (format!("dataset {dataset}"), key, "bigquery.datasets.get");
    check_location(ReportLine::new("google", check), found, phase, config, name)
}

/// The policy tag of each class, resolved as the load stage does: from the environment, else from
/// `landbridge.yaml`.
pub(crate) fn tags_by_class(config: &Config) -> Result<BTreeMap<String, Option<String>>, String> {
    let given: BTreeMap<String, String> = match std::env::var("LANDBRIDGE_POLICY_TAGS") {
        Ok(json) => parse_policy_tags(&json).ok_or_else(|| {
            "LANDBRIDGE_POLICY_TAGS is not a JSON object that maps classes to tags".to_owned()
        })?,
        Err(_) => BTreeMap::new(),
    };
    let all = config.pii.all().into_iter();
    let tag = |(name, class): (String, landbridge_core::config::ClassConfig)| {
        let tag = given.get(&name).cloned().or(class.policy_tag);
        (name, tag)
    };
    Ok(all.map(tag).collect())
}

async fn policy_tags(inspector: &Inspector, config: &Config, phase: Phase) -> ReportLine {
    let mut line = ReportLine::new("google", "policy tags");
    let tags = match tags_by_class(config) {
        Ok(tags) => tags,
        Err(why) => {
            line.bad(why, "copy the value from the function load");
            return line;
        }
    };
    let untagged: Vec<&str> =
        tags.iter().filter(|(_, tag)| tag.is_none()).map(|(name, _)| name.as_str()).collect();
    if !untagged.is_empty() {
        let why = format!("the policy tags of {} are not known here", untagged.join(", "));
        let manual_check =
            "run the command with the LANDBRIDGE_POLICY_TAGS of the function load".to_owned();
        line.unchecked(why, (!phase.before_apply).then_some(manual_check));
        return line;
    }
    let wanted = &config.warehouse.location;
    for (class, tag) in tags.iter().filter_map(|(class, tag)| Some((class, tag.as_ref()?))) {
        let location = tag.split('/').nth(3).unwrap_or_default();
        if !location.eq_ignore_ascii_case(wanted) {
            line.bad(
                format!("the tag of {class} is in {location}, the datasets in {wanted}"),
                "a column accepts only tags of its own location: create the taxonomy there",
            );
            return line;
        }
        match inspector.policy_tag_exists(tag).await {
            Ok(true) => {}
            Ok(false) => {
                let what = format!("the policy tag {tag} of {class} does not exist");
                return phase.missing(line, &what, "create it again: terraform apply; columns that had it are unprotected until the next load");
            }
            Err(error) if error.kind() == ErrorKind::Denied => {
                let why = format!("these credentials may not read policy tags ({error})");
                let manual_check = "gcloud data-catalog taxonomies policy-tags list".to_owned();
                line.unchecked(why, Some(manual_check));
                return line;
            }
            Err(error) => {
                line.failed(&error, advice(&error, "datacatalog.taxonomies.get"));
                return line;
            }
        }
    }
    line.good(format!("all {} classes have one, in {wanted}", tags.len()));
    line
}

/// Checks that the caller may attach policy tags, load rows, and merge changes where a table has `delta`. BigQuery reports permissions on a table, not on a
/// dataset, so the check uses the first table of the contract that exists.
async fn tagging_permission(
    inspector: &Inspector,
    config: &Config,
    contract: Option<&Contract>,
) -> ReportLine {
    let mut line = ReportLine::new("google", "permission to attach tags");
    let dataset = &config.warehouse.dataset;
    let database = "";
    let names = contract.into_iter().flat_map(|contract| {
        contract.tables.keys().filter_map(|table| {
            let (schema, name) = table.split_once('.')?;
            Some(contract.bigquery_table_name(database, schema, name))
        })
    });
    let mut needed = LOAD_PERMISSIONS.to_vec();
    needed.extend(config.has_deltas().then_some(MERGE_PERMISSION));
    for table in names {
        match inspector.granted_permissions(dataset, &table, &needed).await {
            Ok(None) => {}
            Ok(Some(granted)) => {
                let missing: Vec<&str> = needed
                    .into_iter()
                    .filter(|permission| !granted.iter().any(|it| it == permission))
                    .collect();
                let who = match Inspector::credential_source() {
                    CredentialSource::Federation => "the role of load",
                    CredentialSource::ApplicationDefault | CredentialSource::BareToken => {
                        "the caller"
                    }
                };
                match (missing.is_empty(), Inspector::credential_source()) {
                    (true, _) => line.good(format!("{who} has it on {dataset}.{table}")),
                    // The operator does not need it.
                    (false, CredentialSource::ApplicationDefault) => line.unchecked(
                        format!("{who} lacks {} on {dataset}.{table}; whether the function load has it is not known", missing.join(", ")),
                        Some("run the command with the variables of the function load".to_owned()),
                    ),
                    (false, _) => line.bad(
                        format!("{who} lacks {} on {dataset}.{table}", missing.join(", ")),
                        match missing[..] {
                            [MERGE_PERMISSION] => {
                                "run `terraform apply`: where a table has `delta`, the module grants its custom role `merger` on the dataset"
                            }
                            _ => {
                                "grant roles/bigquery.dataOwner on the dataset, or the custom roles of terraform/modules/gcp"
                            }
                        },
                    ),
                }
                return line;
            }
            Err(error) => {
                line.failed(&error, advice(&error, "bigquery.tables.get"));
                return line;
            }
        }
    }
    line.unchecked("no table of the contract exists yet; the first load shows it", None);
    line
}
