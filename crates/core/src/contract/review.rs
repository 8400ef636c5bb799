//! What a change of the source's schema means for the contract: columns without a verdict, changes
//! that would hold a table, and who reads what changes.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{ColumnContract, Contract, Others, ProposedColumn, ProposedTable, Samples, Transform};
use super::{law, render};
use crate::{
    config::{CLASS_NONE, Config},
    names::is_same,
    personal::{self, Finding, Kind},
    plan::{SourceColumn, columns::plan_column},
    types::{Engine, OriginalColumn, TimeRules, exported_column, is_same_source_type},
};

/// A table of the source as it will be.
#[derive(Clone, Debug)]
pub struct ReviewedTable {
    /// Its schema; for MySQL, the database.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<ReviewedColumn>,
}

/// A column of the source as it will be.
#[derive(Clone, Debug)]
pub struct ReviewedColumn {
    /// As a proposal sees it.
    pub proposed: ProposedColumn,
    /// As the manifest of an export will describe it.
    pub exported: OriginalColumn,
    /// Whether nothing changed it, so that it is as the contract says.
    pub unchanged: bool,
}

/// What happened to a column or to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The contract does not name the column.
    NewColumn,
    /// The column gets a type with which the load holds the table.
    TypeHolds,
    /// A column with a transform is gone, so the table is held.
    TransformedColumnGone,
    /// The contract names a table that is gone.
    TableGone,
    /// The values of a column look like resident registration numbers, and leave AWS.
    ResidentValues,
    /// A column of the contract is gone: it is NULL in every row.
    ColumnGone,
    /// The column gets another source type, which lands as the same type in BigQuery.
    TypeChanged,
    /// The values of a column that everyone may read look personal.
    PersonalValues,
}

impl ChangeKind {
    /// All kinds.
    pub const ALL: [ChangeKind; 8] = [
        Self::NewColumn,
        Self::TypeHolds,
        Self::TransformedColumnGone,
        Self::TableGone,
        Self::ResidentValues,
        Self::ColumnGone,
        Self::TypeChanged,
        Self::PersonalValues,
    ];

    /// The name in outputs: `new-column`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewColumn => "new-column",
            Self::TypeHolds => "type-holds-table",
            Self::TransformedColumnGone => "transformed-column-gone",
            Self::TableGone => "table-gone",
            Self::ColumnGone => "column-gone",
            Self::TypeChanged => "type-changed",
            Self::ResidentValues => "resident-number-values",
            Self::PersonalValues => "personal-values",
        }
    }

    /// Whether the change must not be merged before the contract says something.
    pub const fn is_error(self) -> bool {
        !matches!(self, Self::ColumnGone | Self::TypeChanged | Self::PersonalValues)
    }

    /// What the kind means, in a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Self::NewColumn => "A column of the source has no verdict in contract.yaml.",
            Self::TypeHolds => "With its new type, a column would hold its table.",
            Self::TransformedColumnGone => {
                "A column that contract.yaml drops, empties or tokenises is gone, which holds its table."
            }
            Self::TableGone => "A table of contract.yaml is gone from the source.",
            Self::ColumnGone => {
                "A column of contract.yaml is gone from the source: it becomes NULL in every row."
            }
            Self::TypeChanged => {
                "A column gets another source type, and the same type in BigQuery."
            }
            Self::ResidentValues => {
                "The values of a column look like resident registration numbers, and leave AWS without a legal basis."
            }
            Self::PersonalValues => {
                "The values of a column of class `none`, which everyone may read, look personal."
            }
        }
    }
}

/// One change, with its consequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The table, as the contract names it.
    pub table: String,
    /// The column; `None` for a change of a table.
    pub column: Option<String>,
    /// What happens, and what to do.
    pub message: String,
    /// The line for contract.yaml that is proposed for a new column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// Who reads the columns that change; for a new column, by the proposed class.
    pub readers: Vec<ClassReaders>,
}

/// Who reads the columns of a class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ClassReaders {
    /// The class.
    pub class: String,
    /// Its mask; `None` for class `none`.
    pub mask: Option<&'static str>,
    /// Who sees plain values. Columns of class `none` are plain for every reader of the dataset.
    pub readers: Vec<String>,
    /// Who sees masked values.
    pub masked_readers: Vec<String>,
}

impl ClassReaders {
    /// Who reads the columns of a class of this configuration.
    pub fn of(class: &str, config: &Config) -> Self {
        let defined = config.class(class);
        let class = class.to_owned();
        match defined {
            Some(it) => Self {
                class,
                mask: Some(it.mask.as_str()),
                readers: it.readers,
                masked_readers: it.masked_readers,
            },
            None => Self { class, mask: None, readers: Vec::new(), masked_readers: Vec::new() },
        }
    }
}

