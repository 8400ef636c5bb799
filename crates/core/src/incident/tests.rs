//! Incidents as a specification: what a tick finds, and which messages follow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use expect_test::{Expect, expect, expect_file};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::ErrorKind;

/// One incident state, a clock, and what the ledger says.
struct World {
    state: IncidentState,
    facts: Facts,
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    format!("{text}:00[Asia/Seoul]").parse::<jiff::Zoned>().unwrap().timestamp()
}

impl World {
    /// Three in the morning of 21 November; the day before is published.
    fn new() -> Self {
        let facts = Facts {
            now: at("2026-11-21T03:00"),
            today: day("2026-11-21"),
            is_past_deadline: false,
            is_owed: true,
            observations: Vec::new(),
            days: BTreeMap::new(),
            closures: Vec::new(),
            channels: vec![
                Channel::SlackBot,
                Channel::SlackWebhook,
                Channel::Email,
                Channel::Webhook,
            ],
            source: "shop".to_owned(),
            concerns: BTreeMap::new(),
            zone: TimeZone::get("Asia/Seoul").unwrap(),
            records_at: "s3://shop-exports/ledger/shop/".to_owned(),
        };
        let ended = Some(day("2026-11-20"));
        let state = IncidentState { through: ended, line: ended, ..IncidentState::default() };
        let mut world = Self { state, facts };
        world.publish("2026-11-20", "2026-11-20T03:12");
        world
    }

    fn publish(&mut self, of: &str, finished: &str) {
        let facts = DayFacts {
            published: true,
            tables: 42,
            finished_at: at(finished),
            redo: 0,
            without_rows: BTreeSet::new(),
            with_rows: BTreeSet::new(),
        };
        self.facts.days.insert(day(of), facts);
    }

    fn hold(&mut self, of: &str, finished: &str, held: &[&str]) {
        self.publish(of, finished);
        let facts = self.facts.days.get_mut(&day(of)).unwrap();
        facts.published = false;
        facts.without_rows = held.iter().map(ToString::to_string).collect();
    }

    fn time(&mut self, now: &str) {
        self.facts.now = at(now);
        self.facts.today = day(&now[..10]);
        self.facts.is_past_deadline = &now[11..] >= "04:00";
    }

    fn see(&mut self, observation: Observation) {
        self.facts.observations.push(observation);
    }

    /// One tick. Returns the messages of the bot, which gets all of them, and takes them as delivered.
    fn tick(&mut self) -> String {
        self.state.apply(&self.facts);
        let again = self.state.clone();
        self.state.apply(&self.facts);
        assert_eq!(self.state, again, "the same facts again");
        let mut text = String::new();
        while let Next::Send(place) = self.state.next(Channel::SlackBot, self.facts.now) {
            let claim = Claim { at: self.facts.now, by: "test".to_owned() };
            let message = self.state.claim(place, claim).unwrap();
            let _ = writeln!(text, "{} {}", message.kind.name(), message.content.title);
            for item in &message.content.items {
                let _ = writeln!(text, "  - {item}");
            }
            if message.kind == MessageKind::Opened {
                let _ = writeln!(text, "  {}", message.content.effect);
                let _ = writeln!(text, "  {}", message.content.commands.join("; "));
            }
            let thread = Some("1.2".to_owned());
            self.state.answer(&message, &Answer::Delivered { thread }, self.facts.now);
        }
        self.state.outbox.retain(|it| it.channel == Channel::Email);
        text
    }

    fn check(&mut self, expected: Expect) {
        expected.assert_eq(&self.tick());
    }
}

fn alert(table: &str, what: &'static str, of: &str, when: &str) -> Observation {
    let problem = Problem::new(ErrorKind::Held, what, format!("shop.{table}.amount"));
    Observation {
        record: short_hash(&format!("{what}{table}")),
        day: day(of),
        at: at(when),
        table: table.to_owned(),
        redo: 0,
        problem,
        rows_of: (!table.is_empty()).then(|| day("2026-11-20")),
        is_notice: false,
    }
}

const TYPE: &str = "a column changed its type, so the table is not loaded";

#[test]
fn a_held_table_names_whom_it_concerns() {
    let mut world = World::new();
    let concerns = "owners: payments; consumers: the weekly report".to_owned();
    world.facts.concerns.insert("orders".to_owned(), concerns);
    for table in ["orders", "people"] {
        world.see(alert(table, TYPE, "2026-11-21", "2026-11-21T02:30"));
    }
    let text = world.tick();
    let line = "shop.orders.amount [owners: payments; consumers: the weekly report]\n";
    assert!(text.contains(line) && text.contains("shop.people.amount\n"), "{text}");
}

