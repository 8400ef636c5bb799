//! The estimate and the past days as text.

use std::fmt::Write;

use landbridge_core::cost::{Comparison, DayCost, Estimate};

use super::Report;
use crate::render::{self, bytes, grouped, left, right};

/// The complete report as text.
pub(super) fn text(report: &Report) -> String {
    let Report { estimate, actual, compared } = report;
    let mut text = String::new();
    if !actual.is_empty() {
        text.push_str(
            "Past days: what they transferred, and its cost before free allowances, in USD\n\n",
        );
        text.push_str(&days_table(actual));
        text.push('\n');
    }
    // Writing to a String cannot fail.
    let _ = write!(text, "{}", month_table(estimate));
    if let Some(compared) = compared {
        let _ = write!(text, "\n{}", comparison(compared));
    }
    text
}

/// What changed since an earlier estimate.
fn comparison(compared: &Comparison) -> String {
    let columns = [
        left("item"),
        right("before"),
        right("now"),
        right("difference"),
        right("without free: before"),
        right("now"),
        right("difference"),
    ];
    let rows = compared.changes.iter().map(|it| {
        let (before, now) = (it.before_without_allowances, it.now_without_allowances);
        vec![
            it.what.clone(),
            money(it.before),
            money(it.now),
            difference(it.now - it.before),
            money(before),
            money(now),
            difference(now - before),
        ]
    });
    format!(
        "What changed since the earlier estimate, whose prices are of {}, in USD a month\n\n{}",
        compared.prices_as_of,
        render::table(&columns, rows.collect(), 0)
    )
}

/// A difference with its sign; a difference below half a cent is `0.00`.
fn difference(usd: f64) -> String {
    if usd.abs() < 0.005 { "0.00".to_owned() } else { format!("{usd:+.2}") }
}

fn days_table(actual: &[DayCost]) -> String {
    let columns = [
        left("day"),
        right("tables"),
        right("files"),
        right("exported"),
        right("transferred"),
        right("rows"),
        right("load jobs"),
        right("export"),
        right("transfer"),
    ];
    let rows = actual.iter().map(|DayCost { usage: day, export_usd, egress_usd }| {
        vec![
            day.day.to_string(),
            day.tables.to_string(),
            grouped(day.files),
            bytes(day.exported_bytes),
            day.transferred_bytes.map_or_else(|| "–".to_owned(), bytes),
            grouped(day.rows),
            format!("{}.{} s", day.load_ms / 1000, day.load_ms % 1000 / 100),
            export_usd.map_or_else(|| "–".to_owned(), money),
            money(*egress_usd),
        ]
    });
    render::table(&columns, rows.collect(), 0)
}

fn month_table(estimate: &Estimate) -> String {
    let workload = &estimate.workload;
    let mut text = format!(
        "Cost of a month in USD, AWS {} to Google Cloud {}, prices of {}\n\
         Database: {} GiB, {} % changed per day; {} GiB of Parquet per day\n\n",
        estimate.region,
        estimate.location,
        estimate.prices_as_of,
        short_number(workload.database_gib),
        short_number(workload.change_percent_per_day),
        short_number(workload.parquet_gib_per_day),
    );
    let columns = [
        left("item"),
        right("quantity"),
        left("unit"),
        right("free"),
        right("price"),
        left(""),
        right("month"),
        right("without free"),
    ];
    let mut rows: Vec<Vec<String>> = estimate
        .items
        .iter()
        .map(|item| {
            vec![
                item.what.to_owned(),
                short_number(item.quantity),
                item.unit.to_owned(),
                if item.free > 0.0 { short_number(item.free) } else { String::new() },
                item.price.to_string(),
                if item.uncertain { "?" } else { "" }.to_owned(),
                money(item.month),
                money(item.month_without_allowances),
            ]
        })
        .collect();
    let mut total = vec![String::new(); columns.len()];
    total[0] = "total".to_owned();
    total[6] = money(estimate.month);
    total[7] = money(estimate.month_without_allowances);
    rows.push(total);
    text.push_str(&render::table(&columns, rows, 0));
    text.push_str("\n? not confirmed\n\n");
    for allowances in [true, false] {
        let Some((item, share)) = estimate.largest_item(allowances) else { continue };
        let (when, cost) = if allowances {
            ("With free allowances", item.month)
        } else {
            ("Without free allowances", item.month_without_allowances)
        };
        let _ = writeln!(
            text,
            "{when}, the largest item is {}: {} USD a month, {share:.0} %. It {}.",
            item.what,
            money(cost),
            item.lever
        );
    }
    text.push_str(&ga4_copy(estimate));
    text
}

/// What the copy of a GA4 export in another location costs, if its size is not known.
fn ga4_copy(estimate: &Estimate) -> String {
    match &estimate.ga4_copy {
        Some(copy) if !copy.included => format!(
            "The GA4 export lies in {}, the warehouse in {}: the copy costs {} USD per GiB and its storage, which are not \
             included. Add --ga4-gib-per-day with the size of one day's table.\n",
            copy.from,
            estimate.location,
            money(copy.usd_per_gib),
        ),
        _ => String::new(),
    }
}

/// US dollars with cents. A positive amount below half a cent is shown as `<0.01`.
pub(crate) fn money(usd: f64) -> String {
    if usd > 0.0 && usd < 0.005 { "<0.01".to_owned() } else { format!("{usd:.2}") }
}

/// A number with at most two decimals and without trailing zeros.
pub(crate) fn short_number(number: f64) -> String {
    if number > 0.0 && number < 0.005 {
        return "<0.01".to_owned();
    }
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    if rest.is_empty() { whole } else { format!("{whole}.{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_small_ones_are_not_rounded_to_zero() {
        for (number, text) in [
            (0.0, "0"),
            (20.0, "20"),
            (91.25, "91.25"),
            (0.001, "<0.01"),
            (100.0, "100"),
            (4150.05, "4,150.05"),
        ] {
            assert_eq!(short_number(number), text);
        }
        for (usd, text) in [(0.0, "0.00"), (0.001, "<0.01"), (6.0833, "6.08")] {
            assert_eq!(money(usd), text);
        }
    }
}
