//! Who sees what of each column by one contract and configuration, and by another.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Serialize, Serializer};

use super::{ColumnContract, Contract, TableContract, Transform};
use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED, ClassConfig, Config, Mask};
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
    /// Whether everyone may read it whatever its values look like.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// The existing policy tag that the class names. Its readers and its mask are not in the files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_tag: Option<String>,
}

/// A column whose rule differs, or that other people may read.
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
    /// Whether the rule is the same for all who read the dataset before and after, and members are readers of the dataset by
    /// one configuration alone.
    pub by_dataset: bool,
    /// Who sees more, by one contract with the other configuration, than by both contracts with their own: Terraform changes
    /// the readers of a class before or after the functions change the tag of the column.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub meanwhile: Vec<SightChange>,
    /// Whom the contract names as owners and consumers of the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concerns: Option<String>,
    /// Whether the change waits for rows of the next load, because it is made before they leave AWS.
    pub with_next_load: bool,
    /// Whether it opens only if the values do not look personal: text of class `none` without a pin, which was closed
    /// or pinned before.
    pub if_harmless: bool,
    /// Whether it opens if its values had looked personal: class `none` was pinned.
    pub if_closed: bool,
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
            pinned: named.is_some_and(|it| it.pinned && it.class == CLASS_NONE),
            policy_tag: self.config.class(class).and_then(|it| it.policy_tag),
        }
    }

    /// The members that the class of a column names.
    fn members(&self, rule: &Rule) -> BTreeSet<String> {
        self.config.class(&rule.class).map(members).unwrap_or_default()
    }

    /// The readers of the dataset, as Terraform's module gcp takes them from the file unless its variable `dataset_readers`
    /// names others: all members of all classes (`members` in locals.tf).
    fn dataset_readers(&self) -> BTreeSet<String> {
        self.config.pii.all().into_values().flat_map(members).collect()
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

/// All members that a class names.
fn members(class: ClassConfig) -> BTreeSet<String> {
    class.readers.into_iter().chain(class.masked_readers).collect()
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
    let (read, reads) = (before.dataset_readers(), after.dataset_readers());
    let sides = Sides {
        before,
        after,
        left: read.difference(&reads).cloned().collect(),
        joined: reads.difference(&read).cloned().collect(),
    };
    let changes = all.iter().filter_map(|(table, column)| sides.change(table, column));
    let mut changes: Vec<ColumnChange> = changes.collect();
    changes.sort_by_key(|it| it.direction);
    changes
}

/// What is compared.
struct Sides<'a> {
    before: Side<'a>,
    after: Side<'a>,
    /// Members who are readers of the dataset by the first configuration alone.
    left: BTreeSet<String>,
    /// Members who are readers of the dataset by the second configuration alone.
    joined: BTreeSet<String>,
}

impl Sides<'_> {
    fn was(&self, table: &str, column: &str, member: Option<&str>) -> Sight {
        match member {
            Some(member) if self.joined.contains(member) => Sight::Nothing,
            _ => self.before.sight(table, column, member),
        }
    }

    fn is(&self, table: &str, column: &str, member: Option<&str>) -> Sight {
        match member {
            Some(member) if self.left.contains(member) => Sight::Nothing,
            _ => self.after.sight(table, column, member),
        }
    }

    /// The most that a member sees while one file is in force and the other is not yet. Tags follow the contract,
    /// readers and masks the configuration, and what leaves AWS changes with the next load.
    fn between(&self, table: &str, column: &str, member: Option<&str>) -> Sight {
        let Self { before, after, .. } = self;
        let early = Side { contract: before.contract, config: after.config };
        let late = Side { contract: after.contract, config: before.config };
        early.sight(table, column, member).max(late.sight(table, column, member))
    }

    fn change(&self, table: &str, column: &str) -> Option<ColumnChange> {
        let Self { before, after, left, joined } = self;
        let (old, new) = (before.rule(table, column), after.rule(table, column));
        let mut members = before.members(&old);
        members.extend(after.members(&new));
        members.extend(left.iter().chain(joined).cloned());
        let (mut sights, mut meanwhile) = (Vec::new(), Vec::new());
        for member in members.iter().map(|it| Some(it.as_str())).chain([None]) {
            let (was, is) = (self.was(table, column, member), self.is(table, column, member));
            if was != is {
                add(&mut sights, member, was, is);
            }
            let between = self.between(table, column, member);
            // A transform changes with the next load, and the class that fits the rows is kept until then.
            if old.transform == new.transform && between > was.max(is) {
                add(&mut meanwhile, member, was, between);
            }
        }
        if sights.is_empty() && old == new {
            return None;
        }
        let if_closed =
            before.is_judged(table, column) && new.pinned && old.transform == new.transform;
        let may_open = !meanwhile.is_empty() || old.policy_tag != new.policy_tag || if_closed;
        let is_of_dataset = |it: &SightChange| {
            !it.members.is_empty()
                && it.members.iter().all(|it| left.contains(it) || joined.contains(it))
        };
        Some(ColumnChange {
            table: table.to_owned(),
            column: column.to_owned(),
            direction: direction(&sights, may_open),
            concerns: after.concerns(table).or_else(|| before.concerns(table)),
            with_next_load: old.transform != new.transform,
            if_harmless: after.is_judged(table, column) && !before.is_judged(table, column),
            if_closed,
            by_dataset: old == new && sights.iter().all(is_of_dataset),
            before: old,
            after: new,
            sights,
            meanwhile,
        })
    }
}

/// Adds what a member sees; members who see the same are one entry.
fn add(sights: &mut Vec<SightChange>, member: Option<&str>, before: Sight, after: Sight) {
    let alike = |it: &&mut SightChange| {
        it.before == before && it.after == after && !it.members.is_empty() && member.is_some()
    };
    match (sights.iter_mut().find(alike), member) {
        (Some(found), Some(member)) => found.members.push(member.to_owned()),
        (_, member) => {
            let members = member.map(str::to_owned).into_iter().collect();
            sights.push(SightChange { members, before, after });
        }
    }
}

/// `not_known`: somewhere more may be seen than `sights` say.
fn direction(sights: &[SightChange], not_known: bool) -> Direction {
    // One mask need not show less than another.
    let opens = |it: &SightChange| {
        it.after > it.before
            || matches!((it.before, it.after), (Sight::Masked(_), Sight::Masked(_)))
    };
    match sights {
        _ if not_known => Direction::Opens,
        [] => Direction::Same,
        all if all.iter().any(opens) => Direction::Opens,
        _ => Direction::Closes,
    }
}
