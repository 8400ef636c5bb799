//! The checks of what surrounds the data in Google: the quota project, enabled APIs, the enforcement of
//! taxonomies, the masks of policy tags, and organisation policies.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::ErrorKind;
use landbridge_core::config::{CLASS_UNCLASSIFIED, Config};
use landbridge_gcp::Inspector;
use landbridge_gcp::inspect::project::{DataPolicy, is_disabled};

use super::line::ReportLine;
use super::role::account_of;
use super::{Phase, advice};

/// The APIs that must be enabled before the first `terraform plan`: Terraform enables the others with
/// them (terraform/modules/gcp).
const FIRST_APIS: [&str; 2] =
    ["cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com"];
/// The APIs that the deployment uses.
const APIS: [&str; 6] = [
    "bigquery.googleapis.com",
    "bigquerydatapolicy.googleapis.com",
    "datacatalog.googleapis.com",
    "iam.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
];
/// The value by which an organisation allows AWS as a provider of workload identities (Google
/// documentation, "Restrict workload identity pool configuration").
const AWS_PROVIDER: &str = "https://sts.amazonaws.com";

/// Runs the checks. `tags` are the policy tags of the classes, as far as they are known.
pub(super) async fn check(
    inspector: &Inspector,
    config: &Config,
    tags: &BTreeMap<String, String>,
    phase: Phase,
) -> Vec<ReportLine> {
    let mut lines = vec![quota_project(config)];
    lines.push(apis(inspector, config, phase).await);
    lines.push(taxonomies(inspector, tags, phase).await);
    lines.push(data_policies(inspector, config, tags, phase).await);
    lines.push(organisation_policies(inspector, config).await);
    lines
}

fn quota_project(config: &Config) -> ReportLine {
    let mut line = ReportLine::new("google", "quota project");
    let project = &config.warehouse.project;
    match Inspector::personal_credentials() {
        None => line.good("not needed: the credentials are not a person's"),
        Some(person) => match person.quota_project {
            Some(quota) => {
                line.good(format!("these are a person's credentials, billed to {quota}"))
            }
            None => line.warn(
                format!(
                    "these are a person's credentials without a quota project: this command names \
                     {project}, Terraform needs one too"
                ),
                format!("gcloud auth application-default set-quota-project {project}"),
            ),
        },
    }
    line
}

/// Records that the servers of the environment have no API for projects.
fn no_api(line: &mut ReportLine) {
    line.unchecked("the servers of this environment have no such API", None);
}

async fn apis(inspector: &Inspector, config: &Config, phase: Phase) -> ReportLine {
    let mut line = ReportLine::new("google", "APIs");
    if !inspector.reads_projects() {
        no_api(&mut line);
        return line;
    }
    let project = &config.warehouse.project;
    let enable =
        |apis: &[&str]| format!("gcloud services enable {} --project {project}", apis.join(" "));
    let wanted: Vec<&str> =
        FIRST_APIS.into_iter().chain(APIS.into_iter().filter(|_| !phase.before_apply)).collect();
    match inspector.disabled_services(&wanted).await {
        Ok(disabled) if disabled.is_empty() && phase.before_apply => line.good(format!(
            "{} are enabled; `terraform apply` enables the others",
            FIRST_APIS.join(" and ")
        )),
        Ok(disabled) if disabled.is_empty() => {
            line.good(format!("all {} are enabled", wanted.len()))
        }
        Ok(disabled) => {
            line.bad(format!("not enabled: {}", disabled.join(", ")), enable(&disabled));
        }
        Err(error) if is_disabled(&error) => {
            line.bad("the Service Usage API is not enabled", enable(&FIRST_APIS));
        }
        Err(error) if error.kind() == ErrorKind::Denied => line.unchecked(
            "these credentials may not read which APIs are enabled (serviceusage.services.get)",
            Some(format!("gcloud services list --enabled --project {project}")),
        ),
        Err(error) => line.failed(&error, advice(&error, "serviceusage.services.get")),
    }
    line
}

async fn taxonomies(
    inspector: &Inspector,
    tags: &BTreeMap<String, String>,
    phase: Phase,
) -> ReportLine {
    let mut line = ReportLine::new("google", "taxonomies");
    let all: BTreeSet<&str> =
        tags.values().filter_map(|tag| tag.split_once("/policyTags/")).map(|(it, _)| it).collect();
    if all.is_empty() {
        line.unchecked("needs the policy tags", None);
        return line;
    }
    for taxonomy in &all {
        match inspector.taxonomy_is_enforced(taxonomy).await {
            Ok(Some(true)) => {}
            Ok(Some(false)) => {
                line.bad(
                    format!("{taxonomy} does not enforce its tags: all readers of the dataset read plain values"),
                    "run terraform apply, or turn on `Enforce access control` of the taxonomy in the BigQuery console",
                );
                return line;
            }
            Ok(None) => {
                let what = format!("there is no taxonomy {taxonomy}");
                return phase.missing(line, &what, "create it again: terraform apply");
            }
            Err(error) if error.kind() == ErrorKind::Denied => {
                line.unchecked(
                    "these credentials may not read taxonomies (datacatalog.taxonomies.get)",
                    Some(format!("gcloud data-catalog taxonomies describe {taxonomy}")),
                );
                return line;
            }
            Err(error) => {
                line.failed(&error, advice(&error, "datacatalog.taxonomies.get"));
                return line;
            }
        }
    }
    line.good(match all.len() {
        1 => "the taxonomy enforces its tags".to_owned(),
        several => format!("all {several} enforce their tags"),
    });
    line
}

