//! `/restore`: to which times the source can be restored, with the command to copy, and how long it takes.

use landbridge_cli_support::render::{bytes, grouped};
use landbridge_core::restore::{CreatedBy, RestorePoint};
use landbridge_ledger::records::Drill;
use maud::{Markup, html};

use super::{Page, View};
use crate::draw::{self, Scale};
use crate::links::To;
use crate::outside::Restore;

/// Points of the list; `landbridge snapshots` has all of them.
const MAX_POINTS: usize = 200;
/// The newest of them; the others are behind a line that opens.
const NEWEST: usize = 24;

/// The page.
pub fn page(view: &View<'_>, restore: &Result<Restore, String>, drills: &[Drill]) -> Page<'static> {
    let body = html! {
        h1 { (view.t("nav.restore")) }
        @match restore {
            Err(why) => { p.problem { (why) } (measured(view, drills)) }
            Ok(restore) => {
                (lead(view, restore))
                (time_line(view, restore))
                div.facts { (commands(view, restore)) (measured(view, drills)) }
                (list(view, restore))
            }
        }
    };
    Page { to: To::Restore, title: view.t("nav.restore").to_owned(), body, reload: None }
}

fn lead(view: &View<'_>, restore: &Restore) -> Markup {
    let available = restore.points.iter().filter(|it| it.is_available());
    let newest = available.clone().filter_map(|it| it.taken_at).max();
    html! {
        p.lead {
            (view.fill("restore.lead", &[("n", &grouped(available.count() as u64))]))
            @if let Some(at) = newest { " " (view.fill("restore.newest", &[("time", &view.ago(at))])) }
        }
    }
}

/// The window of point-in-time recovery.
fn window(view: &View<'_>, restore: &Restore) -> Option<(jiff::Timestamp, jiff::Timestamp)> {
    let days = restore.recovery_days?;
    let until = restore.recovery_until.unwrap_or_else(|| view.site.now());
    let from = view.site.now() - jiff::SignedDuration::from_hours(24 * i64::from(days));
    Some((from, until))
}

fn class(point: &RestorePoint) -> &'static str {
    match (point.pinned.is_some(), point.created_by) {
        (true, _) => "pinned",
        (_, CreatedBy::Landbridge) => "ours",
        _ => "theirs",
    }
}

fn time_line(view: &View<'_>, restore: &Restore) -> Markup {
    let points: Vec<_> = restore
        .points
        .iter()
        .filter(|it| it.is_available())
        .filter_map(|it| Some((it.taken_at?, class(it))))
        .collect();
    let window = window(view, restore);
    let times = points.iter().map(|it| it.0).chain(window.map(|it| it.0));
    let Some(first) = times.min() else { return html! {} };
    let scale = Scale::new(first - jiff::SignedDuration::from_mins(30), view.site.now());
    let hours = scale.hours(&view.zone(), 7);
    let is_short = view.site.now().duration_since(first).as_hours() < 72;
    let label = |at: &jiff::Timestamp| {
        let format = if is_short { "%m-%d %H:%M" } else { "%m-%d" };
        (*at, at.to_zoned(view.zone()).strftime(format).to_string())
    };
    let mut labels: Vec<_> = hours.iter().map(label).collect();
    // A day is named once, also where its half is a mark.
    labels.dedup_by(|next, before| next.1 == before.1);
    let text =
        view.fill("restore.line", &[("n", &points.len().to_string()), ("from", &view.time(first))]);
    html! {
        figure.timeline {
            (draw::points(scale, window, &points, &labels, &text))
            figcaption {
                span { i.tick.ours {} (view.t("restore.ours")) }
                span { i.tick.theirs {} (view.t("restore.theirs")) }
                span { i.tick.pinned {} (view.t("restore.pinned")) }
                @if window.is_some() { span { i.tick.window {} (view.t("restore.window")) } }
            }
        }
    }
}

