//! Scenarios, their results, and the report.

use std::fmt::Write;
use std::time::Duration;

use futures::FutureExt;
use landbridge_core::config::UnchangedTables;
use serde::Serialize;

use super::bill::{Bill, Quantities, Size, bill};
use super::day::{self, DayRun};
use super::model::{self, Modelled};
use super::network::{Files, Operation};
use super::world::{Settings, Shape, World};

const BYTES_PER_GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// A day to simulate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The source as it is simulated.
    pub shape: Shape,
    /// The tables and files of the modelled export; if there are more than simulated, quantities per table and per file
    /// are extrapolated.
    pub tables: usize,
    /// See `tables`.
    pub files: usize,
    /// GiB of the modelled export.
    pub gib: f64,
    /// The settings.
    pub settings: Settings,
    /// Minutes after which the simulation stops.
    pub limit_minutes: u64,
}

/// A simulated day and what it costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The scenario.
    pub scenario: Scenario,
    /// The day.
    pub run: DayRun,
    /// What it used, for the modelled number of files.
    pub used: Quantities,
    /// Whether `used` is extrapolated from the simulated files.
    pub extrapolated: bool,
    /// What it costs.
    pub bill: Bill,
    /// What tables cost in addition that are transferred because their `full_every` days are over: computed, in US
    /// dollars a day, for bytes out of AWS.
    pub full_every_usd: f64,
}

impl Outcome {
    /// Minutes from the export's end until the day is published, computed from the seconds of `transfer` and `load`: each
    /// tick does what it has time for, and the load follows the transfer. Workers run beside the transfer.
    pub fn minutes(&self) -> f64 {
        let tick = (model::TIMEOUT_SECONDS - model::MARGIN_SECONDS) as f64;
        let ticks = |seconds: f64| (seconds / tick).ceil().max(1.0);
        let carried = match self.scenario.settings.workers {
            // One tick hands over, and another one finds all objects recorded.
            Some(workers) => ticks(self.used.transfer_s)
                .max(ticks(self.used.workers_s / f64::from(workers)) + 1.0),
            None => ticks(self.used.transfer_s),
        };
        let every = model::SCHEDULE_MINUTES as f64;
        let loads = ticks(self.used.load_s);
        every * (carried + loads - 1.0) + (self.used.load_s - (loads - 1.0) * tick) / 60.0
    }
}

/// Simulates one day.
async fn simulate(scenario: &Scenario, shape: Shape) -> DayRun {
    let mut world = World::start(scenario.settings, shape).boxed_local().await;
    world.first_day().boxed_local().await;
    world.next_day().boxed_local().await;
    let files = Files {
        // A simulated table is as large as a modelled one.
        bytes: scenario.gib / scenario.tables as f64 * shape.tables as f64 / shape.files as f64
            * BYTES_PER_GIB,
        recompress: scenario.settings.recompress,
        day: world.export_date(),
    };
    let limit = Duration::from_secs(60 * scenario.limit_minutes);
    day::run(&world, files, limit).boxed_local().await
}

/// Simulates a scenario; also with half of the files, and with half of both, if quantities must be extrapolated.
///
/// # Errors
/// Never in a build whose tests passed: the price list is part of the program.
pub async fn outcome(scenario: &Scenario) -> landbridge_core::Result<Outcome> {
    let shape = scenario.shape;
    let run = simulate(scenario, shape).boxed_local().await;
    let mut used = Quantities::of(&run);
    let extrapolated = scenario.files > shape.files || scenario.tables > shape.tables;
    if extrapolated {
        let fewer_files = Shape {
            files: (shape.files / 2).max(shape.tables),
            changed_files: (shape.changed_files / 2).max(shape.changed),
            ..shape
        };
        let half = Shape {
            tables: shape.tables / 2,
            files: fewer_files.files / 2,
            changed: shape.changed.div_ceil(2),
            changed_files: fewer_files.changed_files.div_ceil(2),
        };
        let second = Quantities::of(&simulate(scenario, fewer_files).boxed_local().await);
        let third = Quantities::of(&simulate(scenario, half).boxed_local().await);
        let size = |shape: Shape| Size { tables: shape.tables as f64, files: shape.files as f64 };
        let days = [(&used, size(shape)), (&second, size(fewer_files)), (&third, size(half))];
        let all = Size { tables: scenario.tables as f64, files: scenario.files as f64 };
        used = Quantities::extrapolated(days, all);
    }
    let settings = scenario.settings;
    let changed = shape.changed_files as f64 / shape.files as f64;
    let share = if settings.recompress { model::SENT.value } else { 1.0 };
    let full = Quantities {
        egress_gib: scenario.gib * (1.0 - changed) * share / f64::from(settings.full_every),
        ..Quantities::default()
    };
    let of = |used: &Quantities| bill(used, scenario.gib, scenario.files as f64);
    let full_every_usd = if settings.unchanged.skips() { of(&full)?.total } else { 0.0 };
    let bill = of(&used)?;
    Ok(Outcome { scenario: scenario.clone(), run, used, extrapolated, bill, full_every_usd })
}

