//! The events of a history, and running them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;

use super::canary::SourceType;
use super::gate::{At, Calls, Stop};
use super::oracle::{Place, Violation};
use super::terms::{Edit, Terms};
use super::world::{Columns, Source, Stage, World};

/// A change of the source database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceEdit {
    /// Adds a column, or changes its type.
    Column(String, String, SourceType),
    RemoveColumn(String, String),
    Table(String, Columns),
    RemoveTable(String),
    RenameTable(String, String),
    /// Exports skip the table, or no longer.
    Skip(String, bool),
    /// The values of a column of text begin to look personal, or no longer do.
    Personal(String, String, bool),
    /// Exports of the table are damaged, so the table is held; `None`: no longer.
    Break(Option<String>),
}

/// One event of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Deploys a contract: the newest one with these edits. A contract that is not valid is not
    /// deployed.
    Deploy(Vec<Edit>),
    /// Deploys the contract again that was deployed so many before the newest.
    Rollback(usize),
    Source(SourceEdit),
    /// Time passes.
    Minutes(i64),
    /// The next day, or a later one, begins; the source has new rows.
    Days(i64),
    /// The snapshot and the export of the day; a first export may fail.
    Export {
        fails: bool,
    },
    /// One invocation, for the day or an earlier one, by a process that started under the newest
    /// contract or a former one.
    Run {
        stage: Stage,
        days_back: i64,
        contracts_back: usize,
        stop: Stop,
    },
    /// A paused invocation goes on.
    Resume {
        which: usize,
        stop: Stop,
    },
    /// A call of a dead invocation arrives.
    LateCall,
    /// Somebody deletes the records of a day, so that it is done again, and perhaps its objects in
    /// the landing bucket.
    Redo {
        days_back: i64,
        objects: bool,
    },
    /// An operator requests that a day is done again, with another export or from the one that it has.
    Request {
        days_back: i64,
        export: bool,
    },
    /// A person creates a row access policy for all readers on a table of BigQuery, if it exists.
    RowPolicy(String),
    /// The next load job fails with this reason.
    FailJob(&'static str),
    /// The next load job runs until [`Event::ReleaseJobs`].
    HoldJob,
    /// The load jobs that run end.
    ReleaseJobs,
}

impl Event {
    /// An undisturbed tick of the day under the newest contract.
    pub fn tick(stage: Stage) -> Self {
        Self::Run { stage, days_back: 0, contracts_back: 0, stop: Stop::Never }
    }
}

/// A history: the source and the contract in the beginning, then events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    pub source: Source,
    pub terms: Terms,
    pub events: Vec<Event>,
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub violations: Vec<Violation>,
    pub events: u64,
    pub calls: u64,
    pub checks: u64,
    /// Versions of the rows of tables.
    pub versions: u64,
    /// Source columns that everyone could read.
    pub open: u64,
    /// Source columns that the contract opens to everyone and that were found to look personal.
    pub found: u64,
    /// All calls, if they were recorded.
    pub trace: Vec<String>,
    /// Tables that were found unchanged.
    pub unchanged: u64,
    /// Days of which workers had objects.
    pub handed: u64,
    /// Days that history tables keep, by their records.
    pub kept: u64,
    /// Tables whose changes left AWS alone.
    pub merged: u64,
    /// The request that the rows of each BigQuery table answer, by its claim; 0 without any.
    pub redos: BTreeMap<String, u64>,
}

/// Options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The places that the oracle checks.
    pub places: Vec<Place>,
    /// Whether all calls are recorded.
    pub trace: bool,
    /// Whether a patch of a table removes the policy tags that it leaves out.
    pub clears_omitted_tags: bool,
    /// Whether unchanged tables keep their rows (`transfer.unchanged: skip`).
    pub skips_unchanged: bool,
    /// Whether workers carry all objects (`transfer.fan_out`).
    pub fans_out: bool,
    /// Whether the days of every table are kept (`tables.<table>.history`).
    pub keeps_days: bool,
    /// Whether only the rows of tables that changed leave AWS (`tables.<table>.delta`).
    pub merges_changes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            places: Place::ALL.to_vec(),
            trace: false,
            clears_omitted_tags: false,
            skips_unchanged: false,
            fans_out: false,
            keeps_days: false,
            merges_changes: false,
        }
    }
}

