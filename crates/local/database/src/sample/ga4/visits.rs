//! Who visits the site on a date, when, and what they do there.
//!
//! | visits | made from | what an analyst must know |
//! |---|---|---|
//! | a traveller follows a link | one click in five | some without consent: no visitor, no session |
//! | a traveller books | one booking in two | the thank-you page is sometimes loaded twice |
//! | a creator works | some creators a day | anonymous before the login; some have two devices; the app's session ids are texts; some sessions end after midnight |
//! | a shared computer | the first two creators | the user changes within a session |
//! | a creator comes from the shop's own site | the third creator | another domain: another visitor |

use super::event::{Device, Event, Purchase, Session, SessionId, Source};
use crate::pseudo_random::mix;
use crate::sample::life::BusinessDay;
use crate::sample::rows::{self, Rows};
use crate::sample::tables::SampleTable;

/// Separates the choices here from the choices for the tables' columns.
const SALT: u64 = 70_000;
/// One click in this many happens in a browser that GA4 measures.
const MEASURED_CLICKS: u64 = 5;
/// One booking in this many happens in such a browser.
const MEASURED_BOOKINGS: u64 = 2;
/// One creator in this many works on a day.
const WORKING_CREATORS: u64 = 40;
/// One visit without consent in this many.
const WITHOUT_CONSENT: u64 = 12;
/// One visit in this many arrives late, because the device was offline.
const LATE: u64 = 25;
/// Travellers for each creator; so many come back.
const TRAVELLERS: u64 = 3;
/// A choice that is a desktop and arrives in time.
const WEB_IN_TIME: u64 = 42;
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// Microseconds from midnight in Seoul to midnight in UTC.
const SEOUL: i64 = 9 * HOUR;

/// The events of all visits that begin on a date, which is given in days from the first day.
/// `business` is the state of the database on the day after, which has the rows of the date.
pub(super) fn of_date(business: &BusinessDay, of: i64) -> Vec<Event> {
    let day = Date { business, of };
    let mut events = Vec::new();
    day.links_followed(&mut events);
    day.bookings(&mut events);
    day.creators(&mut events);
    day.shared_computer(&mut events);
    day.other_domain(&mut events);
    events
}

struct Date<'a> {
    business: &'a BusinessDay,
    of: i64,
}

/// A visit that is being made.
struct Visit {
    event: Event,
    made: Vec<Event>,
}

impl Visit {
    /// Begins a session at an instant.
    fn begin(at: i64, visitor: Option<String>, choice: u64) -> Visit {
        let event = Event {
            at,
            name: "session_start",
            visitor,
            user: None,
            session: Session { id: SessionId::Number(at / SECOND), number: 1 + choice % 7 },
            page: "https://www.trip.example/".to_owned(),
            engagement_msec: 0,
            link: None,
            purchase: None,
            is_first: true,
            source: Source::Direct,
            country: "KR",
            device: [Device::Mobile, Device::Mobile, Device::Desktop, Device::Tablet]
                [(choice / 7 % 4) as usize],
            days_late: if (choice / 28).is_multiple_of(LATE) {
                1 + (choice / 700 % 2) as i64
            } else {
                0
            },
        };
        Visit { event, made: Vec::new() }
    }

    /// The next event, some seconds after the one before.
    fn then(&mut self, seconds: i64, name: &'static str, page: &str) -> &mut Event {
        self.event.at += seconds * SECOND;
        let is_first = self.made.len() < 2;
        let mut event = Event { name, page: page.to_owned(), is_first, ..self.event.clone() };
        if name != "session_start" {
            event.engagement_msec = 900 + seconds * 700;
        }
        self.made.push(event);
        let last = self.made.len() - 1;
        &mut self.made[last]
    }
}