fn commands(view: &View<'_>, restore: &Restore) -> Markup {
    let newest = restore.points.iter().filter(|it| it.is_available()).max_by_key(|it| it.taken_at);
    html! {
        section.fact aria-labelledby="commands" {
            h2 #commands { (view.t("restore.commands")) }
            @if window(view, restore).is_some() {
                @let days = restore.recovery_days.unwrap_or(0).to_string();
                p { (view.fill(if days == "1" { "restore.pitr.one" } else { "restore.pitr" }, &[("n", &days)])) }
                @let example = restore.recovery_until.unwrap_or_else(|| view.site.now());
                (view.command(&format!("landbridge restore --pitr '{}' --as NAME", seconds(view, example))))
            }
            @if let Some(at) = newest.and_then(|it| it.taken_at) {
                p { (view.t("restore.snapshot")) }
                (view.command(&format!("landbridge restore --at '{}' --as NAME", seconds(view, at))))
            }
            p.small { (view.t("restore.safe")) }
        }
    }
}

fn seconds(view: &View<'_>, at: jiff::Timestamp) -> String {
    at.to_zoned(view.zone()).strftime("%F %H:%M:%S").to_string()
}

/// The last measured recovery time.
fn measured(view: &View<'_>, drills: &[Drill]) -> Markup {
    let good: Vec<&Drill> = drills.iter().filter(|it| it.good).collect();
    html! {
        section.fact aria-labelledby="time" {
            h2 #time { (view.t("restore.time")) }
            @match good.first() {
                Some(newest) => {
                    p.big { (view.duration(newest.seconds)) }
                    p.small {
                        (view.fill("restore.time.text", &[
                            ("time", &view.ago(newest.at)),
                            ("most", &view.duration(good.iter().map(|it| it.seconds).max().unwrap_or(newest.seconds))),
                            ("n", &good.len().to_string()),
                        ]))
                    }
                }
                None => { p { (view.t("restore.time.none")) } (view.command("landbridge drill")) }
            }
            @if let Some(failed) = drills.first().filter(|it| !it.good) {
                p.problem { (view.t("restore.drill.failed")) " " (failed.problems.join("; ")) }
            }
        }
    }
}

fn list(view: &View<'_>, restore: &Restore) -> Markup {
    let points: Vec<&RestorePoint> = restore.points.iter().rev().collect();
    let (newest, older) = points.split_at(points.len().min(NEWEST));
    let more = older.len().saturating_sub(MAX_POINTS);
    html! {
        section aria-labelledby="points" {
            h2 #points { (view.t("restore.points")) }
            (table(view, restore, newest))
            @if !older.is_empty() {
                details {
                    summary { (view.fill("restore.older", &[("n", &grouped(older.len() as u64))])) }
                    (table(view, restore, &older[..older.len().min(MAX_POINTS)]))
                    @if more > 0 { p { (view.fill("restore.more", &[("n", &grouped(more as u64))])) } }
                }
            }
        }
    }
}

fn table(view: &View<'_>, restore: &Restore, points: &[&RestorePoint]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="points" {
            table.list {
                thead { tr {
                    th scope="col" { (view.t("restore.taken")) }
                    th scope="col" { (view.t("column.state")) }
                    th scope="col" { (view.t("restore.by")) }
                    th.number scope="col" { (view.t("restore.size")) }
                    th scope="col" { (view.t("restore.command")) }
                } }
                tbody {
                    @for point in points { (row(view, restore, point)) }
                }
            }
        }
    }
}

fn row(view: &View<'_>, restore: &Restore, point: &RestorePoint) -> Markup {
    html! {
        tr {
            th scope="row" { @if let Some(at) = point.taken_at { (view.when(at)) } @else { "–" } }
            td { (point.status) @if let Some(why) = &point.pinned { br; span.small { (view.t("restore.pinned")) ": " (why) } } }
            td {
                (view.lang.word(match point.created_by {
                    CreatedBy::Landbridge => "restore.ours",
                    CreatedBy::Person => "restore.person",
                    CreatedBy::Aws => "restore.aws",
                }))
                @if point.is_of_another_database(restore.resource_id.as_deref()) { br; span.small { (view.t("restore.another")) } }
            }
            td.number {
                @match (point.bytes, point.storage_gib) {
                    (Some(size), _) => (bytes(size)),
                    (None, Some(gib)) => (format!("{gib} GiB")),
                    (None, None) => "",
                }
            }
            td { code { "landbridge restore --snapshot " (point.snapshot) " --as NAME" } }
        }
    }
}
