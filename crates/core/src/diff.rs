//! The live table against the wanted one: what to create or patch before any
//! row is loaded, or why the table must wait for a person.
//!
//! A column is never removed, retyped or left without the tag of its class.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use crate::types::{BigQueryType, ColumnType};
use crate::{Error, ErrorKind, Result};

/// A column as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: BigQueryType,
    /// Whether it is an array of that type.
    #[serde(default)]
    pub repeated: bool,
    /// Its class: `none`, `unclassified`, or one of the configuration.
    pub class: String,
    /// Shown to readers of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether today's export holds it. A column that does not is filled with NULL.
    pub in_source: bool,
    /// Whether the contract names it.
    pub in_contract: bool,
}

/// A column as the warehouse has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the API prints it.
    pub ty: String,
    /// `NULLABLE`, `REQUIRED` or `REPEATED`; empty means `NULLABLE`.
    pub mode: String,
    /// The policy tag's resource name.
    pub policy_tag: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// A live table, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveTable {
    /// The value of our label; `None` for a table that is not ours.
    pub source_label: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<LiveColumn>,
}

/// A column as it is sent to the warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: BigQueryType,
    /// Whether it is an array of that type.
    pub repeated: bool,
    /// The policy tag's resource name; `None` says explicitly that there is none.
    pub policy_tag: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// What must be done to the table before its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// It does not exist: create it, tags and all.
    Create(Vec<TableColumn>),
    /// Patch it to this full schema.
    Patch {
        /// All columns, live order first.
        columns: Vec<TableColumn>,
        /// What changes, for the receipt: `+ email (email)`, `~ phone: tag`.
        notes: Vec<String>,
    },
    /// It is as it should be; these are its columns.
    Unchanged(Vec<TableColumn>),
}

impl SchemaChange {
    /// The schema that the table has once the change is made.
    pub fn columns(&self) -> &[TableColumn] {
        match self {
            Self::Create(columns) | Self::Unchanged(columns) | Self::Patch { columns, .. } => {
                columns
            }
        }
    }
}

/// The policy tags' resource names by class.
pub type PolicyTags = BTreeMap<String, String>;

/// The tag of a class; `none` has none.
///
/// # Errors
/// [`ErrorKind::Config`] when the class has no policy tag: without one the column would be readable.
pub fn policy_tag_for<'a>(class: &str, tags: &'a PolicyTags) -> Result<Option<&'a String>> {
    if class == CLASS_NONE {
        return Ok(None);
    }
    tags.get(class).map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            "a class of personal data has no policy tag, so its columns cannot be protected",
            format!("class `{class}`"),
        )
    })
}

