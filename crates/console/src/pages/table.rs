//! `/tables/NAME`: what a table is, day by day, and who sees what of it.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_cli_support::render::grouped;
use landbridge_core::audit::{Outcome, Verdict};
use landbridge_core::calendar::Day;
use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use landbridge_core::contract::{ColumnContract, TableContract, Transform};
use landbridge_core::note::{Note, NoteCode};
use landbridge_core::receipt::{ProofWay, Receipt, ReceiptColumn};
use landbridge_core::types::ColumnType;
use maud::{Markup, html};

use super::{Page, View};
use crate::draw;
use crate::history::{DayMarks, Mark};
use crate::links::To;

/// Days of the line of rows.
const SPARK_DAYS: usize = 60;
/// Days of the history.
const HISTORY_DAYS: usize = 30;

/// What was read of a table.
pub struct Table<'a> {
    /// Its name in the source.
    pub name: &'a str,
    /// The newest day with a receipt.
    pub day: Day,
    /// Its receipt.
    pub receipt: Receipt,
    /// The newest audit.
    pub verdicts: Vec<Verdict>,
}

/// The page.
pub fn page<'a>(view: &View<'_>, table: &Table<'a>) -> Page<'a> {
    let contract = view.site.contract.tables.get(table.name);
    let body = html! {
        div.row {
            div {
                h1.name { (table.name) }
                @if let Some(text) = contract.and_then(|it| it.description.as_ref()) { p.lead { (text) } }
            }
            p { (view.mark(Mark::of(table.receipt.state))) " · " (view.link(To::Receipt(table.day, table.name), &view.day(table.day))) }
        }
        @if let Some(problem) = &table.receipt.problem { p.problem { (problem) } }
        (rows(view, table))
        (columns(view, table, contract))
        (who(view, table))
        div.facts {
            (audits(view, &table.verdicts))
            (people(view, contract))
        }
        (history(view, table.name))
    };
    Page { to: To::Table(table.name), title: table.name.to_owned(), body, reload: None }
}

fn rows(view: &View<'_>, table: &Table<'_>) -> Markup {
    let mut days: Vec<&DayMarks> = view.history.days().take(SPARK_DAYS).collect();
    days.reverse();
    // From the first day that has rows.
    let values: Vec<Option<u64>> =
        days.iter().map(|day| view.history.cell(day, table.name).1).collect();
    let first = values.iter().position(Option::is_some).unwrap_or(0);
    let last = values.iter().rposition(Option::is_some).map_or(first, |it| it + 1);
    let values = &values[first..last];
    let known = || values.iter().flatten();
    let (Some(least), Some(most)) = (known().min(), known().max()) else { return html! {} };
    let newest = values.iter().rev().flatten().next().copied().unwrap_or(0);
    let (least, most) = (grouped(*least), grouped(*most));
    let label = view.fill(
        "table.spark",
        &[
            ("days", &values.len().to_string()),
            ("least", &least),
            ("most", &most),
            ("newest", &grouped(newest)),
        ],
    );
    html! {
        section.rows aria-labelledby="rows" {
            div {
                h2 #rows { (view.t("column.rows")) }
                p.big { (grouped(newest)) }
            }
            @if values.len() > 1 {
                figure {
                    (draw::sparkline(values, &label))
                    figcaption {
                        span { (view.fill("table.spark.days", &[("n", &values.len().to_string())])) }
                        span { (least) " – " (most) }
                    }
                }
            }
        }
    }
}

fn columns(view: &View<'_>, table: &Table<'_>, contract: Option<&TableContract>) -> Markup {
    let receipt = &table.receipt;
    html! {
        section aria-labelledby="columns" {
            h2 #columns { (view.t("table.columns")) }
            div.scroll tabindex="0" role="region" aria-labelledby="columns" {
                table.list {
                    thead { tr {
                        @for key in ["column.column", "column.type", "column.class", "column.mask", "column.why", "column.proof"] {
                            th scope="col" { (view.lang.word(key)) }
                        }
                        th.number scope="col" { (view.t("column.nulls")) }
                    } }
                    tbody {
                        @for column in &receipt.columns { (column_row(view, column, contract, &receipt.notes)) }
                        @for name in &receipt.dropped_columns {
                            tr.stays {
                                th scope="row" { (name) }
                                td {} td { (view.t("column.stays")) } td {}
                                td { (view.t("why.dropped")) } td {} td {}
                            }
                        }
                    }
                }
            }
        }
    }
}

