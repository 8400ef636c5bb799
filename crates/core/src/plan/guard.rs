//! What holds a table before any of its objects leaves AWS: a column that the contract treats
//! specially is missing, or `others: hold` of the contract applies.

use std::collections::BTreeSet;

use crate::contract::{Others, TableContract};
use crate::plan::table::input::TableInput;
use crate::plan::{Problem, SourceColumn};
use crate::{Error, ErrorKind};

/// Why no object of the table may leave AWS; `None` if all may.
///
/// A column with `transform:` that the export lacks may have been renamed: then its values are in a
/// column that the contract does not name, and would be carried as they are. So the table is held if
/// the column was in the rows that landed, or if the export has a new column that the contract does
/// not name. An entry that is written before its column exists holds nothing.
pub(super) fn problem(input: &TableInput<'_>, columns: &[SourceColumn]) -> Option<Problem> {
    let unnamed: Vec<&str> = match input.contract {
        None => columns.iter().map(|column| column.parquet.name.as_str()).collect(),
        Some(contract) => unnamed(contract, columns).collect(),
    };
    if input.others == Others::Hold && !unnamed.is_empty() {
        return Some(held_by_rule(input, &unnamed));
    }
    missing(input, columns, &unnamed)
}

/// The columns that the contract does not name.
fn unnamed<'a>(
    contract: &'a TableContract,
    columns: &'a [SourceColumn],
) -> impl Iterator<Item = &'a str> {
    let unnamed = columns.iter().filter(|column| !contract.columns.contains_key(column.key()));
    unnamed.map(|column| column.parquet.name.as_str())
}

fn held_by_rule(input: &TableInput<'_>, unnamed: &[&str]) -> Problem {
    let (what, context) = match input.contract {
        None => (
            "contract.yaml does not name a table, and its `others: hold` holds such a table",
            input.source_table.to_owned(),
        ),
        Some(_) => (
            "contract.yaml does not name a column, and its `others: hold` holds the table of such a column",
            format!("{}: {}", input.source_table, list(unnamed)),
        ),
    };
    Problem::from(&Error::new(ErrorKind::Held, what, context))
}