/// Compares `wanted` with `live` (`None`: no such table) for the table called `table`.
///
/// Columns of the live table that `wanted` does not name stay, tagged `unclassified`.
///
/// # Errors
/// [`ErrorKind::Held`] when the table is not ours, a type differs, or a live column's
/// mode would refuse NULL; [`ErrorKind::Config`] when a class lacks its policy
/// tag, or the contract names a column that is nowhere.
pub fn diff_table(
    table: &str,
    source: &str,
    wanted: &[DesiredColumn],
    live: Option<&LiveTable>,
    tags: &PolicyTags,
) -> Result<SchemaChange> {
    let column = |wanted: &DesiredColumn| -> Result<TableColumn> {
        Ok(TableColumn {
            name: wanted.name.clone(),
            ty: wanted.ty,
            repeated: wanted.repeated,
            policy_tag: policy_tag_for(&wanted.class, tags)?.cloned(),
            description: wanted.description.clone(),
        })
    };
    let missing = wanted.iter().find(|want| {
        !want.in_source
            && !live.is_some_and(|live| {
                live.columns.iter().any(|have| have.name.eq_ignore_ascii_case(&want.name))
            })
    });
    if let Some(missing) = missing {
        return Err(Error::new(
            ErrorKind::Config,
            "the contract names a column that neither the source nor the warehouse has",
            format!("contract.yaml, {table}.{}", missing.name),
        ));
    }
    let Some(live) = live else {
        return Ok(SchemaChange::Create(wanted.iter().map(column).collect::<Result<_>>()?));
    };
    if live.source_label.as_deref() != Some(source) {
        return Err(Error::new(
            ErrorKind::Held,
            "the table exists and was not made by Landbridge for this source, so it is not touched",
            format!(
                "{table}; give it another name in contract.yaml, or label it landbridge_source={source} to hand it over"
            ),
        ));
    }
    let mut columns = Vec::with_capacity(live.columns.len());
    let mut notes = Vec::new();
    for have in &live.columns {
        let is = |wanted: &&DesiredColumn| wanted.name.eq_ignore_ascii_case(&have.name);
        let ty: Option<BigQueryType> = have.ty.parse().ok();
        let want = wanted.iter().find(is);
        let repeated = have.mode == "REPEATED";
        if let Some(want) = want
            && (ty != Some(want.ty) || repeated != want.repeated)
        {
            let was = if repeated { format!("ARRAY<{}>", have.ty) } else { have.ty.clone() };
            let is = ColumnType { ty: want.ty, repeated: want.repeated };
            return Err(type_change_error(table, &have.name, &was, is));
        }
        if !matches!(have.mode.as_str(), "" | "NULLABLE" | "REPEATED") {
            return Err(Error::new(
                ErrorKind::Held,
                "a live column is neither NULLABLE nor REPEATED",
                format!("{table}.{} is {}", have.name, have.mode),
            ));
        }
        let class = want.map_or(CLASS_UNCLASSIFIED, |want| want.class.as_str());
        let policy_tag = policy_tag_for(class, tags)?.cloned();
        if policy_tag != have.policy_tag {
            notes.push(format!("~ {} ({class}): policy tag", have.name));
        }
        let description =
            want.and_then(|want| want.description.clone()).or_else(|| have.description.clone());
        if description != have.description {
            notes.push(format!("~ {}: description", have.name));
        }
        let Some(ty) = ty else {
            return Err(Error::new(
                ErrorKind::Held,
                "a live column has a type that Landbridge does not load",
                format!("{table}.{} is {}", have.name, have.ty),
            ));
        };
        columns.push(TableColumn {
            name: have.name.clone(),
            ty,
            repeated,
            policy_tag,
            description,
        });
    }
    for want in wanted {
        if !live.columns.iter().any(|have| have.name.eq_ignore_ascii_case(&want.name)) {
            notes.push(format!("+ {} ({})", want.name, want.class));
            columns.push(column(want)?);
        }
    }
    Ok(if notes.is_empty() {
        SchemaChange::Unchanged(columns)
    } else {
        SchemaChange::Patch { columns, notes }
    })
}

