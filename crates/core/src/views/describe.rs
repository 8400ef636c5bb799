//! The descriptions of views and of their columns: what the rows are, as of which day, and why a
//! person sees what they see.

use super::{Class, KnownColumn, Presented, ViewContext, ViewTable};
use crate::contract::{Mode, TableContract};
use crate::describe::shown;
use crate::protection::TableRows;
use crate::types::BigQueryType;

/// The longest description of a column, in characters (BigQuery v2 API, `TableFieldSchema`).
const MAX_COLUMN: usize = 1_024;
/// The longest description of a view that is written; BigQuery takes 16,384 characters ("Quotas and
/// limits", Tables).
const MAX_VIEW: usize = 8_000;
/// The column that names the currency of a table's amounts.
const CURRENCY: &str = "currency";
/// Words of the names of amounts of money.
const MONEY: [&str; 10] = [
    "amount",
    "price",
    "total",
    "subtotal",
    "fee",
    "cost",
    "balance",
    "revenue",
    "commission",
    "payout",
];

/// The description of the column with the day of a history table.
pub(super) const DAY: &str =
    "The day of the rows. Name it in WHERE: a query then reads the partitions of these days only.";

/// The description of a view.
pub(super) fn view(
    context: &ViewContext<'_>,
    table: &ViewTable<'_>,
    contract: Option<&TableContract>,
    hidden: &[(&str, String)],
) -> String {
    let mut lines = Vec::new();
    lines.extend(contract.and_then(|contract| contract.description.clone()));
    lines.push(format!("{} Local times are in the zone {}.", as_of(table), context.zone));
    lines.push(format!(
        "View of {}.{}.{}: each column shows what you may read of the table. Landbridge writes it and undoes changes.",
        context.project, context.dataset, table.name
    ));
    if !hidden.is_empty() {
        let names: Vec<String> =
            hidden.iter().map(|(name, class)| format!("{name} ({class})")).collect();
        lines.push(format!("Not in this view: {}.", names.join(", ")));
    }
    shortened(lines.join("\n"), MAX_VIEW)
}

fn as_of(table: &ViewTable<'_>) -> String {
    match table.rows.and_then(TableRows::newest_day) {
        Some(day) if table.keeps_days => format!("Rows as of each day, up to {day}."),
        Some(day) => format!("Rows as of {day}."),
        None => "The day of these rows is not recorded.".to_owned(),
    }
}

/// The description of a column of a view.
pub(super) fn column(
    context: &ViewContext<'_>,
    table: &ViewTable<'_>,
    column: &KnownColumn<'_>,
    presented: Presented,
) -> String {
    let mut sentences = Vec::new();
    sentences.extend(column.contract_description.as_deref().map(sentence));
    let name = &column.live.name;
    match presented {
        Presented::AsIs => sentences.extend(of_values(column)),
        Presented::Json => sentences.push(
            "JSON; NULL where the text is not JSON. Long numbers are rounded: the table has the exact text."
                .to_owned(),
        ),
        Presented::LocalTime => sentences.push(format!("The time of {name} in {}.", context.zone)),
    }
    sentences.extend(of_class(column.class, presented));
    sentences.push(as_of(table));
    shortened(sentences.join(" "), MAX_COLUMN)
}

/// What is said of the values of a column that is shown as it is.
fn of_values(column: &KnownColumn<'_>) -> Option<String> {
    let source = column.rows.map(|rows| rows.source.to_ascii_lowercase()).unwrap_or_default();
    if column.is_token() {
        return Some(
            "A token in place of the value: equal values have equal tokens, so it can be counted and joined."
                .to_owned(),
        );
    }
    if column.live.ty == "TIMESTAMP" {
        return Some("An instant, shown in UTC.".to_owned());
    }
    if source == "user-defined" || source == "enum" {
        return Some("One of the values of a fixed list.".to_owned());
    }
    if source == "money" {
        return Some("An amount as the database prints it, as text.".to_owned());
    }
    is_money(column).then(|| format!("An exact amount in the currency of the column {CURRENCY}."))
}

/// Whether the column is an amount and its table has a column with the currency.
fn is_money(column: &KnownColumn<'_>) -> bool {
    let exact = matches!(column.live.ty.as_str(), "NUMERIC" | "BIGNUMERIC");
    let name = column.live.name.to_ascii_lowercase();
    let named = name.split('_').any(|word| MONEY.contains(&word));
    let is_rate = name.split('_').any(|word| matches!(word, "rate" | "percent" | "ratio"));
    let currency = column.contract.and_then(|contract| contract.columns.get(CURRENCY));
    let has_currency = currency.is_some_and(|currency| {
        currency.bigquery_type == BigQueryType::String && currency.mode == Mode::Nullable
    });
    exact && named && !is_rate && has_currency
}

/// Who sees what of a column with a class.
fn of_class(class: Class<'_>, presented: Presented) -> Option<String> {
    let Class::Named(name, mask) = class else { return None };
    let seen = match (mask, presented) {
        // Masked text is no JSON.
        (_, Presented::Json) => "NULL",
        (mask, _) => shown(mask),
    };
    Some(format!(
        "Class {name} ({mask}): masked readers see {seen}, readers the value, anyone else an error."
    ))
}

fn sentence(text: &str) -> String {
    let text = text.trim();
    let ends = text.ends_with(['.', '!', '?', '。']);
    format!("{text}{}", if ends { "" } else { "." })
}

fn shortened(text: String, max: usize) -> String {
    if text.chars().count() <= max {
        return text;
    }
    let kept: String = text.chars().take(max - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_ends_with_an_ellipsis() {
        let text = |length: usize| "가".repeat(length);
        assert_eq!(shortened(text(5), 5), text(5));
        assert_eq!(shortened(text(6), 5), format!("{}…", text(4)));
    }
}