fn missing(input: &TableInput<'_>, columns: &[SourceColumn], unnamed: &[&str]) -> Option<Problem> {
    let there: BTreeSet<&str> = columns.iter().map(SourceColumn::key).collect();
    let had = |name: &str| input.landed.contains_key(name) || input.dropped.contains(name);
    // What stays in AWS anyway cannot be the values of the missing column.
    let new = |name: &&&str| input.others != Others::Drop && !had(name);
    let new: Vec<&str> = unnamed.iter().filter(new).copied().collect();
    let special = input.contract?.columns.iter().filter_map(|(key, entry)| {
        let transform = entry.transform.filter(|_| !there.contains(key.as_str()))?;
        (!new.is_empty() || had(key)).then(|| format!("`{key}` ({})", transform.name()))
    });
    let special: Vec<String> = special.collect();
    if special.is_empty() {
        return None;
    }
    let candidates = match new.as_slice() {
        [] => String::new(),
        new => format!("; new columns that contract.yaml does not name: {}", list(new)),
    };
    Some(Problem::from(&Error::new(
        ErrorKind::Held,
        "the export lacks a column that contract.yaml drops, empties or tokenises; under another name its values would leave AWS as they are: rename its entry if it was renamed, remove the entry if it is gone",
        format!("{}: {}{candidates}", input.source_table, special.join(", ")),
    )))
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;

    use super::*;
    use crate::contract::{ColumnContract, Transform};
    use crate::manifest::TableStatus;
    use crate::names::ColumnNames;
    use crate::names::columns::{LandedColumn, LandedColumns};
    use crate::plan::objects::ObjectMeta;
    use crate::plan::table::{DataFile, plan_table};
    use crate::rewrite::Action;
    use crate::types::{Annotation, BigQueryType, Engine, ParquetColumn, Physical, TimeRules};

    struct Case {
        export: &'static [&'static str],
        contract: &'static [(&'static str, Option<Transform>)],
        landed: &'static [&'static str],
        dropped: &'static [&'static str],
        others: Others,
    }

    const DROP: Option<Transform> = Some(Transform::Drop);

    impl Case {
        /// The problem, or the columns that are not in the transferred files.
        fn shown(&self) -> String {
            let columns = self.export.iter().map(|name| ParquetColumn {
                name: (*name).to_owned(),
                physical: Physical::ByteArray,
                annotation: Annotation::String,
            });
            let file = DataFile {
                object: ObjectMeta { key: "k".to_owned(), etag: "e".to_owned(), bytes: 9 },
                rows: 1,
                columns: columns.collect(),
                parts: Vec::new(),
            };
            let columns = self.contract.iter().map(|(name, transform)| {
                let column = ColumnContract::new("text", BigQueryType::String, "none");
                ((*name).to_owned(), ColumnContract { transform: *transform, ..column })
            });
            let contract = TableContract { columns: columns.collect(), ..TableContract::default() };
            let landed = self.landed.iter().map(|name| {
                let landed = LandedColumn { name: (*name).to_owned(), key: None };
                ((*name).to_owned(), landed)
            });
            let plan = plan_table(&TableInput {
                source_table: "public.users",
                table: "users",
                default_table: "users",
                engine: Engine::Postgres,
                status: &TableStatus {
                    target: "shop.public.users".to_owned(),
                    status: String::new(),
                    warning: None,
                    columns: Vec::new(),
                },
                files: &[file],
                contract: Some(&contract).filter(|contract| !contract.columns.is_empty()),
                others: self.others,
                landed: &landed.collect::<LandedColumns>(),
                dropped: &self.dropped.iter().map(|it| (*it).to_owned()).collect(),
                column_names: ColumnNames::Flexible,
                times: &TimeRules::default(),
                landed_types: &BTreeMap::new(),
                prefix: "p",
                max_load_uris: crate::plan::table::MAX_LOAD_URIS,
            });
            match plan.problem {
                Some(problem) => {
                    assert!(plan.items.is_empty(), "no object of a held table may leave");
                    format!("{}\n{}", problem.what, problem.context)
                }
                None => {
                    let stays = plan.columns.iter().filter(|it| it.action == Action::Drop);
                    let stays: Vec<&str> = stays.map(|it| it.parquet.name.as_str()).collect();
                    format!("{} object, in AWS stay [{}]", plan.items.len(), stays.join(", "))
                }
            }
        }
    }

    const RENAMED: Case = Case {
        export: &["id", "rrn2"],
        contract: &[("id", None), ("rrn", DROP)],
        landed: &["id"],
        dropped: &["rrn"],
        others: Others::Unclassified,
    };

    #[test]
    fn a_renamed_column_that_the_contract_drops_holds_the_table() {
        expect![[r#"
            the export lacks a column that contract.yaml drops, empties or tokenises; under another name its values would leave AWS as they are: rename its entry if it was renamed, remove the entry if it is gone
            public.users: `rrn` (drop); new columns that contract.yaml does not name: `rrn2`"#]]
        .assert_eq(&RENAMED.shown());
        for transform in [Transform::SetNull, Transform::Tokenise] {
            let contract: &'static [_] =
                Box::leak(Box::new([("id", None), ("rrn", Some(transform))]));
            let shown = Case { contract, landed: &["id", "rrn"], dropped: &[], ..RENAMED }.shown();
            assert!(shown.contains(&format!("`rrn` ({})", transform.name())), "{shown}");
        }
        // On the first day of the table, a name that is spelled differently is the same danger.
        let first = Case { landed: &[], dropped: &[], ..RENAMED };
        assert_eq!(first.shown(), RENAMED.shown());
    }

    #[test]
    fn a_column_that_is_gone_holds_the_table_until_its_entry_is_removed() {
        let gone = Case { export: &["id"], ..RENAMED };
        expect![[r#"
            the export lacks a column that contract.yaml drops, empties or tokenises; under another name its values would leave AWS as they are: rename its entry if it was renamed, remove the entry if it is gone
            public.users: `rrn` (drop)"#]]
        .assert_eq(&gone.shown());
        let removed = Case { contract: &[("id", None)], ..gone };
        assert_eq!(removed.shown(), "1 object, in AWS stay []");
    }

    #[test]
    fn an_entry_that_is_written_before_its_column_exists_holds_nothing() {
        let early = Case { export: &["id"], dropped: &[], ..RENAMED };
        assert_eq!(early.shown(), "1 object, in AWS stay []");
        // A column that landed before, unnamed, is no new name of the missing one.
        let old =
            Case { export: &["id", "nick"], landed: &["id", "nick"], dropped: &[], ..RENAMED };
        assert_eq!(old.shown(), "1 object, in AWS stay []");
        // The new column stays in AWS by its name alone.
        let no_transform = Case { contract: &[("id", None), ("rrn", None)], ..RENAMED };
        assert_eq!(no_transform.shown(), "1 object, in AWS stay [rrn2]");
    }

    #[test]
    fn others_decides_about_columns_that_the_contract_does_not_name() {
        let of = |others| Case { export: &["id", "rrn", "extra"], others, ..RENAMED };
        assert_eq!(of(Others::Unclassified).shown(), "1 object, in AWS stay [rrn]");
        assert_eq!(of(Others::Drop).shown(), "1 object, in AWS stay [rrn, extra]");
        expect![[r#"
            contract.yaml does not name a column, and its `others: hold` holds the table of such a column
            public.users: `extra`"#]]
        .assert_eq(&of(Others::Hold).shown());
        expect![[r#"
            contract.yaml does not name a table, and its `others: hold` holds such a table
            public.users"#]]
        .assert_eq(&Case { contract: &[], ..of(Others::Hold) }.shown());
        // A new column that stays in AWS cannot carry the values of a missing one, but a column that
        // was there before is missed all the same.
        let dropped = Case { others: Others::Drop, ..RENAMED };
        assert!(dropped.shown().ends_with("public.users: `rrn` (drop)"), "{}", dropped.shown());
        let early = Case { dropped: &[], ..dropped };
        assert_eq!(early.shown(), "1 object, in AWS stay [rrn2]");
    }
}
