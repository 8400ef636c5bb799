//! Friendly views: one per table, in a dataset of their own, for people who query.
//!
//! A view selects from its table with the rights of the person who queries it, so every mask holds
//! through it. This module only writes text: [`table_view`] and [`freshness_view`] are pure functions
//! of what is there now. The stage `views` applies them.
//!
//! | module | contents |
//! |---|---|
//! | here | the view of a table: its columns and its SQL |
//! | [`describe`] | the descriptions of views and columns |
//! | [`freshness`] | the view `_freshness`: how old each table is |
//!
//! Four rules keep a view right for every persona:
//!
//! - Each column is named with the alias of its table, so that no name means the whole row.
//! - A function over a column is a SAFE one: a masked reader's value is a hash, `""` or NULL, and
//!   `PARSE_JSON` of a hash would end the query (GoogleSQL reference, "SAFE. prefix").
//! - A local time is left out where the mask is DATE_YEAR_MASK: midnight of 1 January in UTC is the
//!   year before in zones west of it.
//! - A column of class `unclassified` is left out: it is NULL for every reader, and where its
//!   tag is not one of ours, a view that names it could be refused to everyone.

mod describe;
mod freshness;
#[cfg(test)]
mod tests;

pub use freshness::{FRESHNESS, FreshTable, freshness_view};

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED, ClassConfig, Config, Mask};
use crate::contract::{ColumnContract, Contract, TableContract, Transform};
use crate::diff::{LiveColumn, PolicyTags, is_same_tag};
use crate::names::is_same;
use crate::protection::{ColumnRows, TableRows};

/// What all views of a deployment have in common.
#[derive(Clone, Debug)]
pub struct ViewContext<'a> {
    /// The Google Cloud project of the tables.
    pub project: &'a str,
    /// The dataset of the tables.
    pub dataset: &'a str,
    /// The zone of local times.
    pub zone: &'a str,
    /// All classes, `unclassified` among them.
    pub classes: BTreeMap<String, ClassConfig>,
    /// The policy tag of each class.
    pub tags: &'a PolicyTags,
    /// The contract, for the descriptions.
    pub contract: &'a Contract,
}

impl<'a> ViewContext<'a> {
    /// The context of a configuration; `None` if it has no `warehouse.views`.
    pub fn new(config: &'a Config, contract: &'a Contract, tags: &'a PolicyTags) -> Option<Self> {
        let views = config.warehouse.views.as_ref()?;
        Some(Self {
            project: &config.warehouse.project,
            dataset: &config.warehouse.dataset,
            zone: views.zone.as_ref().unwrap_or(&config.schedule.zone),
            classes: config.pii.all(),
            tags,
            contract,
        })
    }

    /// The class of a live column, by its policy tag: what BigQuery enforces now. A tag that is not
    /// one of ours is no class.
    fn class_of(&self, column: &LiveColumn) -> Class<'_> {
        let Some(tag) = column.policy_tag.as_deref() else { return Class::None };
        let named = self.tags.iter().find(|(_, name)| is_same_tag(Some(name.as_str()), Some(tag)));
        match named.and_then(|(name, _)| self.classes.get_key_value(name)) {
            Some((name, _)) if name == CLASS_UNCLASSIFIED => Class::Unclassified,
            Some((name, class)) => Class::Named(name, class.mask),
            None => Class::OtherTag,
        }
    }
}

/// What protects a column now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class<'a> {
    /// No policy tag.
    None,
    /// NULL for everyone.
    Unclassified,
    /// A class of the configuration, with its mask.
    Named(&'a str, Mask),
    /// A policy tag that belongs to no class.
    OtherTag,
}

impl Class<'_> {
    /// Whether the view leaves the column out.
    fn is_hidden(self) -> bool {
        matches!(self, Self::Unclassified | Self::OtherTag)
    }

    fn name(&self) -> &str {
        match self {
            Self::None => CLASS_NONE,
            Self::Unclassified => CLASS_UNCLASSIFIED,
            Self::Named(name, _) => name,
            Self::OtherTag => "another policy tag",
        }
    }
}

/// A table and what is known of its rows.
#[derive(Clone, Copy, Debug)]
pub struct ViewTable<'a> {
    /// The BigQuery table.
    pub name: &'a str,
    /// Its columns as they are now.
    pub columns: &'a [LiveColumn],
    /// The rows in it, as the last proof found them; of a history table, the rows of its newest day.
    pub rows: Option<&'a TableRows>,
    /// Whether it is a history table, with one partition per day.
    pub keeps_days: bool,
}

/// A view as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name in the dataset of the views.
    pub name: String,
    /// Its GoogleSQL query.
    pub query: String,
    /// Its description.
    pub description: String,
    /// Its columns in order.
    pub columns: Vec<ViewColumn>,
}

/// A column of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewColumn {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
}

/// The alias of the table in the query of a view. Without it, the table's own name is its range
/// variable, and a column of that name would be the STRUCT of the whole row, hidden columns included
/// (GoogleSQL reference, "Range variables").
const TABLE: &str = "t";

