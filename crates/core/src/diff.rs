//! Compares the live BigQuery table with the desired columns: what to create or patch
//! before rows are loaded, or why the table is held until a person decides.
//!
//! A column is never removed, never changes its type, and always has the policy tag
//! of its class.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED, Config};
use crate::describe::{self, own_part};
use crate::names::is_same;
use crate::types::{BigQueryType, ColumnType};
use crate::{Error, ErrorKind, Result};

/// A column as it should be in BigQuery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredColumn {
    /// Its name in BigQuery.
    pub name: String,
    /// Its name in the source.
    #[serde(default)]
    pub source_column: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: BigQueryType,
    /// Whether it is an array of that type.
    #[serde(default)]
    pub repeated: bool,
    /// Its class: `none`, `unclassified`, or a class of the configuration.
    pub class: String,
    /// The description in BigQuery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the day's export contains it; otherwise it is NULL in every row.
    pub in_source: bool,
    /// Whether the contract contains it.
    pub in_contract: bool,
}

/// A column of the live table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the BigQuery API returns it.
    pub ty: String,
    /// `NULLABLE`, `REQUIRED` or `REPEATED`; empty means `NULLABLE`.
    pub mode: String,
    /// The policy tag's resource name.
    pub policy_tag: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// The relevant properties of a live table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveTable {
    /// The value of the label `landbridge_source`; `None` for a table that Landbridge did not create.
    pub source_label: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<LiveColumn>,
}

/// A column as it is sent to BigQuery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: BigQueryType,
    /// Whether it is an array of that type.
    pub repeated: bool,
    /// The policy tag's resource name; `None` removes the tag explicitly.
    pub policy_tag: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// The schema change that is required before rows are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// The table does not exist: create it with its policy tags.
    Create(Vec<TableColumn>),
    /// Patch the table to this full schema.
    Patch {
        /// All columns: the live ones in their order, then new ones.
        columns: Vec<TableColumn>,
        /// The changes, for the receipt: `+ email (email)`, `~ phone (phone): policy tag`.
        notes: Vec<String>,
    },
    /// No change; these are the columns.
    Unchanged(Vec<TableColumn>),
}

impl SchemaChange {
    /// The schema after the change.
    pub fn columns(&self) -> &[TableColumn] {
        match self {
            Self::Create(columns) | Self::Unchanged(columns) | Self::Patch { columns, .. } => {
                columns
            }
        }
    }

    /// The same change, with the class of each column in its description. A column that `desired` does
    /// not have is `unclassified`.
    #[must_use]
    pub fn described(mut self, desired: &[DesiredColumn], config: &Config) -> Self {
        let (Self::Create(columns) | Self::Unchanged(columns) | Self::Patch { columns, .. }) =
            &mut self;
        for column in columns {
            let wanted = desired.iter().find(|it| is_same(&it.name, &column.name));
            let class = wanted.map_or(CLASS_UNCLASSIFIED, |it| it.class.as_str());
            let own = column.description.as_deref();
            column.description = Some(describe::column(own, class, config));
        }
        self
    }
}

/// Resource names of policy tags by class.
pub type PolicyTags = BTreeMap<String, String>;

/// Reads the variable `LANDBRIDGE_POLICY_TAGS`: a JSON object from classes to resource names. What the
/// names have in common may be written once, under `*`; a value without `/` follows it. `None` if the text
/// is not such an object.
pub fn parse_policy_tags(json: &str) -> Option<PolicyTags> {
    let mut tags: PolicyTags = serde_json::from_str(json).ok()?;
    let common = tags.remove("*");
    for tag in tags.values_mut().filter(|tag| !tag.contains('/')) {
        *tag = format!("{}{tag}", common.as_deref()?);
    }
    Some(tags)
}

/// The policy tag of a class; `None` for class `none`.
///
/// # Errors
/// [`ErrorKind::Config`] if the class has no policy tag: its columns would be readable by everyone.
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

/// Whether two resource names are those of the same policy tag, or both are absent. They are
/// compared from `/locations/` on: Google's APIs may answer with the number of the project where
/// its id was sent (terraform-provider-google #19200), and a taxonomy's id is unique in its location.
pub fn is_same_tag(one: Option<&str>, other: Option<&str>) -> bool {
    let part =
        |tag: &str| tag.split_once("/locations/").map_or(tag.to_owned(), |(_, it)| it.into());
    one.map(part) == other.map(part)
}