/// Checks that the mask of each class's tag is the one of `landbridge.yaml`, of existing tags too.
async fn data_policies(
    inspector: &Inspector,
    config: &Config,
    tags: &BTreeMap<String, String>,
    phase: Phase,
) -> ReportLine {
    let mut line = ReportLine::new("google", "data policies");
    if tags.is_empty() {
        line.unchecked("needs the policy tags", None);
        return line;
    }
    if !inspector.reads_projects() {
        no_api(&mut line);
        return line;
    }
    let mut policies: BTreeMap<(&str, &str), Vec<DataPolicy>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (class, tag) in tags {
        let parts: Vec<&str> = tag.split('/').collect();
        let [_, project, _, location, ..] = parts[..] else { continue };
        if let Entry::Vacant(entry) = policies.entry((project, location)) {
            match inspector.data_policies(project, location).await {
                Ok(found) => {
                    entry.insert(found);
                }
                Err(error) if error.kind() == ErrorKind::Denied => {
                    line.unchecked(
                        "these credentials may not read data policies (bigquery.dataPolicies.list)",
                        Some(format!("look at the data policies of {tag} in the BigQuery console")),
                    );
                    return line;
                }
                Err(error) => {
                    line.failed(&error, advice(&error, "bigquery.dataPolicies.list"));
                    return line;
                }
            }
        }
        let of_tag = policies[&(project, location)].iter().filter(|it| it.is_of(tag));
        let masks: Vec<&str> = of_tag.map(DataPolicy::mask).collect();
        wrong.extend(wrong_mask(config, class, &masks));
    }
    if wrong.is_empty() {
        line.good(format!("the masks of all {} classes are those of landbridge.yaml", tags.len()));
        return line;
    }
    let fix = "run terraform apply; for a class with a policy_tag of yours, change the data policy of that \
               tag or the mask in landbridge.yaml";
    if phase.before_apply {
        let why = format!("{}; `terraform apply` sets them", wrong.join("; "));
        line.unchecked(why, None);
    } else {
        line.bad(wrong.join("; "), fix);
    }
    line
}

/// How the masks of a class's tag differ from its mask in `landbridge.yaml`.
fn wrong_mask(config: &Config, class: &str, masks: &[&str]) -> Option<String> {
    let rule = config.class(class)?;
    let wanted = rule.mask.as_str();
    if masks.is_empty() {
        // Without masked readers, no reader needs the mask of a tag that Terraform did not make.
        let needs_none = rule.policy_tag.is_some()
            && rule.masked_readers.is_empty()
            && class != CLASS_UNCLASSIFIED;
        return (!needs_none).then(|| format!("the tag of {class} has no data policy, so no mask"));
    }
    let others: Vec<&str> = masks.iter().copied().filter(|mask| *mask != wanted).collect();
    (!others.is_empty()).then(|| {
        format!("the tag of {class} has {}, landbridge.yaml says {wanted}", others.join(" and "))
    })
}

/// Checks the organisation policies that stop federation, or a reader of another domain.
async fn organisation_policies(inspector: &Inspector, config: &Config) -> ReportLine {
    let mut line = ReportLine::new("google", "organisation policies");
    if !inspector.reads_projects() {
        no_api(&mut line);
        return line;
    }
    let project = &config.warehouse.project;
    let describe = |constraint: &str| {
        format!("gcloud org-policies describe {constraint} --effective --project {project}")
    };
    let account = account_of(&config.export.role_arn);
    let mut denied = Vec::new();
    for (constraint, value) in [
        ("iam.workloadIdentityPoolProviders", AWS_PROVIDER),
        ("iam.workloadIdentityPoolAwsAccounts", account),
    ] {
        match inspector.organisation_policy(constraint).await {
            Ok(Some(policy)) if !policy.allows(value) => denied.push((constraint, value)),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Denied => {
                line.unchecked(
                    "these credentials may not read organisation policies (orgpolicy.policy.get)",
                    Some(describe(constraint)),
                );
                return line;
            }
            Err(error) => {
                line.failed(&error, advice(&error, "orgpolicy.policy.get"));
                return line;
            }
        }
    }
    if let Some((constraint, value)) = denied.first() {
        line.bad(
            format!("{constraint} does not allow {value}, so Google refuses the roles of AWS"),
            format!(
                "ask the administrator of the organisation to allow it; {}",
                describe(constraint)
            ),
        );
        return line;
    }
    match inspector.organisation_policy("iam.allowedPolicyMemberDomains").await {
        Ok(Some(policy)) if !policy.allowed.is_empty() => line.warn(
            format!(
                "iam.allowedPolicyMemberDomains allows {} only: Google refuses readers of other domains, and \
                 allAuthenticatedUsers",
                policy.allowed.join(", ")
            ),
            "if terraform apply is refused, ask the administrator of the organisation for an exception",
        ),
        Ok(_) => line.good(format!("they allow federation with AWS account {account}")),
        Err(error) => line.unchecked(error.to_string(), Some(describe("iam.allowedPolicyMemberDomains"))),
    }
    line
}