/// The stack of a history's thread: without optimisation, the futures of a tick are large.
const STACK: usize = 16 << 20;

/// Runs a history on a local cloud of its own.
pub fn run(history: &History, options: &Options) -> Outcome {
    on_large_stack(|| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let tasks = tokio::task::LocalSet::new();
        let outcome = tasks.block_on(&runtime, run_events(history, options));
        drop(tasks);
        runtime.shutdown_background();
        outcome
    })
}

/// Runs `work` on a thread with a stack of [`STACK`].
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match thread.expect("a thread").join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

async fn run_events(history: &History, options: &Options) -> Outcome {
    let mut world =
        World::start(&history.source, &history.terms, &options.places, options.trace).await;
    if options.clears_omitted_tags {
        world.clear_omitted_tags();
    }
    if options.skips_unchanged {
        world.skip_unchanged();
    }
    if options.fans_out {
        world.fan_out();
    }
    if options.keeps_days {
        world.keep_days();
    }
    if options.merges_changes {
        world.merge_changes();
        // Changes need rows of a day before: an undisturbed one, because few drawn days are followed by one with the same contract.
        for event in [
            Event::Export { fails: false },
            Event::tick(Stage::Transfer),
            Event::tick(Stage::Load),
            Event::tick(Stage::Load),
            Event::Days(1),
        ] {
            apply(&mut world, &event).await;
        }
    }
    for (number, event) in (1..).zip(&history.events) {
        world.gate.begin_event(format!("{number}. {event}"));
        apply(&mut world, event).await;
        world.gate.check_event();
    }
    let redos = world.redos().await;
    let unchanged = world.unchanged().await;
    let handed = world.handed().await;
    let kept = world.kept().await;
    let merged = world.merged().await;
    let oracle = world.oracle();
    Outcome {
        violations: oracle.result(),
        events: history.events.len() as u64,
        calls: world.gate.calls(),
        checks: oracle.checks,
        versions: oracle.reached().0,
        open: oracle.reached().1,
        found: oracle.found(),
        trace: world.gate.trace(),
        unchanged,
        kept,
        merged,
        handed,
        redos,
    }
}

async fn apply(world: &mut World, event: &Event) {
    match event {
        Event::Deploy(edits) => {
            let mut terms = world.terms();
            edits.iter().for_each(|edit| terms.apply(edit));
            world.deploy(&terms);
        }
        Event::Rollback(back) => {
            let terms = world.terms_before(*back);
            world.deploy(&terms);
        }
        Event::Source(edit) => change_source(world, edit),
        Event::Minutes(minutes) => world.advance(SignedDuration::from_mins(*minutes)),
        Event::Days(days) => world.next_day(*days),
        Event::Export { fails } => world.export(*fails).await,
        Event::Run { stage, days_back, contracts_back, stop } => {
            world.invoke(*stage, *days_back, *contracts_back, *stop).await;
            if *stage == Stage::Transfer && world.fans_out() {
                world.invoke(Stage::Worker, *days_back, *contracts_back, *stop).await;
                world.invoke(Stage::Worker, *days_back, 0, Stop::Never).await;
                // The tick that finds all objects recorded audits their tables, for which the load waits.
                world.invoke(Stage::Transfer, *days_back, 0, Stop::Never).await;
            }
        }
        Event::Resume { which, stop } => world.resume(*which, *stop).await,
        Event::LateCall => world.deliver_late_call().await,
        Event::Redo { days_back, objects } => {
            world.delete_day(*days_back).await;
            if *objects {
                world.delete_objects(*days_back);
            }
        }
        Event::Request { days_back, export } => world.request_redo(*days_back, *export).await,
        Event::RowPolicy(table) => world.create_row_policy(table).await,
        Event::FailJob(reason) => world.fail_next_job(reason),
        Event::HoldJob => world.hold_next_job(),
        Event::ReleaseJobs => world.release_jobs().await,
    }
}

