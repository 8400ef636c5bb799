//! What a message says: the cause, the effect on readers, the command to run. Only names of tables and
//! columns: a problem contains no cell value.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DayFacts, Facts, Incident, Member, what};
use crate::calendar::Day;

/// Names in a sentence; the incident has all of them.
const MAX_NAMES: usize = 8;
/// Items in a message.
const MAX_ITEMS: usize = 12;
/// Different things to do in a message.
const MAX_ACTIONS: usize = 3;

/// What a tick changed in one incident.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) opened: bool,
    /// Names of members.
    pub(super) joined: BTreeSet<String>,
    /// Names of members.
    pub(super) ended: BTreeSet<String>,
    /// The day that is late because of it.
    pub(super) late: Option<Day>,
}

/// What a message says, without the form of any channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// One line.
    pub title: String,
    /// The cause, or what changed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// What readers of the warehouse see.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub effect: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// The commands to run, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Tables or other names, or changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// Where the receipts or the records of the day are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The state of the incident: `open`, `closed`, `resolved`; `well` or `not_well` of a daily line.
    pub state: String,
    /// Whether nothing stops.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_notice: bool,
    /// The identity of the cause, the same for every incident of this cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause_id: Option<String>,
    /// The day that it is about.
    pub day: Day,
}

impl Content {
    fn new(incident: &Incident, title: String, facts: &Facts) -> Self {
        let newest = incident.members.values().map(|it| it.day).max().unwrap_or(incident.day);
        Self {
            title,
            cause: String::new(),
            effect: incident.effect.clone(),
            action: String::new(),
            commands: vec![
                incident.command.clone(),
                format!("landbridge incident {}", incident.number),
            ],
            items: Vec::new(),
            receipt: Some(receipt_place(incident, newest, facts)),
            state: incident.state().to_owned(),
            is_notice: incident.cause.is_notice(),
            cause_id: Some(incident.cause.id()),
            day: newest,
        }
    }

    pub(super) fn opened(incident: &Incident, facts: &Facts) -> Self {
        let title = format!("{}: {}", name(incident, facts), headline(incident));
        let actions: BTreeSet<&str> = incident.holding().map(|it| it.action.as_str()).collect();
        // Tables that are held by one cause can keep the rows of different days.
        let action = limited(MAX_ACTIONS, actions.into_iter().map(str::to_owned)).join("\n");
        Self {
            cause: incident.cause.what.clone(),
            action,
            items: limited(
                MAX_ITEMS,
                incident.holding().map(|member| match facts.concerns.get(&member.table) {
                    Some(concerns) => format!("{} [{concerns}]", item(member)),
                    None => item(member),
                }),
            ),
            ..Self::new(incident, title, facts)
        }
    }

    pub(super) fn changed(incident: &Incident, changes: Vec<String>, facts: &Facts) -> Self {
        let title = format!("{} changed", name(incident, facts));
        Self { items: changes, ..Self::new(incident, title, facts) }
    }

    pub(super) fn resolved(incident: &Incident, facts: &Facts) -> Self {
        let title = format!("{} is resolved: {}", name(incident, facts), headline(incident));
        let lasted = duration(incident.opened_at, facts.now);
        Self {
            effect: "Readers see the newest published rows again.".to_owned(),
            items: vec![format!("it was open for {lasted}")],
            commands: vec![format!("landbridge incident {}", incident.number)],
            ..Self::new(incident, title, facts)
        }
        .without_effect_of_notice()
    }

    pub(super) fn closed(incident: &Incident, reason: &str, facts: &Facts) -> Self {
        let title = format!("{} was closed by a person", name(incident, facts));
        Self {
            cause: format!("Reason: {reason}"),
            commands: vec![format!("landbridge incident {}", incident.number)],
            ..Self::new(incident, title, facts)
        }
    }

