//! Names of columns and tables in BigQuery: which names BigQuery takes, which name a source column
//! or table gets, and who keeps a name that two of them want.
//!
//! A name lands as it is where BigQuery takes it. Otherwise it is replaced by a readable, stable
//! one. `name:` and `table:` of contract.yaml set another.
//!
//! | module | contents |
//! |---|---|
//! | here | the rules of BigQuery, and the name of one column or table |
//! | [`columns`] | the names of all columns of a table |
//! | [`tables`] | the names of all tables of a source |

pub mod columns;
pub mod tables;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::ids::hash;

/// Which column names are loaded as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnNames {
    /// All names that BigQuery's flexible column names allow: letters and digits of every script,
    /// hyphens, spaces and some other characters.
    #[default]
    Flexible,
    /// ASCII letters, digits and `_` only; every other name is written in Latin letters.
    Plain,
}

impl ColumnNames {
    /// Whether this is the default.
    pub fn is_flexible(&self) -> bool {
        *self == Self::Flexible
    }
}

/// Prefixes of column names that BigQuery reserves, in upper case. [BigQuery documentation, "Column names"]
pub const RESERVED_COLUMN_PREFIXES: [&str; 7] =
    ["_PARTITION", "_TABLE_", "_FILE_", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER", "_CHANGE_"];

/// The longest column name, in characters. [BigQuery documentation, "Column names"]
const MAX_COLUMN_NAME: usize = 300;
/// The longest table name, in bytes of UTF-8. [BigQuery documentation, "Table naming"]
const MAX_TABLE_NAME: usize = 1024;
/// Digits of the hash that distinguishes two equal names.
const HASH_DIGITS: usize = 8;
/// Receipts of tables that are not loaded have names with these prefixes, so no table may have one.
const RESERVED_TABLE_PREFIXES: [&str; 2] = ["skipped-", "gone-"];

/// Whether a flexible column name may contain the character. [BigQuery documentation, "Flexible
/// column names"] Of the white space, only the space itself.
fn is_flexible(c: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number};
    matches!(c.general_category_group(), Letter | Mark | Number)
        || matches!(
            c.general_category(),
            GeneralCategory::ConnectorPunctuation | GeneralCategory::DashPunctuation
        )
        || "&%=+:'<>#| ".contains(c)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Whether a table name may contain the character. [BigQuery v2 discovery document,
/// `TableReference.tableId`]
fn is_of_table(c: char) -> bool {
    use GeneralCategoryGroup::{Letter, Mark, Number};
    matches!(c.general_category_group(), Letter | Mark | Number)
        || matches!(
            c.general_category(),
            GeneralCategory::ConnectorPunctuation
                | GeneralCategory::DashPunctuation
                | GeneralCategory::SpaceSeparator
        )
}

/// History tables that a table can have, at most.
pub const MOST_HISTORY_TABLES: u32 = 100;

/// The `number`-th table with the past days of a BigQuery table, from 1.
pub fn history_table(of: &str, number: u32) -> String {
    match number {
        0 | 1 => format!("{of}_history"),
        number => format!("{of}_history_{number}"),
    }
}

/// Checks that BigQuery takes a column name.
///
/// # Errors
/// The rule that it breaks.
pub fn check_column(name: &str, style: ColumnNames) -> Result<(), &'static str> {
    if name.is_empty() || name.chars().count() > MAX_COLUMN_NAME {
        return Err("a BigQuery column name has 1 to 300 characters");
    }
    if style == ColumnNames::Plain && !name.chars().all(is_plain) {
        return Err("a plain column name contains only ASCII letters, digits and underscores");
    }
    if style == ColumnNames::Plain && name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("a plain column name does not start with a digit");
    }
    if !name.chars().all(is_flexible) {
        return Err(
            "a BigQuery column name contains only letters, digits, spaces and the characters _ - & % = + : ' < > # |",
        );
    }
    if name.starts_with(' ') || name.ends_with(' ') {
        return Err("a column name does not start or end with a space");
    }
    if has_reserved_prefix(name) {
        return Err("a BigQuery column name does not start with a reserved prefix");
    }
    Ok(())
}