/// The friendly view of a table; `None` if the table has no column that it may show.
pub fn table_view(context: &ViewContext<'_>, table: &ViewTable<'_>) -> Option<View> {
    let mut taken: BTreeSet<String> =
        table.columns.iter().map(|column| column.name.to_lowercase()).collect();
    let contract = table.rows.and_then(|rows| context.contract.tables.get(&rows.source_table));
    let mut lines = Vec::new();
    let mut columns = Vec::new();
    let mut hidden = Vec::new();
    if table.keeps_days {
        let name = day_name(&mut taken);
        lines.push(format!("{TABLE}._PARTITIONDATE AS {}", quoted(&name)));
        columns.push(ViewColumn { name, description: describe::DAY.to_owned() });
    }
    for column in table.columns {
        let class = context.class_of(column);
        if class.is_hidden() {
            hidden.push((column.name.as_str(), class.name().to_owned()));
            continue;
        }
        let known = KnownColumn::new(column, class, table.rows, contract);
        for shown in known.shown(context.zone, &mut taken) {
            lines.push(shown.line);
            let description = describe::column(context, table, &known, shown.presented);
            columns.push(ViewColumn { name: shown.name, description });
        }
    }
    if lines.len() == usize::from(table.keeps_days) {
        return None;
    }
    let from = quoted(&format!("{}.{}.{}", context.project, context.dataset, table.name));
    Some(View {
        name: table.name.to_owned(),
        query: format!("SELECT\n  {}\nFROM {from} AS {TABLE}", lines.join(",\n  ")),
        description: describe::view(context, table, contract, &hidden),
        columns,
    })
}

/// The name of the column with the day of a history table: `day`, if no column has this name.
fn day_name(taken: &mut BTreeSet<String>) -> String {
    let mut name = "day".to_owned();
    while !taken.insert(name.clone()) {
        name.insert(0, '_');
    }
    name
}

/// A live column with what the record of the rows and the contract say of it.
struct KnownColumn<'a> {
    live: &'a LiveColumn,
    class: Class<'a>,
    /// The values, if exactly one source column has this name.
    rows: Option<&'a ColumnRows>,
    /// The columns of the same contract, to find a currency.
    contract: Option<&'a TableContract>,
    /// What the contract says of the column.
    contract_description: Option<String>,
}

/// How a column of the table is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presented {
    AsIs,
    /// Text that is parsed as JSON.
    Json,
    /// The local time of an instant.
    LocalTime,
}

/// One line of the view's SELECT list.
struct Shown {
    name: String,
    line: String,
    presented: Presented,
}

impl<'a> KnownColumn<'a> {
    fn new(
        live: &'a LiveColumn,
        class: Class<'a>,
        rows: Option<&'a TableRows>,
        contract: Option<&'a TableContract>,
    ) -> Self {
        let all = rows.and_then(|rows| rows.columns.as_ref()).into_iter().flatten();
        let mut found = all.filter(|(source, rows)| is_same(rows.name(source), &live.name));
        let (source, rows) = match (found.next(), found.next()) {
            (Some((source, rows)), None) => (Some(source), Some(rows)),
            _ => (None, None),
        };
        let named = contract.and_then(|contract| {
            let key = rows.and_then(|rows| rows.contract_key.as_ref());
            contract.columns.get(source?).or_else(|| contract.columns.get(key?))
        });
        let contract_description = named.and_then(ColumnContract::shown_description);
        Self { live, class, rows, contract, contract_description }
    }

    /// The lines of the view for this column. `taken` are the names in use, in lower case.
    fn shown(&self, zone: &str, taken: &mut BTreeSet<String>) -> Vec<Shown> {
        let name = &self.live.name;
        let column = format!("{TABLE}.{}", quoted(name));
        if self.is_json() {
            // `round`: a number of more digits than FLOAT64 has would otherwise make the whole
            // document NULL (GoogleSQL reference, PARSE_JSON).
            let line = format!(
                "SAFE.PARSE_JSON({column}, wide_number_mode => 'round') AS {}",
                quoted(name)
            );
            return vec![Shown { name: name.clone(), line, presented: Presented::Json }];
        }
        let mut shown =
            vec![Shown { name: name.clone(), line: column.clone(), presented: Presented::AsIs }];
        if self.has_local_time()
            && let Some(local) = free_name(&format!("{name}_local"), taken)
        {
            // SAFE also without a class: the local time of 9999-12-31 23:00 in UTC can lie after
            // the last DATETIME.
            let line = format!("SAFE.DATETIME({column}, {}) AS {}", text(zone), quoted(&local));
            shown.push(Shown { name: local, line, presented: Presented::LocalTime });
        }
        shown
    }

    fn is_single(&self) -> bool {
        self.live.mode != "REPEATED"
    }

    fn is_json(&self) -> bool {
        let is_json = |rows: &ColumnRows| {
            matches!(rows.source.to_ascii_lowercase().as_str(), "json" | "jsonb")
                && rows.transform.is_none()
        };
        self.is_single() && self.live.ty == "STRING" && self.rows.is_some_and(is_json)
    }

    fn has_local_time(&self) -> bool {
        let year_only = matches!(self.class, Class::Named(_, Mask::DateYearMask));
        self.is_single() && self.live.ty == "TIMESTAMP" && !year_only
    }

    fn is_token(&self) -> bool {
        self.rows.is_some_and(|rows| rows.transform == Some(Transform::Tokenise))
    }
}

/// `name`, or `name` with a number; `None` if BigQuery takes no such name. Claims it.
fn free_name(name: &str, taken: &mut BTreeSet<String>) -> Option<String> {
    let numbered = (2..100).map(|number| format!("{name}_{number}"));
    let free = std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|it| !taken.contains(&it.to_lowercase()))?;
    crate::names::check_column(&free, crate::names::ColumnNames::Flexible).ok()?;
    taken.insert(free.to_lowercase());
    Some(free)
}

/// An identifier or path in backticks. (GoogleSQL reference, "Quoted identifiers": the escapes are
/// the same as in string literals.)
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// A string literal.
fn text(value: &str) -> String {
    let mut literal = String::from("'");
    for c in value.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\'' => literal.push_str("\\'"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}
