//! The BigQuery names of all tables of a source. The table that has landed under a name keeps it; a
//! newcomer that wants it gets another.
//!
//! BigQuery distinguishes table names by letter case, unless the dataset has the option
//! `is_case_insensitive` (Google's documentation, "Table naming"). Two names that differ in letter
//! case only are treated as one here, so that they stay two tables in every dataset.

use std::collections::{BTreeMap, BTreeSet};

use super::{earlier_table_name, folded, is_same, table_name, table_with_suffix};
use crate::calendar::Day;
use crate::contract::Contract;
use crate::plan::objects::SourceTable;

/// The source table whose rows each BigQuery table has, with the day of the rows.
pub type LandedTables = BTreeMap<String, LandedTable>;

/// The source table whose rows a BigQuery table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandedTable {
    /// `schema.table`.
    pub source_table: String,
    /// The day of the rows.
    pub day: Option<Day>,
}

/// The BigQuery name of a source table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedTable {
    /// The BigQuery table.
    pub table: String,
    /// The BigQuery table if the contract sets no other.
    pub default_table: String,
    /// The name that the table wanted, if another table has it.
    pub wanted: Option<String>,
}

/// Names the tables of a source, in their order. `tables` are all tables of the export, also those
/// that are not loaded today: they keep their names.
pub fn name_tables(
    tables: &[&SourceTable],
    contract: &Contract,
    landed: &LandedTables,
) -> Vec<NamedTable> {
    let mut names_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, table) in landed {
        names_of.entry(&table.source_table).or_default().push(name);
    }
    let names_of = |table: &str| names_of.get(table).map_or(&[][..], Vec::as_slice);
    let wishes: Vec<Wish<'_>> = tables
        .iter()
        .map(|table| Wish::new(table, contract, landed, names_of(&table.name)))
        .collect();
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|a, b| wishes[*a].rank().cmp(&wishes[*b].rank()));
    let mut taken = BTreeSet::new();
    let mut names: Vec<Option<NamedTable>> = vec![None; wishes.len()];
    for at in order {
        let wish = &wishes[at];
        let second = table_with_suffix(&wish.base, wish.source_table);
        let third = table_with_suffix(&second, &wish.base);
        let choices = [wish.base.clone(), second];
        let free = choices.into_iter().find(|name| !taken.contains(&folded(name)));
        let table = free.unwrap_or(third);
        taken.insert(folded(&table));
        names[at] = Some(NamedTable {
            default_table: match wish.explicit {
                true => wish.default.clone(),
                false => table.clone(),
            },
            wanted: (table != wish.base).then(|| wish.base.clone()),
            table,
        });
    }
    names.into_iter().flatten().collect()
}

/// The name that a table would have if no other table wanted it.
struct Wish<'a> {
    source_table: &'a str,
    base: String,
    default: String,
    /// Whether contract.yaml sets it.
    explicit: bool,
    /// Whether the BigQuery table has this source table's rows.
    has_landed: bool,
    /// Whether the contract contains the source table.
    declared: bool,
}

impl<'a> Wish<'a> {
    /// `names` are the BigQuery tables with this source table's rows.
    fn new(
        table: &'a SourceTable,
        contract: &Contract,
        landed: &LandedTables,
        names: &[&str],
    ) -> Self {
        let SourceTable { database, name: source_table } = table;
        let (schema, name) = source_table.split_once('.').unwrap_or((source_table, ""));
        let entry = contract.tables.get(source_table);
        let default = table_name(database, schema, name);
        let explicit = entry.and_then(|entry| entry.table.clone());
        let is_own =
            |table: &str| landed.get(table).filter(|landed| landed.source_table == *source_table);
        let base = explicit.clone().unwrap_or_else(|| {
            let earlier = earlier_table_name(database, schema, name);
            let mut own = Vec::new();
            for candidate in [&default, &earlier] {
                for name in [candidate.clone(), table_with_suffix(candidate, source_table)] {
                    own.extend(is_own(&name).map(|landed| (landed.day, name)));
                }
            }
            // The newest one, the first of equal ones.
            let newest = own.iter().map(|(day, _)| *day).max();
            let own = own.into_iter().find(|(day, _)| Some(*day) == newest);
            own.map_or_else(|| default.clone(), |(_, name)| name)
        });
        Self {
            source_table,
            has_landed: names.iter().any(|name| is_same(name, &base)),
            base,
            default,
            explicit: explicit.is_some(),
            declared: entry.is_some(),
        }
    }

