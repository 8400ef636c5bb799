//! Draws histories. The same seed draws the same history.

use super::canary::SourceType::{self, Bigint, Date, Naive, Text, Varchar};
use super::gate::{At, Calls, Stop};
use super::history::{Event, History, SourceEdit};
use super::rng::Rng;
use super::terms::{Class, ColumnTerms, Edit, TableTerms, Terms, Time, Transform};
use super::world::{Columns, Source, Stage};

/// The tables of a source, and a name for a new one.
const TABLES: [&str; 4] = ["public.people", "public.orders", "public.items", "public.added"];
/// The columns that a table may have. All have `id`, which stays.
const COLUMNS: [(&str, SourceType); 8] = [
    ("account", Text),
    ("email", Varchar),
    ("note", Text),
    ("code", Bigint),
    ("born", Date),
    ("at", Naive),
    ("extra", Text),
    // BigQuery ignores the case of letters, PostgreSQL does not.
    ("Account", Text),
];
/// Other names in BigQuery.
const NAMES: [&str; 2] = ["persons", "archive"];
/// Other names of columns in BigQuery: those of other columns, and names that no column has.
const COLUMN_NAMES: [&str; 6] = ["account", "note", "code", "Account", "at_timestamp", "구좌"];
/// A zone in which noon has the date that it has in UTC.
const ZONE: &str = "Asia/Seoul";
/// Why load jobs fail: passing causes and lasting ones (BigQuery documentation, "Error messages").
const REASONS: [&str; 4] = ["backendError", "invalid", "accessDenied", "quotaExceeded"];

struct Draft {
    rng: Rng,
    source: Source,
    terms: Terms,
    contracts: usize,
    paused: usize,
    events: Vec<Event>,
}

/// The history of a seed.
pub fn history(seed: u64) -> History {
    let mut draft = Draft {
        rng: Rng::new(seed),
        source: Source::default(),
        terms: Terms::default(),
        contracts: 1,
        paused: 0,
        events: Vec::new(),
    };
    draft.first_state();
    let (source, terms) = (draft.source.clone(), draft.terms.clone());
    let days = draft.small_number();
    for day in 0..days {
        if day > 0 {
            draft.next_day();
        }
        draft.day(day);
    }
    draft.rest();
    History { source, terms, events: draft.events }
}

impl Draft {
    /// 1, seldom 2, very seldom 3: violations need few days and tables, and each costs time.
    fn small_number(&mut self) -> usize {
        match self.rng.below(100) {
            0..=49 => 1,
            50..=88 => 2,
            _ => 3,
        }
    }

    fn first_state(&mut self) {
        let tables = self.small_number();
        for table in TABLES.iter().take(tables) {
            let columns = self.columns();
            let terms = self.table_terms(&columns);
            self.source.tables.insert((*table).to_owned(), columns);
            if self.rng.chance(92) {
                self.terms.tables.insert((*table).to_owned(), terms);
            }
        }
    }

    fn columns(&mut self) -> Columns {
        let mut columns = Columns::from([("id".to_owned(), Bigint)]);
        columns.insert("account".to_owned(), Text);
        for (name, source) in &COLUMNS[1..6] {
            if self.rng.chance(30) {
                columns.insert((*name).to_owned(), *source);
            }
        }
        columns
    }

    fn table_terms(&mut self, columns: &Columns) -> TableTerms {
        let mut terms = TableTerms::default();
        for (name, source) in columns {
            if name == "id" || self.rng.chance(88) {
                let column = self.column_terms(name, *source);
                terms.columns.insert(name.clone(), column);
            }
        }
        terms
    }

    fn class(&mut self, column: &str, source: SourceType) -> Class {
        let fitting: Vec<Class> =
            Class::ALL.into_iter().filter(|class| class.fits(source, column)).collect();
        if self.rng.chance(35) {
            return Class::None;
        }
        self.rng.pick(&fitting).copied().unwrap_or(Class::Nothing)
    }

    fn transform(&mut self, column: &str, source: SourceType) -> Option<Transform> {
        // Without a column that stays, the contract would not be valid.
        if column == "id" {
            return None;
        }
        let possible: &[Transform] =
            if source.is_text() { &Transform::ALL } else { &Transform::ALL[..2] };
        self.rng.pick(possible).copied()
    }

