//! Who sees what of each column by one contract and configuration, and by another.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use super::{ColumnContract, Contract, TableContract, Transform};
use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED, Config, Mask};
use crate::types::BigQueryType;

/// What a reader of the dataset sees of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// No value: refused, NULL, or a constant.
    Nothing,
    /// What a mask leaves of the values, or of their tokens.
    Masked(Mask),
    /// Tokens.
    Token,
    /// The values.
    Plain,
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Masked(mask) => write!(f, "masked ({mask})"),
            Self::Token => f.write_str("tokens"),
            Self::Plain => f.write_str("plain values"),
        }
    }
}

impl Serialize for Sight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether readers see more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// A reader sees more, or something else of which it is not certain that it is less.
    Opens,
    /// A reader sees less, and no reader sees more.
    Closes,
    /// All readers see the same, and the contract says it in another way.
    Same,
}

/// Whom a change concerns: members of an IAM policy, or all other readers of the dataset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SightChange {
    /// The members; empty for all other readers of the dataset.
    pub members: Vec<String>,
    /// What they see by the first contract.
    pub before: Sight,
    /// What they see by the second.
    pub after: Sight,
}

/// The properties of a column that decide who sees what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The class; `unclassified` for a column that the contract does not name.
    pub class: String,
    /// The mask of the class; `None` for class `none`.
    pub mask: Option<&'static str>,
    /// What the transfer does before the data leaves AWS.
    pub transform: Option<&'static str>,
    /// Whether the contract names the column.
    pub named: bool,
}

/// A column whose rule differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnChange {
    /// The table, as the contract names it.
    pub table: String,
    /// The column.
    pub column: String,
    /// Whether a reader sees more.
    pub direction: Direction,
    /// The rule of the first contract.
    pub before: Rule,
    /// The rule of the second.
    pub after: Rule,
    /// Who sees something else.
    pub sights: Vec<SightChange>,
    /// Whom the contract names as owners and consumers of the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concerns: Option<String>,
    /// Whether the change waits for rows of the next load, because it is made before they leave AWS.
    pub with_next_load: bool,
    /// Whether it opens only if the values do not look personal: text of class `none` without a pin, which was closed
    /// or pinned before.
    pub if_harmless: bool,
}

/// A contract with its configuration.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// The configuration.
    pub config: &'a Config,
}

impl Side<'_> {
    fn column(&self, table: &str, column: &str) -> Option<&ColumnContract> {
        self.contract.tables.get(table)?.columns.get(column)
    }

    /// Whether a sample of the values decides whether everyone may read the column.
    fn is_judged(&self, table: &str, column: &str) -> bool {
        self.column(table, column).is_some_and(|it| {
            let is_text = matches!(it.bigquery_type, BigQueryType::String | BigQueryType::Json);
            it.is_judged_again() && (is_text || it.may_stay_text())
        })
    }

    fn concerns(&self, table: &str) -> Option<String> {
        self.contract.tables.get(table)?.concerns()
    }

    fn rule(&self, table: &str, column: &str) -> Rule {
        let named = self.column(table, column);
        let class = named.map_or(CLASS_UNCLASSIFIED, |it| it.class.as_str());
        Rule {
            class: class.to_owned(),
            mask: self.config.class(class).map(|it| it.mask.as_str()),
            transform: named.and_then(|it| it.transform).map(Transform::name),
            named: named.is_some(),
        }
    }

    /// The members that the class of a column names.
    fn members(&self, rule: &Rule) -> BTreeSet<String> {
        let class = self.config.class(&rule.class);
        class.into_iter().flat_map(|it| it.readers.into_iter().chain(it.masked_readers)).collect()
    }

    /// What a member sees of a column; `None`: a reader of the dataset whom no class names.
    fn sight(&self, table: &str, column: &str, member: Option<&str>) -> Sight {
        let named = self.column(table, column);
        let transform = named.and_then(|it| it.transform);
        let value = match transform {
            Some(Transform::Drop | Transform::SetNull) => return Sight::Nothing,
            Some(Transform::Tokenise) => Sight::Token,
            None => Sight::Plain,
        };
        let class = named.map_or(CLASS_UNCLASSIFIED, |it| it.class.as_str());
        if class == CLASS_NONE {
            return value;
        }
        let Some(class) = self.config.class(class) else { return Sight::Nothing };
        let is_in = |members: &[String]| member.is_some_and(|it| members.iter().any(|of| of == it));
        if is_in(&class.readers) {
            return value;
        }
        match class.mask {
            Mask::AlwaysNull | Mask::DefaultMaskingValue => Sight::Nothing,
            mask if is_in(&class.masked_readers) => Sight::Masked(mask),
            _ => Sight::Nothing,
        }
    }
}

/// The columns of which a reader sees something else by `after` than by `before`, or whose rule
/// differs; those that open first, then in the order of tables and columns. A member is compared by
/// name: who is in a group is not known here.
pub fn compare(before: Side<'_>, after: Side<'_>) -> Vec<ColumnChange> {
    let names = |side: Side<'_>| -> BTreeSet<(String, String)> {
        let columns = |(table, entry): (&String, &TableContract)| {
            let of_table = |column: &String| (table.clone(), column.clone());
            entry.columns.keys().map(of_table).collect::<Vec<_>>()
        };
        side.contract.tables.iter().flat_map(columns).collect()
    };
    let all = names(before).into_iter().chain(names(after)).collect::<BTreeSet<_>>();
    let changes = all.iter().filter_map(|(table, column)| change(before, after, table, column));
    let mut changes: Vec<ColumnChange> = changes.collect();
    changes.sort_by_key(|it| it.direction);
    changes
}

fn change(before: Side<'_>, after: Side<'_>, table: &str, column: &str) -> Option<ColumnChange> {
    let (old, new) = (before.rule(table, column), after.rule(table, column));
    let members: BTreeSet<String> =
        before.members(&old).into_iter().chain(after.members(&new)).collect();
    let all_readers = members.iter().map(|it| Some(it.as_str())).chain([None]);
    let mut sights: Vec<SightChange> = Vec::new();
    for member in all_readers {
        let (was, is) = (before.sight(table, column, member), after.sight(table, column, member));
        if was == is {
            continue;
        }
        let alike = |it: &&mut SightChange| {
            it.before == was && it.after == is && !it.members.is_empty() && member.is_some()
        };
        match (sights.iter_mut().find(alike), member) {
            (Some(found), Some(member)) => found.members.push(member.to_owned()),
            (_, member) => sights.push(SightChange {
                members: member.map(str::to_owned).into_iter().collect(),
                before: was,
                after: is,
            }),
        }
    }
    if sights.is_empty() && old == new {
        return None;
    }
    // One mask need not show less than another.
    let opens = |it: &SightChange| {
        it.after > it.before
            || matches!((it.before, it.after), (Sight::Masked(_), Sight::Masked(_)))
    };
    let direction = match sights.as_slice() {
        [] => Direction::Same,
        all if all.iter().any(opens) => Direction::Opens,
        _ => Direction::Closes,
    };
    Some(ColumnChange {
        table: table.to_owned(),
        column: column.to_owned(),
        direction,
        concerns: after.concerns(table).or_else(|| before.concerns(table)),
        with_next_load: old.transform != new.transform,
        if_harmless: after.is_judged(table, column) && !before.is_judged(table, column),
        before: old,
        after: new,
        sights,
    })
}
