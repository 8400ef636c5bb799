//! What the facts of a tick change. Every rule is idempotent: the same facts again change nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::content::{self, Changes, Content};
use super::outbox::MessageKind;
use super::{
    Cause, Channel, DayFacts, Event, Facts, Incident, IncidentState, Life, Member, Observation,
    what,
};
use crate::ErrorKind;
use crate::calendar::Day;
use crate::plan::Problem;

/// How long taken alerts are remembered: longer than any day that a tick still reads.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 60);
/// Events of an incident that are kept; the record stays small.
const MAX_EVENTS: usize = 200;

/// The record that stands for a late day, and the member of an incident that is only that.
const LATE: &str = "late";

impl IncidentState {
    /// Takes the facts of a tick: opens, changes and ends incidents, and puts the messages that follow into
    /// the outbox. A repeat of the same facts changes nothing.
    pub fn apply(&mut self, facts: &Facts) {
        let mut changes: BTreeMap<u32, Changes> = BTreeMap::new();
        for observation in &facts.observations {
            self.observe(observation, facts, &mut changes);
        }
        if let Some(late) = self.late_day(facts) {
            self.observe(&late, facts, &mut changes);
        }
        self.end_members(facts, &mut changes);
        for (number, changed) in &changes {
            self.announce(*number, changed, facts);
        }
        self.close(facts);
        self.resolve(facts);
        self.daily_line(facts);
        self.forget(facts);
    }

    /// The incident that takes a problem of this cause and member: an open one, or a closed one whose
    /// problem has not ended for the member.
    fn taking(&self, cause: &Cause, member: &str) -> Option<u32> {
        let mut of_cause = self.incidents.values().filter(|it| it.cause == *cause);
        let takes = |it: &&Incident| match it.life {
            Life::Open => true,
            Life::Closed { .. } => it.members.get(member).is_some_and(|it| it.ended_at.is_none()),
            Life::Resolved { .. } => false,
        };
        of_cause.find(takes).map(|it| it.number)
    }

    /// An open incident that explains why this day is late: a problem of the day that is not a notice.
    fn explaining(&self, day: Day) -> Option<u32> {
        let explains = |it: &&Incident| {
            it.is_open()
                && !it.cause.is_notice()
                && it.cause.what != what::DEADLINE
                && it.holding().any(|m| m.day == day && !it.cause.is_beside_the_day(&m.table))
        };
        self.incidents.values().find(explains).map(|it| it.number)
    }

    fn observe(
        &mut self,
        observation: &Observation,
        facts: &Facts,
        changes: &mut BTreeMap<u32, Changes>,
    ) {
        let Observation { record, day, .. } = observation;
        let cause = Cause::of(&observation.problem);
        let is_late_day = cause.what == what::DEADLINE;
        if !self.is_unseen(observation, is_late_day) {
            return;
        }
        // The first tick of all finds what happened before there were incidents.
        if self.through.is_none() && is_over(&cause, &member(observation), facts) {
            return;
        }
        if is_late_day
            && let Some(number) = self.explaining(*day)
            && let Some(incident) = self.incidents.get_mut(&number)
        {
            // Once: that it still is on the next day is no news.
            if incident.late.is_none() {
                incident.late = Some(*day);
                changes.entry(number).or_default().late = Some(*day);
            }
            return;
        }
        let name = match observation.table.as_str() {
            _ if is_late_day => LATE.to_owned(),
            "" => record.clone(),
            table => table.to_owned(),
        };
        let number = self.taking(&cause, &name).unwrap_or_else(|| {
            let number = self.open(cause, *day, facts.now);
            changes.entry(number).or_default().opened = true;
            number
        });
        let Some(incident) = self.incidents.get_mut(&number) else { return };
        let known = incident.members.get(&name);
        let is_new = known.is_none_or(|known| known.ended_at.is_some());
        if known.is_some_and(|known| !is_new && (known.day, known.at) >= (*day, observation.at)) {
            return;
        }
        incident.members.insert(name.clone(), member(observation));
        if is_new && incident.is_open() {
            changes.entry(number).or_default().joined.insert(name);
        }
    }

