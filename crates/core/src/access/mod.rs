//! Who sees which class in plain, masked, or not at all, by the policies that Google has now; and who
//! sees more than `landbridge.yaml` says.
//!
//! | module | contents |
//! |---|---|
//! | here | what was read: [`Live`], [`Binding`], [`NotKnown`] |
//! | `own_tables` | the names that Landbridge gives to tables and views |
//! | `place` | where a binding is, and the command that takes it away |
//! | `roles` | what a role allows |
//! | `member` | which members include which |
//! | `sight` | what one principal sees of one class |
//! | `jobs` | query jobs: which columns they read, and for whom |
//! | `usage` | who reads each table, derived tables, dashboards that query as an unmasked owner |
//! | `month` | who read which class, by records of access |
//! | `report` | all principals, compared with the configuration |
//!
//! The rules over-estimate: a condition of a binding counts as fulfilled, and of two levels of IAM the more
//! open one counts. Who is in a group is not known here, so a group is a principal of its own. A policy that
//! was not read makes an answer "at least", never "nothing". Facts: Google's documentation, "Introduction to
//! data masking" (sections on how roles interact and on inheritance in a hierarchy of policy tags),
//! "Introduction to column-level access control", "Basic roles and permissions" of BigQuery.

mod jobs;
mod member;
mod month;
mod own_tables;
mod place;
mod report;
mod roles;
mod sight;
#[cfg(test)]
mod tests;
mod usage;
#[cfg(test)]
#[path = "usage/tests.rs"]
mod usage_tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use jobs::{JobTable, QueryJob, QueryText, Readable, Reader, TableRead};
pub use member::{Deployment, key, own_function, same_resource};
pub use month::{ClassRead, TableDataRead, class_reads};
pub use place::Place;
pub use report::{
    Filter, Finding, ForeignTable, Opener, PrincipalAccess, Report, Unnamed, UnprotectedColumn,
    evaluate,
};
pub use roles::{Power, is_known_role};
pub use sight::{Grant, Seen, Sight};
pub use usage::{Certainty, DerivedTable, PlainDashboard, Usage, Use};

/// One binding of an IAM policy: a role, and who has it (resource `Policy` of Google's APIs).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// For example `roles/bigquery.dataViewer`, or `projects/p/roles/mine`.
    pub role: String,
    /// For example `group:analysts@example.com`.
    #[serde(default)]
    pub members: Vec<String>,
    /// The binding applies only where the condition holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// A condition of a binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Condition {
    /// What people named it.
    #[serde(default)]
    pub title: String,
    /// The expression in CEL.
    #[serde(default)]
    pub expression: String,
}

/// The policy tag of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassTag {
    /// The tag, then its parent, and so on: resource names.
    pub path: Vec<String>,
    /// The taxonomy.
    pub taxonomy: String,
    /// Whether the taxonomy enforces its tags; `None` if that was not read.
    pub enforced: Option<bool>,
}

/// A data policy: a mask of a policy tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskPolicy {
    /// Its resource name.
    pub name: String,
    /// The tag.
    pub tag: String,
    /// For example `ALWAYS_NULL`, or the name of a routine.
    pub mask: String,
}

/// Something that was not read, so that an answer is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotKnown {
    /// The resource whose policy is missing; `None` for anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What was not read.
    pub what: String,
    /// Why not.
    pub why: String,
    /// What to do.
    pub next: String,
}

/// The column of a table → its policy tag, by their names in BigQuery.
pub type LiveColumns = BTreeMap<String, Option<String>>;

/// What was read of the live policies.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// The project of the warehouse.
    pub project: String,
    /// The policies.
    pub policies: Vec<(Place, Vec<Binding>)>,
    /// The permissions of roles that [`is_known_role`] does not know.
    pub roles: BTreeMap<String, Vec<String>>,
    /// The tag of each class.
    pub tags: BTreeMap<String, ClassTag>,
    /// All data policies of these tags.
    pub masks: Vec<MaskPolicy>,
    /// The tables of the contract that exist, and the others that Landbridge created, by their names in BigQuery.
    pub tables: BTreeMap<String, LiveColumns>,
    /// The tables of the dataset that Landbridge did not create.
    pub foreign_tables: BTreeMap<String, LiveColumns>,
    /// Views, datasets and routines that may read the tables on behalf of their readers.
    pub authorized: Vec<String>,
    /// How many row access policies a table has, if it has one: its readers may see fewer rows.
    pub row_policies: BTreeMap<String, usize>,
    /// What was not read.
    pub not_known: Vec<NotKnown>,
}

impl Live {
    /// The roles of all policies that IAM has to be asked about, each once.
    pub fn unknown_roles(&self) -> Vec<String> {
        let bindings = self.policies.iter().flat_map(|(_, bindings)| bindings);
        let mut roles: Vec<String> = bindings
            .map(|binding| binding.role.clone())
            .filter(|role| !is_known_role(role) && !self.roles.contains_key(role))
            .collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}