impl Date<'_> {
    fn choice(&self, kind: u64, id: u64) -> u64 {
        mix(id ^ ((self.of + 4_096) as u64) << 40, SALT + kind)
    }

    fn rows(&self, kind: SampleTable) -> Rows<'_> {
        Rows::of(kind, self.business)
    }

    /// The instant of a row's time, which is the column `created_at` of its table.
    fn created(&self, kind: SampleTable, id: u64) -> i64 {
        self.business.midnight_utc(self.of) + self.rows(kind).created_second(id) as i64 * SECOND
    }

    /// A cookie: it stays the same on all days.
    fn cookie(kind: u64, of: u64) -> String {
        let number = mix(of, SALT + 100 + kind);
        format!(
            "{}.{}",
            100_000_000 + number % 899_999_999,
            1_767_225_600 + number / 1_000 % 20_000_000
        )
    }

    fn traveller(&self, choice: u64) -> String {
        Self::cookie(
            0,
            self.business.some_id(SampleTable::Creators, choice) * TRAVELLERS + choice % TRAVELLERS,
        )
    }

    fn links_followed(&self, events: &mut Vec<Event>) {
        let clicks = self.rows(SampleTable::Clicks);
        for id in self.business.ids_added_on(SampleTable::Clicks, self.of) {
            let choice = self.choice(1, id);
            if !choice.is_multiple_of(MEASURED_CLICKS) {
                continue;
            }
            let link = clicks.some(SampleTable::Links, 1)(id);
            let consents = !(choice / 5).is_multiple_of(WITHOUT_CONSENT);
            let visitor = consents.then(|| self.traveller(choice / 60));
            let mut visit =
                Visit::begin(self.created(SampleTable::Clicks, id), visitor, choice / 60);
            visit.event.source = source(choice / 60);
            visit.event.country = rows::pick(clicks.hash(id, 5), &rows::COUNTRIES);
            let page = format!("https://www.trip.example/l/{link}?utm_content={id}");
            visit.then(0, "session_start", &page);
            visit.then(0, "page_view", &page);
            visit.then(20, "link_click", &page).link = Some(link);
            if choice.is_multiple_of(3) {
                visit.then(45, "page_view", "https://www.trip.example/search");
            }
            events.append(&mut visit.made);
        }
    }

    fn bookings(&self, events: &mut Vec<Event>) {
        let bookings = self.rows(SampleTable::Bookings);
        for id in self.business.ids_added_on(SampleTable::Bookings, self.of) {
            let choice = self.choice(2, id);
            if !choice.is_multiple_of(MEASURED_BOOKINGS) {
                continue;
            }
            let link = bookings.some(SampleTable::Links, 1)(id);
            let (currency, won) = bookings.currency(id);
            let purchase = Purchase {
                booking: id,
                partner: bookings.some(SampleTable::Partners, 2)(id),
                nights: 1 + bookings.hash(id, 6) % 14,
                amount: bookings.amount_of(id).parse().unwrap_or_default(),
                currency,
                won,
                won_per_dollar: rows::CURRENCIES[1].1,
            };
            // The purchase is at the time of the booking; the visit began before.
            let at = self.created(SampleTable::Bookings, id) - 400 * SECOND;
            let mut visit = Visit::begin(at, Some(self.traveller(choice / 2)), choice / 2);
            visit.event.source = source(choice / 2);
            visit.event.link = Some(link);
            visit.then(0, "session_start", "https://www.trip.example/");
            visit.then(0, "page_view", "https://www.trip.example/offers");
            visit.then(400, "purchase", "https://www.trip.example/thanks").purchase =
                Some(purchase.clone());
            if choice.is_multiple_of(37) {
                visit.then(30, "purchase", "https://www.trip.example/thanks").purchase =
                    Some(purchase);
            }
            events.append(&mut visit.made);
        }
    }

    fn creators(&self, events: &mut Vec<Event>) {
        let last = self.business.last_id(SampleTable::Creators);
        for id in self.business.existing_ids(SampleTable::Creators, 4, last) {
            let choice = self.choice(3, id);
            if self.business.added_on(SampleTable::Creators, id) > self.of
                || !choice.is_multiple_of(WORKING_CREATORS)
            {
                continue;
            }
            let choice = choice / WORKING_CREATORS;
            let in_app = choice.is_multiple_of(3);
            // 23:57 for some: their sessions end after midnight.
            let second =
                if choice.is_multiple_of(29) { 86_220 } else { 20_000 + choice / 29 % 50_000 };
            let at = self.business.midnight_utc(self.of) - SEOUL + second as i64 * SECOND;
            let visitor = Self::cookie(if in_app { 2 } else { 1 }, id);
            let mut visit = Visit::begin(at, Some(visitor), choice);
            if in_app {
                visit.event.device = Device::Mobile;
                visit.event.session.id = SessionId::Text(format!("app-{id}-{}", at / SECOND));
            }
            visit.event.source = source(choice / 3);
            visit.then(0, "session_start", "https://creators.trip.example/login");
            visit.then(0, "page_view", "https://creators.trip.example/login");
            // Some only look: their visits stay anonymous.
            if !choice.is_multiple_of(5) {
                visit.event.user = Some(id);
                visit.then(40, "login", "https://creators.trip.example/login");
                visit.then(5, "page_view", "https://creators.trip.example/links");
                visit.then(150, "page_view", "https://creators.trip.example/payouts");
            }
            events.append(&mut visit.made);
        }
    }

    /// The first two creators, one after the other, within one session.
    fn shared_computer(&self, events: &mut Vec<Event>) {
        let at = self.business.midnight_utc(self.of) + HOUR;
        let mut visit = Visit::begin(at, Some(Self::cookie(3, 1)), WEB_IN_TIME);
        visit.then(0, "session_start", "https://creators.trip.example/login");
        for user in [1, 2] {
            visit.event.user = None;
            visit.then(30, "page_view", "https://creators.trip.example/login");
            visit.event.user = Some(user);
            visit.then(20, "login", "https://creators.trip.example/login");
            visit.then(60, "page_view", "https://creators.trip.example/links");
        }
        events.append(&mut visit.made);
    }

    /// The third creator, first on the shop's site and then on the creators', whose domain gives the
    /// browser another cookie.
    fn other_domain(&self, events: &mut Vec<Event>) {
        let at = self.business.midnight_utc(self.of) + 2 * HOUR;
        for (kind, after, user, page) in [
            (4, 0, Some(3), "https://www.trip.example/account"),
            (5, 90, Some(3), "https://creators.other.example/links"),
            // Back without a login: the same visitor.
            (4, 7_200, None, "https://www.trip.example/"),
        ] {
            let mut visit =
                Visit::begin(at + after * SECOND, Some(Self::cookie(kind, 3)), WEB_IN_TIME);
            visit.event.user = user;
            visit.event.source = Source::Manual("newsletter", "email", "autumn");
            visit.then(0, "session_start", page);
            visit.then(0, "page_view", page);
            events.append(&mut visit.made);
        }
    }
}

fn source(choice: u64) -> Source {
    rows::pick(
        choice / 11,
        &[
            Source::Manual("instagram", "affiliate", "creators"),
            Source::Manual("naver_blog", "affiliate", "creators"),
            Source::Manual("youtube", "social", "summer"),
            Source::GoogleAds,
            Source::Direct,
        ],
    )
}
