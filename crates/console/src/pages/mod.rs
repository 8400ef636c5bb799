//! The pages as HTML. A page is a function of what was read; it makes no call.
//!
//! | module | pages |
//! |---|---|
//! | here | the frame of every page, and times and numbers as text |
//! | [`today`] | `/`: the newest day on its way |
//! | [`days`] | `/days`, `/days/DAY`: the grid, and one day |
//! | [`table`] | `/tables/NAME` |
//! | [`receipt`] | `/receipts/DAY/TABLE` |
//! | [`access`] | `/tables/NAME/access` |
//! | [`incidents`] | `/incidents`, `/incidents/N` |
//! | [`restore`] | `/restore` |
//! | [`cost`] | `/cost` |
//! | [`query`] | `/query` |

pub mod access;
pub mod cost;
pub mod days;
pub mod incidents;
pub mod query;
pub mod receipt;
pub mod restore;
pub mod table;
pub mod today;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use landbridge_core::calendar::Day;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::history::{History, Mark};
use crate::lang::Lang;
use crate::links::{Links, To};
use crate::site::Site;

/// The policy of files, which have no headers: as `guard` sets it for served pages.
pub const FILES_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'";

/// The pause of a running day, in seconds, without JavaScript.
pub(crate) const RELOAD_RUNNING: u32 = 15;
/// The pause of `/` while no day runs.
pub(crate) const RELOAD_QUIET: u32 = 300;

/// Who asks for a page, and what was read.
pub struct View<'a> {
    /// The site.
    pub site: &'a Site,
    /// All days.
    pub history: History,
    /// The language.
    pub lang: Lang,
    /// How pages name each other.
    pub links: Links,
    /// Whether the reader stopped the repeated loading of a running day.
    pub is_still: bool,
}

/// A page's title and body.
pub struct Page<'a> {
    /// Which page.
    pub to: To<'a>,
    /// Its title.
    pub title: String,
    /// What is below the title bar.
    pub body: Markup,
    /// After how many seconds it loads itself again without JavaScript, if it changes while one looks at it.
    pub reload: Option<u32>,
}