fn has_reserved_prefix(name: &str) -> bool {
    let upper = name.to_uppercase();
    RESERVED_COLUMN_PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
}

fn has_reserved_table_prefix(name: &str) -> bool {
    let lower = name.to_lowercase();
    RESERVED_TABLE_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
}

/// Checks that BigQuery takes a table name.
///
/// # Errors
/// The rule that it breaks.
pub fn check_table(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > MAX_TABLE_NAME {
        return Err("a BigQuery table name has 1 to 1,024 bytes");
    }
    if !name.chars().all(is_of_table) {
        return Err(
            "a BigQuery table name contains only letters, digits, underscores, hyphens and spaces",
        );
    }
    if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
        return Err("a table name does not start or end with a space");
    }
    if has_reserved_table_prefix(name) {
        return Err(
            "a table name does not start with `skipped-` or `gone-`, which the ledger uses",
        );
    }
    Ok(())
}

/// Whether BigQuery takes two column names for the same one: it ignores letter case.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || folded(one) == folded(other)
}

/// A name in the form in which two names are compared.
pub fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The BigQuery name of a source column: its own if BigQuery takes it, otherwise a readable one.
/// Always a name that BigQuery takes.
pub fn column_name(source: &str, style: ColumnNames) -> String {
    if check_column(source, style).is_ok() {
        return source.to_owned();
    }
    let readable = match style {
        ColumnNames::Flexible => replaced(source, is_flexible),
        ColumnNames::Plain => replaced(&deunicode::deunicode(source), is_plain),
    };
    let mut name: String = readable.trim_matches(' ').to_owned();
    if !name.contains(|c: char| c.is_alphanumeric()) {
        name = format!("column_{}", digits(source));
    }
    if style == ColumnNames::Plain && name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if has_reserved_prefix(&name) {
        name.insert(0, 'c');
    }
    shortened(name, source, MAX_COLUMN_NAME)
}

/// The BigQuery name of a source table if the contract sets no other: the table name alone in the
/// default schema (`public`, or for MySQL the schema named like the database), otherwise
/// `schema__table`. Characters that BigQuery does not take become `_`.
pub fn table_name(database: &str, schema: &str, table: &str) -> String {
    let name = if schema == "public" || schema == database {
        table.to_owned()
    } else {
        format!("{schema}__{table}")
    };
    if check_table(&name).is_ok() {
        return name;
    }
    let mut readable = replaced(&name, is_of_table).trim().to_owned();
    if !readable.contains(|c: char| c.is_alphanumeric()) {
        readable = format!("table_{}", digits(&name));
    }
    if has_reserved_table_prefix(&readable) {
        readable = readable.replacen('-', "_", 1);
    }
    shortened(readable, &name, MAX_TABLE_NAME / 4)
}

/// The default table name of earlier versions, which wrote every character but ASCII letters,
/// digits and `_` as `_`. A table that has landed under it keeps it.
pub(crate) fn earlier_table_name(database: &str, schema: &str, table: &str) -> String {
    let word = |name: &str| -> String {
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    };
    if schema == "public" || schema == database {
        word(table)
    } else {
        format!("{}__{}", word(schema), word(table))
    }
}

/// Each run of characters that are not allowed becomes one `_`.
fn replaced(name: &str, allowed: fn(char) -> bool) -> String {
    let mut out = String::with_capacity(name.len());
    let mut gap = false;
    for c in name.chars() {
        match allowed(c) {
            true => out.push(c),
            false if gap => {}
            false => out.push('_'),
        }
        gap = !allowed(c);
    }
    // A replaced bracket at the end says nothing.
    let trimmed = out.trim_end_matches('_');
    let cut = trimmed.len() < out.len() && !name.ends_with('_') && !trimmed.is_empty();
    if cut { trimmed.to_owned() } else { out }
}

fn digits(name: &str) -> String {
    hash(name).chars().take(HASH_DIGITS).collect()
}

/// A name that distinguishes `source` from another column that has the name `base`. It is not longer than
/// BigQuery allows.
pub fn column_with_suffix(base: &str, source: &str) -> String {
    let kept: String = base.chars().take(MAX_COLUMN_NAME - HASH_DIGITS - 1).collect();
    format!("{kept}_{}", digits(source))
}