/// The error of a column whose type is no longer what it was.
pub fn type_change_error(table: &str, column: &str, was: &str, is: ColumnType) -> Error {
    Error::new(
        ErrorKind::Held,
        "a column changed its type, so the table keeps yesterday's data",
        format!("{table}.{column} was {was} and would become {is}"),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn tags() -> PolicyTags {
        [("email", "t/email"), ("unclassified", "t/unclassified")]
            .map(|(class, tag)| (class.to_owned(), tag.to_owned()))
            .into()
    }

    fn wanted(name: &str, ty: BigQueryType, class: &str) -> DesiredColumn {
        DesiredColumn {
            name: name.into(),
            ty,
            repeated: false,
            class: class.into(),
            description: None,
            in_source: true,
            in_contract: true,
        }
    }

    fn live(name: &str, ty: &str, tag: Option<&str>) -> LiveColumn {
        LiveColumn {
            name: name.into(),
            ty: ty.into(),
            mode: String::new(),
            policy_tag: tag.map(str::to_owned),
            description: None,
        }
    }

    fn check(wanted: &[DesiredColumn], live: Option<Vec<LiveColumn>>, expect: Expect) {
        let live = live.map(|columns| LiveTable { source_label: Some("shop".into()), columns });
        let text = match diff_table("shop.orders", "shop", wanted, live.as_ref(), &tags()) {
            Err(error) => format!("{}: {error}\n", error.kind().name()),
            Ok(change) => {
                let head = match &change {
                    SchemaChange::Create(_) => "create".to_owned(),
                    SchemaChange::Unchanged(_) => "nothing".to_owned(),
                    SchemaChange::Patch { notes, .. } => format!("patch {}", notes.join(", ")),
                };
                let rows = change.columns().iter().map(|c| {
                    format!("  {} {} {}\n", c.name, c.ty, c.policy_tag.as_deref().unwrap_or("-"))
                });
                format!("{head}\n{}", rows.collect::<String>())
            }
        };
        expect.assert_eq(&text);
    }

    use BigQueryType::{Int64, String as Text, Timestamp};

    #[test]
    fn a_new_table_is_created_tagged() {
        check(
            &[
                wanted("id", Int64, "none"),
                wanted("email", Text, "email"),
                wanted("x", Text, "unclassified"),
            ],
            None,
            expect![[r#"
                create
                  id INT64 -
                  email STRING t/email
                  x STRING t/unclassified
            "#]],
        );
    }

    #[test]
    fn old_names_of_types_are_the_same_types() {
        check(
            &[wanted("id", Int64, "none")],
            Some(vec![live("id", "INTEGER", None)]),
            expect![[r#"
                nothing
                  id INT64 -
            "#]],
        );
    }

    #[test]
    fn new_columns_and_lost_tags_are_patched_and_strangers_are_closed() {
        check(
            &[
                wanted("id", Int64, "none"),
                wanted("email", Text, "email"),
                wanted("new", Text, "unclassified"),
            ],
            Some(vec![
                live("EMAIL", "STRING", None),
                live("id", "INT64", None),
                live("by_hand", "STRING", None),
            ]),
            expect![[r#"
                patch ~ EMAIL (email): policy tag, ~ by_hand (unclassified): policy tag, + new (unclassified)
                  EMAIL STRING t/email
                  id INT64 -
                  by_hand STRING t/unclassified
                  new STRING t/unclassified
            "#]],
        );
    }

    #[test]
    fn a_class_made_harmless_loses_its_tag() {
        check(
            &[wanted("id", Int64, "none")],
            Some(vec![live("id", "INT64", Some("t/email"))]),
            expect![[r#"
                patch ~ id (none): policy tag
                  id INT64 -
            "#]],
        );
    }

    #[test]
    fn a_type_change_is_held() {
        check(
            &[wanted("at", Timestamp, "none")],
            Some(vec![live("at", "STRING", None)]),
            expect![[r#"
                Held: a column changed its type, so the table keeps yesterday's data: shop.orders.at was STRING and would become TIMESTAMP
            "#]],
        );
    }

    #[test]
    fn an_array_is_not_one_value() {
        let repeated =
            |mode: &str| LiveColumn { mode: mode.into(), ..live("tags", "STRING", None) };
        let array = DesiredColumn { repeated: true, ..wanted("tags", Text, "none") };
        check(
            std::slice::from_ref(&array),
            Some(vec![repeated("REPEATED")]),
            expect![[r#"
                nothing
                  tags STRING -
            "#]],
        );
        check(
            &[array],
            Some(vec![repeated("")]),
            expect![[r#"
            Held: a column changed its type, so the table keeps yesterday's data: shop.orders.tags was STRING and would become ARRAY<STRING>
        "#]],
        );
        check(
            &[wanted("tags", Text, "none")],
            Some(vec![repeated("REPEATED")]),
            expect![[r#"
            Held: a column changed its type, so the table keeps yesterday's data: shop.orders.tags was ARRAY<STRING> and would become STRING
        "#]],
        );
        check(
            &[wanted("tags", Text, "none")],
            Some(vec![repeated("REQUIRED")]),
            expect![[r#"
            Held: a live column is neither NULLABLE nor REPEATED: shop.orders.tags is REQUIRED
        "#]],
        );
    }

    #[test]
    fn a_class_without_its_tag_stops_everything() {
        check(
            &[wanted("x", Text, "phone")],
            None,
            expect![[r#"
                Config: a class of personal data has no policy tag, so its columns cannot be protected: class `phone`
            "#]],
        );
    }

    #[test]
    fn a_dropped_column_stays_and_a_misspelt_one_is_told() {
        let dropped = DesiredColumn { in_source: false, ..wanted("email", Text, "email") };
        check(
            &[wanted("id", Int64, "none"), dropped.clone()],
            Some(vec![live("id", "INT64", None), live("email", "STRING", Some("t/email"))]),
            expect![[r#"
                nothing
                  id INT64 -
                  email STRING t/email
            "#]],
        );
        check(
            &[wanted("id", Int64, "none"), dropped],
            Some(vec![live("id", "INT64", None)]),
            expect![[r#"
                Config: the contract names a column that neither the source nor the warehouse has: contract.yaml, shop.orders.email
            "#]],
        );
    }

    #[test]
    fn somebody_elses_table_is_left_alone() {
        let live = LiveTable { source_label: None, columns: vec![] };
        let error = diff_table("shop.orders", "shop", &[], Some(&live), &tags()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Held);
    }
}
