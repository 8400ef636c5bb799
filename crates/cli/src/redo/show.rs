//! The plan of a redo as text.

use std::fmt::Write;

use super::plan::{Plan, PlannedTable};
use crate::render::{self, bytes, counted, grouped, left, right};

/// What is done again, what readers see meanwhile, and what it costs.
pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!("Do {} of {} again\n", plan.day, plan.source);
    if let Some(at) = plan.requested_before {
        let _ = writeln!(
            text,
            "\nThis was requested at {at} and has not ended, so nothing is requested now. `landbridge receipt {}` shows how far it is.",
            plan.day
        );
        return text;
    }
    match &plan.export {
        Some(export) => {
            let _ = writeln!(text, "  export    {} again, because {}", export.snapshot, export.why);
        }
        None => text.push_str("  export    none: the objects of the day's export are used\n"),
    }
    let _ = match plan.tables.as_slice() {
        [] => writeln!(text, "  transfer  every table of the export\n  load      the same"),
        tables => writeln!(
            text,
            "  transfer  {}, {}, under new names\n  load      the same, {} rows",
            counted(tables.len(), "table"),
            bytes(plan.bytes),
            grouped(tables.iter().map(|table| table.rows).sum())
        ),
    };
    if plan.accept_audits {
        text.push_str(
            "  audits    findings that block a table are accepted: its rows are published, and the receipt keeps the findings\n",
        );
    }
    text.push_str("  readers   each table keeps the rows that it has until its new ones replace them, in one step; masks stay\n");
    let _ = writeln!(text, "  cost      {}", cost(plan));
    if !plan.tables.is_empty() {
        text.push('\n');
        text += &tables(&plan.tables);
    }
    for newer in &plan.newer {
        let _ = writeln!(
            text,
            "not {}: it has the rows of {}, which are newer and stay",
            newer.source_table, newer.day
        );
    }
    text
}

fn tables(tables: &[PlannedTable]) -> String {
    let columns = [left("table"), right("rows"), right("size"), left("has rows of")];
    let rows = tables.iter().map(|table| {
        vec![
            table.source_table.clone(),
            grouped(table.rows),
            bytes(table.bytes),
            table.has_rows_of.map_or_else(|| "–".to_owned(), |day| day.to_string()),
        ]
    });
    render::table(&columns, rows.collect(), 2)
}

/// `3.10 USD for the export, 0.02 USD for the transfer (prices of 2026-11)`.
fn cost(plan: &Plan) -> String {
    let money = |usd: Option<f64>| {
        usd.map_or_else(|| "an unknown amount".to_owned(), |usd| format!("{usd:.2} USD"))
    };
    let cost = &plan.cost;
    let transfer = format!("{} for the transfer out of AWS", money(cost.egress_usd));
    let export = match &plan.export {
        Some(_) => format!("{} for the export, ", money(cost.export_usd)),
        None => String::new(),
    };
    let as_of = cost.prices_as_of.as_ref();
    let as_of = as_of.map_or_else(String::new, |as_of| format!(" (prices of {as_of})"));
    format!("{export}{transfer}{as_of}; BigQuery does not charge loads")
}

/// What happens now, after the request was written.
pub(super) fn requested(plan: &Plan) -> String {
    let functions: &[&str] = match &plan.export {
        Some(_) => &["export", "transfer", "load"],
        None => &["transfer", "load"],
    };
    let mut text = format!(
        "Request {} for {} is recorded. The functions carry it out in their next ticks, after today's day.\nTo start now, run these, and again until `landbridge receipt {}` shows the new receipts:\n",
        plan.number, plan.day, plan.day
    );
    for function in functions {
        let _ = writeln!(
            text,
            "  aws lambda invoke --function-name landbridge-{}-{function} --cli-binary-format raw-in-base64-out --cli-read-timeout 0 --payload '{{\"scheduled_time\": \"'$(date -u +%Y-%m-%dT%H:%M:00Z)'\"}}' /dev/stdout",
            plan.source
        );
    }
    text
}