fn column_row(
    view: &View<'_>,
    column: &ReceiptColumn,
    contract: Option<&TableContract>,
    notes: &[Note],
) -> Markup {
    let class = view.site.config.class(&column.class);
    let in_contract = contract.and_then(|it| it.columns.get(column.source_column()));
    let ty = ColumnType { ty: column.ty, repeated: column.repeated };
    html! {
        tr {
            th scope="row" {
                (column.name)
                @if let Some(source) = &column.source_column { span.small { " (" (source) ")" } }
                @if let Some(text) = in_contract.and_then(|it| it.description.as_ref()) { br; span.small { (text) } }
            }
            td { code { (ty) } }
            td {
                @if column.class == CLASS_NONE {
                    span.class.none { (CLASS_NONE) }
                } @else {
                    span.class.personal { (column.class) }
                    @if !column.tag_read_back { " " span.small { (view.t("table.tag.missing")) } }
                }
            }
            td { @if column.class != CLASS_NONE { @if let Some(class) = &class { code { (class.mask) } } } }
            td.why { (why(view, column, in_contract, notes)) }
            td { @if let Some(proof) = column.proof { (view.lang.word(proof_key(proof))) } }
            td.number { @if let Some(nulls) = column.nulls { (grouped(nulls)) } }
        }
    }
}

/// Why a column has its class: the contract, or what closed it.
fn why(
    view: &View<'_>,
    column: &ReceiptColumn,
    contract: Option<&ColumnContract>,
    notes: &[Note],
) -> Markup {
    let about = |it: &&Note| {
        it.column.as_deref() == Some(column.source_column())
            || it.column.as_deref() == Some(&column.name)
    };
    let closing = notes.iter().filter(|it| it.code != NoteCode::TableCreated).filter(about);
    let sentence = match contract {
        None => view.t("why.not_named").to_owned(),
        Some(it) if it.class != column.class && column.class == CLASS_UNCLASSIFIED => {
            view.fill("why.closed", &[("class", &it.class)])
        }
        Some(it) if it.class != column.class => view.fill("why.changes", &[("class", &it.class)]),
        Some(it) if it.class == CLASS_NONE && it.transform.is_some() => {
            let key = match it.transform {
                Some(Transform::Tokenise) => "why.token",
                Some(Transform::SetNull) => "why.null",
                Some(Transform::Drop) | None => "why.dropped",
            };
            view.t(key).to_owned()
        }
        Some(it) if it.class == CLASS_NONE && it.pinned => view.t("why.pinned").to_owned(),
        Some(it) if it.class == CLASS_NONE => view.t("why.none").to_owned(),
        Some(_) => view.t("why.contract").to_owned(),
    };
    html! {
        (sentence)
        @if let Some(transform) = contract.and_then(|it| it.transform) { " · " code { (transform.name()) } }
        @if let Some(basis) = contract.and_then(|it| it.legal_basis.as_ref()) { " · " (basis) }
        @for note in closing { br; span.small { (note) } }
    }
}

const fn proof_key(proof: ProofWay) -> &'static str {
    match proof {
        ProofWay::Plain => "proof.plain",
        ProofWay::ThroughMask => "proof.through_mask",
        ProofWay::Readers => "proof.readers",
        ProofWay::NotProvable => "proof.not_provable",
    }
}

/// Who sees what, by `landbridge.yaml`: one row per class of the table.
fn who(view: &View<'_>, table: &Table<'_>) -> Markup {
    let classes: BTreeSet<&str> =
        table.receipt.columns.iter().map(|it| it.class.as_str()).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for column in &table.receipt.columns {
        *counts.entry(column.class.as_str()).or_default() += 1;
    }
    html! {
        section aria-labelledby="who" {
            h2 #who { (view.t("table.who")) }
            p.small { (view.t(if view.links.are_files() { "table.who.text" } else { "table.who.served" })) }
            div.scroll tabindex="0" role="region" aria-labelledby="who" {
                table.list {
                    thead { tr {
                        th scope="col" { (view.t("column.class")) }
                        th.number scope="col" { (view.t("column.columns")) }
                        th scope="col" { (view.t("who.plain")) }
                        th scope="col" { (view.t("who.masked")) }
                        th scope="col" { (view.t("who.others")) }
                    } }
                    tbody {
                        @for name in classes {
                            @let class = view.site.config.class(name);
                            tr {
                                th scope="row" { span.class.personal[name != CLASS_NONE].none[name == CLASS_NONE] { (name) } }
                                td.number { (counts[name]) }
                                @if name == CLASS_NONE {
                                    td { (view.t("who.dataset")) } td {} td { (view.t("who.nothing")) }
                                } @else if let Some(class) = class {
                                    td { (members(&class.readers)) }
                                    td { (members(&class.masked_readers)) }
                                    td { (view.t("who.refused")) }
                                }
                            }
                        }
                    }
                }
            }
            @if view.links.are_files() {
                (view.command(&format!("landbridge access --table {}", quoted(table.name))))
            } @else {
                p { (view.link(To::Access(table.name), view.t("table.who.live"))) }
            }
        }
    }
}

