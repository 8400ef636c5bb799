//! `/`: the newest day that began, as a sentence and as a picture; what is open; the last days.

use landbridge_cli_support::render::{bytes, grouped};
use landbridge_core::incident::Incident;
use landbridge_core::restore::RestorePoint;
use landbridge_ledger::records::DayState;
use maud::{Markup, html};

use super::{Page, RELOAD_QUIET, RELOAD_RUNNING, View};
use crate::crossing::{Crossing, Lane, Progress, Stage};
use crate::draw::{self, Scale};
use crate::history::Mark;
use crate::links::To;

/// Names in a sentence.
const MAX_NAMES: usize = 5;
/// Lines of earlier days.
const LINES: usize = 7;

/// What the page shows beside the crossing.
pub struct Beside<'a> {
    /// Open incidents.
    pub incidents: &'a [Incident],
    /// The newest restore point, or why it is not known.
    pub newest_point: Result<Option<RestorePoint>, String>,
}

/// The page.
pub fn page(view: &View<'_>, crossing: Option<&Crossing>, beside: &Beside<'_>) -> Page<'static> {
    let body = html! {
        @match crossing {
            Some(crossing) => {
                (headline(view, crossing))
                (picture(view, crossing))
            }
            None => {
                h1 { (view.t("today.none")) }
                p.lead { (view.t("today.none.text")) }
            }
        }
        div.facts {
            (incidents(view, beside.incidents))
            (restore(view, &beside.newest_point))
        }
        (lines(view))
    };
    // A page that is open at night shows the next day when it begins.
    let reload =
        if crossing.is_some_and(Crossing::is_running) { RELOAD_RUNNING } else { RELOAD_QUIET };
    Page { to: To::Today, title: view.t("nav.today").to_owned(), body, reload: Some(reload) }
}

/// One sentence that answers: can I use today's data?
pub(super) fn headline(view: &View<'_>, crossing: &Crossing) -> Markup {
    let day = view.day(crossing.day);
    let day = day.as_str();
    let is_late = crossing.end.is_none() && view.site.now() > crossing.deadline;
    let (class, symbol, key) = match crossing.end {
        Some(DayState::Published) => ("good", "✓", "today.published"),
        Some(DayState::PublishedWithGaps) => ("warn", "!", "today.gaps"),
        Some(DayState::Held) => ("bad", "!", "today.held"),
        None if is_late => ("bad", "!", "today.late"),
        None if crossing.is_running() => ("works", "→", "today.running"),
        None => ("waits", "…", "today.waits"),
    };
    html! {
        div.headline.(class) {
            span.symbol aria-hidden="true" { (symbol) }
            div {
                h1 { (view.fill(key, &[("day", day)])) }
                p.lead { (sentence(view, crossing)) }
            }
        }
        @for (names, key) in [(&crossing.held, "today.held.tables"), (&crossing.gaps, "today.gap.tables")] {
            @if !names.is_empty() {
                p.names {
                    (view.t(key)) " "
                    @for (place, name) in names.iter().take(MAX_NAMES).enumerate() {
                        @if place > 0 { ", " }
                        a href=(view.links.href(To::Receipt(crossing.day, name))) { (name) }
                    }
                    @if names.len() > MAX_NAMES {
                        " " (view.fill("more", &[("n", &grouped((names.len() - MAX_NAMES) as u64))]))
                    }
                }
            }
        }
    }
}

fn sentence(view: &View<'_>, crossing: &Crossing) -> String {
    let (tables, rows) = (grouped(crossing.published), grouped(crossing.rows));
    let mut values = vec![("tables", tables.as_str()), ("rows", rows.as_str())];
    let of = grouped(crossing.tables);
    values.push(("of", &of));
    let deadline = view.clock(crossing.deadline);
    values.push(("deadline", &deadline));
    let Some(finished) = crossing.finished_at else {
        return view.fill("today.running.text", &values);
    };
    let at = view.clock(finished);
    values.push(("at", &at));
    let early = crossing.deadline.duration_since(finished).as_mins();
    let span = view.span(early.abs());
    values.push(("span", &span));
    view.fill(if early >= 0 { "today.early.text" } else { "today.after.text" }, &values)
}

/// The way as lanes over a scale of time.
pub(super) fn picture(view: &View<'_>, crossing: &Crossing) -> Markup {
    let now = crossing.end.is_none().then(|| view.site.now());
    let lanes = &crossing.lanes;
    let last = lanes.iter().filter_map(|it| it.until).chain(now).chain([crossing.deadline]).max();
    let first = lanes.iter().filter_map(|it| it.from).chain([crossing.starts_at]).min();
    // Room for the labels at both ends.
    let margin = jiff::SignedDuration::from_mins(5);
    let scale = Scale::new(
        first.unwrap_or(crossing.starts_at) - margin,
        last.unwrap_or(crossing.deadline) + margin,
    );
    let hours = scale.hours(&view.zone(), 8);
    let hours: Vec<_> = hours.into_iter().map(|it| (it, view.clock(it))).collect();
    let label = view.fill("crossing.deadline", &[("at", &view.clock(crossing.deadline))]);
    html! {
        section.crossing aria-labelledby="crossing" {
            div.row {
                h2 #crossing { (view.t("crossing.title")) }
                p.key {
                    span.from { (view.site.config.source.region) }
                    span aria-hidden="true" { " → " }
                    span.to { (view.site.config.warehouse.location) }
                    @if crossing.bytes > 0 { " · " (bytes(crossing.bytes)) }
                }
            }
            div.lanes {
                (draw::rules(scale, &hours, (crossing.deadline, &label), now))
                ol {
                    @for lane in lanes {
                        li.lane.(lane.progress.name()) {
                            div.what {
                                span.stage { (view.t(stage_key(lane.stage))) }
                                span.state.(lane.progress.name()) { (view.lang.word(&format!("state.{}", lane.progress.name()))) }
                            }
                            div.track {
                                @if let Some(from) = lane.from {
                                    @let until = lane.until.or(now).unwrap_or(from);
                                    (draw::bar(scale, from, until, filled(lane), lane.progress.name()))
                                }
                            }
                            div.figures { (figures(view, crossing, lane)) }
                        }
                    }
                }
            }
        }
    }
}