/// The same for a table, whose name is limited in bytes.
pub fn table_with_suffix(base: &str, source: &str) -> String {
    let most = base.floor_char_boundary(MAX_TABLE_NAME - HASH_DIGITS - 1);
    format!("{}_{}", &base[..most], digits(source))
}

fn shortened(name: String, source: &str, max: usize) -> String {
    if name.chars().count() <= max {
        return name;
    }
    let kept: String = name.chars().take(max - HASH_DIGITS - 1).collect();
    format!("{kept}_{}", digits(source))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_column_lands_under_its_own_name_or_a_readable_one() {
        let names = [
            "id",
            "_x",
            "이름",
            "전화번호2",
            "größe",
            "2024_total",
            "the column",
            "user-id",
            "a%b",
            "값(원)",
            "price ($)",
            "a.b",
            "e@mail",
            "№",
            "!!!",
            "_TABLE_x",
            "_partitiondate",
            "tab\there",
            " padded ",
            "",
            "商品名",
            "줄\n바꿈",
        ];
        let mut shown = String::new();
        for name in names {
            let flexible = column_name(name, ColumnNames::Flexible);
            let plain = column_name(name, ColumnNames::Plain);
            assert_eq!(check_column(&flexible, ColumnNames::Flexible), Ok(()), "{name:?}");
            assert_eq!(check_column(&plain, ColumnNames::Plain), Ok(()), "{name:?}");
            shown += &format!("{name:?} | {flexible} | {plain}\n");
        }
        expect![[r#"
            "id" | id | id
            "_x" | _x | _x
            "이름" | 이름 | ireum
            "전화번호2" | 전화번호2 | jeonhwabeonho2
            "größe" | größe | grosse
            "2024_total" | 2024_total | _2024_total
            "the column" | the column | the_column
            "user-id" | user-id | user_id
            "a%b" | a%b | a_b
            "값(원)" | 값_원 | gabs_weon
            "price ($)" | price | price
            "a.b" | a_b | a_b
            "e@mail" | e_mail | e_mail
            "№" | column_a01afe1c | No
            "!!!" | column_e84c538e | column_e84c538e
            "_TABLE_x" | c_TABLE_x | c_TABLE_x
            "_partitiondate" | c_partitiondate | c_partitiondate
            "tab\there" | tab_here | tab_here
            " padded " | padded | _padded
            "" | column_e3b0c442 | column_e3b0c442
            "商品名" | 商品名 | Shang_Pin_Ming
            "줄\n바꿈" | 줄_바꿈 | julbaggum
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn names_that_bigquery_refuses() {
        let long = "가".repeat(301);
        for bad in ["", "a.b", "a(b)", "a\tb", "_partitiondate", "_CHANGE_TYPE", "__root__x", &long]
        {
            assert!(check_column(bad, ColumnNames::Flexible).is_err(), "{bad}");
        }
        for bad in ["이름", "1a", "a-b", "a b"] {
            assert!(check_column(bad, ColumnNames::Plain).is_err(), "{bad}");
            assert!(check_column(bad, ColumnNames::Flexible).is_ok(), "{bad}");
        }
        for bad in ["", "a.b", "a/b", "a`b", "a$b", " a", "skipped-1", "Gone-1", &"가".repeat(342)]
        {
            assert!(check_table(bad).is_err(), "{bad}");
        }
        // The examples of Google's documentation, "Table naming".
        for good in ["table 01", "ग्राहक", "00_お客様", "étudiant-01"] {
            assert_eq!(check_table(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_table_lands_under_its_own_name_or_a_readable_one() {
        let mut shown = String::new();
        for (schema, table) in [
            ("public", "고객"),
            ("public", "Order-Lines"),
            ("public", "p q"),
            ("sales", "orders"),
            ("영업", "주문"),
            ("public", "a.b"),
            ("public", "\"quoted\""),
            ("public", "$$"),
            ("public", "skipped-rows"),
            ("shop", "orders"),
        ] {
            let name = table_name("shop", schema, table);
            assert_eq!(check_table(&name), Ok(()), "{name}");
            shown += &format!(
                "{schema}.{table} | {name} | {}\n",
                earlier_table_name("shop", schema, table)
            );
        }
        expect![[r#"
            public.고객 | 고객 | __
            public.Order-Lines | Order-Lines | Order_Lines
            public.p q | p q | p_q
            sales.orders | sales__orders | sales__orders
            영업.주문 | 영업__주문 | ______
            public.a.b | a_b | a_b
            public."quoted" | _quoted | _quoted_
            public.$$ | table_523ff5b6 | __
            public.skipped-rows | skipped_rows | skipped_rows
            shop.orders | orders | orders
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        let name = |length: usize| "n".repeat(length);
        assert_eq!(check_column(&name(300), ColumnNames::Plain), Ok(()));
        assert!(check_column(&name(301), ColumnNames::Plain).is_err());
        assert_eq!(check_table(&name(1024)), Ok(()));
        assert!(check_table(&name(1025)).is_err());
        for spaced in [" a", "a "] {
            assert!(check_column(spaced, ColumnNames::Flexible).is_err(), "{spaced:?}");
        }
    }

    /// A name that is set in contract.yaml can be as long as BigQuery allows, and another column or table
    /// can have it.
    #[test]
    fn a_long_name_with_a_suffix_is_still_a_name() {
        for base in ["n".repeat(300), "가".repeat(300)] {
            let name = column_with_suffix(&base, "source");
            assert_eq!(check_column(&name, ColumnNames::Flexible), Ok(()), "{name}");
            assert_ne!(name, column_with_suffix(&base, "other"));
        }
        for base in ["n".repeat(1024), "가".repeat(341)] {
            let name = table_with_suffix(&base, "source");
            assert_eq!(check_table(&name), Ok(()), "{name}");
            assert_ne!(name, table_with_suffix(&base, "other"));
        }
        assert_eq!(column_with_suffix("a", "b"), "a_3e23e816");
        assert_eq!(table_with_suffix("a", "b"), "a_3e23e816");
    }

    #[test]
    fn long_names_stay_distinct() {
        let (one, other) =
            ("가나다라마바사아".repeat(20), format!("{}끝", "가나다라마바사아".repeat(20)));
        let name = |source: &str| column_name(source, ColumnNames::Plain);
        assert!(name(&one).len() <= MAX_COLUMN_NAME && name(&other).len() <= MAX_COLUMN_NAME);
        assert_ne!(name(&one), name(&other));
        let first = name(&format!("처음{one}"));
        assert!(first.starts_with("ceoeum"), "{first}");
        // An underscore at the end is the source's own, that of a replaced character is not.
        let flexible = |source: &str| column_name(source, ColumnNames::Flexible);
        assert_eq!([flexible("a.b_"), flexible("a.b)")], ["a_b_", "a_b"]);
    }

    #[test]
    fn names_with_a_suffix_are_as_long_as_bigquery_allows_and_no_longer() {
        let column = column_with_suffix(&"가".repeat(400), "s");
        assert_eq!((column.chars().count(), column.starts_with(&"가".repeat(291))), (300, true));
        let table = table_with_suffix(&"a".repeat(2000), "s");
        assert_eq!((table.len(), table.starts_with(&"a".repeat(1015))), (1024, true));
        let long = shortened("가".repeat(301), "s", 300);
        assert_eq!((long.chars().count(), long.starts_with(&"가".repeat(291))), (300, true));
        assert_eq!(shortened("가".repeat(300), "s", 300), "가".repeat(300));
        let name = table_name("shop", "public", &"가(".repeat(400));
        assert_eq!(name.chars().count(), 256, "{name}");
        assert!(ColumnNames::Flexible.is_flexible() && !ColumnNames::Plain.is_flexible());
        let is_ascii: fn(char) -> bool = |c| c.is_ascii_alphanumeric();
        for (name, expected) in [
            ("a((b", "a_b"),
            ("a(b)", "a_b"),
            ("((", "_"),
            ("a_", "a_"),
            ("a()_", "a_"),
            ("(a", "_a"),
        ] {
            assert_eq!(replaced(name, is_ascii), expected, "{name}");
        }
    }
}