/// Compares the contract with all tables of the source as they will be, and with samples of their
/// values if there are any. The changes are in the order of tables and kinds.
pub fn review(
    contract: &Contract,
    config: &Config,
    engine: Engine,
    tables: &[ReviewedTable],
    samples: &Samples,
) -> Vec<Change> {
    let reviewer = Reviewer { contract, config, engine, samples };
    let mut changes = Vec::new();
    for table in tables {
        reviewer.new_columns(table, &mut changes);
        reviewer.known_columns(table, &mut changes);
        reviewer.values(table, &mut changes);
    }
    let there: BTreeSet<String> = tables.iter().map(ReviewedTable::key).collect();
    let gone = contract.tables.keys().filter(|name| !there.contains(*name));
    changes.extend(gone.map(|name| reviewer.table_gone(name)));
    changes.sort_by(|one, other| (&one.table, one.kind).cmp(&(&other.table, other.kind)));
    changes
}

impl ReviewedTable {
    /// `schema.table`.
    pub fn key(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

struct Reviewer<'a> {
    contract: &'a Contract,
    config: &'a Config,
    engine: Engine,
    samples: &'a Samples,
}

impl Reviewer<'_> {
    fn is_one(&self, one: &str, other: &str) -> bool {
        one == other || self.engine == Engine::Mysql && is_same(one, other)
    }

    fn new_columns(&self, table: &ReviewedTable, changes: &mut Vec<Change>) {
        let key = table.key();
        let known = self.contract.tables.get(&key);
        let is_known = |name: &str| {
            known.is_some_and(|it| it.columns.keys().any(|named| self.is_one(named, name)))
        };
        let new = table.columns.iter().map(|it| it.proposed.clone());
        let columns: Vec<_> = new.filter(|it| !is_known(&it.name)).collect();
        if columns.is_empty() {
            return;
        }
        let mut extended = self.contract.clone();
        let (schema, name) = (table.schema.clone(), table.name.clone());
        let proposed = ProposedTable { schema, name, columns };
        let reasons = extended.add_missing(&[proposed], self.samples, self.config);
        for reason in reasons {
            let column = &extended.tables[&key].columns[&reason.column];
            let until = self.until_named(&key, &reason.column, column);
            let subject = match known {
                Some(_) => format!("column `{}` of `{key}`", reason.column),
                None => format!("column `{}` of the new table `{key}`", reason.column),
            };
            let kind = reason.kind.map(|kind| format!("may contain {kind}, ")).unwrap_or_default();
            changes.push(Change {
                kind: ChangeKind::NewColumn,
                table: key.clone(),
                message: format!(
                    "{subject} has no verdict in contract.yaml: {until}. It {kind}confidence {}: {}",
                    reason.confidence.name(),
                    reason.reason
                ),
                proposal: Some(render::column_line(&reason.column, column)),
                readers: vec![ClassReaders::of(&reason.class, self.config)],
                column: Some(reason.column),
            });
        }
    }

