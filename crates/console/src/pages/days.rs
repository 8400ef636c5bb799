//! `/days`: tables × days, every cell a receipt. `/days/DAY`: one day with all its tables.

use landbridge_cli_support::render::grouped;
use landbridge_core::calendar::Day;
use maud::{Markup, html};

use super::today::{day_state, headline, picture};
use super::{Page, RELOAD_RUNNING, View};
use crate::crossing::Crossing;
use crate::history::{DayMarks, Mark};
use crate::links::To;

/// Days of the grid.
pub const GRID_DAYS: usize = 14;
/// Tables of one part.
pub const PART: usize = 50;
/// Rows of the list of one day; its problems come first.
const MAX_LISTED: usize = 500;

/// What the reader asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The part, from 1.
    pub part: usize,
    /// A part of the table's name.
    pub name: String,
}

/// The grid. The tables that need a look come first.
pub fn grid<'a>(view: &View<'_>, asked: &Asked) -> Page<'a> {
    let tables = view.history.by_urgency(GRID_DAYS, &asked.name);
    let parts = tables.len().div_ceil(PART).max(1);
    let part = asked.part.clamp(1, parts);
    let shown: Vec<(&str, Mark)> =
        tables.iter().skip((part - 1) * PART).take(PART).copied().collect();
    let problems = tables.iter().filter(|it| it.1.is_problem()).count();
    let mut days: Vec<&DayMarks> = view.history.days().take(GRID_DAYS).collect();
    days.reverse();
    // A deployment of last week has no days before it.
    let first = days.iter().position(|it| it.line.state != "nothing").unwrap_or(0);
    let days = &days[first..];
    let (count, problems) = (grouped(tables.len() as u64), grouped(problems as u64));
    let lead = if problems == "0" { "days.lead.well" } else { "days.lead" };
    let body = html! {
        div.row {
            h1 { (view.t("nav.days")) }
            @if !view.links.are_files() { (search(view, &asked.name)) }
        }
        p.lead {
            (view.fill(lead, &[("n", &count), ("problems", &problems)]))
        }
        @if shown.is_empty() {
            p { (view.t("days.empty")) }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(view.t("days.caption")) {
                table.grid {
                    caption.hidden { (view.t("days.caption")) }
                    thead { tr {
                        th scope="col" { (view.t("column.table")) }
                        @for day in days { (day_head(view, day)) }
                    } }
                    tbody {
                        @for (table, _) in &shown {
                            tr {
                                th scope="row" { a href=(view.links.href(To::Table(table))) { (table) } }
                                @for day in days { td { (cell(view, day, table)) } }
                            }
                        }
                    }
                }
            }
            (legend(view))
            (parts_nav(view, part, parts, &asked.name))
        }
    };
    Page { to: To::Days(part), title: view.t("nav.days").to_owned(), body, reload: None }
}

fn day_head(view: &View<'_>, day: &DayMarks) -> Markup {
    let date = day.line.day.date();
    html! {
        th scope="col" {
            a href=(view.links.href(To::Day(day.line.day))) {
                span.hidden { (view.day(day.line.day)) ": " (view.lang.word(&format!("day.{}", day.line.state))) }
                span aria-hidden="true" { (date.month()) "/" b { (date.day()) } }
            }
        }
    }
}

fn search(view: &View<'_>, name: &str) -> Markup {
    html! {
        form.search role="search" action=(view.links.href(To::Days(1))) {
            label { span.hidden { (view.t("days.search")) } input type="search" name="q" value=(name) placeholder=(view.t("days.search")); }
            @if let crate::links::Links::Served(Some(lang)) = view.links {
                input type="hidden" name="lang" value=(lang.tag());
            }
            button { (view.t("days.find")) }
        }
    }
}

/// A cell: its letter for eyes, its meaning for screen readers, and its receipt behind it.
fn cell(view: &View<'_>, day: &DayMarks, table: &str) -> Markup {
    let (mark, rows) = view.history.cell(day, table);
    let word = view.lang.word(&format!("mark.{}", mark.name()));
    let rows = rows.map(|it| format!(", {}", view.fill("crossing.rows", &[("n", &grouped(it))])));
    let label = format!("{table}, {}: {word}{}", view.day(day.line.day), rows.unwrap_or_default());
    html! {
        @if mark == Mark::None {
            span.cell.none { span.hidden { (word) } span aria-hidden="true" { (mark.letter()) } }
        } @else {
            a.cell.(mark.name()) href=(view.links.href(To::Receipt(day.line.day, table))) title=(label) aria-label=(label) {
                span aria-hidden="true" { (mark.letter()) }
            }
        }
    }
}

