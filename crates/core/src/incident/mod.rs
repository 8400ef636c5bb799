//! Incidents: what is wrong, grouped by its cause, from its first observation to its end.
//!
//! The stages report problems (alerts and notices in the ledger), each of one table and one day. An
//! incident is one cause, however many tables and days it touches: it opens with the first problem of this
//! cause, changes while tables join or leave it, and ends when none is left or when a person closes it.
//! This module is pure. [`IncidentState`] is one record of the ledger; a tick of the stage `notify` reads
//! it, calls [`IncidentState::apply`] with what the ledger says now, and replaces it under the condition
//! that no other tick replaced it meanwhile. So two ticks at once have one outcome, and a repeated tick with
//! the same facts changes nothing.
//!
//! | module | contents |
//! |---|---|
//! | here | the types: [`Incident`], [`Member`], [`IncidentState`], and the [`Facts`] of a tick |
//! | `step` | [`IncidentState::apply`]: what the facts change |
//! | `outbox` | messages on their way: claim, answer, repeat |
//! | `content` | what a message says: cause, effect on readers, command |
//! | [`render`] | a message for Slack, for e-mail, and as JSON |
//! | [`signature`] | the signature of the JSON |
//! | [`what`] | texts of problems that have a meaning here |

mod content;
mod outbox;
pub mod render;
pub mod signature;
mod step;
#[cfg(test)]
mod tests;

pub use content::Content;
pub use outbox::{Answer, Claim, LEASE, Message, MessageKind, Next};

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
pub use crate::config::Channel;
use crate::ids::short_hash;
use crate::plan::Problem;

/// Texts of problems that have a meaning here. The stages raise them with these constants.
pub mod what {
    /// A day is late. It is a consequence: if an open incident explains it, it belongs to that one.
    pub const DEADLINE: &str = "the day is not published by its deadline";
    /// The quota leaves no room for a snapshot.
    pub const NO_SNAPSHOT: &str = "this hour has no snapshot";
    /// Snapshots go early.
    pub const SNAPSHOTS_CUT: &str =
        "snapshots are deleted earlier than configured, the hourly ones first";
    /// A snapshot in the state `failed`.
    pub const SNAPSHOT_FAILED: &str = "RDS failed to take the snapshot of an hour";
    /// A contract that is not applied.
    pub const CONTRACT_OLDER: &str = "the deployed contract is older than the recorded one, so it is not applied; deploy it again";

    /// A column that everyone may read by the contract, and whose values look personal.
    pub const LOOKS_PERSONAL: &str = "the values of columns of class `none` look personal";
    /// Columns that everyone may read by the contract, and of which no sample can be read.
    pub const NOT_JUDGED: &str = "the values of columns of class `none` cannot be judged";

    /// A day of a published table that its history does not have.
    pub const HISTORY_NOT_KEPT: &str = "a day is not kept in the history of its table";
    /// A history table that a person deleted.
    pub const HISTORY_DELETED: &str = "a history table was deleted with the days that it kept";
    /// A history table that gets no more days, because a column means something else now.
    pub const HISTORY_CONTINUES: &str = "the history of a table continues in another table";

    /// Problems of a stage that has no part in the day: that a day is published says nothing of them. They
    /// are reported once a day, so they have ended when a later day is published without them.
    pub(super) const BESIDE_THE_DAY: [&str; 4] =
        [NO_SNAPSHOT, SNAPSHOTS_CUT, SNAPSHOT_FAILED, CONTRACT_OLDER];
    /// Stages that have no part in the day, as subjects of failed ticks.
    pub(super) const STAGES_BESIDE_THE_DAY: [&str; 4] = ["snapshot", "protect", "views", "notify"];
}

/// The kind of a problem that stops nothing.
const NOTICE: &str = "Notice";

/// One cause. Two problems have the same cause if their kind and their fixed text are the same; the table,
/// the day and the names in the problem are not part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// `ErrorKind::name`, or `Notice`.
    pub kind: String,
    /// The fixed text.
    pub what: String,
}

impl Cause {
    /// The cause of a problem.
    pub fn of(problem: &Problem) -> Self {
        Self { kind: problem.kind.clone(), what: problem.what.clone() }
    }

    /// An identity for other systems, the same for every incident of this cause.
    pub fn id(&self) -> String {
        short_hash(&format!("{}\n{}", self.kind, self.what))
    }

    /// Whether it stops nothing.
    pub fn is_notice(&self) -> bool {
        self.kind == NOTICE
    }

    fn is_beside_the_day(&self, table: &str) -> bool {
        what::BESIDE_THE_DAY.contains(&self.what.as_str())
            || what::STAGES_BESIDE_THE_DAY.contains(&table)
    }
}

/// A problem that the ledger records now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The name of its record within its day: each is taken once. The same for a notice on all days.
    pub record: String,
    /// The day of the record; of a notice the newest day on which it applied.
    pub day: Day,
    /// When it was recorded; of a notice, the time of the tick that reads it.
    pub at: Timestamp,
    /// The table, or another thing of the day; may be empty.
    pub table: String,
    /// The newest request to do the day again that met it; 0 without one.
    pub redo: u32,
    /// The problem.
    pub problem: Problem,
    /// The day whose rows the table keeps, if it is known and the table has rows.
    pub rows_of: Option<Day>,
    /// Whether it is the record of a notice, which stays as long as it applies, and not of an alert.
    pub is_notice: bool,
}

