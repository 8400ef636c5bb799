//! `/receipts/DAY/TABLE`: what happened to a table on a day, and what proves it.

use landbridge_cli_support::render::{bytes, grouped};
use landbridge_core::audit::Verdict;
use landbridge_core::config::CLASS_NONE;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::types::ColumnType;
use maud::{Markup, html};

use super::table::{quoted, verdict_list};
use super::{Page, View};
use crate::history::Mark;
use crate::links::To;

/// The page.
pub fn page<'a>(view: &View<'_>, receipt: &'a Receipt, verdicts: &[Verdict]) -> Page<'a> {
    let name = &receipt.source_table;
    let body = html! {
        p.path { (view.link(To::Day(receipt.day), &view.day(receipt.day))) " / " (view.link(To::Table(name), name)) }
        div.row {
            h1.name { (view.fill("receipt.title", &[("table", name), ("day", &view.day(receipt.day))])) }
            p { (view.mark(Mark::of(receipt.state))) }
        }
        @if let Some(problem) = &receipt.problem {
            p.problem { (problem) }
        }
        (counts(view, receipt))
        (notes(view, receipt))
        (columns(view, receipt))
        div.facts {
            (way(view, receipt))
            section.fact aria-labelledby="audits" {
                h2 #audits { (view.t("table.audits")) }
                @if verdicts.is_empty() { p { (view.t("table.audits.none")) } } @else { (verdict_list(view, verdicts)) }
            }
        }
        section aria-labelledby="commands" {
            h2 #commands { (view.t("receipt.commands")) }
            (view.command(&format!("landbridge receipt {} --table {}", receipt.day, quoted(name))))
            @if receipt.state == ReceiptState::Published {
                (view.command(&format!("landbridge verify --day {} --table {}", receipt.day, quoted(name))))
            }
            @if !receipt.snapshot.is_empty() {
                (view.command(&format!("landbridge restore --from-receipt {} --as NAME", receipt.day)))
            }
        }
    };
    let title = format!("{name} {}", receipt.day);
    Page { to: To::Receipt(receipt.day, name), title, body, reload: None }
}

/// Rows, counted four times. They are equal, or the table is not published.
fn counts(view: &View<'_>, receipt: &Receipt) -> Markup {
    let counts = [
        ("receipt.footer", Some(receipt.rows_footer)),
        ("receipt.planned", Some(receipt.rows_planned)),
        ("receipt.loaded", receipt.rows_loaded),
        ("receipt.table", receipt.rows_table),
    ];
    html! {
        section.counts aria-label=(view.t("column.rows")) {
            @for (place, (key, rows)) in counts.into_iter().enumerate() {
                @if place > 0 {
                    @let equal = counts[place - 1].1 == rows;
                    span.joint aria-hidden="true" { @if rows.is_none() { "…" } @else if equal { "=" } @else { "≠" } }
                }
                div {
                    p.big { (rows.map_or_else(|| "–".to_owned(), grouped)) }
                    p.small { (view.lang.word(key)) }
                }
            }
        }
    }
}

fn notes(view: &View<'_>, receipt: &Receipt) -> Markup {
    html! {
        @if !receipt.notes.is_empty() {
            section aria-labelledby="notes" {
                h2 #notes { (view.t("receipt.notes")) }
                ul.plain.notes { @for note in &receipt.notes { li { (note) } } }
            }
        }
    }
}

fn columns(view: &View<'_>, receipt: &Receipt) -> Markup {
    html! {
        @if !receipt.columns.is_empty() {
            section aria-labelledby="columns" {
                h2 #columns { (view.t("table.columns")) }
                div.scroll tabindex="0" role="region" aria-labelledby="columns" {
                    table.list {
                        thead { tr {
                            @for key in ["column.column", "column.source", "column.type", "column.transfer", "column.class", "column.tag"] {
                                th scope="col" { (view.lang.word(key)) }
                            }
                            th.number scope="col" { (view.t("column.nulls")) }
                            th.number scope="col" { (view.t("column.misfits")) }
                        } }
                        tbody {
                            @for it in &receipt.columns {
                                tr {
                                    th scope="row" { (it.name) }
                                    td { (it.source) }
                                    td { code { (ColumnType { ty: it.ty, repeated: it.repeated }) } }
                                    td { (it.action) }
                                    td { span.class.personal[it.class != CLASS_NONE].none[it.class == CLASS_NONE] { (it.class) } }
                                    td { @if it.class != CLASS_NONE { (view.t(if it.tag_read_back { "receipt.tag" } else { "table.tag.missing" })) } }
                                    td.number { @if let Some(nulls) = it.nulls { (grouped(nulls)) } }
                                    td.number { @let misfits: u64 = it.misfits.values().sum(); @if misfits > 0 { (grouped(misfits)) } }
                                }
                            }
                        }
                    }
                }
                @if !receipt.dropped_columns.is_empty() {
                    p.small { (view.fill("receipt.dropped", &[("names", &receipt.dropped_columns.join(", "))])) }
                }
            }
        }
    }
}

/// Where the rows come from, and when.
fn way(view: &View<'_>, receipt: &Receipt) -> Markup {
    let times = [
        ("receipt.snapshot", receipt.snapshot_at),
        ("receipt.export.start", receipt.export_started_at),
        ("receipt.export.end", receipt.export_ended_at),
        ("receipt.planned.at", receipt.planned_at),
        ("receipt.recorded", Some(receipt.recorded_at)),
    ];
    html! {
        section.fact aria-labelledby="way" {
            h2 #way { (view.t("receipt.way")) }
            dl {
                @for (key, at) in times {
                    @if let Some(at) = at { dt { (view.lang.word(key)) } dd { (view.when(at)) } }
                }
                dt { (view.t("receipt.files")) } dd { (grouped(receipt.files)) " · " (bytes(receipt.bytes)) }
                @if !receipt.snapshot.is_empty() { dt { (view.t("receipt.snapshot.name")) } dd { code { (receipt.snapshot) } } }
                @if let Some(job) = &receipt.job {
                    dt { (view.t("receipt.job")) }
                    dd { code { (job) } @if let Some(ms) = receipt.load_ms { br; @if ms < 1000 { (ms) " ms" } @else { (format!("{}.{} s", ms / 1000, ms % 1000 / 100)) } } }
                }
            }
        }
    }
}