fn filled(lane: &Lane) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a share for a picture")]
    match (lane.progress, lane.of) {
        (Progress::Done, _) => 1.0,
        (_, 0) => 0.0,
        (_, of) => lane.done as f64 / of as f64,
    }
}

const fn stage_key(stage: Stage) -> &'static str {
    match stage {
        Stage::Snapshot => "stage.snapshot",
        Stage::Export => "stage.export",
        Stage::Transfer => "stage.transfer",
        Stage::Load => "stage.load",
    }
}

/// The numbers of a lane.
fn figures(view: &View<'_>, crossing: &Crossing, lane: &Lane) -> Markup {
    let count = [("done", grouped(lane.done)), ("of", grouped(lane.of))];
    let count: Vec<(&str, &str)> = count.iter().map(|(name, it)| (*name, it.as_str())).collect();
    let period = match (lane.from, lane.until) {
        (Some(from), Some(until)) if from != until => {
            Some(view.duration(until.duration_since(from).as_secs() / 60 * 60))
        }
        _ => None,
    };
    html! {
        @match lane.stage {
            Stage::Snapshot => { @if let Some(at) = lane.from { (view.clock(at)) } }
            Stage::Export => {
                @match (period, lane.from) {
                    (Some(period), _) => (period),
                    (None, Some(from)) => (view.fill("crossing.since", &[("at", &view.clock(from))])),
                    _ => "",
                }
            }
            Stage::Transfer => { @if lane.of > 0 { (view.fill("crossing.objects", &count)) } }
            Stage::Load => {
                @if lane.of > 0 { (view.fill("crossing.tables", &count)) }
                @if crossing.rows > 0 { br; (view.fill("crossing.rows", &[("n", &grouped(crossing.rows))])) }
            }
        }
    }
}

fn incidents(view: &View<'_>, open: &[Incident]) -> Markup {
    let (notices, others): (Vec<&Incident>, Vec<&Incident>) =
        open.iter().partition(|it| it.cause.is_notice());
    html! {
        section.fact.bad[!others.is_empty()] aria-labelledby="open" {
            h2 #open { (view.t("today.incidents")) }
            @if others.is_empty() {
                p.big { (view.t("today.incidents.none")) }
            } @else {
                ul.plain {
                    @for incident in &others {
                        li {
                            a href=(view.links.href(To::Incident(incident.number))) { (incident.number) ". " (incident.cause.what) }
                            br; (incident.effect)
                            (view.command(&incident.command))
                        }
                    }
                }
            }
            @if !notices.is_empty() {
                p.small { a href=(view.links.href(To::Incidents)) { (view.fill("today.notices", &[("n", &notices.len().to_string())])) } }
            }
        }
    }
}

fn restore(view: &View<'_>, newest: &Result<Option<RestorePoint>, String>) -> Markup {
    html! {
        section.fact aria-labelledby="point" {
            h2 #point { (view.t("today.restore")) }
            @match newest {
                Ok(Some(point)) => {
                    p.big { @if let Some(at) = point.taken_at { (view.fill("time.ago", &[("time", &view.ago(at))])) } }
                    p.small { a href=(view.links.href(To::Restore)) { (point.snapshot) } }
                }
                Ok(None) => p.big { (view.t("today.restore.none")) },
                Err(why) => p.small { (why) },
            }
        }
    }
}

/// One line per day, as the daily message says it.
fn lines(view: &View<'_>) -> Markup {
    let days = view.history.days().filter(|it| it.line.state != "nothing").take(LINES);
    let days: Vec<_> = days.map(|it| &it.line).collect();
    html! {
        @if !days.is_empty() {
            section aria-labelledby="lines" {
                h2 #lines { (view.t("today.lines")) }
                div.scroll tabindex="0" role="region" aria-labelledby="lines" {
                    table.list {
                        thead { tr {
                            th scope="col" { (view.t("column.day")) }
                            th scope="col" { (view.t("column.state")) }
                            th.number scope="col" { (view.t("column.tables")) }
                            th.number scope="col" { (view.t("column.rows")) }
                            th.number scope="col" { (view.t("column.by")) }
                        } }
                        tbody {
                            @for line in days {
                                tr {
                                    th scope="row" { (view.link(To::Day(line.day), &view.day(line.day))) }
                                    td { (day_state(view, line.state)) }
                                    td.number { (grouped(line.tables as u64)) }
                                    td.number { (grouped(line.rows)) }
                                    td.number { @if let Some(at) = line.finished_at { (view.clock(at)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How a day ended, with its letter.
pub(super) fn day_state(view: &View<'_>, state: &str) -> Markup {
    let mark = match state {
        "published" => Mark::Published,
        "held" => Mark::Held,
        "published_with_gaps" => Mark::Missing,
        _ => Mark::None,
    };
    html! {
        span.state.(mark.name()) { span aria-hidden="true" { (mark.letter()) } " " (view.lang.word(&format!("day.{state}"))) }
    }
}