    fn column_terms(&mut self, column: &str, source: SourceType) -> ColumnTerms {
        let mut terms = ColumnTerms::new(source, self.class(column, source));
        if self.rng.chance(15) {
            terms.transform = self.transform(column, source);
        }
        if source == Naive && self.rng.chance(40) {
            terms.time = self.one_time();
        }
        terms
    }

    /// A table that the contract or the source has.
    fn table(&mut self) -> String {
        let known: Vec<String> =
            self.terms.tables.keys().chain(self.source.tables.keys()).cloned().collect();
        self.rng.pick(&known).cloned().unwrap_or_else(|| TABLES[0].to_owned())
    }

    /// A column of the table in the contract, or in the source.
    fn column(&mut self, table: &str) -> (String, SourceType) {
        let named = self.terms.tables.get(table).into_iter().flat_map(|it| &it.columns);
        let named = named.map(|(name, terms)| (name.clone(), terms.source));
        let there = self.source.tables.get(table).into_iter().flatten();
        let there = there.map(|(name, source)| (name.clone(), *source));
        let known: Vec<(String, SourceType)> =
            named.chain(there).filter(|(name, _)| name != "id").collect();
        self.rng.pick(&known).cloned().unwrap_or_else(|| ("account".to_owned(), Text))
    }

    fn day(&mut self, day: usize) {
        self.maybe(25, Self::change_source);
        self.maybe(20, Self::change_values);
        self.maybe(25, Self::deploy);
        let fails = self.rng.chance(8);
        self.events.push(Event::Export { fails });
        self.maybe(20, Self::deploy);
        self.run(Stage::Transfer, day);
        self.maybe(20, Self::disturb);
        if self.rng.chance(15) {
            let reason = self.rng.pick(&REASONS).copied().unwrap_or("invalid");
            self.events.push(Event::FailJob(reason));
        }
        if self.rng.chance(10) {
            self.events.push(Event::HoldJob);
        }
        self.maybe(25, Self::overtake);
        let loads = self.small_number();
        for _ in 0..loads {
            self.run(Stage::Load, day);
            self.maybe(25, Self::disturb);
        }
        self.maybe(30, Self::deploy);
        self.maybe(30, Self::disturb);
        if self.rng.chance(18) {
            self.redo(day);
        }
        self.maybe(20, Self::disturb);
    }

    /// A load waits while another contract is deployed and applied, then it goes on.
    fn overtake(&mut self) {
        let stop = self.stop(Stage::Load);
        self.paused += usize::from(matches!(stop, Stop::PauseBefore(_) | Stop::PauseAfter(_)));
        self.events.push(Event::Run { stage: Stage::Load, days_back: 0, contracts_back: 0, stop });
        self.deploy();
        self.maybe(50, |draft| draft.run_for(Stage::Protect, 0));
        self.maybe(40, |draft| draft.run_for(Stage::Transfer, 0));
        self.maybe(50, |draft| draft.run_for(Stage::Load, 0));
        let which = self.rng.below(2);
        let stop = if self.rng.chance(70) { Stop::Never } else { self.stop(Stage::Load) };
        self.events.push(Event::Resume { which, stop });
        self.maybe(40, |draft| draft.events.push(Event::LateCall));
    }

    fn maybe(&mut self, percent: usize, act: fn(&mut Self)) {
        if self.rng.chance(percent) {
            act(self);
        }
    }

    fn next_day(&mut self) {
        // Sometimes the time-travel window over former rows ends.
        let days = if self.rng.chance(12) { 7 + self.rng.below(3) as i64 } else { 1 };
        self.events.push(Event::Days(days));
    }

    /// The day is done again: because an operator requests it, or after its records, and perhaps its
    /// objects, are deleted.
    fn redo(&mut self, day: usize) {
        let objects = self.rng.chance(60);
        let days_back = if day > 0 && self.rng.chance(25) { 1 } else { 0 };
        self.events.push(match self.rng.chance(60) {
            true => Event::Request { days_back, export: days_back == 0 && objects },
            false => Event::Redo { days_back, objects },
        });
        if days_back == 0 {
            self.events.push(Event::Export { fails: false });
        }
        for stage in [Stage::Transfer, Stage::Load] {
            self.run_for(stage, days_back);
        }
        self.maybe(40, |draft| draft.run_for(Stage::Load, 0));
    }

