//! The policy tags of live columns.

use super::*;
use crate::names::column_with_suffix;

#[test]
fn a_column_without_the_tag_of_its_class_is_reported() {
    let columns = |tag_of_email: Option<String>| {
        found(|live, _| {
            let columns = LiveColumns::from([
                ("email".into(), tag_of_email.clone()),
                ("phone".into(), Some(tag("phone"))),
                ("tier".into(), None),
            ]);
            live.tables.insert("creators".into(), columns);
        })
    };
    assert_eq!(columns(Some(tag("email"))), "");
    // Closed until the rows are those that the contract describes.
    assert_eq!(columns(Some(tag("unclassified"))), "");
    // Google may answer with the project's number.
    assert_eq!(columns(Some(tag("email").replace(PROJECT, "123456789012"))), "");
    assert_eq!(columns(None), "COLUMN creators.email email has None\n");
    assert_eq!(columns(Some(tag("phone"))), "COLUMN creators.email email has Some(\"phone\")\n");
}

/// The findings if a table of ours has this column.
fn with_column(table: &str, column: &str, tag: Option<String>) -> String {
    found(|live, _| {
        let columns = LiveColumns::from([(column.to_owned(), tag.clone())]);
        live.tables.insert(table.to_owned(), columns);
    })
}

/// A column that the contract does not name lands tagged `unclassified`. Without a tag, everyone who may query the
/// dataset reads it.
#[test]
fn a_column_that_the_contract_does_not_name_needs_a_tag() {
    let new = |tag| with_column("creators", "hp_no", tag);
    assert_eq!(new(None), "COLUMN creators.hp_no unclassified has None\n");
    let foreign = "projects/other/locations/us/taxonomies/7/policyTags/8".to_owned();
    assert_eq!(new(Some(foreign)), "COLUMN creators.hp_no unclassified has None\n");
    for class in ["unclassified", "phone"] {
        assert_eq!(new(Some(tag(class))), "", "{class}");
    }
    let field = with_column("creators", "extra.hp_no", None);
    assert_eq!(field, "COLUMN creators.extra.hp_no unclassified has None\n");
}

#[test]
fn a_column_of_class_none_has_no_tag_under_each_name_that_it_can_have() {
    let second = column_with_suffix("tier", "tier");
    for name in ["tier", "TIER", second.as_str()] {
        assert_eq!(with_column("creators", name, None), "", "{name}");
    }
    for table in ["creators_history", "creators_history_2"] {
        assert_eq!(with_column(table, "tier", None), "", "{table}");
        let found = with_column(table, "hp_no", None);
        assert_eq!(found, format!("COLUMN {table}.hp_no unclassified has None\n"));
    }
}

#[test]
fn a_table_of_ours_that_the_contract_does_not_name_is_closed() {
    let found = with_column("new_table", "tier", None);
    assert_eq!(found, "COLUMN new_table.tier unclassified has None\n");
    assert_eq!(with_column("new_table", "tier", Some(tag("unclassified"))), "");
}

#[test]
fn a_table_that_landbridge_did_not_create_is_reported() {
    let (config, contract) = files();
    let mut live = terraform(&config);
    let columns = LiveColumns::from([
        ("email".to_owned(), None),
        ("phone".to_owned(), Some("projects/p/locations/l/taxonomies/1/policyTags/2".to_owned())),
    ]);
    live.foreign_tables.insert("tmp".to_owned(), columns);
    let report = |filter: &Filter| {
        evaluate(&live, (&config, &contract), &Deployment::of_one(&config), filter)
    };
    let all = report(&Filter::default());
    let mut text = String::new();
    findings(&all, &mut text);
    assert!(text.contains("FOREIGN tmp [\"email\"]\n") && all.shows_more(), "{text}");
    // It belongs to no table and to no class.
    let table = Filter { table: Some("public.creators".into()), ..Filter::default() };
    let class = Filter { class: Some("email".into()), ..Filter::default() };
    for filter in [table, class] {
        assert!(report(&filter).foreign_tables.is_empty(), "{filter:?}");
    }
}
