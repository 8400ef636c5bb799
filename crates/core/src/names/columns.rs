//! The BigQuery names of all columns of a source table, and the entry of the contract that
//! describes each.
//!
//! BigQuery ignores the letter case of column names, so two source columns can want one name. The
//! one that has landed under it keeps it; the newcomer gets another. The result of one day is the
//! input of the next, and equal inputs give equal names.

use std::collections::{BTreeMap, BTreeSet};

use super::{ColumnNames, column_name, column_with_suffix, folded, is_same};
use crate::contract::{TableContract, Transform};

/// What the columns of a source table were called when they landed, by source column.
pub type LandedColumns = BTreeMap<String, LandedColumn>;

/// What a source column was called when it landed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LandedColumn {
    /// Its BigQuery name.
    pub name: String,
    /// The key of its entry in the contract, if it had one.
    pub key: Option<String>,
}

/// The BigQuery name of a source column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedColumn {
    /// The name.
    pub name: String,
    /// The key of the column's entry in the contract. It differs from the source column in letter
    /// case only.
    pub key: Option<String>,
}

/// Names the columns of a table, in their order.
///
/// `landed` is what they were called on the newest day that landed; `is_one` whether the source ignores
/// letter case, as MySQL does.
pub fn name_columns(
    columns: &[&str],
    contract: Option<&TableContract>,
    landed: &LandedColumns,
    style: ColumnNames,
    is_one: bool,
) -> Vec<NamedColumn> {
    let keys = contract_keys(columns, contract, landed, is_one);
    let named = |key: &Option<String>| contract?.columns.get(key.as_ref()?);
    let wishes: Vec<Wish<'_>> = columns
        .iter()
        .zip(&keys)
        .map(|(source, key)| {
            let entry = named(key);
            Wish {
                source,
                explicit: entry.is_some_and(|entry| entry.name.is_some()),
                exact: key.as_deref() == Some(*source),
                dropped: entry.is_some_and(|it| it.transform == Some(Transform::Drop)),
                landed: landed.get(*source).map(|landed| landed.name.as_str()),
                base: match entry.and_then(|entry| entry.name.as_deref()) {
                    Some(name) => column_name(name, style),
                    None => column_name(key.as_deref().unwrap_or(source), style),
                },
            }
        })
        .collect();
    let names = names(&wishes);
    names.into_iter().zip(keys).map(|(name, key)| NamedColumn { name, key }).collect()
}

/// The entry of the contract for each column: the one with its exact name, otherwise the only one
/// that differs in letter case alone. In PostgreSQL, `Phone` and `phone` can be two columns: there,
/// `Phone` is the `phone` of the contract only if it was renamed, that is, if `phone` has landed and
/// `Phone` has not, and `phone` is gone.
fn contract_keys(
    columns: &[&str],
    contract: Option<&TableContract>,
    landed: &LandedColumns,
    is_one: bool,
) -> Vec<Option<String>> {
    let Some(contract) = contract else { return vec![None; columns.len()] };
    let in_source: BTreeSet<&str> = columns.iter().copied().collect();
    let is_exact = |column: &str| contract.columns.contains_key(column);
    let of_column = |column: &&str| -> Option<String> {
        if is_exact(column) {
            return Some((*column).to_owned());
        }
        let free = |key: &&String| !in_source.contains(key.as_str());
        if let Some(landed) = landed.get(*column).filter(|_| !is_one) {
            let key = landed.key.as_ref().filter(|key| is_exact(key));
            return key.filter(free).cloned();
        }
        let alike = |other: &&&str| is_same(other, column) && !is_exact(other);
        let mut keys = contract.columns.keys().filter(|key| is_same(key, column) && free(key));
        let only = keys.next().filter(|_| keys.next().is_none());
        let only = only.filter(|key| is_one || landed.contains_key(*key));
        only.filter(|_| columns.iter().filter(alike).count() == 1).cloned()
    };
    columns.iter().map(of_column).collect()
}

/// The name that a column would have if no other column wanted it.
struct Wish<'a> {
    source: &'a str,
    base: String,
    /// Whether contract.yaml sets it.
    explicit: bool,
    /// Whether the contract has an entry with the column's exact name.
    exact: bool,
    /// A dropped column is in no file and takes no name.
    dropped: bool,
    landed: Option<&'a str>,
}