    fn run(&mut self, stage: Stage, day: usize) {
        let days_back = if day > 0 && self.rng.chance(8) { 1 } else { 0 };
        self.run_for(stage, days_back);
    }

    fn run_for(&mut self, stage: Stage, days_back: i64) {
        let contracts_back =
            if self.contracts > 1 && self.rng.chance(22) { 1 + self.rng.below(2) } else { 0 };
        let stop = if self.rng.chance(62) { Stop::Never } else { self.stop(stage) };
        self.paused += usize::from(matches!(stop, Stop::PauseBefore(_) | Stop::PauseAfter(_)));
        self.events.push(Event::Run { stage, days_back, contracts_back, stop });
    }

    fn stop(&mut self, stage: Stage) -> Stop {
        let (calls, most) = match (self.rng.below(20), stage) {
            (0..=6, Stage::Load | Stage::Protect) => (Calls::Warehouse, 4),
            (7..=9, Stage::Load | Stage::Protect) => (Calls::Number, 5),
            (10..=12, Stage::Load | Stage::Protect) => (Calls::Claim, 7),
            (13..=14, Stage::Load | Stage::Protect) => (Calls::Table, 6),
            (0..=16, _) => (Calls::Ledger, 7),
            _ => (Calls::All, 40),
        };
        let at = At { calls, n: 1 + self.rng.below(most) };
        match self.rng.below(20) {
            0..=4 => Stop::PauseBefore(at),
            5..=9 => Stop::PauseAfter(at),
            10 | 11 => Stop::CrashBefore(at),
            12..=14 => Stop::CrashAfter(at),
            15..=17 => Stop::CrashLate(at),
            // Clients of Google wait before they repeat a call.
            18 if at.calls == Calls::Ledger => Stop::Refuse(at, 503),
            _ if at.calls == Calls::Ledger || self.rng.chance(20) => Stop::LoseResponse(at),
            _ => Stop::PauseAfter(at),
        }
    }

    /// Something that happens between two ticks.
    fn disturb(&mut self) {
        match self.rng.below(10) {
            0 | 1 => self.deploy(),
            2 => self.run_for(Stage::Protect, 0),
            3 => {
                let minutes = 1 + self.rng.below(9) as i64;
                self.events.push(Event::Minutes(minutes));
            }
            4 | 5 if self.paused > 0 => {
                let which = self.rng.below(3);
                let stop = if self.rng.chance(75) { Stop::Never } else { self.stop(Stage::Load) };
                self.events.push(Event::Resume { which, stop });
            }
            6 => self.events.push(Event::LateCall),
            7 if self.rng.chance(60) => self.events.push(Event::ReleaseJobs),
            7 => {
                let table = self.table();
                let landed = self.terms.landed(&table);
                self.events.push(Event::RowPolicy(landed));
                if self.rng.chance(70) {
                    let edit = Edit::TimeTravelForbidden(table, true);
                    self.terms.apply(&edit);
                    self.contracts += 1;
                    self.events.push(Event::Deploy(vec![edit]));
                    self.maybe(70, |draft| draft.run_for(Stage::Protect, 0));
                }
            }
            8 => self.run_for(Stage::Transfer, 0),
            _ => self.run_for(Stage::Load, 0),
        }
    }

    /// Deploys a contract, and sooner or later runs the protection pass.
    fn deploy(&mut self) {
        if self.contracts > 1 && self.rng.chance(10) {
            let back = 1 + self.rng.below(2);
            self.contracts += 1;
            self.events.push(Event::Rollback(back));
            return self.maybe(70, |draft| draft.run_for(Stage::Protect, 0));
        }
        let count = 1 + self.rng.below(3);
        let mut edits = Vec::new();
        for _ in 0..count {
            let edit = self.edit();
            self.terms.apply(&edit);
            edits.push(edit);
        }
        self.contracts += 1;
        self.events.push(Event::Deploy(edits));
        if self.rng.chance(20) {
            self.run_for(Stage::Load, 0);
        }
        if self.rng.chance(70) {
            self.run_for(Stage::Protect, 0);
        }
        if self.rng.chance(40) {
            self.events.push(Event::Minutes(6));
        }
    }

