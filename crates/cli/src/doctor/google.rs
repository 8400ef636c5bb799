//! The Google side: tokens, landing bucket, datasets, policy tags, rights.

use std::collections::BTreeMap;

use landbridge_core::config::Config;
use landbridge_core::contract::Contract;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::Inspector;
use landbridge_gcp::inspect::CredentialSource;

use super::line::Line;
use super::{Phase, advice};

/// What attaching a policy tag to a column needs (Google documentation, "Introduction to
/// column-level access control"), and what loading rows needs.
const LOADER: [&str; 3] =
    ["bigquery.tables.setCategory", "bigquery.tables.update", "bigquery.tables.updateData"];

/// All lines of this side.
pub(super) async fn check(config: &Config, contract: Option<&Contract>, phase: Phase) -> Vec<Line> {
    let mut credentials = Line::new("google", "credentials");
    let inspector = match Inspector::from_env(&config.warehouse.project) {
        Ok(inspector) => match inspector.check_credentials().await {
            Ok(()) => inspector,
            Err(error) => return refused(credentials, &error),
        },
        Err(error) => return refused(credentials, &error),
    };
    credentials.good("Google gives a token");
    let mut lines = vec![credentials, federation()];
    lines.extend(landing(&inspector, config, phase).await);
    for (check, dataset) in [
        ("dataset", &config.warehouse.dataset),
        ("dataset of receipts", &config.warehouse.ops_dataset),
    ] {
        lines.push(self::dataset(&inspector, config, phase, check, dataset).await);
    }
    lines.push(tags(&inspector, config, phase).await);
    lines.push(tagging(&inspector, config, contract).await);
    lines
}

/// Without a token nothing else can be looked at.
fn refused(mut line: Line, error: &Error) -> Vec<Line> {
    let how = match Inspector::credential_source() {
        CredentialSource::Federation => {
            "the AWS role must be one that the workload identity provider's condition names: see \
             docs/federation.md"
        }
        CredentialSource::ApplicationDefault | CredentialSource::BareToken => {
            "gcloud auth application-default login"
        }
    };
    line.failed(error, how);
    let mut rest = Line::new("google", "everything else");
    rest.unchecked("needs a token", None);
    vec![line, rest]
}

fn federation() -> Line {
    let mut line = Line::new("google", "federation");
    let look = "run it with LANDBRIDGE_GCP_CREDENTIALS and AWS credentials of the role of load";
    match Inspector::credential_source() {
        CredentialSource::Federation => {
            line.good("the token was had for the AWS role, without a key")
        }
        CredentialSource::ApplicationDefault => line.unchecked(
            "these are application default credentials, not the functions'",
            Some(look.to_owned()),
        ),
        CredentialSource::BareToken => {
            line.unchecked("this is a bare token, of a local cloud", None)
        }
    }
    line
}

/// Whether something is in the warehouse's location. Cloud Storage writes it in capitals.
fn located(
    mut line: Line,
    found: Result<Option<String>>,
    phase: Phase,
    config: &Config,
    (what, key, right): (String, &str, &str),
) -> Line {
    let wanted = &config.warehouse.location;
    match found {
        Ok(Some(location)) if location.eq_ignore_ascii_case(wanted) => {
            line.good(format!("{what} in {wanted}"));
        }
        Ok(Some(location)) => line.bad(
            format!("{what} is in {}, the warehouse in {wanted}", location.to_ascii_lowercase()),
            format!("name another in {key}, or correct warehouse.location: nothing is moved between locations"),
        ),
        Ok(None) => {
            let make = format!("correct {key}, or make it: terraform apply");
            line = phase.missing(line, &format!("there is no {what}"), &make);
        }
        Err(error) => line.failed(&error, advice(&error, right)),
    }
    line
}

async fn landing(inspector: &Inspector, config: &Config, phase: Phase) -> [Line; 2] {
    let bucket = &config.transfer.bucket;
    let found = inspector.bucket_location(bucket).await;
    let exists = matches!(found, Ok(Some(_)));
    let name = (format!("bucket {bucket}"), "transfer.bucket", "storage.objects.list");
    let there = located(Line::new("google", "landing bucket"), found, phase, config, name);
    let mut private = Line::new("google", "bucket privacy");
    if !exists {
        private.unchecked("needs the bucket", None);
        return [there, private];
    }
    match inspector.bucket_protection(bucket).await {
        Ok(Some(it)) if it.uniform_access && it.public_access_prevented => {
            private.good("access by IAM alone, never public");
        }
        Ok(Some(it)) => private.bad(
            if it.uniform_access {
                "somebody could make it public"
            } else {
                "single objects can have access of their own, and federation does not work with that"
            },
            "set uniform bucket-level access and public access prevention: terraform apply",
        ),
        Ok(None) => private.unchecked("it is gone again", None),
        Err(error) => private.unchecked(
            error.to_string(),
            Some(format!("gcloud storage buckets describe gs://{bucket}")),
        ),
    }
    [there, private]
}

