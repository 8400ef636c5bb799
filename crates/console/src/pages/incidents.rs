//! `/incidents` and `/incidents/N`: causes, what they mean for readers, and the command to run.

use landbridge_core::incident::{Incident, Life};
use maud::{Markup, html};

use super::{Page, View};
use crate::links::To;

/// All of them: open ones first.
pub fn list(view: &View<'_>, incidents: &[Incident]) -> Page<'static> {
    let mut sorted: Vec<&Incident> = incidents.iter().collect();
    sorted.sort_by_key(|it| (!it.is_open(), it.cause.is_notice(), std::cmp::Reverse(it.number)));
    let open = sorted.iter().filter(|it| it.is_open() && !it.cause.is_notice()).count();
    let lead = match open {
        0 => view.t("today.incidents.none").to_owned(),
        open => view.fill("incidents.open", &[("n", &open.to_string())]),
    };
    let body = html! {
        h1 { (view.t("nav.incidents")) }
        p.lead { (lead) }
        @if sorted.is_empty() {
            p { (view.t(if view.site.config.alerts.is_some() { "incidents.never" } else { "incidents.off" })) }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(view.t("nav.incidents")) {
                table.list {
                    thead { tr {
                        th.number scope="col" { (view.t("column.number")) }
                        th scope="col" { (view.t("column.cause")) }
                        th scope="col" { (view.t("column.state")) }
                        th scope="col" { (view.t("column.opened")) }
                        th scope="col" { (view.t("column.ended")) }
                        th.number scope="col" { (view.t("column.tables")) }
                    } }
                    tbody {
                        @for it in sorted {
                            tr {
                                td.number { (it.number) }
                                th scope="row" { (view.link(To::Incident(it.number), &it.cause.what)) }
                                td { (state(view, it)) }
                                td { (view.when(it.opened_at)) }
                                td { @if let Some(at) = it.ended_at() { (view.when(at)) } }
                                td.number { (it.members.values().filter(|it| !it.table.is_empty()).count()) }
                            }
                        }
                    }
                }
            }
        }
    };
    Page { to: To::Incidents, title: view.t("nav.incidents").to_owned(), body, reload: None }
}

fn state(view: &View<'_>, it: &Incident) -> Markup {
    let (mark, letter) = match (it.is_open(), it.cause.is_notice()) {
        (true, false) => ("held", "!"),
        (true, true) => ("missing", "i"),
        (false, _) => ("published", "✓"),
    };
    html! {
        span.state.(mark) { span aria-hidden="true" { (letter) } " " (view.lang.word(&format!("incident.state.{}", it.state()))) }
        @if it.cause.is_notice() { " " span.small { (view.t("incident.notice")) } }
    }
}

/// One of them.
pub fn one(view: &View<'_>, it: &Incident) -> Page<'static> {
    let body = html! {
        p.path { (view.link(To::Incidents, view.t("nav.incidents"))) " / " (it.number) }
        div.row {
            h1 { (view.fill("incident.title", &[("n", &it.number.to_string())])) ": " (it.cause.what) }
            p { (state(view, it)) }
        }
        @if let Life::Closed { reason, .. } = &it.life { p { (view.t("incident.reason")) ": " (reason) } }
        div.facts {
            section.fact aria-labelledby="effect" {
                h2 #effect { (view.t("incident.effect")) }
                p { (it.effect) }
            }
            section.fact aria-labelledby="run" {
                h2 #run { (view.t("incident.run")) }
                (view.command(&it.command))
                @if it.is_open() { (view.command(&format!("landbridge incident close {} --reason '…'", it.number))) }
            }
        }
        (members(view, it))
        section aria-labelledby="events" {
            h2 #events { (view.t("table.history")) }
            ol.events {
                @for event in &it.events { li { (view.when(event.at)) span { (event.text) } } }
            }
        }
    };
    let title = view.fill("incident.title", &[("n", &it.number.to_string())]);
    Page { to: To::Incident(it.number), title, body, reload: None }
}

fn members(view: &View<'_>, it: &Incident) -> Markup {
    html! {
        section aria-labelledby="members" {
            h2 #members { (view.t("incident.touches")) }
            div.scroll tabindex="0" role="region" aria-labelledby="members" {
                table.list {
                    thead { tr {
                        th scope="col" { (view.t("column.what")) }
                        th scope="col" { (view.t("column.day")) }
                        th scope="col" { (view.t("column.do")) }
                        th scope="col" { (view.t("column.ended")) }
                    } }
                    tbody {
                        @for member in it.members.values() {
                            tr {
                                th scope="row" { (member.context) }
                                td { (view.link(To::Day(member.day), &view.day(member.day))) }
                                td { (member.action) }
                                td { @if let Some(at) = member.ended_at { (view.when(at)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