    fn edit(&mut self) -> Edit {
        let table = self.table();
        let (column, source) = self.column(&table);
        match self.rng.below(124) {
            0..=29 => {
                let class = self.class(&column, source);
                Edit::Class(table, column, class)
            }
            30..=54 => {
                let mut terms = self.column_terms(&column, source);
                if self.rng.chance(50) {
                    terms.transform = self.transform(&column, source);
                }
                Edit::Column(table, column, terms)
            }
            55..=66 => {
                let transform =
                    if self.rng.chance(40) { None } else { self.transform(&column, source) };
                Edit::Transform(table, column, transform)
            }
            67..=71 => self.retype(table, column),
            72..=75 => Edit::RemoveColumn(table, column),
            76..=80 => {
                let (name, source) = self.rng.pick(&COLUMNS).copied().unwrap_or(COLUMNS[0]);
                let terms = self.column_terms(name, source);
                Edit::Column(table, name.to_owned(), terms)
            }
            81..=86 => {
                let name = self.rng.pick(&NAMES).filter(|_| column != "note");
                Edit::Rename(table, name.map(|name| (*name).to_owned()))
            }
            87..=92 => {
                let other = self.table();
                Edit::Swap(table, other)
            }
            93 => Edit::RemoveTable(table),
            94 => {
                let forbidden = self.rng.chance(60);
                Edit::TimeTravelForbidden(table, forbidden)
            }
            95..=97 => {
                let columns = self.source.tables.get(&table).cloned().unwrap_or_default();
                let terms = self.table_terms(&columns);
                Edit::Table(table, terms)
            }
            98 | 99 => {
                let bounds = self.rng.chance(70);
                Edit::Bounds(table, column, bounds)
            }
            100..=105 => {
                let name = self.rng.pick(&COLUMN_NAMES).filter(|_| column != "note").copied();
                Edit::Name(table, column, name)
            }
            106..=109 => self.swap_columns(table),
            110 | 111 => {
                let zone = self.rng.chance(60).then_some(ZONE);
                Edit::Zone(table, zone)
            }
            112 | 113 => {
                let are = self.rng.chance(70);
                Edit::NaiveTimestamps(are)
            }
            114..=119 => {
                let pinned = self.rng.chance(60);
                Edit::Pinned(table, column, pinned)
            }
            _ => self.time(table),
        }
    }

    /// Two columns of the contract's table exchange their names.
    fn swap_columns(&mut self, table: String) -> Edit {
        let terms = self.terms.tables.get(&table);
        let has = |name: &str| terms.is_some_and(|terms| terms.columns.contains_key(name));
        let known: Vec<&'static str> =
            COLUMNS.iter().map(|(name, _)| *name).filter(|name| has(name)).collect();
        let mut one = || self.rng.pick(&known).copied().unwrap_or(COLUMNS[0].0);
        Edit::SwapColumns(table, one(), one())
    }

    /// A time without a zone becomes another type.
    fn time(&mut self, table: String) -> Edit {
        let has = |(_, terms): &(&String, &TableTerms)| terms.columns.contains_key("at");
        let with: Vec<String> =
            self.terms.tables.iter().filter(has).map(|(name, _)| name.clone()).collect();
        match self.rng.pick(&with).cloned() {
            Some(table) => Edit::Time(table, "at".to_owned(), self.one_time()),
            None => {
                let terms = self.column_terms("at", Naive);
                Edit::Column(table, "at".to_owned(), terms)
            }
        }
    }

    fn one_time(&mut self) -> Time {
        let times = [Time::WallClock, Time::Instant, Time::InstantIn(ZONE)];
        self.rng.pick(&times).copied().unwrap_or_default()
    }