    /// The line of a day. A notice stops nothing, so it is not counted among the incidents: some apply
    /// for ever, and a line that never says that all is well says nothing.
    pub(super) fn line(
        day: Option<&DayFacts>,
        open: &[u32],
        notices: usize,
        facts: &Facts,
    ) -> Self {
        let notices = match notices {
            0 => String::new(),
            count => format!(" ({})", counted(count, "notice")),
        };
        let incidents = match open {
            [] => "0 incidents".to_owned(),
            [one] => format!("1 incident open: {one}"),
            many => {
                let numbers: Vec<String> = many.iter().map(ToString::to_string).collect();
                format!("{} incidents open: {}", many.len(), numbers.join(", "))
            }
        };
        let (published, is_well) = match day {
            Some(day) => (
                format!(
                    "{} published by {}",
                    counted(day.tables, "table"),
                    clock(day.finished_at, facts)
                ),
                open.is_empty(),
            ),
            None => ("not published by its deadline".to_owned(), false),
        };
        Self {
            title: format!("{} {}: {published}, {incidents}{notices}", facts.source, facts.today),
            cause: String::new(),
            effect: String::new(),
            action: String::new(),
            commands: if is_well { Vec::new() } else { vec!["landbridge status".to_owned()] },
            items: Vec::new(),
            receipt: None,
            state: if is_well { "well" } else { "not_well" }.to_owned(),
            is_notice: false,
            cause_id: None,
            day: facts.today,
        }
    }

    fn without_effect_of_notice(mut self) -> Self {
        if self.is_notice {
            self.effect.clear();
        }
        self
    }

    /// Adds a later change of the same incident.
    pub(super) fn add(&mut self, later: Self) {
        let earlier = std::mem::take(&mut self.items);
        *self = later;
        self.items.splice(0..0, earlier);
    }
}

/// `shop, incident 7`.
fn name(incident: &Incident, facts: &Facts) -> String {
    format!("{}, incident {}", facts.source, incident.number)
}

/// One line: the cause, and how many tables it touches.
fn headline(incident: &Incident) -> String {
    let what = &incident.cause.what;
    let holding: Vec<&Member> = match incident.is_open() {
        true => incident.holding().collect(),
        false => incident.members.values().collect(),
    };
    match holding.as_slice() {
        [one] if !one.table.is_empty() => format!("{what} ({})", one.table),
        [] | [_] => what.clone(),
        many if many.iter().all(|it| !it.table.is_empty()) => {
            format!("{what} ({})", counted(many.len(), "table"))
        }
        many => format!("{what} ({} times)", many.len()),
    }
}

/// What one member is: its table with the problem's names, without the table twice.
fn item(member: &Member) -> String {
    match member.table.as_str() {
        "" => member.context.clone(),
        table if member.context.contains(table) => member.context.clone(),
        table => format!("{table}: {}", member.context),
    }
}

/// The first items, and how many more there are.
fn limited(most: usize, items: impl Iterator<Item = String>) -> Vec<String> {
    let mut items: Vec<String> = items.collect();
    let more = items.len().saturating_sub(most);
    items.truncate(most);
    if more > 0 {
        items.push(format!("and {more} more"));
    }
    items
}

/// What changed, in sentences. Of an incident that opened, the first one says so.
pub(super) fn changes(incident: &Incident, changed: &Changes) -> Vec<String> {
    let names = |of: &BTreeSet<String>| {
        let members = of.iter().filter_map(|name| incident.members.get(name));
        some_of(members.map(|it| it.name.as_str()))
    };
    let mut texts = Vec::new();
    if changed.opened {
        texts.push(format!("opened: {}", headline(incident)));
    } else if !changed.joined.is_empty() {
        texts.push(format!("also: {}", names(&changed.joined)));
    }
    if !changed.ended.is_empty() {
        let left = incident.holding().count();
        texts.push(format!("over: {}; {left} left", names(&changed.ended)));
    }
    if let Some(day) = changed.late {
        texts.push(format!("{day} is not published by its deadline because of it"));
    }
    texts
}

/// Sets what readers see, and the command to run.
pub(super) fn describe(incident: &mut Incident, facts: &Facts) {
    incident.effect = effect(incident, facts);
    incident.command = command(incident);
}

