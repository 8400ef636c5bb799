//! `/tables/NAME/access`: who sees and who reads a table now, by the live policies and the list of jobs.

use landbridge_cli_support::render::grouped;
use landbridge_core::access::{PrincipalAccess, Reader, Report, Sight, Use};
use landbridge_core::config::CLASS_NONE;
use maud::{Markup, html};

use super::table::quoted;
use super::{Page, View};
use crate::links::To;
use crate::outside::Seen;

/// The page.
pub fn page<'a>(view: &View<'_>, name: &'a str, seen: &Seen) -> Page<'a> {
    let report = &seen.report;
    let body = html! {
        p.path { (view.link(To::Days(1), view.t("nav.days"))) " / " (view.link(To::Table(name), name)) }
        h1.name { (view.fill("access.title", &[("table", name)])) }
        p.lead { (view.t(if report.shows_more() { "access.more" } else { "access.well" })) }
        (findings(view, report))
        (principals(view, report))
        (readers(view, seen))
        (not_known(view, report))
        (view.command(&format!("landbridge access --table {}", quoted(name))))
    };
    Page {
        to: To::Access(name),
        title: view.fill("access.title", &[("table", name)]),
        body,
        reload: None,
    }
}

/// Who sees more than `landbridge.yaml` says, with the commands that take it away.
fn findings(view: &View<'_>, report: &Report) -> Markup {
    html! {
        @for it in &report.more_than_configured {
            div.problem {
                b { (it.principal) } " " (view.t("access.sees")) " "
                @if it.landing_files { (view.t("access.landing")) } @else { (it.classes.join(", ")) ": " (sight(view, &it.sees)) }
                @for command in &it.commands { (view.command(command)) }
            }
        }
        @for it in &report.unprotected_columns {
            div.problem { b { (it.table) "." (it.column) } ": " (view.fill("access.tag", &[("class", &it.class)])) }
        }
    }
}

fn sight(view: &View<'_>, sight: &Sight) -> &'static str {
    view.t(match sight {
        Sight::Plain => "who.plain",
        Sight::Masked(_) => "who.masked",
        Sight::Nothing => "who.refused",
    })
}

fn principals(view: &View<'_>, report: &Report) -> Markup {
    html! {
        section aria-labelledby="principals" {
            h2 #principals { (view.t("table.who")) }
            div.scroll tabindex="0" role="region" aria-labelledby="principals" {
                table.list {
                    thead { tr {
                        th scope="col" { (view.t("access.who")) }
                        th scope="col" { (view.t("who.plain")) }
                        th scope="col" { (view.t("who.masked")) }
                        th scope="col" { (view.t("who.refused")) }
                    } }
                    tbody {
                        @for it in &report.principals {
                            tr {
                                th scope="row" { (it.function.as_ref().unwrap_or(&it.principal)) }
                                td { (classes(it, |it| *it == Sight::Plain)) }
                                td { (classes(it, |it| matches!(it, Sight::Masked(_)))) }
                                td { (classes(it, |it| *it == Sight::Nothing)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The classes of which a principal sees this; with a mark if it may see more.
fn classes(it: &PrincipalAccess, is: fn(&Sight) -> bool) -> String {
    let none = [(CLASS_NONE, &it.none)];
    let all = it.classes.iter().map(|(name, seen)| (name.as_str(), seen)).chain(none);
    let named = all.filter(|(_, seen)| is(&seen.sees));
    let named =
        named.map(|(name, seen)| format!("{name}{}", if seen.at_least { " ?" } else { "" }));
    let all: Vec<String> = named.collect();
    if all.is_empty() { "–".to_owned() } else { all.join(", ") }
}

fn readers(view: &View<'_>, seen: &Seen) -> Markup {
    let title = view.fill("access.readers", &[("n", &seen.days.to_string())]);
    html! {
        section aria-labelledby="readers" {
            h2 #readers { (title) }
            @match &seen.readers {
                Err(why) => p.small { (why) },
                Ok(all) if all.is_empty() => p { (view.t("access.readers.none")) },
                Ok(all) => (reader_table(view, all)),
            }
        }
    }
}

fn reader_table(view: &View<'_>, all: &[Use]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="readers" {
            table.list {
                thead { tr {
                    th scope="col" { (view.t("access.who")) }
                    th.number scope="col" { (view.t("access.queries")) }
                    th scope="col" { (view.t("access.last")) }
                    th scope="col" { (view.t("column.columns")) }
                } }
                tbody {
                    @for it in all {
                        tr {
                            th scope="row" {
                                @match &it.reader {
                                    Reader::Dashboard { url } => (url),
                                    Reader::ServiceAccount { name } | Reader::Federated { name } | Reader::Person { name } => (name),
                                }
                            }
                            td.number { (grouped(it.jobs)) }
                            td { (it.last) }
                            td.why { (it.columns.iter().cloned().collect::<Vec<_>>().join(", ")) }
                        }
                    }
                }
            }
        }
    }
}

fn not_known(view: &View<'_>, report: &Report) -> Markup {
    html! {
        @if !report.not_known.is_empty() {
            section aria-labelledby="unknown" {
                h2 #unknown { (view.t("access.unknown")) }
                ul.plain { @for it in &report.not_known { li { (it.what) ": " span.small { (it.why) " " (it.next) } } } }
            }
        }
    }
}