impl View<'_> {
    /// A text.
    pub(crate) fn t(&self, key: &'static str) -> &'static str {
        self.lang.text(key)
    }

    /// A text with its places filled.
    pub(crate) fn fill(&self, key: &'static str, values: &[(&str, &str)]) -> String {
        self.lang.fill(key, values)
    }

    /// The zone of the schedule.
    pub(crate) fn zone(&self) -> TimeZone {
        self.site.zone().clone()
    }

    /// `02:16`.
    pub(crate) fn clock(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone()).strftime("%H:%M").to_string()
    }

    /// `2026-11-21 02:16 KST`.
    pub(crate) fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone()).strftime("%F %H:%M %Z").to_string()
    }

    /// A time as an element that programs can read.
    pub(crate) fn when(&self, at: Timestamp) -> Markup {
        html! { time datetime=(at) { (self.time(at)) } }
    }

    /// `Sat 21 Nov`, `11월 21일 토`.
    pub(crate) fn day(&self, day: Day) -> String {
        let date = day.date();
        match self.lang {
            Lang::En => date.strftime("%a\u{a0}%-d\u{a0}%b").to_string(),
            Lang::Ko => {
                let names = ["월", "화", "수", "목", "금", "토", "일"];
                let weekday =
                    names[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
                format!("{}월\u{a0}{}일\u{a0}{weekday}", date.month(), date.day())
            }
        }
    }

    /// The time since `at`.
    pub(crate) fn ago(&self, at: Timestamp) -> String {
        self.span(self.site.now().duration_since(at).as_mins().max(0))
    }

    /// So many minutes, in the largest unit that fits: `35 min`.
    pub(crate) fn span(&self, minutes: i64) -> String {
        let (key, number) = match minutes {
            ..120 => ("time.minutes", minutes),
            120..2880 => ("time.hours", minutes / 60),
            _ => ("time.days", minutes / 1440),
        };
        self.fill(key, &[("n", &number.to_string())])
    }

    /// `4 min 12 s`.
    pub(crate) fn duration(&self, seconds: i64) -> String {
        let (minutes, rest) = (seconds / 60, seconds % 60);
        match (minutes, rest) {
            (0, rest) => self.fill("time.seconds", &[("n", &rest.to_string())]),
            (minutes, 0) => self.fill("time.minutes", &[("n", &minutes.to_string())]),
            (minutes, rest) => {
                let minutes = self.fill("time.minutes", &[("n", &minutes.to_string())]);
                format!("{minutes} {}", self.fill("time.seconds", &[("n", &rest.to_string())]))
            }
        }
    }

    /// A mark with its letter and its word.
    pub(crate) fn mark(&self, mark: Mark) -> Markup {
        html! {
            span.state.(mark.name()) { span aria-hidden="true" { (mark.letter()) } " " (self.lang.word(&format!("mark.{}", mark.name()))) }
        }
    }

    /// A link to a page.
    pub(crate) fn link(&self, to: To<'_>, text: &str) -> Markup {
        html! { a href=(self.links.href(to)) { (text) } }
    }

    /// A command to copy.
    pub(crate) fn command(&self, command: &str) -> Markup {
        html! { pre.command tabindex="0" role="region" aria-label=(self.t("copy.command")) { code { (command) } } }
    }

    /// The whole page.
    pub fn page(&self, page: Page<'_>) -> String {
        let source = &self.site.config.source.name;
        let reload = page.reload.filter(|_| !self.links.are_files());
        html! {
            (DOCTYPE)
            html lang=(self.lang.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    meta name="color-scheme" content="light dark";
                    @if self.links.are_files() {
                        meta http-equiv="Content-Security-Policy" content=(FILES_POLICY);
                    }
                    title { (page.title) " · " (source) " · Landbridge" }
                    link rel="icon" type="image/svg+xml" href=(self.links.href(To::Asset("icon.svg")));
                    link rel="stylesheet" href=(self.links.href(To::Asset("console.css")));
                    @if let Some(seconds) = reload.filter(|_| !self.is_still) {
                        // Without JavaScript the page loads again; the link below stops it.
                        noscript { meta http-equiv="refresh" content=(seconds); }
                        script defer src=(self.links.href(To::Asset("live.js"))) {}
                    }
                }
                body {
                    a.skip href="#main" { (self.t("frame.skip")) }
                    (self.header(&page))
                    main #main tabindex="-1" data-live[reload.is_some()] {
                        (page.body)
                    }
                    (self.footer(&page))
                }
            }
        }
        .into_string()
    }

    fn header(&self, page: &Page<'_>) -> Markup {
        let mut entries = vec![
            (To::Today, "nav.today"),
            (To::Days(1), "nav.days"),
            (To::Incidents, "nav.incidents"),
            (To::Restore, "nav.restore"),
            (To::Cost, "nav.cost"),
        ];
        if self.site.outside.can_query() && !self.links.are_files() {
            entries.push((To::Query, "nav.query"));
        }
        let here = section(page.to);
        html! {
            header.top {
                a.brand href=(self.links.href(To::Today)) {
                    (PreEscaped(include_str!("../../assets/mark.svg")))
                    span { "Landbridge" }
                    span.source { (self.site.config.source.name) }
                }
                nav aria-label=(self.t("frame.pages")) {
                    ul {
                        @for (to, key) in entries {
                            li { a href=(self.links.href(to)) aria-current=[(section(to) == here).then_some("page")] { (self.t(key)) } }
                        }
                    }
                }
            }
        }
    }

    fn footer(&self, page: &Page<'_>) -> Markup {
        let others = Lang::ALL.into_iter().filter(|it| *it != self.lang);
        let eyes = match page.to {
            To::Query => "eyes.query",
            To::Access(_) => "eyes.google",
            _ => "eyes.operator",
        };
        html! {
            footer {
                p { (self.t(eyes)) }
                p {
                    @if let Some(at) = self.history.read_at {
                        (self.t("frame.read")) " " (self.when(at)) ". "
                    }
                    @if page.reload.is_some() && !self.links.are_files() {
                        @if self.is_still {
                            (self.link(page.to, self.t("frame.start")))
                        } @else {
                            @let href = self.links.href(page.to);
                            @let joint = if href.contains('?') { "&" } else { "?" };
                            a href={ (href) (joint) "still=1" } { (self.t("frame.stop")) }
                        }
                    }
                }
                p.langs {
                    @for other in others {
                        a lang=(other.tag()) hreflang=(other.tag()) href=(self.links.in_language(page.to, other)) { (other.name()) }
                    }
                }
            }
        }
    }
}

/// The entry of the navigation that a page belongs to.
fn section(to: To<'_>) -> To<'static> {
    match to {
        To::Today | To::Asset(_) => To::Today,
        To::Days(_) | To::Day(_) | To::Table(_) | To::Access(_) | To::Receipt(..) => To::Days(1),
        To::Incidents | To::Incident(_) => To::Incidents,
        To::Restore => To::Restore,
        To::Cost => To::Cost,
        To::Query => To::Query,
    }
}

/// A page that says that something does not exist, or cannot be read.
pub fn problem<'a>(view: &View<'_>, to: To<'a>, title: &str, text: &str) -> Page<'a> {
    let body = html! {
        h1 { (title) }
        p.lead { (text) }
        p { (view.link(To::Today, view.t("nav.today"))) }
    };
    Page { to, title: title.to_owned(), body, reload: None }
}