/// What the ledger says of a finished day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayFacts {
    /// Whether the day is published.
    pub published: bool,
    /// Tables published.
    pub tables: usize,
    /// When the record was written.
    pub finished_at: Timestamp,
    /// The newest request to do the day again that the record answers.
    pub redo: u32,
    /// Tables that have no rows of this day, by their names in the source and in BigQuery: held, missing,
    /// or skipped with a problem.
    pub without_rows: BTreeSet<String>,
    /// Tables that have them. Only filled if the day is not published.
    pub with_rows: BTreeSet<String>,
}

/// A request of a person to close an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// The incident.
    pub number: u32,
    /// Why it needs no more attention.
    pub reason: String,
    /// When the person asked.
    pub at: Timestamp,
}

/// What a tick knows.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The time of the tick.
    pub now: Timestamp,
    /// The day on which the tick works.
    pub today: Day,
    /// Whether the deadline of `today` has passed.
    pub is_past_deadline: bool,
    /// Whether the functions ran in the export hour of `today`, so that the day is owed.
    pub is_owed: bool,
    /// Alerts and notices.
    pub observations: Vec<Observation>,
    /// The finished days: the newest ones, and the days of open incidents.
    pub days: BTreeMap<Day, DayFacts>,
    /// Requests to close incidents.
    pub closures: Vec<Closure>,
    /// Where messages go.
    pub channels: Vec<Channel>,
    /// `source.name`.
    pub source: String,
    /// Whom the contract names as owners and consumers, by the table in BigQuery.
    pub concerns: BTreeMap<String, String>,
    /// How a time is written for people: the zone of the schedule.
    pub zone: jiff::tz::TimeZone,
    /// The ledger's address of the records of a day, up to the day.
    pub records_at: String,
}

/// One thing that the cause touches: a table, or the day itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The name for people: the table, or the problem's own names.
    pub name: String,
    /// The names in the problem.
    pub context: String,
    /// What the operator should do.
    pub action: String,
    /// The newest day on which it was observed.
    pub day: Day,
    /// When it was observed last.
    pub at: Timestamp,
    /// The newest request to do the day again that met it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redo: u32,
    /// The day whose rows the table keeps, if it has rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_of: Option<Day>,
    /// The table in BigQuery; empty if the problem is not of one table.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub table: String,
    /// The record of the notice, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How far an incident is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Life {
    /// It holds.
    Open,
    /// A person closed it. It stays in the state while it holds, so that it does not open again.
    Closed {
        /// When.
        at: Timestamp,
        /// The person's reason.
        reason: String,
    },
    /// It holds no longer.
    Resolved {
        /// The tick that saw it.
        at: Timestamp,
    },
}

/// One change of an incident, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What changed, for people.
    pub text: String,
}

/// One cause, from its first observation to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number, from 1.
    pub number: u32,
    /// Its cause.
    pub cause: Cause,
    /// The day on which it opened.
    pub day: Day,
    /// When it opened.
    pub opened_at: Timestamp,
    /// How far it is.
    #[serde(flatten)]
    pub life: Life,
    /// What it touches, by table or name.
    pub members: BTreeMap<String, Member>,
    /// What changed since it opened.
    pub events: Vec<Event>,
    /// The first day that was late because of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Day>,
    /// The thread of each channel that has threads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub threads: BTreeMap<Channel, String>,
    /// What it means for readers, when it opened or changed last.
    pub effect: String,
    /// The next command for the operator.
    pub command: String,
}

impl Incident {
    /// Whether it holds and no person has closed it.
    pub fn is_open(&self) -> bool {
        self.life == Life::Open
    }

    /// The members that have not ended.
    pub fn holding(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.ended_at.is_none())
    }

    /// One word for the state.
    pub fn state(&self) -> &'static str {
        match self.life {
            Life::Open => "open",
            Life::Closed { .. } => "closed",
            Life::Resolved { .. } => "resolved",
        }
    }

    /// When it ended; `None` while it is open.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.life {
            Life::Open => None,
            Life::Closed { at, .. } | Life::Resolved { at } => Some(at),
        }
    }
}

/// The record `incidents.json`: the incidents that have not ended or whose messages are on their way, and
/// these messages. Ended incidents move to records of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentState {
    /// The number of the newest incident; 0 before the first one.
    pub newest: u32,
    /// By number.
    pub incidents: BTreeMap<u32, Incident>,
    /// Messages on their way, oldest first.
    pub outbox: Vec<Message>,
    /// The alerts that were taken, by day: each counts once.
    pub seen: BTreeMap<Day, BTreeSet<String>>,
    /// The version of each notice's record that was taken, and the newest day on which the notice applied.
    pub notices: BTreeMap<String, NoticeSeen>,
    /// The day of the newest tick: days after it are not read yet.
    pub through: Option<Day>,
    /// The newest day with a daily line, or for which none is owed.
    pub line: Option<Day>,
    /// When a daily line was last delivered to every channel.
    pub line_delivered_at: Option<Timestamp>,
}

/// A notice that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSeen {
    /// The version of its record.
    pub etag: String,
    /// The newest day on which it applied.
    pub last: Day,
}