/// What the report contains as JSON.
#[derive(Serialize)]
struct Json<'a> {
    outcomes: &'a [Outcome],
    modelled: &'a [Modelled],
}

/// The report as JSON.
///
/// # Errors
/// Never: numbers and names are JSON.
pub fn json(outcomes: &[Outcome]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Json { outcomes, modelled: &model::ALL })
}

/// The report as text.
pub fn text(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        section(&mut text, outcome);
    }
    text.push_str(
        "Real: the code of the ticks and workers, their clients, calls, order and concurrency, the records.\n\
         Modelled: seconds, by a virtual clock and the numbers below; prices, by core's list, without free allowances.\n\
         Scaled: bytes. A small file stands for one of the modelled size; its further reads are computed and counted.\n\
         Not simulated: snapshot, export, protect, views, notify; throttling; memory of a function.\n\n",
    );
    for it in model::ALL {
        let _ = writeln!(text, "- {}: {} {} – {}", it.what, it.value, it.unit, it.source);
    }
    text
}

fn section(text: &mut String, outcome: &Outcome) {
    let Outcome { scenario, run, used, bill, .. } = outcome;
    let Shape { tables, files, changed, .. } = scenario.shape;
    let _ = writeln!(text, "{}", scenario.name);
    let _ = writeln!(
        text,
        "  {} tables, {} files, {:.0} GiB. Simulated: {tables} tables, {files} files, {changed} tables changed. {}",
        scenario.tables,
        scenario.files,
        scenario.gib,
        settings(scenario.settings)
    );
    let published = match run.published {
        Some(minute) => format!("published {minute:.1} minutes after the export's end"),
        None => format!("NOT published within {:.0} minutes after the export's end", run.limit),
    };
    let _ = writeln!(text, "  {published}");
    for tick in &run.ticks {
        let _ = writeln!(
            text,
            "  {:>6.1} min  {:<9} {:>5.0} s {:>9} calls  {}",
            tick.minute, tick.function, tick.seconds, tick.calls, tick.outcome
        );
    }
    if let Some(workers) = run.functions.get("transfer-item") {
        let _ = writeln!(
            text,
            "             workers   {:>5.0} s in {} starts",
            workers.seconds, workers.starts
        );
    }
    let made: u64 = Operation::ALL.iter().map(|it| run.traffic.of(*it).made).sum();
    let _ = writeln!(
        text,
        "  {made} calls made; {:.1} GiB sent, {:.1} GiB compared{}",
        run.traffic.sent_bytes / BYTES_PER_GIB,
        run.traffic.compared_bytes / BYTES_PER_GIB,
        if outcome.extrapolated {
            "; what is below is EXTRAPOLATED from three simulations to all tables and files"
        } else {
            ""
        }
    );
    if outcome.extrapolated {
        let _ = writeln!(
            text,
            "  extrapolated: transfer {:.0} s, load {:.0} s, workers {:.0} s; so published after about {:.0} minutes",
            used.transfer_s,
            used.load_s,
            used.workers_s,
            outcome.minutes()
        );
    }
    for item in &bill.items {
        let _ = writeln!(
            text,
            "    {:<34} {:>14.1} {:<9} {:>10.3} $",
            item.what, item.quantity, item.unit, item.usd
        );
    }
    let _ = writeln!(
        text,
        "    {:<59} {:>10.3} $",
        "egress, compute and requests of the day", bill.total
    );
    for item in bill.export.iter().chain(&bill.storage) {
        let _ = writeln!(
            text,
            "      beside it: {:<23} {:>12.1} {:<9} {:>10.3} $",
            item.what, item.quantity, item.unit, item.usd
        );
    }
    if outcome.full_every_usd > 0.0 {
        let _ = writeln!(
            text,
            "      computed: bytes of tables whose `full_every: {}` days are over, on an average day {:>6.3} $",
            scenario.settings.full_every, outcome.full_every_usd
        );
    }
    text.push('\n');
}

fn settings(settings: Settings) -> String {
    let mut parts = Vec::new();
    match settings.unchanged {
        UnchangedTables::Carry => {}
        UnchangedTables::Skip => parts.push("unchanged: skip".to_owned()),
        UnchangedTables::Checksums => parts.push("unchanged: checksums".to_owned()),
    }
    if settings.recompress {
        parts.push("recompress: auto".to_owned());
    }
    if let Some(workers) = settings.workers {
        parts.push(format!("fan_out with {workers} workers"));
    }
    match parts.is_empty() {
        true => "Default settings.".to_owned(),
        false => format!("Settings: {}.", parts.join(", ")),
    }
}