impl Wish<'_> {
    /// The name for a column that does not get its own.
    fn second(&self) -> String {
        column_with_suffix(&self.base, self.source)
    }

    /// Who gets a name that several want: the smallest.
    fn rank(&self) -> (bool, bool, bool, bool, &str) {
        let has_landed = self.landed.is_some_and(|landed| is_same(landed, &self.base));
        let lower = self.source == folded(self.source);
        (!has_landed, !self.explicit, !self.exact, !lower, self.source)
    }
}

fn names(wishes: &[Wish<'_>]) -> Vec<String> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by(|a, b| wishes[*a].rank().cmp(&wishes[*b].rank()));
    let mut names: Vec<String> = wishes.iter().map(|wish| wish.base.clone()).collect();
    let mut taken = BTreeSet::new();
    for at in order {
        let wish = &wishes[at];
        if wish.dropped {
            continue;
        }
        // The name of a live column is not changed, so its spelling stays.
        let spelt = wish.landed.filter(|landed| !wish.explicit && is_same(landed, &wish.base));
        let first = spelt.map_or_else(|| wish.base.clone(), str::to_owned);
        let second = wish.second();
        let stays = !wish.explicit && wish.landed == Some(second.as_str());
        let choices = if stays { vec![second, first] } else { vec![first, second] };
        // The last resort: a column that is called like the hash of another one.
        let third = column_with_suffix(&wish.second(), &wish.base);
        let free = choices.into_iter().find(|name| !taken.contains(&folded(name)));
        names[at] = free.unwrap_or(third);
        taken.insert(folded(&names[at]));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ColumnContract;

    fn contract(entries: &[(&str, Option<&str>)]) -> TableContract {
        let text = |name: Option<&str>| -> ColumnContract {
            let json = serde_json::json!({"source": "text", "type": "STRING", "class": "none", "name": name});
            serde_json::from_value(json).unwrap()
        };
        let columns = entries.iter().map(|(key, name)| ((*key).to_owned(), text(*name)));
        TableContract { columns: columns.collect(), ..TableContract::default() }
    }

    fn landed(columns: &[(&str, &str, Option<&str>)]) -> LandedColumns {
        let column = |(source, name, key): &(&str, &str, Option<&str>)| {
            let key = key.map(str::to_owned);
            ((*source).to_owned(), LandedColumn { name: (*name).to_owned(), key })
        };
        columns.iter().map(column).collect()
    }

    /// `source→name(key)` of each column.
    fn named(columns: &[&str], contract: Option<&TableContract>, landed: &LandedColumns) -> String {
        let named = name_columns(columns, contract, landed, ColumnNames::Flexible, false);
        let landed_again: LandedColumns = columns
            .iter()
            .zip(&named)
            .map(|(source, it)| {
                ((*source).to_owned(), LandedColumn { name: it.name.clone(), key: it.key.clone() })
            })
            .collect();
        let again = name_columns(columns, contract, &landed_again, ColumnNames::Flexible, false);
        assert_eq!(again, named, "stable");
        let shown = columns.iter().zip(named).map(|(source, it)| {
            format!("{source}→{}({})", it.name, it.key.as_deref().unwrap_or("-"))
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn two_columns_that_differ_in_letter_case_both_land() {
        let none = LandedColumns::new();
        assert_eq!(
            named(&["Phone", "phone"], None, &none),
            "Phone→Phone_63dceb88(-) phone→phone(-)"
        );
        let only_upper = contract(&[("Phone", None)]);
        assert_eq!(
            named(&["Phone", "phone"], Some(&only_upper), &none),
            "Phone→Phone(Phone) phone→phone_45569da5(-)"
        );
        // The one that has landed keeps the name, whatever else speaks for the other.
        let upper_landed = landed(&[("Phone", "Phone", None)]);
        assert_eq!(
            named(&["Phone", "phone"], None, &upper_landed),
            "Phone→Phone(-) phone→phone_45569da5(-)"
        );
    }

    #[test]
    fn a_newcomer_that_got_another_name_keeps_it() {
        let both = landed(&[("Phone", "Phone_63dceb88", None), ("phone", "phone", None)]);
        assert_eq!(named(&["Phone"], None, &both), "Phone→Phone_63dceb88(-)");
    }

    #[test]
    fn a_column_renamed_in_letter_case_is_the_column_of_the_contract() {
        let lower = contract(&[("phone", None)]);
        let before = landed(&[("phone", "phone", Some("phone"))]);
        assert_eq!(named(&["Phone"], Some(&lower), &before), "Phone→phone(phone)");
        // Without a former day, PostgreSQL's `Phone` could be any column; MySQL's is `phone`.
        let none = LandedColumns::new();
        assert_eq!(named(&["Phone"], Some(&lower), &none), "Phone→Phone(-)");
        let mysql = name_columns(&["Phone"], Some(&lower), &none, ColumnNames::Flexible, true);
        assert_eq!(mysql[0].key.as_deref(), Some("phone"));
        let plain = contract(&[("phone", Some("tel"))]);
        assert_eq!(named(&["PHONE"], Some(&plain), &before), "PHONE→tel(phone)");
    }

    /// Otherwise a new column would be as open as the one that is gone.
    #[test]
    fn an_entry_of_a_column_that_is_gone_describes_no_other_column() {
        let gone = contract(&[("gone", None)]);
        let before = landed(&[("gone", "gone", Some("gone"))]);
        assert_eq!(named(&["new"], Some(&gone), &before), "new→new(-)");
        let mysql = name_columns(&["new"], Some(&gone), &before, ColumnNames::Flexible, true);
        assert_eq!(mysql[0].key, None);
    }

    #[test]
    fn other_columns_do_not_hide_that_one_was_renamed_in_letter_case() {
        let lower = contract(&[("phone", None), ("PHONE", Some("other_phone"))]);
        let before = landed(&[("phone", "phone", Some("phone"))]);
        assert_eq!(
            named(&["Phone", "PHONE", "more"], Some(&lower), &before),
            "Phone→phone(phone) PHONE→other_phone(PHONE) more→more(-)"
        );
    }

    #[test]
    fn an_entry_never_describes_a_second_column() {
        let lower = contract(&[("phone", None)]);
        let none = LandedColumns::new();
        // Two columns that the entry could mean; one of them is meant exactly.
        assert_eq!(
            named(&["Phone", "PHONE"], Some(&lower), &none),
            "Phone→Phone_63dceb88(-) PHONE→PHONE(-)"
        );
        assert_eq!(
            named(&["Phone", "phone"], Some(&lower), &none),
            "Phone→Phone_63dceb88(-) phone→phone(phone)"
        );
        // `Phone` landed beside `phone`. When `phone` is gone, `Phone` is not it.
        let both = landed(&[("Phone", "Phone_63dceb88", None), ("phone", "phone", Some("phone"))]);
        assert_eq!(named(&["Phone"], Some(&lower), &both), "Phone→Phone_63dceb88(-)");
        let later = landed(&[("Phone", "Phone_63dceb88", None)]);
        assert_eq!(named(&["Phone"], Some(&lower), &later), "Phone→Phone_63dceb88(-)");
        // A newcomer takes the entry that names it, and leaves the name.
        let renamed = landed(&[("Phone", "phone", Some("phone"))]);
        assert_eq!(
            named(&["Phone", "phone"], Some(&lower), &renamed),
            "Phone→phone(-) phone→phone_45569da5(phone)"
        );
    }

    #[test]
    fn a_name_of_the_contract_is_spelt_as_there() {
        let upper = contract(&[("a", Some("B"))]);
        let before = landed(&[("a", "b", Some("a"))]);
        assert_eq!(named(&["a"], Some(&upper), &before), "a→B(a)");
        // A name that the contract no longer sets is given up.
        assert_eq!(named(&["a"], Some(&contract(&[("a", None)])), &before), "a→a(a)");
    }

    #[test]
    fn a_landed_column_keeps_its_name_and_a_dropped_column_takes_none() {
        let set = contract(&[("a", Some("b")), ("b", None)]);
        let before = landed(&[("b", "b", Some("b"))]);
        assert_eq!(named(&["a", "b"], Some(&set), &before), "a→b_ca978112(a) b→b(b)");
        let none = LandedColumns::new();
        assert_eq!(named(&["a", "b"], Some(&set), &none), "a→b(a) b→b_3e23e816(b)");
        let mut dropped = contract(&[("값(원)", None), ("값_원", None)]);
        let entry = dropped.columns.get_mut("값(원)").unwrap();
        entry.transform = Some(Transform::Drop);
        assert_eq!(
            named(&["값(원)", "값_원"], Some(&dropped), &LandedColumns::new()),
            "값(원)→값_원(값(원)) 값_원→값_원(값_원)"
        );
    }
}
