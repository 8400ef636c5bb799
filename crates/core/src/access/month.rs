//! Who read which class in a month, by BigQuery's data access logs.
//!
//! A log entry says exactly who read which columns of which table, with which policy tags, and when. It does
//! not say whether the values were plain or masked; that is judged by the policies of today.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Live;
use super::jobs::{JobTable, Readable};
use super::sight::Index;
use super::usage::{Certainty, plain_classes};
use crate::config::CLASS_NONE;

/// One entry `tableDataRead` (`google.cloud.audit.BigQueryAuditMetadata`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDataRead {
    /// The principal, as a member of IAM policies.
    pub member: String,
    /// When.
    pub at: Timestamp,
    /// The table.
    pub table: JobTable,
    /// The columns that were read.
    pub fields: Vec<String>,
    /// Google left the list of columns out, because it was too long.
    pub fields_truncated: bool,
}

impl TableDataRead {
    /// The read of a table of `dataset` in an entry; `None` for any other entry. A text of a query in an
    /// entry is not read.
    pub fn parse(entry: &Value, dataset: &str) -> Option<Self> {
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
        let read = entry.pointer("/protoPayload/metadata/tableDataRead")?;
        let name = text("/protoPayload/resourceName")?;
        let ["projects", project, "datasets", of, "tables", table] =
            name.split('/').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        if of != dataset {
            return None;
        }
        let email = text("/protoPayload/authenticationInfo/principalEmail").unwrap_or_default();
        let subject = text("/protoPayload/authenticationInfo/principalSubject").unwrap_or_default();
        let member = match (email, subject) {
            ("", "") => "unknown".to_owned(),
            ("", subject) => subject.to_owned(),
            (email, _) if email.ends_with(".gserviceaccount.com") => {
                format!("serviceAccount:{email}")
            }
            (email, _) => format!("user:{}", email.to_lowercase()),
        };
        let fields = read.get("fields").and_then(Value::as_array);
        Some(Self {
            member,
            at: text("/timestamp")?.parse().ok()?,
            table: JobTable {
                project: project.to_owned(),
                dataset: of.to_owned(),
                // A read of a partition or of former rows: `table$20261121`, `table@-3600000`.
                table: table.split(['$', '@']).next().unwrap_or_default().to_owned(),
            },
            fields: fields
                .into_iter()
                .flatten()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
            fields_truncated: read.get("fieldsTruncated") == Some(&Value::Bool(true)),
        })
    }
}

/// What a principal read of a class in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassRead {
    /// The principal, as a member of IAM policies.
    pub principal: String,
    /// The class.
    pub class: String,
    /// The columns, `table.column` with the table's name in the contract. Exact.
    pub columns: BTreeSet<String>,
    /// Tables of which Google left the list of columns out: any column may have been read.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub columns_not_recorded: BTreeSet<String>,
    /// How many entries.
    pub reads: u64,
    /// The days in UTC on which it read.
    pub days: BTreeSet<String>,
    /// Whether it sees plain values by the policies of today; `None`: masks, or none.
    pub plain: Option<Certainty>,
}

/// Who read which class, by principal and class.
pub fn class_reads(
    reads: &[TableDataRead],
    readable: &Readable<'_>,
    live: &Live,
) -> Vec<ClassRead> {
    let index = Index::new(live);
    let mut found: BTreeMap<(String, String), ClassRead> = BTreeMap::new();
    for read in reads {
        let Some(table) = readable.table(&read.table) else { continue };
        let mut classes: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for field in &read.fields {
            // A field of a struct has the path of its column first.
            let column = field.split('.').next().unwrap_or_default();
            if let Some(class) = readable.class(table, column) {
                classes.entry(class).or_default().insert(format!("{table}.{column}"));
            }
        }
        if read.fields_truncated {
            for class in readable.classes_of(table) {
                classes.entry(class).or_default();
            }
        }
        classes.remove(CLASS_NONE);
        for (class, columns) in classes {
            let key = (read.member.clone(), class.to_owned());
            let of = found.entry(key).or_insert_with(|| {
                let wanted = BTreeSet::from([class.to_owned()]);
                let plain = plain_classes(&index, live, &read.member, &wanted);
                ClassRead {
                    principal: read.member.clone(),
                    class: class.to_owned(),
                    columns: BTreeSet::new(),
                    columns_not_recorded: BTreeSet::new(),
                    reads: 0,
                    days: BTreeSet::new(),
                    plain: plain.map(|(certainty, _)| certainty),
                }
            });
            if columns.is_empty() {
                of.columns_not_recorded.insert(table.to_owned());
            }
            of.columns.extend(columns);
            of.reads += 1;
            of.days.insert(read.at.strftime("%F").to_string());
        }
    }
    found.into_values().collect()
}
