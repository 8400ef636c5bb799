//! What the law and good sense demand of columns with numbers that identify a person.
//!
//! Sources: Personal Information Protection Act of Korea (개인정보 보호법), Article 24 (uniquely
//! identifying information: consent of its own or a statute), Article 24-2 (resident registration
//! numbers: only if a statute requires or permits it; consent is not enough); its Enforcement Decree,
//! Article 19 (resident registration, passport, driving licence and foreigner registration numbers
//! are uniquely identifying information).

use super::{ColumnContract, TableContract, Transform};
use crate::{
    config::{CLASS_NONE, Config},
    personal::{self, Confidence, Finding, Kind, Rows, Subject},
    types::BigQueryType,
    yaml::{KeyPath, Violation},
};

/// Adds a violation for each column that may not leave AWS, or whose mask hides nothing.
pub(super) fn check(
    source_table: &str,
    table: &TableContract,
    config: &Config,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    for (name, column) in &table.columns {
        let path = path.key("columns").key(name);
        problems.extend(without_basis(source_table, name, column, &path));
        problems.extend(listable(source_table, name, column, config, &path));
    }
}

/// Whether the column contains resident registration numbers: the contract says so, or the names of
/// the column or of its class do.
pub(super) fn has_resident_numbers(
    source_table: &str,
    name: &str,
    column: &ColumnContract,
) -> bool {
    column.resident_number.unwrap_or_else(|| {
        let class = Subject {
            table: "",
            column: &column.class,
            source_type: "text",
            bigquery_type: BigQueryType::String,
            rows: Rows::Unknown,
        };
        personal::is_resident_number(subject(source_table, name, column))
            || personal::is_resident_number(class)
    })
}

pub(super) fn subject<'a>(
    source_table: &'a str,
    name: &'a str,
    column: &'a ColumnContract,
) -> Subject<'a> {
    Subject {
        table: source_table.split_once('.').map_or(source_table, |(_, table)| table),
        column: name,
        source_type: &column.source,
        // The type of a token is not that of the values.
        bigquery_type: match column.transform {
            Some(Transform::Tokenise) => source_type(&column.source),
            _ => column.bigquery_type,
        },
        rows: Rows::Unknown,
    }
}

/// The type in BigQuery that says which kind of values a source type has, where the contract's type
/// is that of tokens.
fn source_type(source: &str) -> BigQueryType {
    match source.to_ascii_lowercase().as_str() {
        source if source.contains("int") => BigQueryType::Int64,
        _ => BigQueryType::String,
    }
}

fn without_basis(
    source_table: &str,
    name: &str,
    column: &ColumnContract,
    path: &KeyPath,
) -> Option<Violation> {
    if column.stays_in_aws()
        || column.legal_basis.is_some()
        || !has_resident_numbers(source_table, name, column)
    {
        return None;
    }
    let how = match column.transform {
        Some(Transform::Tokenise) => "as tokens",
        _ => "as they are",
    };
    let what = format!(
        "column `{name}` contains resident registration numbers, and would leave AWS {how} without a legal basis"
    );
    Some(Violation::new(path.clone(), what).help(
        "write `transform: drop`. If a statute requires or permits to process them (Personal Information Protection Act, Article 24-2), add `legal_basis: \"<statute>, Article <number>\"`; if the column contains something else, add `resident_number: false`",
    ))
}

/// The violation of a column whose name says that it contains numbers which can be listed, and whose
/// class has a mask from which a listed value can be computed. The domain of a class speaks of what
/// the class is for; a column that does not belong there is not hidden by it.
fn listable(
    source_table: &str,
    name: &str,
    column: &ColumnContract,
    config: &Config,
    path: &KeyPath,
) -> Option<Violation> {
    if column.transform.is_some() || column.class == CLASS_NONE {
        return None;
    }
    let class = config.class(&column.class)?;
    if !class.mask.is_computable() {
        return None;
    }
    let verdict = personal::judge(subject(source_table, name, column), None);
    let Finding::Personal(kind) = verdict.finding else { return None };
    if !kind.is_listable_number() || verdict.confidence < Confidence::High {
        return None;
    }
    // A person says that the values of such a class cannot be listed, and `check` shows it. For
    // numbers that identify people everywhere, that is never so.
    if kind.default_transform().is_none() && class.overrides_small_domain(&column.class) {
        return None;
    }
    let what = format!(
        "column `{name}` contains {}, which can be listed, and the mask {} of class `{}` does not hide them",
        kind.plural(),
        class.mask,
        column.class
    );
    Some(Violation::new(path.key("class"), what).help(help_for(kind)))
}

fn help_for(kind: Kind) -> &'static str {
    match kind.default_transform() {
        Some(Transform::Drop) => {
            "write `transform: drop`, or a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE"
        }
        Some(_) => {
            "write `transform: tokenise`, or a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE"
        }
        None => "use a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE",
    }
}