fn change_source(world: &mut World, edit: &SourceEdit) {
    match edit {
        SourceEdit::Column(table, column, source) => {
            if let Some(columns) = world.source.tables.get_mut(table) {
                columns.insert(column.clone(), *source);
            }
        }
        SourceEdit::RemoveColumn(table, column) => {
            if let Some(columns) = world.source.tables.get_mut(table)
                && columns.len() > 1
            {
                columns.remove(column);
            }
        }
        SourceEdit::Table(table, columns) => {
            world.source.tables.insert(table.clone(), columns.clone());
        }
        SourceEdit::RemoveTable(table) => world.remove_table(table),
        SourceEdit::RenameTable(from, to) => {
            if let Some(columns) = world.source.tables.get(from).cloned()
                && !world.source.tables.contains_key(to)
            {
                world.remove_table(from);
                world.source.tables.insert(to.clone(), columns);
            }
        }
        SourceEdit::Personal(table, column, personal) => {
            let place = (table.clone(), column.clone());
            match personal {
                true => world.source.personal.insert(place),
                false => world.source.personal.remove(&place),
            };
        }
        SourceEdit::Skip(table, true) => {
            world.source.skipped.insert(table.clone());
        }
        SourceEdit::Skip(table, false) => {
            world.source.skipped.remove(table);
        }
        SourceEdit::Break(table) => world.break_exports_of(table.as_deref()),
    }
    world.write_rows();
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.calls {
            Calls::All => "call",
            Calls::Warehouse => "change of BigQuery",
            Calls::Ledger => "write of the ledger",
            Calls::Number => "call for the contract's number",
            Calls::Claim => "call for a claim",
            Calls::Table => "call for a table",
        };
        write!(f, "{kind} {}", self.n)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => Ok(()),
            Self::PauseBefore(at) => write!(f, ", pauses before {at}"),
            Self::PauseAfter(at) => write!(f, ", pauses after {at}"),
            Self::CrashBefore(at) => write!(f, ", dies before {at}"),
            Self::CrashAfter(at) => write!(f, ", dies after {at}"),
            Self::CrashLate(at) => write!(f, ", dies while {at} is on its way"),
            Self::LoseResponse(at) => write!(f, ", loses the response of {at}"),
            Self::Refuse(at, status) => write!(f, ", {at} is refused with {status}"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy(edits) => write!(f, "deploy {edits:?}"),
            Self::Rollback(back) => {
                write!(f, "deploy the contract {back} before the newest again")
            }
            Self::Source(edit) => write!(f, "source {edit:?}"),
            Self::Minutes(minutes) => write!(f, "{minutes} minutes pass"),
            Self::Days(days) => write!(f, "{days} days later"),
            Self::Export { fails: false } => write!(f, "export"),
            Self::Export { fails: true } => write!(f, "export, which fails once"),
            Self::Run { stage, days_back, contracts_back, stop } => {
                write!(f, "{stage:?}")?;
                if *days_back > 0 {
                    write!(f, " for {days_back} days before")?;
                }
                if *contracts_back > 0 {
                    write!(f, " under the contract {contracts_back} before the newest")?;
                }
                write!(f, "{stop}")
            }
            Self::Resume { which, stop } => write!(f, "resume paused invocation {which}{stop}"),
            Self::LateCall => write!(f, "the call of a dead invocation arrives"),
            Self::Redo { days_back, objects } => {
                let what = if *objects { "records and objects" } else { "records" };
                write!(f, "the {what} of {days_back} days before are deleted")
            }
            Self::Request { days_back, export } => {
                let export = if *export { ", with another export" } else { "" };
                write!(f, "an operator requests {days_back} days before again{export}")
            }
            Self::RowPolicy(table) => write!(f, "a person creates a row access policy on {table}"),
            Self::FailJob(reason) => write!(f, "the next load job fails: {reason}"),
            Self::HoldJob => write!(f, "the next load job takes long"),
            Self::ReleaseJobs => write!(f, "the load jobs that run end"),
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (table, columns) in &self.source.tables {
            let columns: Vec<String> =
                columns.iter().map(|(name, source)| format!("{name} {}", source.name())).collect();
            writeln!(f, "  source {table}: {}", columns.join(", "))?;
        }
        for line in self.terms.yaml().lines().skip(2) {
            writeln!(f, "  {line}")?;
        }
        for (number, event) in (1..).zip(&self.events) {
            writeln!(f, "  {number:>2}. {event}")?;
        }
        Ok(())
    }
}