    /// The contract follows a column that has another type in the source, or will have.
    fn retype(&mut self, table: String, column: String) -> Edit {
        let there = self.source.tables.get(&table).and_then(|columns| columns.get(&column));
        let ty = there.copied().filter(|_| self.rng.chance(70));
        let ty = ty.or_else(|| self.rng.pick(&SourceType::ALL).copied()).unwrap_or(Text);
        Edit::Source(table, column, ty)
    }

    fn change_source(&mut self) {
        let tables: Vec<String> = self.source.tables.keys().cloned().collect();
        let Some(table) = self.rng.pick(&tables).cloned() else { return };
        let (column, source) = self.column(&table);
        let edit = match self.rng.below(20) {
            0..=4 => {
                let to = match source {
                    Text => Varchar,
                    Varchar if self.rng.chance(70) => Text,
                    _ => self.rng.pick(&SourceType::ALL).copied().unwrap_or(Text),
                };
                self.source.tables.entry(table.clone()).or_default().insert(column.clone(), to);
                SourceEdit::Column(table, column, to)
            }
            5..=8 => {
                let (name, source) = self.rng.pick(&COLUMNS).copied().unwrap_or(COLUMNS[0]);
                let columns = self.source.tables.entry(table.clone()).or_default();
                columns.insert(name.to_owned(), source);
                SourceEdit::Column(table, name.to_owned(), source)
            }
            9 | 10 => {
                self.source.tables.entry(table.clone()).or_default().remove(&column);
                SourceEdit::RemoveColumn(table, column)
            }
            11 | 12 => {
                self.source.tables.remove(&table);
                SourceEdit::RemoveTable(table)
            }
            13 => {
                let to = TABLES[self.rng.below(TABLES.len())].to_owned();
                if !self.source.tables.contains_key(&to)
                    && let Some(columns) = self.source.tables.remove(&table)
                {
                    self.source.tables.insert(to.clone(), columns);
                }
                SourceEdit::RenameTable(table, to)
            }
            14 => {
                let columns = self.columns();
                let name = TABLES[self.rng.below(TABLES.len())].to_owned();
                self.source.tables.insert(name.clone(), columns.clone());
                SourceEdit::Table(name, columns)
            }
            15 | 16 => {
                let skip = self.rng.chance(70);
                SourceEdit::Skip(table, skip)
            }
            17 | 18 => SourceEdit::Break(Some(table)),
            _ => SourceEdit::Break(None),
        };
        self.events.push(Event::Source(edit));
    }

    /// The values of a column of text begin to look personal, or no longer do.
    fn change_values(&mut self) {
        let tables = self.source.tables.iter();
        let text: Vec<(String, String)> = tables
            .flat_map(|(table, columns)| columns.iter().map(move |it| (table, it)))
            .filter(|(_, (name, source))| source.is_text() && *name != "email")
            .map(|(table, (name, _))| (table.clone(), name.clone()))
            .collect();
        let Some((table, column)) = self.rng.pick(&text).cloned() else { return };
        let place = (table.clone(), column.clone());
        let personal = !self.source.personal.remove(&place);
        if personal {
            self.source.personal.insert(place);
        }
        self.events.push(Event::Source(SourceEdit::Personal(table, column, personal)));
    }

    /// In the end, everything that waits goes on, and the newest contract is in force.
    fn rest(&mut self) {
        let resumed = (0..self.paused).map(|_| Event::Resume { which: 0, stop: Stop::Never });
        self.events.extend(resumed);
        let has = |draft: &Self, wanted: fn(&Event) -> bool| draft.events.iter().any(wanted);
        let is_late = |event: &Event| {
            matches!(
                event,
                Event::Run { stop: Stop::CrashLate(_), .. }
                    | Event::Resume { stop: Stop::CrashLate(_), .. }
            )
        };
        if has(self, is_late) {
            self.events.extend([Event::LateCall, Event::LateCall]);
        }
        if has(self, |event| *event == Event::HoldJob) {
            self.events.push(Event::ReleaseJobs);
        }
        self.events.push(Event::tick(Stage::Protect));
        self.maybe(40, |draft| draft.events.push(Event::tick(Stage::Transfer)));
        self.events.extend([Event::tick(Stage::Load), Event::Minutes(6)]);
    }
}