/// Compares `desired` columns with the `live` table (`None`: it does not exist) of the source
/// called `source`.
///
/// Live columns that are not in `desired` stay, and get the tag of `unclassified`.
///
/// # Errors
/// [`ErrorKind::Held`] if the table was not created by Landbridge for this source, a type
/// differs, or the mode of a live column does not allow NULL; [`ErrorKind::Config`] if a class
/// has no policy tag, or the contract contains a column that exists nowhere.
pub fn diff_table(
    table: &str,
    source: &str,
    desired: &[DesiredColumn],
    live: Option<&LiveTable>,
    tags: &PolicyTags,
) -> Result<SchemaChange> {
    let is_live =
        |name: &str| live.is_some_and(|live| live.columns.iter().any(|it| is_same(&it.name, name)));
    if let Some(missing) = desired.iter().find(|it| !it.in_source && !is_live(&it.name)) {
        return Err(Error::new(
            ErrorKind::Config,
            "the contract contains a column that neither the source nor BigQuery has",
            format!("contract.yaml, {table}.{}", missing.name),
        ));
    }
    let Some(live) = live else {
        let columns = desired.iter().map(|column| table_column(column, tags));
        return Ok(SchemaChange::Create(columns.collect::<Result<_>>()?));
    };
    if live.source_label.as_deref() != Some(source) {
        return Err(Error::new(
            ErrorKind::Held,
            "the table exists but was not created by Landbridge for this source, so it is not changed",
            format!(
                "{table}; set another name in contract.yaml (`table:`), or hand the table over by adding the label landbridge_source={source}"
            ),
        ));
    }
    let mut columns = Vec::with_capacity(live.columns.len());
    let mut notes = Vec::new();
    for column in &live.columns {
        let desired = desired.iter().find(|it| is_same(&it.name, &column.name));
        columns.push(update_column(table, column, desired, tags, &mut notes)?);
    }
    for column in desired.iter().filter(|column| !is_live(&column.name)) {
        notes.push(format!("+ {} ({})", column.name, column.class));
        columns.push(table_column(column, tags)?);
    }
    Ok(if notes.is_empty() {
        SchemaChange::Unchanged(columns)
    } else {
        SchemaChange::Patch { columns, notes }
    })
}

/// A new column.
fn table_column(desired: &DesiredColumn, tags: &PolicyTags) -> Result<TableColumn> {
    Ok(TableColumn {
        name: desired.name.clone(),
        ty: desired.ty,
        repeated: desired.repeated,
        policy_tag: policy_tag_for(&desired.class, tags)?.cloned(),
        description: desired.description.clone(),
    })
}

/// A live column with the desired tag and description; adds a note for each change.
fn update_column(
    table: &str,
    live: &LiveColumn,
    desired: Option<&DesiredColumn>,
    tags: &PolicyTags,
    notes: &mut Vec<String>,
) -> Result<TableColumn> {
    let ty: Option<BigQueryType> = live.ty.parse().ok();
    let repeated = live.mode == "REPEATED";
    if let Some(desired) = desired
        && (ty != Some(desired.ty) || repeated != desired.repeated)
    {
        let before = if repeated { format!("ARRAY<{}>", live.ty) } else { live.ty.clone() };
        let after = ColumnType { ty: desired.ty, repeated: desired.repeated };
        return Err(type_change_error(table, &live.name, &before, after));
    }
    if !matches!(live.mode.as_str(), "" | "NULLABLE" | "REPEATED") {
        return Err(Error::new(
            ErrorKind::Held,
            "a live column is neither NULLABLE nor REPEATED",
            format!("{table}.{} is {}", live.name, live.mode),
        ));
    }
    let class = desired.map_or(CLASS_UNCLASSIFIED, |desired| desired.class.as_str());
    let policy_tag = policy_tag_for(class, tags)?.cloned();
    if !is_same_tag(policy_tag.as_deref(), live.policy_tag.as_deref()) {
        notes.push(format!("~ {} ({class}): policy tag", live.name));
    }
    // Our own part of a description is no change of the schema.
    let own = own_part(live.description.as_deref());
    let description =
        desired.and_then(|desired| desired.description.as_deref()).or(own).map(str::to_owned);
    if description.as_deref() != own {
        notes.push(format!("~ {}: description", live.name));
    }
    let Some(ty) = ty else {
        return Err(Error::new(
            ErrorKind::Held,
            "a live column has a type that Landbridge cannot load",
            format!("{table}.{} is {}", live.name, live.ty),
        ));
    };
    Ok(TableColumn { name: live.name.clone(), ty, repeated, policy_tag, description })
}