/// The function `load` adds the day of the rows that a table keeps to what is to be done.
#[test]
fn tables_that_keep_rows_of_different_days_are_one_message_that_says_what_to_do() {
    let mut world = World::new();
    for (table, kept) in
        [("orders", "2026-11-20"), ("refunds", "2026-11-20"), ("links", "2026-11-18")]
    {
        let mut seen = alert(table, TYPE, "2026-11-21", "2026-11-21T02:30");
        seen.problem.action = format!("decide; the table keeps its rows of {kept}");
        world.see(seen);
    }
    world.state.apply(&world.facts);
    let actions: Vec<&str> =
        world.state.outbox.iter().map(|it| it.content.action.as_str()).collect();
    let both = "decide; the table keeps its rows of 2026-11-18\ndecide; the table keeps its rows of 2026-11-20";
    assert!(actions.iter().all(|it| *it == both) && !actions.is_empty(), "{actions:?}");
}

#[test]
fn forty_tables_held_by_one_cause_are_one_message_and_one_end() {
    let mut world = World::new();
    let names: Vec<String> = (1..=40).map(|n| format!("orders_{n:02}")).collect();
    for name in &names {
        world.see(alert(name, TYPE, "2026-11-21", "2026-11-21T02:30"));
    }
    world.check(expect![[r"
        opened shop, incident 1: a column changed its type, so the table is not loaded (40 tables)
          - shop.orders_01.amount
          - shop.orders_02.amount
          - shop.orders_03.amount
          - shop.orders_04.amount
          - shop.orders_05.amount
          - shop.orders_06.amount
          - shop.orders_07.amount
          - shop.orders_08.amount
          - shop.orders_09.amount
          - shop.orders_10.amount
          - shop.orders_11.amount
          - shop.orders_12.amount
          - and 28 more
          Analysts see yesterday's rows (2026-11-20) of orders_01, orders_02, orders_03, orders_04, orders_05, orders_06, orders_07, orders_08 and 32 more.
          landbridge receipt 2026-11-21; landbridge incident 1
    "]]);
    // The deadline passes: a change of the same incident, and the daily line.
    let held: Vec<&str> = names.iter().map(String::as_str).collect();
    world.hold("2026-11-21", "2026-11-21T03:10", &held);
    world.time("2026-11-21T04:00");
    world.see(alert("day.json", what::DEADLINE, "2026-11-21", "2026-11-21T04:00"));
    world.check(expect![[r"
        changed shop, incident 1 changed
          - 2026-11-21 is not published by its deadline because of it
        line shop 2026-11-21: not published by its deadline, 1 incident open: 1
    "]]);
    // A day later it is still so: nothing. Then all but two are published, then all.
    world.time("2026-11-22T03:00");
    for name in &names {
        world.see(alert(name, TYPE, "2026-11-22", "2026-11-22T02:30"));
    }
    world.check(expect![""]);
    world.hold("2026-11-22", "2026-11-22T03:10", &["orders_01", "orders_02"]);
    let facts = world.facts.days.get_mut(&day("2026-11-22")).unwrap();
    facts.with_rows = names[2..].iter().cloned().collect();
    world.check(expect![[r"
        changed shop, incident 1 changed
          - over: orders_03, orders_04, orders_05, orders_06, orders_07, orders_08, orders_09, orders_10 and 30 more; 2 left
    "]]);
    world.publish("2026-11-22", "2026-11-22T03:20");
    world.check(expect![[r"
        resolved shop, incident 1 is resolved: a column changed its type, so the table is not loaded (40 tables)
          - it was open for 24 h
        line shop 2026-11-22: 42 tables published by 03:20, 0 incidents
    "]]);
}

#[test]
fn a_table_that_joins_is_a_change_and_another_cause_is_another_incident() {
    let mut world = World::new();
    world.see(alert("orders", TYPE, "2026-11-21", "2026-11-21T02:30"));
    world.check(expect![[r"
        opened shop, incident 1: a column changed its type, so the table is not loaded (orders)
          - shop.orders.amount
          Analysts see yesterday's rows (2026-11-20) of orders.
          landbridge receipt 2026-11-21 --table orders; landbridge incident 1
    "]]);
    world.see(alert("people", TYPE, "2026-11-21", "2026-11-21T02:35"));
    world.see(alert("people", "the rows differ", "2026-11-21", "2026-11-21T02:35"));
    world.check(expect![[r"
        changed shop, incident 1 changed
          - also: people
        opened shop, incident 2: the rows differ (people)
          - shop.people.amount
          Analysts see yesterday's rows (2026-11-20) of people.
          landbridge receipt 2026-11-21 --table people; landbridge incident 2
    "]]);
}

#[test]
fn a_late_day_alone_is_an_incident_until_it_is_published() {
    let mut world = World::new();
    world.time("2026-11-21T04:02");
    world.check(expect![[r"
        opened shop, incident 1: the day is not published by its deadline
          - 2026-11-21, s3://shop-exports/ledger/shop/2026-11-21/
          Analysts see the rows of 2026-11-20 in every table.
          landbridge status; landbridge incident 1
        line shop 2026-11-21: not published by its deadline, 1 incident open: 1
    "]]);
    // The load says the same, a little later.
    world.see(alert("day.json", what::DEADLINE, "2026-11-21", "2026-11-21T04:05"));
    world.check(expect![""]);
    world.publish("2026-11-21", "2026-11-21T05:40");
    world.time("2026-11-21T05:42");
    world.check(expect![[r"
        resolved shop, incident 1 is resolved: the day is not published by its deadline
          - it was open for 1 h 40 min
    "]]);
}

#[test]
fn a_closed_incident_is_quiet_until_another_table_meets_its_cause() {
    let mut world = World::new();
    world.see(alert("orders", TYPE, "2026-11-21", "2026-11-21T02:30"));
    world.tick();
    let reason = "the column is renamed next week".to_owned();
    world.facts.closures.push(Closure { number: 1, reason, at: at("2026-11-21T09:00") });
    world.check(expect![[r"
        resolved shop, incident 1 was closed by a person
    "]]);
    world.time("2026-11-22T03:00");
    world.see(alert("orders", TYPE, "2026-11-22", "2026-11-22T02:30"));
    world.check(expect![""]);
    world.see(alert("people", TYPE, "2026-11-22", "2026-11-22T02:30"));
    world.check(expect![[r"
        opened shop, incident 2: a column changed its type, so the table is not loaded (people)
          - shop.people.amount
          Analysts see the rows of 2026-11-20 in people.
          landbridge receipt 2026-11-22 --table people; landbridge incident 2
    "]]);
    world.publish("2026-11-22", "2026-11-22T03:20");
    world.tick();
    assert_eq!(world.state.incidents[&1].holding().count(), 0);
}

/// A closed incident is silent while the problem exists. That another table still has it does not silence a table whose problem ended.
#[test]
fn a_table_whose_problem_ended_is_said_again_although_its_incident_was_closed() {
    let mut world = World::new();
    for table in ["orders", "people"] {
        world.see(alert(table, TYPE, "2026-11-21", "2026-11-21T02:30"));
    }
    world.tick();
    let reason = "both are renamed next week".to_owned();
    world.facts.closures.push(Closure { number: 1, reason, at: at("2026-11-21T09:00") });
    world.tick();
    world.time("2026-11-22T03:30");
    world.hold("2026-11-22", "2026-11-22T03:20", &["people"]);
    world.facts.days.get_mut(&day("2026-11-22")).unwrap().with_rows.insert("orders".to_owned());
    world.see(alert("people", TYPE, "2026-11-22", "2026-11-22T02:30"));
    world.check(expect![""]);
    world.time("2026-11-23T03:00");
    world.see(alert("people", TYPE, "2026-11-23", "2026-11-23T02:30"));
    world.check(expect![""]);
    world.see(alert("orders", TYPE, "2026-11-23", "2026-11-23T02:31"));
    let text = world.tick();
    assert!(text.starts_with("opened shop, incident 2: ") && text.contains("(orders)"), "{text}");
}

#[test]
fn a_notice_is_open_as_long_as_it_applies() {
    let mut world = World::new();
    let notice = |of: &str| Observation {
        record: "1234".to_owned(),
        day: day(of),
        at: at("2026-11-21T02:30"),
        table: String::new(),
        redo: 0,
        problem: Problem::notice(
            "the source contains something that the contract does not",
            "shop.people: column secret",
            "classify it in contract.yaml; until then it is masked for everyone",
        ),
        rows_of: None,
        is_notice: true,
    };
    world.see(notice("2026-11-21"));
    world.check(expect![[r"
        opened shop, incident 1: the source contains something that the contract does not
          - shop.people: column secret
          Nothing stops: tables are published as usual.
          landbridge receipt 2026-11-21; landbridge incident 1
    "]]);
    world.time("2026-11-22T03:30");
    world.publish("2026-11-21", "2026-11-21T03:00");
    world.facts.observations = vec![notice("2026-11-22")];
    world.publish("2026-11-22", "2026-11-22T03:20");
    world.check(expect![[r"
        line shop 2026-11-22: 42 tables published by 03:20, 0 incidents (1 notice)
    "]]);
    world.time("2026-11-23T03:30");
    world.facts.observations.clear();
    world.publish("2026-11-23", "2026-11-23T03:20");
    world.check(expect![[r"
        resolved shop, incident 1 is resolved: the source contains something that the contract does not
          - it was open for 48 h 30 min
        line shop 2026-11-23: 42 tables published by 03:20, 0 incidents
    "]]);
}

#[test]
fn that_the_day_is_published_says_nothing_of_snapshots() {
    let mut world = World::new();
    world.see(alert("", what::NO_SNAPSHOT, "2026-11-21", "2026-11-21T00:40"));
    world.publish("2026-11-21", "2026-11-21T03:12");
    world.check(expect![[r"
        opened shop, incident 1: this hour has no snapshot
          - shop..amount
          Analysts see every published day. A restore can go back to the snapshots that exist, and to no other hour.
          landbridge snapshots; landbridge incident 1
        line shop 2026-11-21: 42 tables published by 03:12, 1 incident open: 1
    "]]);
    world.time("2026-11-22T03:30");
    world.publish("2026-11-22", "2026-11-22T03:12");
    world.check(expect![[r"
        resolved shop, incident 1 is resolved: this hour has no snapshot
          - it was open for 24 h 30 min
        line shop 2026-11-22: 42 tables published by 03:12, 0 incidents
    "]]);
}

#[test]
fn fourteen_quiet_days_are_fourteen_lines() {
    let mut world = World::new();
    let mut lines = 0;
    let days = (21..=30).map(|n| format!("2026-11-{n}"));
    for day in days.chain((1..=4).map(|n| format!("2026-12-{n:02}"))) {
        for hour in ["03:00", "03:20", "04:00", "12:00"] {
            world.time(&format!("{day}T{hour}"));
            if hour == "03:20" {
                world.publish(&day, &format!("{day}T03:12"));
            }
            let text = world.tick();
            assert!(text.lines().all(|line| line.starts_with("line ")), "{text}");
            lines += text.lines().count();
        }
    }
    assert_eq!(lines, 14);
    assert!(world.state.incidents.is_empty());
}

/// What the first tick of a new function finds may be over for long.
#[test]
fn the_first_tick_reports_what_holds_and_nothing_older() {
    let mut world = World::new();
    world.state = IncidentState::default();
    world.publish("2026-11-21", "2026-11-21T02:40");
    world.see(alert("orders", TYPE, "2026-11-21", "2026-11-21T02:30"));
    world.see(alert("people", TYPE, "2026-11-21", "2026-11-21T02:50"));
    let text = world.tick();
    assert!(
        text.starts_with("opened shop, incident 1: a column changed its type, so the table is not loaded (people)"),
        "{text}"
    );
}

#[test]
fn a_claim_without_an_answer_is_a_repeat_after_the_lease_and_not_before() {
    let mut world = World::new();
    world.see(alert("orders", TYPE, "2026-11-21", "2026-11-21T02:30"));
    world.state.apply(&world.facts);
    let state = &mut world.state;
    let now = world.facts.now;
    let claim = |at: Timestamp, by: &str| Claim { at, by: by.to_owned() };
    let Next::Send(place) = state.next(Channel::Email, now) else { panic!("a message") };
    let first = state.claim(place, claim(now, "a")).unwrap();
    assert!(!first.repeat);
    assert_eq!(state.next(Channel::Email, now), Next::Nothing);
    let later = now + LEASE;
    let Next::Send(place) = state.next(Channel::Email, later) else { panic!("a message") };
    let second = state.claim(place, claim(later, "b")).unwrap();
    assert!(second.repeat && second.id == first.id);
    // The first tick was only slow: its refusal does not end the claim of the second.
    let refused = Answer::Refused { why: "no".to_owned(), retry_after: None };
    state.answer(&first, &refused, later);
    assert_eq!(state.next(Channel::Email, later), Next::Nothing);
    state.answer(&second, &Answer::Delivered { thread: None }, later);
    assert_eq!(state.next(Channel::Email, later + LEASE), Next::Nothing);
}

#[test]
fn a_refusal_waits_and_is_no_repeat_and_an_unknown_outcome_is_one() {
    let mut world = World::new();
    world.see(alert("orders", TYPE, "2026-11-21", "2026-11-21T02:30"));
    world.state.apply(&world.facts);
    let state = &mut world.state;
    let mut now = world.facts.now;
    for (answer, wait, repeat) in [
        (
            Answer::Refused {
                why: "429".to_owned(),
                retry_after: Some(jiff::SignedDuration::from_secs(7)),
            },
            7,
            false,
        ),
        (Answer::Refused { why: "404".to_owned(), retry_after: None }, 120, false),
        (Answer::Unknown { why: "500".to_owned() }, 240, true),
    ] {
        let Next::Send(place) = state.next(Channel::Webhook, now) else { panic!("a message") };
        let message = state.claim(place, Claim { at: now, by: "a".to_owned() }).unwrap();
        state.answer(&message, &answer, now);
        let until = now + jiff::SignedDuration::from_secs(wait);
        assert_eq!(
            state.next(Channel::Webhook, until - jiff::SignedDuration::from_secs(1)),
            Next::Nothing
        );
        now = until;
        let Next::Send(place) = state.next(Channel::Webhook, now) else { panic!("a message") };
        assert_eq!(state.outbox[place].repeat, repeat);
    }
}

/// `docs/incidents.md` shows these messages; `UPDATE_EXPECT=1` writes them.
#[test]
fn the_examples_of_the_documentation_are_current() {
    let mut world = World::new();
    for table in ["orders", "order_lines"] {
        world.see(alert(table, TYPE, "2026-11-21", "2026-11-21T02:30"));
    }
    world.state.apply(&world.facts);
    let mut messages = world.state.outbox.clone();
    world.state.outbox.clear();
    world.see(alert("refunds", TYPE, "2026-11-21", "2026-11-21T02:40"));
    world.state.apply(&world.facts);
    messages.append(&mut world.state.outbox);
    world.publish("2026-11-21", "2026-11-21T03:12");
    world.time("2026-11-21T03:15");
    world.state.apply(&world.facts);
    messages.append(&mut world.state.outbox);
    let mut text = String::new();
    for message in messages {
        let name = format!("{}, {}", message.kind.name(), message.channel.name());
        let body = match message.channel {
            Channel::Email => {
                let (subject, text) = render::email(&message);
                format!("Subject: {subject}\n\n{text}")
            }
            Channel::Webhook => format!("{:#}\n", render::webhook(&message, "shop")),
            Channel::SlackBot => format!("{:#}\n", render::slack(&message)),
            // The same as the bot.
            Channel::SlackWebhook => continue,
        };
        let _ = write!(text, "=== {name}\n{body}\n");
    }
    expect_file!["../../../../docs/incidents-examples.txt"].assert_eq(&text);
}

#[test]
fn the_json_of_a_webhook_has_the_fields_of_its_schema() {
    let mut world = World::new();
    world.see(alert("orders", TYPE, "2026-11-21", "2026-11-21T02:30"));
    world.state.apply(&world.facts);
    let json = render::webhook(&world.state.outbox[0], "shop");
    let schema = render::webhook_schema();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&json), keys(&schema["properties"]));
    let text = format!("{schema:#}\n");
    expect_file!["../../../../schemas/incident-message.schema.json"].assert_eq(&text);
}

#[test]
fn slack_gets_no_markup_from_names_and_no_header_that_is_too_long() {
    let mut world = World::new();
    let mut observation = alert("orders", TYPE, "2026-11-21", "2026-11-21T02:30");
    observation.problem.context = format!("<!channel> & <{}>", "x".repeat(4_000));
    world.see(observation);
    world.state.apply(&world.facts);
    let body = render::slack(&world.state.outbox[0]);
    let text = body.to_string();
    assert!(!text.contains("<!channel>"), "{text}");
    for block in body["blocks"].as_array().unwrap() {
        let text = block["text"]["text"].as_str().unwrap_or_default();
        let most = if block["type"] == "header" { 150 } else { 3_000 };
        assert!(text.chars().count() <= most);
    }
    let (subject, _) = render::email(&world.state.outbox[0]);
    assert!(subject.len() <= 100 && subject.is_ascii());
}
