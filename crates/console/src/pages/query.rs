//! `/query`: a query of the local cloud with the eyes of an analyst, a PII reader or a stranger.

use landbridge_cli_support::render::grouped;
use maud::{Markup, html};

use super::{Page, View};
use crate::links::To;
use crate::outside::{Answer, Eyes, Rows};

/// Rows that are shown.
pub const MAX_ROWS: usize = 200;
/// Types whose values are to the right.
const NUMBERS: [&str; 4] = ["INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"];

/// The page; `asked` is the answer to what was asked.
pub fn page(view: &View<'_>, eyes: Eyes, sql: &str, asked: Option<&Answer>) -> Page<'static> {
    let body = html! {
        h1 { (view.t("query.title")) }
        p.lead { (view.t("query.lead")) }
        form.query method="post" action=(view.links.href(To::Query)) {
            fieldset {
                legend { (view.t("query.eyes")) }
                @for it in Eyes::ALL {
                    label {
                        input type="radio" name="eyes" value=(it.name()) checked[it == eyes];
                        b { (it.name()) }
                        span.small { (view.lang.word(&format!("eyes.{}", it.name().replace('-', "_")))) }
                    }
                }
            }
            label for="sql" { (view.t("query.sql")) }
            textarea #sql name="sql" rows="5" spellcheck="false" autocomplete="off" required { (sql) }
            button.primary { (view.t("query.run")) }
        }
        @if let Some(answer) = asked { (result(view, eyes, answer)) }
    };
    Page { to: To::Query, title: view.t("query.title").to_owned(), body, reload: None }
}

fn result(view: &View<'_>, eyes: Eyes, answer: &Answer) -> Markup {
    let seen = view.fill("query.seen", &[("eyes", eyes.name())]);
    html! {
        section.result aria-labelledby="result" {
            h2 #result { (seen) }
            @match answer {
                Answer::Refused(why) => { p.problem { b { (view.t("query.refused")) } " " (why) } }
                Answer::Failed(why) => { p.problem { b { (view.t("query.failed")) } " " (why) } }
                Answer::Rows(rows) => (table(view, rows)),
            }
        }
    }
}

fn table(view: &View<'_>, rows: &Rows) -> Markup {
    let is_number: Vec<bool> =
        rows.columns.iter().map(|it| NUMBERS.contains(&it.1.as_str())).collect();
    html! {
        p { (view.fill("query.rows", &[("n", &grouped(rows.count as u64))])) @if rows.count > rows.rows.len() { " " (view.fill("query.first", &[("n", &rows.rows.len().to_string())])) } }
        div.scroll tabindex="0" role="region" aria-labelledby="result" {
            table.list.values {
                thead { tr {
                    @for ((name, ty), is_number) in rows.columns.iter().zip(&is_number) {
                        th.number[*is_number] scope="col" { (name) br; span.small { (ty) } }
                    }
                } }
                tbody {
                    @for row in &rows.rows {
                        tr {
                            @for (value, is_number) in row.iter().zip(&is_number) {
                                td.number[*is_number] { @match value { Some(value) => (value), None => span.null { "NULL" } } }
                            }
                        }
                    }
                }
            }
        }
    }
}