/// The error for a column whose type in BigQuery is another one, which cannot change.
fn type_change_error(table: &str, column: &str, live: &str, desired: ColumnType) -> Error {
    Error::new(
        ErrorKind::Held,
        "a column changed its type, so the table is not loaded",
        format!("{table}.{column} is {live} in BigQuery and would become {desired}"),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn policy_tags_may_share_their_beginning() {
        let tags =
            |json| parse_policy_tags(json).map(|tags| tags.into_values().collect::<Vec<_>>());
        let taxonomy = "projects/p/locations/l/taxonomies/1/policyTags/";
        let full = format!(r#"{{"email": "{taxonomy}2", "name": "{taxonomy}3"}}"#);
        let short = format!(r#"{{"*": "{taxonomy}", "email": "2", "name": "{taxonomy}3"}}"#);
        assert_eq!(tags(&full), Some(vec![format!("{taxonomy}2"), format!("{taxonomy}3")]));
        assert_eq!(tags(&short), tags(&full));
        assert_eq!(tags("{}"), Some(Vec::new()));
        for wrong in [r#"{"email": "2"}"#, "[]", r#"{"email": 2}"#, ""] {
            assert_eq!(tags(wrong), None, "{wrong}");
        }
    }

    fn tags() -> PolicyTags {
        [("email", "t/email"), ("unclassified", "t/unclassified")]
            .map(|(class, tag)| (class.to_owned(), tag.to_owned()))
            .into()
    }

    fn wanted(name: &str, ty: BigQueryType, class: &str) -> DesiredColumn {
        DesiredColumn {
            name: name.into(),
            source_column: name.into(),
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
    fn legacy_type_names_are_the_same_types() {
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
    fn new_columns_and_missing_tags_are_patched_and_unknown_columns_are_masked() {
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
    fn a_column_of_class_none_loses_its_tag() {
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
    fn a_tag_is_the_same_with_the_number_of_its_project() {
        let id =
            Some("projects/shop-analytics/locations/asia-northeast3/taxonomies/1/policyTags/2");
        let number =
            Some("projects/123456789012/locations/asia-northeast3/taxonomies/1/policyTags/2");
        let other =
            Some("projects/123456789012/locations/asia-northeast3/taxonomies/1/policyTags/3");
        assert!(is_same_tag(id, number) && is_same_tag(None, None));
        assert!(!is_same_tag(id, other) && !is_same_tag(id, None));
    }

    #[test]
    fn a_type_change_is_held() {
        check(
            &[wanted("at", Timestamp, "none")],
            Some(vec![live("at", "STRING", None)]),
            expect![[r#"
                Held: a column changed its type, so the table is not loaded: shop.orders.at is STRING in BigQuery and would become TIMESTAMP
            "#]],
        );
    }

    #[test]
    fn array_and_scalar_are_different_types() {
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
            Held: a column changed its type, so the table is not loaded: shop.orders.tags is STRING in BigQuery and would become ARRAY<STRING>
        "#]],
        );
        check(
            &[wanted("tags", Text, "none")],
            Some(vec![repeated("REPEATED")]),
            expect![[r#"
            Held: a column changed its type, so the table is not loaded: shop.orders.tags is ARRAY<STRING> in BigQuery and would become STRING
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
    fn a_class_without_policy_tag_is_an_error() {
        check(
            &[wanted("x", Text, "phone")],
            None,
            expect![[r#"
                Config: a class of personal data has no policy tag, so its columns cannot be protected: class `phone`
            "#]],
        );
    }

    #[test]
    fn a_column_removed_from_the_source_stays_and_a_misspelt_one_is_an_error() {
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
                Config: the contract contains a column that neither the source nor BigQuery has: contract.yaml, shop.orders.email
            "#]],
        );
    }

    #[test]
    fn a_table_without_the_label_is_held() {
        let live = LiveTable { source_label: None, columns: vec![] };
        let error = diff_table("shop.orders", "shop", &[], Some(&live), &tags()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Held);
    }
}