    /// Whether this record was not taken yet. That a day is late counts once, whichever stage reports it.
    fn is_unseen(&mut self, observation: &Observation, is_late_day: bool) -> bool {
        if observation.is_notice {
            return true;
        }
        let seen = self.seen.entry(observation.day).or_default();
        let is_new = seen.insert(observation.record.clone());
        let is_first = !is_late_day || observation.record == LATE || seen.insert(LATE.to_owned());
        is_new && is_first
    }

    /// Opens an incident without members. Returns its number.
    fn open(&mut self, cause: Cause, day: Day, now: Timestamp) -> u32 {
        self.newest += 1;
        let new = Incident {
            number: self.newest,
            cause,
            day,
            opened_at: now,
            life: Life::Open,
            members: BTreeMap::new(),
            events: Vec::new(),
            late: None,
            threads: BTreeMap::new(),
            effect: String::new(),
            command: String::new(),
        };
        self.incidents.insert(self.newest, new);
        self.newest
    }

    /// A day whose deadline has passed without a record: nothing may have run that could raise the alert.
    fn late_day(&self, facts: &Facts) -> Option<Observation> {
        let published = facts.days.get(&facts.today).is_some_and(|day| day.published);
        if !facts.is_past_deadline || !facts.is_owed || published {
            return None;
        }
        let context = format!("{}, {}{}/", facts.today, facts.records_at, facts.today);
        Some(Observation {
            record: LATE.to_owned(),
            day: facts.today,
            at: facts.now,
            table: String::new(),
            redo: 0,
            problem: Problem::new(ErrorKind::Transient, what::DEADLINE, context),
            rows_of: None,
            is_notice: false,
        })
    }

    fn end_members(&mut self, facts: &Facts, changes: &mut BTreeMap<u32, Changes>) {
        for incident in self.incidents.values_mut() {
            let cause = incident.cause.clone();
            for (name, member) in &mut incident.members {
                if member.ended_at.is_none() && is_over(&cause, member, facts) {
                    member.ended_at = Some(facts.now);
                    changes.entry(incident.number).or_default().ended.insert(name.clone());
                }
            }
        }
    }

    /// The message of what a tick changed: one for an incident that opened, otherwise one for its thread.
    fn announce(&mut self, number: u32, changed: &Changes, facts: &Facts) {
        let Some(incident) = self.incidents.get_mut(&number).filter(|it| it.is_open()) else {
            return;
        };
        content::describe(incident, facts);
        // Its end is a message of its own.
        if !changed.opened && incident.holding().next().is_none() {
            return;
        }
        let texts = content::changes(incident, changed);
        for text in &texts {
            push_event(incident, facts.now, text.clone());
        }
        let (kind, content) = if changed.opened {
            (MessageKind::Opened, Content::opened(incident, facts))
        } else {
            (MessageKind::Changed, Content::changed(incident, texts, facts))
        };
        // The same for all channels, and for no other message.
        let id = format!("{number}-{}", incident.events.len());
        self.post(kind, Some(number), &id, &content, facts);
    }

    fn close(&mut self, facts: &Facts) {
        for closure in &facts.closures {
            let Some(incident) = self.incidents.get_mut(&closure.number).filter(|it| it.is_open())
            else {
                continue;
            };
            incident.life = Life::Closed { at: facts.now, reason: closure.reason.clone() };
            push_event(incident, facts.now, format!("closed by a person: {}", closure.reason));
            let content = Content::closed(incident, &closure.reason, facts);
            let id = format!("{}-closed", closure.number);
            self.post(MessageKind::Resolved, Some(closure.number), &id, &content, facts);
        }
    }

    fn resolve(&mut self, facts: &Facts) {
        let over = self.incidents.values().filter(|it| it.is_open() && it.holding().count() == 0);
        for number in over.map(|it| it.number).collect::<Vec<_>>() {
            let Some(incident) = self.incidents.get_mut(&number) else { continue };
            incident.life = Life::Resolved { at: facts.now };
            push_event(incident, facts.now, "resolved".to_owned());
            let content = Content::resolved(incident, facts);
            let id = format!("{number}-resolved");
            self.post(MessageKind::Resolved, Some(number), &id, &content, facts);
        }
    }