fn effect(incident: &Incident, facts: &Facts) -> String {
    let cause = &incident.cause;
    if cause.what == what::LOOKS_PERSONAL {
        return "The columns are NULL for everyone; all other columns are published as usual."
            .to_owned();
    }
    if cause.what == what::NOT_JUDGED {
        return "Columns that were never judged are NULL for everyone; the others stay readable."
            .to_owned();
    }
    if cause.is_notice() {
        return "Nothing stops: tables are published as usual.".to_owned();
    }
    match cause.what.as_str() {
        what::NO_SNAPSHOT | what::SNAPSHOTS_CUT | what::SNAPSHOT_FAILED => {
            return "Analysts see every published day. A restore can go back to the snapshots that exist, and to no other hour.".to_owned();
        }
        what::CONTRACT_OLDER => {
            return "Analysts see what the recorded contract allows. The deployed contract is not in force.".to_owned();
        }
        _ => {}
    }
    let holding: Vec<&Member> = incident.holding().collect();
    if holding.iter().any(|it| what::STAGES_BESIDE_THE_DAY.contains(&it.table.as_str())) {
        return "Analysts see every published day; masks stay as they are.".to_owned();
    }
    let tables: Vec<&Member> =
        holding.iter().copied().filter(|it| it.rows_of.is_some() || is_table(&it.table)).collect();
    if tables.is_empty() {
        let newest = facts.days.iter().rev().find(|(_, day)| day.published).map(|(day, _)| *day);
        return match newest {
            Some(day) => format!("Analysts see the rows of {day} in every table."),
            None => "Analysts see the rows of the last published day in every table.".to_owned(),
        };
    }
    let mut by_day: BTreeMap<Option<Day>, Vec<&str>> = BTreeMap::new();
    for member in tables {
        by_day.entry(member.rows_of).or_default().push(&member.table);
    }
    let sentence = |(day, names): (Option<Day>, Vec<&str>)| {
        let names = some_of(names.into_iter());
        match day {
            Some(day) if Some(day) == incident.day.before() => {
                format!("Analysts see yesterday's rows ({day}) of {names}.")
            }
            Some(day) => format!("Analysts see the rows of {day} in {names}."),
            None => format!("Analysts do not see rows of the day in {names}."),
        }
    };
    by_day.into_iter().map(sentence).collect::<Vec<_>>().join(" ")
}

/// Subjects that are no tables.
fn is_table(subject: &str) -> bool {
    const OTHERS: [&str; 5] = ["", "export", "transfer", "load", "day.json"];
    !OTHERS.contains(&subject) && !subject.contains(['/', '-'])
}

fn command(incident: &Incident) -> String {
    match incident.cause.what.as_str() {
        what::NO_SNAPSHOT | what::SNAPSHOTS_CUT | what::SNAPSHOT_FAILED => {
            return "landbridge snapshots".to_owned();
        }
        what::CONTRACT_OLDER => return "landbridge doctor".to_owned(),
        what::DEADLINE => return "landbridge status".to_owned(),
        _ => {}
    }
    let holding: Vec<&Member> = incident.holding().collect();
    let day = holding.iter().map(|it| it.day).max().unwrap_or(incident.day);
    match holding.as_slice() {
        [one] if is_table(&one.table) && !beside(one) => {
            format!("landbridge receipt {day} --table {}", one.table)
        }
        many if many.iter().any(|it| is_table(&it.table) && !beside(it)) => {
            format!("landbridge receipt {day}")
        }
        _ if incident.cause.is_notice() => format!("landbridge receipt {day}"),
        _ => "landbridge doctor".to_owned(),
    }
}

fn beside(member: &Member) -> bool {
    what::STAGES_BESIDE_THE_DAY.contains(&member.table.as_str())
}

fn receipt_place(incident: &Incident, day: Day, facts: &Facts) -> String {
    let root = format!("{}{day}/", facts.records_at);
    let mut holding = incident.holding().filter(|it| is_table(&it.table) && !beside(it));
    match (holding.next(), holding.next()) {
        (Some(one), None) if !one.table.contains('.') => {
            format!("{root}receipts/{}.json", one.table)
        }
        (Some(_), _) => format!("{root}receipts/"),
        (None, _) => root,
    }
}

fn some_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let first = &names[..names.len().min(MAX_NAMES)];
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// `03:12`, in the zone of the schedule.
fn clock(at: Timestamp, facts: &Facts) -> String {
    at.to_zoned(facts.zone.clone()).strftime("%H:%M").to_string()
}

/// `3 h 20 min`.
fn duration(from: Timestamp, until: Timestamp) -> String {
    let minutes = until.duration_since(from).as_mins().max(0);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
