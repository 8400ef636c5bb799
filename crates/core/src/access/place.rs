//! Where a binding is, and the command that removes a member from it.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Condition, Power};

/// A resource whose policy gives rights.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A folder or an organisation above the project: `folders/1`, `organizations/2`.
    Above(String),
    /// The project.
    Project(String),
    /// A dataset: project and dataset.
    Dataset(String, String),
    /// A table: project, dataset and table.
    Table(String, String, String),
    /// A taxonomy, by its resource name.
    Taxonomy(String),
    /// A policy tag, by its resource name.
    Tag(String),
    /// A data policy, by its resource name.
    DataPolicy(String),
    /// A bucket.
    Bucket(String),
    /// A managed folder of a bucket: bucket and name, which ends with `/`. Its policy applies to the objects whose
    /// names begin with its name.
    ManagedFolder(String, String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(name) => f.write_str(name),
            Self::Project(id) => write!(f, "project {id}"),
            Self::Dataset(_, id) => write!(f, "dataset {id}"),
            Self::Table(_, dataset, id) => write!(f, "table {dataset}.{id}"),
            Self::Taxonomy(name) => write!(f, "taxonomy {}", last(name)),
            Self::Tag(name) => write!(f, "policy tag {}", last(name)),
            Self::DataPolicy(name) => write!(f, "data policy {}", last(name)),
            Self::Bucket(name) => write!(f, "bucket {name}"),
            Self::ManagedFolder(bucket, name) => write!(f, "managed folder {bucket}/{name}"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// The part of a resource name `projects/P/locations/L/COLLECTION/ID/…` after a word.
fn after<'a>(name: &'a str, word: &str) -> &'a str {
    name.split('/').skip_while(|it| *it != word).nth(1).unwrap_or_default()
}

/// A text in single quotes for a shell. Members, roles and names of ours contain no quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', ""))
}

impl Place {
    /// Whether a binding here gives a power: a role can contain permissions that have no effect where
    /// it is granted.
    pub fn gives(&self, power: Power) -> bool {
        match self {
            Self::Above(_) | Self::Project(_) => true,
            Self::Dataset(..) | Self::Table(..) => matches!(power, Power::Tables | Power::Opens),
            Self::Taxonomy(_) | Self::Tag(_) => matches!(power, Power::Plain | Power::Opens),
            Self::DataPolicy(_) => matches!(power, Power::Plain | Power::Masked | Power::Opens),
            Self::Bucket(_) | Self::ManagedFolder(..) => {
                matches!(power, Power::Objects | Power::Opens)
            }
        }
    }

    /// The command that shows the policy of this resource.
    pub fn show_command(&self) -> String {
        match self {
            Self::Above(name) => match name.split_once('/') {
                Some(("folders", id)) => {
                    format!("gcloud resource-manager folders get-iam-policy {id}")
                }
                _ => format!("gcloud organizations get-iam-policy {}", last(name)),
            },
            Self::Project(id) => format!("gcloud projects get-iam-policy {id}"),
            Self::Dataset(project, id) => format!("bq show --format=prettyjson {project}:{id}"),
            Self::Table(project, dataset, id) => {
                format!("bq get-iam-policy {project}:{dataset}.{id}")
            }
            Self::Taxonomy(name) => format!("gcloud data-catalog taxonomies get-iam-policy {name}"),
            Self::Tag(name) => {
                format!("gcloud data-catalog taxonomies policy-tags get-iam-policy {name}")
            }
            Self::DataPolicy(name) => format!(
                "curl -X POST -H \"Authorization: Bearer $(gcloud auth print-access-token)\" https://bigquerydatapolicy.googleapis.com/v1/{name}:getIamPolicy"
            ),
            Self::Bucket(name) => format!("gcloud storage buckets get-iam-policy gs://{name}"),
            Self::ManagedFolder(bucket, name) => {
                let folder = quoted(&format!("gs://{bucket}/{name}"));
                format!("gcloud storage managed-folders get-iam-policy {folder}")
            }
        }
    }

    /// The command that takes a role away from a member here. Sources: the references of gcloud, and
    /// GoogleSQL's statement REVOKE.
    pub fn remove_command(
        &self,
        role: &str,
        member: &str,
        condition: Option<&Condition>,
    ) -> String {
        let all = if condition.is_some() { " --all" } else { "" };
        let flags = format!("--member={} --role={}{all}", quoted(member), quoted(role));
        match self {
            Self::Above(name) => match name.split_once('/') {
                Some(("folders", id)) => {
                    format!(
                        "gcloud resource-manager folders remove-iam-policy-binding {id} {flags}"
                    )
                }
                _ => {
                    format!("gcloud organizations remove-iam-policy-binding {} {flags}", last(name))
                }
            },
            Self::Project(id) => format!("gcloud projects remove-iam-policy-binding {id} {flags}"),
            // A group of the project's basic roles is no member of a statement.
            Self::Dataset(..) if is_special(member) => {
                "terraform apply (it sets the complete access list of the dataset)".to_owned()
            }
            Self::Dataset(project, id) => {
                revoke(role, &format!("SCHEMA `{project}`.`{id}`"), member)
            }
            Self::Table(project, dataset, id) => {
                revoke(role, &format!("TABLE `{project}`.`{dataset}`.`{id}`"), member)
            }
            Self::Taxonomy(name) => {
                let at = format!("{} --location={}", last(name), after(name, "locations"));
                let project = after(name, "projects");
                format!(
                    "gcloud data-catalog taxonomies remove-iam-policy-binding {at} --project={project} {flags}"
                )
            }
            Self::Tag(name) => {
                let (location, taxonomy) = (after(name, "locations"), after(name, "taxonomies"));
                let (id, project) = (last(name), after(name, "projects"));
                format!(
                    "gcloud data-catalog taxonomies policy-tags remove-iam-policy-binding {id} --taxonomy={taxonomy} --location={location} --project={project} {flags}"
                )
            }
            Self::DataPolicy(_) => format!(
                "terraform apply (it sets the complete list of masked readers of {self}); for a data policy that Terraform did not make, remove {member} in the BigQuery console"
            ),
            Self::Bucket(name) => {
                format!("gcloud storage buckets remove-iam-policy-binding gs://{name} {flags}")
            }
            Self::ManagedFolder(bucket, name) => {
                let folder = quoted(&format!("gs://{bucket}/{name}"));
                format!("gcloud storage managed-folders remove-iam-policy-binding {folder} {flags}")
            }
        }
    }
}

/// Whether a member stands for a basic role of the project, or for everyone.
fn is_special(member: &str) -> bool {
    ["projectOwner:", "projectEditor:", "projectViewer:", "all"]
        .iter()
        .any(|it| member.starts_with(it))
}

fn revoke(role: &str, on: &str, member: &str) -> String {
    format!(
        "bq query --nouse_legacy_sql \"REVOKE \\`{role}\\` ON {} FROM '{member}'\"",
        on.replace('`', "\\`")
    )
}