    /// One line a day: when the day is published, at the latest at its deadline.
    fn daily_line(&mut self, facts: &Facts) {
        if self.line.is_some_and(|line| line >= facts.today) {
            return;
        }
        let day = facts.days.get(&facts.today).filter(|day| day.published);
        if day.is_none() && !facts.is_past_deadline {
            return;
        }
        self.line = Some(facts.today);
        if day.is_none() && !facts.is_owed {
            return;
        }
        let open = self.incidents.values().filter(|it| it.is_open());
        let (notices, open): (Vec<_>, Vec<_>) = open.partition(|it| it.cause.is_notice());
        let open: Vec<u32> = open.into_iter().map(|it| it.number).collect();
        let content = Content::line(day, &open, notices.len(), facts);
        let id = format!("line-{}", facts.today);
        self.post(MessageKind::Line, None, &id, &content, facts);
    }

    /// Forgets alerts of days that no tick reads any more.
    fn forget(&mut self, facts: &Facts) {
        let oldest = facts.today.date().checked_sub(REMEMBERED).map(Day::new);
        if let Ok(oldest) = oldest {
            self.seen.retain(|day, records| *day >= oldest && !records.is_empty());
        }
        self.through = self.through.max(Some(facts.today));
    }

    /// The incidents that have ended and whose messages are all delivered: they can move to records of
    /// their own. A closed one stays while it holds.
    pub fn finished(&self) -> Vec<u32> {
        let is_over = |it: &&Incident| match it.life {
            Life::Open => false,
            Life::Closed { .. } => it.holding().count() == 0,
            Life::Resolved { .. } => true,
        };
        let over = self.incidents.values().filter(is_over).map(|it| it.number);
        over.filter(|number| self.outbox.iter().all(|it| it.incident != Some(*number))).collect()
    }

    /// Puts a message for each channel into the outbox.
    fn post(
        &mut self,
        kind: MessageKind,
        incident: Option<u32>,
        id: &str,
        content: &Content,
        facts: &Facts,
    ) {
        for channel in &facts.channels {
            if kind == MessageKind::Changed && !channel.takes_changes() {
                continue;
            }
            self.push_message(*channel, kind, incident, id, content.clone(), facts.now);
        }
    }
}

impl Channel {
    /// Whether it gets what changes while an incident is open. Without threads, only a program does: in a
    /// channel or a mailbox each change would be a message of its own.
    pub fn takes_changes(self) -> bool {
        matches!(self, Channel::SlackBot | Channel::Webhook)
    }
}

fn push_event(incident: &mut Incident, at: Timestamp, text: String) {
    if incident.events.len() < MAX_EVENTS {
        incident.events.push(Event { at, text });
    }
}

fn member(observation: &Observation) -> Member {
    let Observation { problem, table, .. } = observation;
    Member {
        name: if table.is_empty() { problem.context.clone() } else { table.clone() },
        context: problem.context.clone(),
        action: problem.action.clone(),
        day: observation.day,
        at: observation.at,
        redo: observation.redo,
        rows_of: observation.rows_of,
        table: table.clone(),
        notice: observation.is_notice.then(|| observation.record.clone()),
        ended_at: None,
    }
}

/// Whether what is known of the finished days says that the problem of this member is over.
fn is_over(cause: &Cause, member: &Member, facts: &Facts) -> bool {
    facts.days.iter().any(|(day, of_day)| match member.notice {
        // Ticks renew the record of a notice on each day on which it applies.
        Some(_) => of_day.published && *day > member.day,
        None => ends(cause, member, *day, of_day),
    })
}

/// Whether the record of a finished day says that the problem of this member is over.
fn ends(cause: &Cause, member: &Member, day: Day, facts: &DayFacts) -> bool {
    let is_later = day > member.day;
    if cause.is_beside_the_day(&member.table) {
        return is_later && facts.published;
    }
    let answers_redo = member.redo > 0 && facts.redo >= member.redo;
    let is_after =
        is_later || day == member.day && (facts.finished_at >= member.at || answers_redo);
    if !is_after || facts.without_rows.contains(&member.table) {
        return false;
    }
    facts.published || facts.with_rows.contains(&member.table)
}