    /// What happens to a column until the contract names it.
    fn until_named(&self, table: &str, name: &str, proposed: &ColumnContract) -> &'static str {
        let plain = ColumnContract {
            transform: None,
            resident_number: None,
            ..ColumnContract::new(&proposed.source, proposed.bigquery_type, CLASS_NONE)
        };
        match self.contract.others_of(table) {
            Others::Hold => "its table is held",
            Others::Drop => "it stays in AWS (`others: drop`)",
            Others::Unclassified if law::has_resident_numbers(table, name, &plain) => {
                "it stays in AWS, because its name says resident registration numbers"
            }
            Others::Unclassified => "it lands masked for everyone (`unclassified`)",
        }
    }

    fn known_columns(&self, table: &ReviewedTable, changes: &mut Vec<Change>) {
        let key = table.key();
        let Some(known) = self.contract.tables.get(&key) else { return };
        let times = TimeRules::of(self.config, Some(known));
        for (name, named) in &known.columns {
            let now = table.columns.iter().find(|it| self.is_one(name, &it.proposed.name));
            let (kind, message) = match now {
                None => self.gone(&key, name, named),
                Some(now) => match self.changed_type(&key, name, named, now, &times) {
                    Some(changed) => changed,
                    None => continue,
                },
            };
            changes.push(Change {
                kind,
                table: key.clone(),
                column: Some(name.clone()),
                message,
                proposal: None,
                readers: vec![ClassReaders::of(&named.class, self.config)],
            });
        }
    }

    fn gone(&self, table: &str, name: &str, named: &ColumnContract) -> (ChangeKind, String) {
        match named.transform {
            Some(transform) => (
                ChangeKind::TransformedColumnGone,
                format!(
                    "column `{name}` of `{table}` is gone, and contract.yaml has `transform: {}` for it: the table is held, because under another name its values would leave AWS as they are. Rename its entry if it was renamed, remove the entry if it is gone",
                    transform.name()
                ),
            ),
            None => (
                ChangeKind::ColumnGone,
                format!(
                    "column `{name}` of `{table}` is gone: in BigQuery it becomes NULL in every row. If it was renamed, its values land in a new column: write `name: {name}` at the new entry, and remove this one"
                ),
            ),
        }
    }

    /// Whether the load takes the column with its new type, by the rules of the transfer's plan.
    fn changed_type(
        &self,
        table: &str,
        name: &str,
        named: &ColumnContract,
        now: &ReviewedColumn,
        times: &TimeRules,
    ) -> Option<(ChangeKind, String)> {
        let exported = &now.exported;
        let source = &exported.original_type;
        let source_now = &now.proposed.source_type;
        if now.unchanged || named.transform == Some(Transform::Drop) {
            return None;
        }
        let column = SourceColumn::new(exported_column(self.engine, exported), source);
        let planned = plan_column(&column, Some(named), times);
        let lands = planned.map(|plan| plan.column_type);
        let is_same_type = is_same_source_type(source, &named.source);
        match lands {
            Ok(Some(ty)) if ty == named.column_type() => (!is_same_type).then(|| {
                let message = format!(
                    "column `{name}` of `{table}` has the source type `{source_now}`, and contract.yaml says `{}`: it lands as {ty} as before, and is masked for everyone until rows of the new type are proven. Write `source: {source_now}`",
                    named.source
                );
                (ChangeKind::TypeChanged, message)
            }),
            Ok(Some(ty)) => {
                let message = format!(
                    "column `{name}` of `{table}` has the source type `{source_now}`, which lands as {ty}, and contract.yaml says {} of `{}`: the table is held, because BigQuery cannot change the type of a column. `landbridge retype {table} --column {name}` loads it beside the old one",
                    named.column_type(),
                    named.source
                );
                Some((ChangeKind::TypeHolds, message))
            }
            Ok(None) => None,
            Err(why) => Some((
                ChangeKind::TypeHolds,
                format!("column `{name}` of `{table}` cannot be loaded, and the table is held: {why}"),
            )),
        }
    }

    /// What the values of columns with a verdict look like. The verdict stays: a person decides.
    fn values(&self, table: &ReviewedTable, changes: &mut Vec<Change>) {
        let key = table.key();
        let Some(known) = self.contract.tables.get(&key) else { return };
        let Some(samples) = self.samples.get(&key) else { return };
        for (name, named) in &known.columns {
            let sample = samples.iter().find(|(column, _)| self.is_one(name, column));
            let Some((_, evidence)) = sample else { continue };
            let subject = law::subject(&key, name, named);
            let Some(verdict) = personal::judge_values(subject, evidence) else { continue };
            let Finding::Personal(found) = verdict.finding else { continue };
            let is_excused = named.legal_basis.is_some() || named.resident_number == Some(false);
            let leaves = !named.stays_in_aws();
            let (kind, help) = if found == Kind::ResidentNumber && leaves && !is_excused {
                (
                    ChangeKind::ResidentValues,
                    "and the column leaves AWS without a legal basis: write `transform: drop` and `resident_number: true`, or `legal_basis`, or `resident_number: false` if they are something else",
                )
            } else if named.is_judged_again() {
                (
                    ChangeKind::PersonalValues,
                    "and every reader of the dataset may read the column: give it a class, or write `pinned: true` if the values are harmless",
                )
            } else {
                continue;
            };
            changes.push(Change {
                kind,
                table: key.clone(),
                column: Some(name.clone()),
                message: format!("column `{name}` of `{key}`: {}, {help}", verdict.reason),
                proposal: None,
                readers: vec![ClassReaders::of(&named.class, self.config)],
            });
        }
    }

    fn table_gone(&self, name: &str) -> Change {
        let classes: BTreeSet<&str> =
            self.contract.tables[name].columns.values().map(|it| it.class.as_str()).collect();
        Change {
            kind: ChangeKind::TableGone,
            table: name.to_owned(),
            column: None,
            message: format!(
                "the table `{name}` of contract.yaml is gone: its rows in BigQuery stay as they are, and every day has a gap. Rename its entry if it was renamed; otherwise remove it"
            ),
            proposal: None,
            readers: classes.into_iter().map(|it| ClassReaders::of(it, self.config)).collect(),
        }
    }
}