async fn dataset(
    inspector: &Inspector,
    config: &Config,
    phase: Phase,
    check: &'static str,
    dataset: &str,
) -> Line {
    let found = inspector.dataset_location(dataset).await;
    let key = if check == "dataset" { "warehouse.dataset" } else { "warehouse.ops_dataset" };
    let name = (format!("dataset {dataset}"), key, "bigquery.datasets.get");
    located(Line::new("google", check), found, phase, config, name)
}

/// The tag of each class, as the load knows them: those of the environment, then those of the file.
fn tags_by_class(config: &Config) -> Result<BTreeMap<String, Option<String>>, String> {
    let given: BTreeMap<String, String> = match std::env::var("LANDBRIDGE_POLICY_TAGS") {
        Ok(json) => serde_json::from_str(&json)
            .map_err(|_| "LANDBRIDGE_POLICY_TAGS is no JSON object of class to tag".to_owned())?,
        Err(_) => BTreeMap::new(),
    };
    let all = config.pii.all().into_iter();
    let tag = |(name, class): (String, landbridge_core::config::ClassConfig)| {
        let tag = given.get(&name).cloned().or(class.policy_tag);
        (name, tag)
    };
    Ok(all.map(tag).collect())
}

async fn tags(inspector: &Inspector, config: &Config, phase: Phase) -> Line {
    let mut line = Line::new("google", "policy tags");
    let tags = match tags_by_class(config) {
        Ok(tags) => tags,
        Err(why) => {
            line.bad(why, "take the value that the function load has");
            return line;
        }
    };
    let nameless: Vec<&str> =
        tags.iter().filter(|(_, tag)| tag.is_none()).map(|(name, _)| name.as_str()).collect();
    if !nameless.is_empty() {
        let why = format!("which tag is that of {} is not known here", nameless.join(", "));
        let look = "run it with LANDBRIDGE_POLICY_TAGS as the function load has it".to_owned();
        line.unchecked(why, (!phase.before_apply).then_some(look));
        return line;
    }
    let wanted = &config.warehouse.location;
    for (class, tag) in tags.iter().filter_map(|(class, tag)| Some((class, tag.as_ref()?))) {
        let location = tag.split('/').nth(3).unwrap_or_default();
        if !location.eq_ignore_ascii_case(wanted) {
            line.bad(
                format!("the tag of {class} is in {location}, the datasets in {wanted}"),
                "a column takes tags of its own location only: make the taxonomy there",
            );
            return line;
        }
        match inspector.policy_tag_exists(tag).await {
            Ok(true) => {}
            Ok(false) => {
                let what = format!("the tag of {class}, {tag}, is not there");
                return phase.missing(line, &what, "terraform apply makes it anew; columns that had it are unprotected until the next load");
            }
            Err(error) if error.kind() == ErrorKind::Denied => {
                let why = format!("whether they are there may not be seen ({error})");
                let look = "gcloud data-catalog taxonomies policy-tags list".to_owned();
                line.unchecked(why, Some(look));
                return line;
            }
            Err(error) => {
                line.failed(&error, advice(&error, "datacatalog.taxonomies.get"));
                return line;
            }
        }
    }
    line.good(format!("one of each of {} classes, in {wanted}", tags.len()));
    line
}

/// Whether the caller may attach tags. BigQuery tells rights on a table, not on a dataset, so the
/// first table that is there is asked about.
async fn tagging(inspector: &Inspector, config: &Config, contract: Option<&Contract>) -> Line {
    let mut line = Line::new("google", "right to attach tags");
    let dataset = &config.warehouse.dataset;
    let database = "";
    let names = contract.into_iter().flat_map(|contract| {
        contract.tables.keys().filter_map(|table| {
            let (schema, name) = table.split_once('.')?;
            Some(contract.bigquery_table_name(database, schema, name))
        })
    });
    for table in names {
        match inspector.granted_permissions(dataset, &table, &LOADER).await {
            Ok(None) => {}
            Ok(Some(granted)) => {
                let missing: Vec<&str> = LOADER
                    .into_iter()
                    .filter(|right| !granted.iter().any(|it| it == right))
                    .collect();
                let who = match Inspector::credential_source() {
                    CredentialSource::Federation => "the role",
                    CredentialSource::ApplicationDefault | CredentialSource::BareToken => {
                        "whoever runs this"
                    }
                };
                match (missing.is_empty(), Inspector::credential_source()) {
                    (true, _) => line.good(format!("{who} has it on {dataset}.{table}")),
                    // A person need not have it.
                    (false, CredentialSource::ApplicationDefault) => line.unchecked(
                        format!("{who} lacks {} on {dataset}.{table}; the load's own right is not seen", missing.join(", ")),
                        Some("run it with the variables of the function load".to_owned()),
                    ),
                    (false, _) => line.bad(
                        format!("{who} lacks {} on {dataset}.{table}", missing.join(", ")),
                        "grant roles/bigquery.dataOwner on the dataset, or the custom role of terraform/modules/gcp",
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
    line.unchecked("no table of the contract is there yet; the first load shows it", None);
    line
}