    /// Who gets a name that several want: the smallest.
    fn rank(&self) -> (bool, bool, bool, bool, &str) {
        let lower = self.source_table == folded(self.source_table);
        (!self.has_landed, !self.explicit, !self.declared, !lower, self.source_table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Others;
    use crate::contract::TableContract;

    fn landed(tables: &[(&str, &str, &str)]) -> LandedTables {
        let table = |(table, source_table, day): &(&str, &str, &str)| {
            let landed = LandedTable {
                source_table: (*source_table).to_owned(),
                day: Some(day.parse().unwrap()),
            };
            ((*table).to_owned(), landed)
        };
        tables.iter().map(table).collect()
    }

    fn contract(tables: &[(&str, Option<&str>)]) -> Contract {
        let entry = |(name, table): &(&str, Option<&str>)| {
            let entry =
                TableContract { table: table.map(str::to_owned), ..TableContract::default() };
            ((*name).to_owned(), entry)
        };
        Contract {
            version: 1,
            others: Others::Unclassified,
            tables: tables.iter().map(entry).collect(),
        }
    }

    /// `source table→table` of each table.
    fn named(tables: &[&str], contract: &Contract, landed: &LandedTables) -> String {
        let source = |name: &&str| SourceTable { database: "shop".into(), name: (*name).into() };
        let tables: Vec<SourceTable> = tables.iter().map(source).collect();
        let tables: Vec<&SourceTable> = tables.iter().collect();
        let named = name_tables(&tables, contract, landed);
        let shown = tables.iter().zip(named);
        let shown = shown.map(|(source, it)| {
            let name = source.name.strip_prefix("public.").unwrap_or(&source.name);
            let wanted = it.wanted.map(|wanted| format!("≠{wanted}")).unwrap_or_default();
            format!("{name}→{}{wanted}", it.table)
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tables_land_under_their_own_names() {
        let empty = contract(&[]);
        let none = LandedTables::new();
        assert_eq!(
            named(&["public.고객", "public.주문", "sales.orders"], &empty, &none),
            "고객→고객 주문→주문 sales.orders→sales__orders"
        );
    }

    #[test]
    fn a_newcomer_never_takes_the_name_of_a_table_that_has_landed() {
        let empty = contract(&[]);
        let tables = ["public.Customers", "public.customers"];
        let upper = landed(&[("Customers", "public.Customers", "2026-11-21")]);
        assert_eq!(
            named(&tables, &empty, &upper),
            "Customers→Customers customers→customers_dfb56e0b≠customers"
        );
        // Nothing has landed: the contract decides, then lower case.
        let none = LandedTables::new();
        assert_eq!(
            named(&tables, &empty, &none),
            "Customers→Customers_0a768592≠Customers customers→customers"
        );
        let declared = contract(&[("public.Customers", None)]);
        assert_eq!(
            named(&tables, &declared, &none),
            "Customers→Customers customers→customers_dfb56e0b≠customers"
        );
        // Also not with `table:`.
        let set = contract(&[("public.people", Some("customers"))]);
        let lower = landed(&[
            ("customers", "public.customers", "2026-11-21"),
            ("orders", "public.orders", "2026-11-21"),
        ]);
        assert_eq!(
            named(&["public.customers", "public.people"], &set, &lower),
            "customers→customers people→customers_8ac4f21f≠customers"
        );
    }

    #[test]
    fn a_name_that_the_contract_sets_is_before_one_that_it_only_contains() {
        let set = contract(&[("public.customers", None), ("public.people", Some("customers"))]);
        let none = LandedTables::new();
        assert_eq!(
            named(&["public.customers", "public.people"], &set, &none),
            "customers→customers_dfb56e0b≠customers people→customers"
        );
        // The rows of a table belong to its entry whatever the entry sets later.
        let source = |name: &str| SourceTable { database: "shop".into(), name: name.into() };
        let tables = ["public.customers", "public.people"].map(source);
        let named = name_tables(&[&tables[0], &tables[1]], &set, &none);
        let defaults: Vec<&str> = named.iter().map(|it| it.default_table.as_str()).collect();
        assert_eq!(defaults, ["customers_dfb56e0b", "people"]);
    }

    #[test]
    fn a_table_keeps_the_name_under_which_it_has_landed() {
        let empty = contract(&[]);
        // One of an earlier version, and one that was given because of another table.
        let before = landed(&[
            ("Order_Lines", "public.Order-Lines", "2026-11-21"),
            ("customers_dfb56e0b", "public.customers", "2026-11-21"),
        ]);
        assert_eq!(
            named(&["public.Order-Lines", "public.customers"], &empty, &before),
            "Order-Lines→Order_Lines customers→customers_dfb56e0b"
        );
        // `__` was the name of every Korean table of two letters.
        let korean = landed(&[("__", "public.고객", "2026-11-21")]);
        assert_eq!(named(&["public.고객", "public.주문"], &empty, &korean), "고객→__ 주문→주문");
        let set = contract(&[("public.고객", Some("고객"))]);
        assert_eq!(named(&["public.고객"], &set, &korean), "고객→고객");
        // The newest day counts.
        let moved = landed(&[
            ("Order_Lines", "public.Order-Lines", "2026-11-21"),
            ("Order-Lines", "public.Order-Lines", "2026-11-22"),
        ]);
        assert_eq!(named(&["public.Order-Lines"], &empty, &moved), "Order-Lines→Order-Lines");
    }
}
