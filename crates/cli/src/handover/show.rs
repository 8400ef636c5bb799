//! The comparison as text: the advice first.

use std::fmt::Write;

use landbridge_core::handover::{Freshness, Handover, Range, WayCost};

use crate::cost::{money, short_number};
use crate::render::{self, left, right};

/// The complete report. `measured` are the days whose receipts gave the sizes.
pub(super) fn text(compared: &Handover, measured: Option<String>) -> String {
    let workload = &compared.workload;
    // Writing to a String cannot fail.
    let mut text = format!("{}\n\n", compared.verdict.text);
    let _ = writeln!(
        text,
        "Database: {} GiB, {} % changed per day, {} GiB of Parquet per day{}; AWS {}, prices of {}\n\
         RDS charges {} USD a day for the export alone.",
        short_number(workload.database_gib),
        short_number(workload.change_percent_per_day),
        short_number(workload.parquet_gib_per_day),
        measured.map_or_else(String::new, |days| format!(" (receipts of {days})")),
        compared.region,
        compared.prices_as_of,
        money(compared.export_usd_per_day),
    );
    if let Some(Range { low, high }) = compared.datastream_is_cheaper_below_percent {
        let _ = writeln!(
            text,
            "Datastream costs less below {low:.2} % of change a day, and not above {high:.2} %."
        );
    }
    let _ = write!(text, "\n{}\n? not all prices are confirmed\n", table(compared));
    for way in &compared.ways {
        let _ = write!(text, "\n{}", details(way));
    }
    text
}

fn table(compared: &Handover) -> String {
    let columns = [
        left("way"),
        right("USD a month"),
        left(""),
        right("first copy"),
        left("newest rows"),
        left("does not fit"),
    ];
    let rows = compared.ways.iter().map(|way| {
        let uncertain =
            way.items.iter().any(|it| it.uncertain && it.month.high + it.once.high > 0.0);
        let freshest = match way.freshest {
            Freshness::Minutes => "minutes",
            Freshness::Hour => "an hour",
            Freshness::Day => "a day",
        };
        vec![
            way.name.clone(),
            range(way.month) + if way.complete { "" } else { " and more" },
            if uncertain { "?" } else { "" }.to_owned(),
            range(way.once),
            freshest.to_owned(),
            way.unfit.join("; "),
        ]
    });
    render::table(&columns, rows.collect(), 0)
}

/// What a way lacks, and what its amount does not include.
fn details(way: &WayCost) -> String {
    let mut text = format!("{}\n", way.name);
    for lack in &way.lacks {
        let _ = writeln!(text, "  - {}{}", lack.what, if lack.uncertain { " [?]" } else { "" });
    }
    for item in &way.not_included {
        let _ = writeln!(text, "  + not included: {item}");
    }
    text
}

fn range(usd: Range) -> String {
    let (low, high) = (money(usd.low), money(usd.high));
    if low == high { low } else { format!("{low} to {high}") }
}
