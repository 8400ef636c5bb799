//! What jobs show: who reads each table and column, tables that people made of personal data, and dashboards
//! that query as an identity that sees plain values.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::jobs::{QueryJob, Readable, Reader};
use super::sight::Index;
use super::{Live, Sight};
use crate::config::CLASS_NONE;

/// What reads a table, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Use {
    /// Who or what reads.
    #[serde(flatten)]
    pub reader: Reader,
    /// The columns, by their names in BigQuery: a best effort.
    pub columns: BTreeSet<String>,
    /// Whether all queries were understood. If not, more columns are listed than were read.
    pub understood: bool,
    /// How many jobs.
    pub jobs: u64,
    /// The newest day, in UTC.
    pub last: String,
}

/// Who reads which table. Collected page by page, so that texts of queries are not kept.
pub struct Usage<'a> {
    readable: Readable<'a>,
    uses: BTreeMap<(String, Reader), Use>,
    /// Table and maker → classes.
    derived: BTreeMap<(String, String), BTreeSet<String>>,
    /// Dashboard → identity → classes.
    dashboards: BTreeMap<Reader, BTreeMap<String, BTreeSet<String>>>,
    jobs: u64,
}

/// What a principal sees of the classes that it read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// A policy names the principal, or a member that includes it, as a reader of plain values.
    Plain,
    /// Groups read plain values, and who is in a group is not known.
    PlainIfInGroup,
}

/// A table that a person or an account made of columns with a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DerivedTable {
    /// The table: `project.dataset.table`. Policy tags do not apply to it.
    pub table: String,
    /// Who made it.
    pub made_by: String,
    /// The classes that were read: a best effort.
    pub classes: BTreeSet<String>,
    /// Whether the maker sees plain values.
    pub plain: Certainty,
}

/// A dashboard that queries as an identity that sees plain values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlainDashboard {
    /// The dashboard.
    pub url: String,
    /// As whom it queries.
    pub queries_as: String,
    /// Whether one identity sent all its queries: probably its owner's credentials, so that
    /// every viewer sees what the owner sees.
    pub one_identity: bool,
    /// The classes: a best effort.
    pub classes: BTreeSet<String>,
    /// Whether this identity sees plain values.
    pub plain: Certainty,
}

impl<'a> Usage<'a> {
    /// No jobs yet.
    pub fn new(readable: Readable<'a>) -> Self {
        Self {
            readable,
            uses: BTreeMap::new(),
            derived: BTreeMap::new(),
            dashboards: BTreeMap::new(),
            jobs: 0,
        }
    }

    /// Adds jobs, and forgets their texts.
    pub fn add(&mut self, jobs: &[QueryJob]) {
        for job in jobs {
            let reads = self.readable.reads(job);
            if reads.is_empty() {
                continue;
            }
            self.jobs += 1;
            let mut classes = BTreeSet::new();
            for read in reads {
                let class = |column: &String| self.readable.class(&read.table, column);
                classes.extend(read.columns.iter().filter_map(class).map(str::to_owned));
                let last = job.created.strftime("%F").to_string();
                let key = (read.table.clone(), job.reader());
                let of = self.uses.entry(key).or_insert_with_key(|(_, reader)| Use {
                    reader: reader.clone(),
                    columns: BTreeSet::new(),
                    understood: true,
                    jobs: 0,
                    last: last.clone(),
                });
                of.columns.extend(read.columns);
                of.understood &= read.understood;
                of.jobs += 1;
                of.last = of.last.clone().max(last);
            }
            classes.remove(CLASS_NONE);
            if let Some(reader) = job.dashboard() {
                let of = self.dashboards.entry(reader).or_default();
                of.entry(job.member()).or_default().extend(classes.clone());
            }
            let written = job.destination.as_ref().filter(|it| !self.readable.is_ours(it));
            if let Some(table) = written
                && !classes.is_empty()
            {
                let of = self.derived.entry((table.to_string(), job.member())).or_default();
                of.extend(classes);
            }
        }
    }

    /// How many jobs read a table of the contract.
    pub fn jobs(&self) -> u64 {
        self.jobs
    }

    /// Who reads a table, the most frequent first; `column` is a name in BigQuery.
    pub fn of_table(&self, table: &str, column: Option<&str>) -> Vec<&Use> {
        let has = |it: &&Use| {
            column
                .is_none_or(|column| it.columns.iter().any(|of| crate::names::is_same(of, column)))
        };
        let of = self.uses.iter().filter(|((name, _), _)| name == table).map(|(_, it)| it);
        let mut found: Vec<&Use> = of.filter(has).collect();
        found.sort_by(|one, other| other.jobs.cmp(&one.jobs).then(one.reader.cmp(&other.reader)));
        found
    }

    /// The tables that were read.
    pub fn tables(&self) -> BTreeSet<&str> {
        self.uses.keys().map(|(table, _)| table.as_str()).collect()
    }

    /// The tables that people who see plain values made.
    pub fn derived(&self, live: &Live) -> Vec<DerivedTable> {
        let index = Index::new(live);
        let one = |((table, member), classes): (&(String, String), &BTreeSet<String>)| {
            let (plain, classes) = plain_classes(&index, live, member, classes)?;
            Some(DerivedTable { table: table.clone(), made_by: member.clone(), classes, plain })
        };
        self.derived.iter().filter_map(one).collect()
    }

    /// The dashboards that query as an identity that sees plain values.
    pub fn plain_dashboards(&self, live: &Live) -> Vec<PlainDashboard> {
        let index = Index::new(live);
        let mut found = Vec::new();
        for (reader, identities) in &self.dashboards {
            let Reader::Dashboard { url } = reader else { continue };
            for (member, classes) in identities {
                if let Some((plain, classes)) = plain_classes(&index, live, member, classes) {
                    found.push(PlainDashboard {
                        url: url.clone(),
                        queries_as: member.clone(),
                        one_identity: identities.len() == 1,
                        classes,
                        plain,
                    });
                }
            }
        }
        found
    }
}

/// The classes of which a member sees plain values, or may see them as a member of a group.
pub(super) fn plain_classes(
    index: &Index<'_>,
    live: &Live,
    member: &str,
    classes: &BTreeSet<String>,
) -> Option<(Certainty, BTreeSet<String>)> {
    let mut certain = BTreeSet::new();
    let mut possible = BTreeSet::new();
    for class in classes {
        let tag = live.tags.get(class).cloned().unwrap_or_default();
        if index.of_tag(member, &tag).0 == Sight::Plain {
            certain.insert(class.clone());
        } else if index.a_group_reads(&tag) && !member.contains("://") {
            possible.insert(class.clone());
        }
    }
    match (certain.is_empty(), possible.is_empty()) {
        (false, _) => Some((Certainty::Plain, certain)),
        (true, false) => Some((Certainty::PlainIfInGroup, possible)),
        (true, true) => None,
    }
}