fn legend(view: &View<'_>) -> Markup {
    html! {
        ul.legend aria-label=(view.t("days.legend")) {
            @for mark in Mark::ALL.into_iter().rev() {
                li { span.cell.(mark.name()) aria-hidden="true" { (mark.letter()) } " " (view.lang.word(&format!("mark.{}", mark.name()))) }
            }
        }
    }
}

fn parts_nav(view: &View<'_>, part: usize, parts: usize, name: &str) -> Markup {
    let href = |to: usize| {
        let href = view.links.href(To::Days(to));
        let joint = if href.contains('?') { '&' } else { '?' };
        match name {
            "" => href,
            name => format!("{href}{joint}q={}", encoded(name)),
        }
    };
    html! {
        @if parts > 1 {
            nav.parts aria-label=(view.t("days.parts")) {
                @if part > 1 { a rel="prev" href=(href(part - 1)) { (view.t("days.earlier")) } }
                span { (view.fill("days.part", &[("n", &part.to_string()), ("of", &parts.to_string())])) }
                @if part < parts { a rel="next" href=(href(part + 1)) { (view.t("days.later")) } }
            }
        }
    }
}

/// A text as the value of a query parameter.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// One day.
pub fn day<'a>(view: &View<'_>, crossing: &Crossing) -> Page<'a> {
    let day = crossing.day;
    let marks = view.history.day(day);
    let body = html! {
        (headline(view, crossing))
        (picture(view, crossing))
        @if let Some(marks) = marks { (of_day(view, marks)) }
        (neighbours(view, day))
    };
    Page {
        to: To::Day(day),
        title: view.day(day),
        body,
        reload: crossing.is_running().then_some(RELOAD_RUNNING),
    }
}

fn of_day(view: &View<'_>, day: &DayMarks) -> Markup {
    let mut tables: Vec<(&str, Mark, Option<u64>)> = view
        .history
        .tables()
        .map(|table| (table, view.history.cell(day, table)))
        .filter(|(_, (mark, _))| *mark != Mark::None)
        .map(|(table, (mark, rows))| (table, mark, rows))
        .collect();
    tables.sort_by_key(|(_, mark, _)| {
        std::cmp::Reverse(if mark.is_problem() { *mark } else { Mark::None })
    });
    let more = tables.len().saturating_sub(MAX_LISTED);
    html! {
        section aria-labelledby="tables" {
            div.row {
                h2 #tables { (view.t("day.tables.title")) }
                p { (day_state(view, day.line.state)) }
            }
            div.scroll tabindex="0" role="region" aria-labelledby="tables" {
                table.list {
                    thead { tr {
                        th scope="col" { (view.t("column.table")) }
                        th scope="col" { (view.t("column.state")) }
                        th.number scope="col" { (view.t("column.rows")) }
                        th scope="col" { (view.t("column.receipt")) }
                    } }
                    tbody {
                        @for (table, mark, rows) in tables.iter().take(MAX_LISTED) {
                            tr {
                                th scope="row" { a href=(view.links.href(To::Table(table))) { (table) } }
                                td { (view.mark(*mark)) }
                                td.number { @if let Some(rows) = rows { (grouped(*rows)) } }
                                td { a href=(view.links.href(To::Receipt(day.line.day, table))) { (view.t("column.receipt")) span.hidden { " " (table) } } }
                            }
                        }
                    }
                }
            }
            @if more > 0 { p { (view.fill("more.tables", &[("n", &grouped(more as u64))])) " " (view.link(To::Days(1), view.t("nav.days"))) } }
        }
    }
}

/// The day before, and the day after.
fn neighbours(view: &View<'_>, day: Day) -> Markup {
    let next = day.date().tomorrow().ok().map(Day::new);
    let known = |day: &Day| view.history.day(*day).is_some_and(|it| it.line.state != "nothing");
    html! {
        nav.parts aria-label=(view.t("days.other")) {
            @if let Some(before) = day.before().filter(known) {
                a rel="prev" href=(view.links.href(To::Day(before))) { "← " (view.day(before)) }
            }
            @if let Some(next) = next.filter(known) {
                a rel="next" href=(view.links.href(To::Day(next))) { (view.day(next)) " →" }
            }
        }
    }
}