fn members(all: &[String]) -> Markup {
    html! {
        @if all.is_empty() { "–" }
        @for (place, member) in all.iter().enumerate() { @if place > 0 { br; } (member) }
    }
}

/// A name as one word of a shell.
pub(super) fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match !name.is_empty() && name.chars().all(is_plain) {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', "'\\''")),
    }
}

fn audits(view: &View<'_>, verdicts: &[Verdict]) -> Markup {
    html! {
        section.fact aria-labelledby="audits" {
            h2 #audits { (view.t("table.audits")) }
            @if verdicts.is_empty() { p { (view.t("table.audits.none")) } } @else { (verdict_list(view, verdicts)) }
        }
    }
}

/// The verdicts of audits, what was found first. Verdicts that say the same are one line.
pub(super) fn verdict_list(view: &View<'_>, verdicts: &[Verdict]) -> Markup {
    let mut groups: Vec<(Outcome, &str, Vec<&Verdict>)> = Vec::new();
    for it in verdicts {
        match groups.iter_mut().find(|group| (group.0, group.1) == (it.outcome, it.text.as_str())) {
            Some(group) => group.2.push(it),
            None => groups.push((it.outcome, &it.text, vec![it])),
        }
    }
    groups.sort_by_key(|it| it.0 != Outcome::Found);
    html! {
        ul.plain.verdicts {
            @for (outcome, text, all) in groups {
                @let (mark, letter, key) = match outcome {
                    Outcome::Found => ("held", "!", "outcome.found"),
                    Outcome::Passed => ("published", "✓", "outcome.passed"),
                    Outcome::Waits => ("none", "…", "outcome.waits"),
                    Outcome::NotVisible => ("none", "–", "outcome.not_visible"),
                    Outcome::NotKnown => ("missing", "?", "outcome.not_known"),
                };
                li {
                    span.state.(mark) { span aria-hidden="true" { (letter) } " " (view.lang.word(key)) } ": "
                    @for (place, it) in all.iter().enumerate() {
                        @if place > 0 { ", " }
                        code { (it.check.name()) } @if let Some(column) = &it.column { " " (column) }
                    }
                    @if !text.is_empty() { br; span.small { (text) } }
                }
            }
        }
    }
}

fn people(view: &View<'_>, contract: Option<&TableContract>) -> Markup {
    let list = |names: &[String]| html! { @if names.is_empty() { (view.t("table.people.none")) } @else { (members(names)) } };
    let empty: &[String] = &[];
    html! {
        section.fact aria-labelledby="people" {
            h2 #people { (view.t("table.people")) }
            dl {
                dt { (view.t("table.owners")) } dd { (list(contract.map_or(empty, |it| &it.owners))) }
                dt { (view.t("table.consumers")) } dd { (list(contract.map_or(empty, |it| &it.consumers))) }
            }
        }
    }
}

fn history(view: &View<'_>, name: &str) -> Markup {
    let days: Vec<(&DayMarks, (Mark, Option<u64>))> = view
        .history
        .days()
        .map(|day| (day, view.history.cell(day, name)))
        .filter(|(_, (mark, _))| *mark != Mark::None)
        .take(HISTORY_DAYS)
        .collect();
    html! {
        section aria-labelledby="history" {
            h2 #history { (view.t("table.history")) }
            div.scroll tabindex="0" role="region" aria-labelledby="history" {
                table.list {
                    thead { tr {
                        th scope="col" { (view.t("column.day")) }
                        th scope="col" { (view.t("column.state")) }
                        th.number scope="col" { (view.t("column.rows")) }
                    } }
                    tbody {
                        @for (day, (mark, rows)) in days {
                            tr {
                                th scope="row" { (view.link(To::Receipt(day.line.day, name), &view.day(day.line.day))) }
                                td { (view.mark(mark)) }
                                td.number { @if let Some(rows) = rows { (grouped(rows)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
