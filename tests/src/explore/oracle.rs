//! The oracle: which value can somebody read now, by time travel, or compute, and does a contract
//! in force allow it?
//!
//! A value of source column S.c with source type t may be seen by a persona in a form if a contract
//! in force says of S.c: no transform, source type t, and a class that shows this form to this
//! persona. It says of S.c what its entry `c` says, or, where it has none, its only entry that differs in
//! letter case: for BigQuery, a column that is renamed so is the same column. But not of a column that
//! has always stood beside the one that the entry names. In force are the contracts from the last one whose protection pass is complete up to
//! the newest that is deployed; while there is no pass, from the last one that is older than five
//! minutes.
//!
//! Values that look personal are an exception: a contract that says `none` of their column shows them to no
//! persona, whatever other contracts said of it, unless it pins the column. Once such values are in BigQuery, it
//! shows no value of the column, until a contract has pinned it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use landbridge_local::Principal;
use landbridge_local_google::LocalGoogle;
use landbridge_local_wire::Clock;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::canary::{Canaries, Form, Kind, Origin, OriginId, Seen};
use super::terms::{Class, ColumnTerms, Terms};

/// The dataset of the tables.
pub const DATASET: &str = "shop";
/// The dataset of the receipts.
pub const OPS_DATASET: &str = "landbridge_ops";
/// Its tables.
const OPS_TABLES: [&str; 4] = ["receipts", "columns", "audits", "incidents"];
/// The landing bucket.
pub const LANDING: &str = "shop-landing";
/// How long a deployed contract may take to be in force everywhere.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// Somebody who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Persona {
    /// Sees masked values.
    Analyst,
    /// Sees plain values of every class except `unclassified`.
    PiiReader,
    /// May read the dataset and has no right on any policy tag.
    Stranger,
    /// Has the basic role Viewer of the project.
    Viewer,
    /// Reads the ledger.
    Operator,
}

impl Persona {
    /// Those who query tables or read buckets, with their principals.
    const READERS: [(Self, Principal); 4] = [
        (Self::Analyst, Principal::Analyst),
        (Self::PiiReader, Principal::PiiReader),
        (Self::Stranger, Principal::Stranger),
        (Self::Viewer, Principal::ProjectViewer),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Analyst => "the analyst",
            Self::PiiReader => "the reader of personal data",
            Self::Stranger => "the stranger",
            Self::Viewer => "the project viewer",
            Self::Operator => "the operator",
        }
    }
}

/// Where a value was readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A table, now or by time travel.
    Table,
    /// An object of the landing bucket.
    Landing,
    /// A record of the ledger.
    Ledger,
    /// The receipts in BigQuery.
    Receipts,
    /// Fewer rows than the table has.
    Rows,
    /// Nowhere: an undisturbed protection pass did not bring the newest contract into force.
    Pass,
}

impl Place {
    pub const ALL: [Self; 6] =
        [Self::Table, Self::Landing, Self::Ledger, Self::Receipts, Self::Rows, Self::Pass];

    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Landing => "landing",
            Self::Ledger => "ledger",
            Self::Receipts => "receipts",
            Self::Rows => "rows",
            Self::Pass => "pass",
        }
    }
}

/// Somebody can read what the contract hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub place: Place,
    /// The sentence, without the moment.
    pub what: String,
    /// The moment: the event, the call, and whether it took effect.
    pub when: String,
    /// Whether it was still so at the end of the history.
    pub lasts: bool,
}

/// A source column whose values look personal.
#[derive(Clone, Copy, Debug, Default)]
struct Suspect {
    /// The first contract that can have been in force when such values were in BigQuery; `None` if they have not been.
    found: Option<usize>,
}

/// A process can have started under the contract that was deployed so many before the newest.
const CONTRACTS_BACK: usize = 2;

impl Violation {
    /// The kind of the violation: the sentence without names and numbers.
    pub fn kind(&self) -> String {
        let what = self.what.split("; in force").next().unwrap_or_default();
        let words: Vec<&str> = what.split(' ').filter(|word| !word.contains(['.', '('])).collect();
        format!("{} {}", self.place.name(), words.join(" "))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasts = if self.lasts { "; still so at the end" } else { "" };
        write!(f, "{}\n      {}{lasts}", self.what, self.when)
    }
}

/// A contract that was deployed.
#[derive(Clone, Debug)]
pub struct Deployed {
    pub terms: Terms,
    pub at: Timestamp,
    /// Whether a protection pass under this contract is complete.
    pub passed: bool,
}

/// What can be seen in a table.
#[derive(Default)]
struct TableView {
    token: u64,
    /// Persona, column, whether the rows are former ones, and the canary.
    seen: BTreeSet<(Persona, String, bool, Seen)>,
    /// Readers who see fewer rows than the table has.
    fewer_rows: Vec<String>,
}

/// The oracle of one history.
pub struct Oracle {
    google: LocalGoogle,
    clock: Clock,
    /// Whether the code has a protection pass.
    has_pass: bool,
    /// The places that are checked.
    places: BTreeSet<Place>,
    pub canaries: Canaries,
    /// Table and name of each column that the source has had without another one whose name differs
    /// in letter case only.
    alone: BTreeSet<(String, String)>,
    /// By table and name.
    suspects: BTreeMap<(String, String), Suspect>,
    pub deployments: Vec<Deployed>,
    tables: BTreeMap<String, TableView>,
    receipts: ([u64; 4], BTreeSet<OriginId>),
    landing: BTreeMap<(String, i64), Contents>,
    landing_changed: bool,
    ledger: BTreeMap<String, BTreeSet<OriginId>>,
    /// Increases whenever something could be seen that could not be seen before.
    state: u64,
    checked: Option<(u64, RangeInclusive<usize>)>,
    known: BTreeSet<String>,
    violations: Vec<Violation>,
    /// What was wrong at the last check.
    wrong_now: BTreeSet<String>,
    pub checks: u64,
    /// The versions of rows that were read, over all tables.
    versions: BTreeSet<u64>,
    /// The values that the stranger has been able to read, as a contract allows: the number of
    /// their columns. If it is 0, the history proves nothing.
    open: BTreeSet<OriginId>,
}

/// The canaries of an object.
struct Contents {
    /// Cells of a Parquet file; otherwise, words of a text.
    cells: bool,
    origins: BTreeSet<OriginId>,
}

impl Oracle {
    pub fn new(google: LocalGoogle, clock: Clock, has_pass: bool, places: &[Place]) -> Self {
        Self {
            google,
            clock,
            has_pass,
            places: places.iter().copied().collect(),
            canaries: Canaries::default(),
            alone: BTreeSet::new(),
            suspects: BTreeMap::new(),
            deployments: Vec::new(),
            tables: BTreeMap::new(),
            receipts: Default::default(),
            landing: BTreeMap::new(),
            landing_changed: true,
            ledger: BTreeMap::new(),
            state: 0,
            checked: None,
            known: BTreeSet::new(),
            violations: Vec::new(),
            wrong_now: BTreeSet::new(),
            checks: 0,
            versions: BTreeSet::new(),
            open: BTreeSet::new(),
        }
    }

    /// The source's table has these columns now.
    pub fn source_has<'a>(&mut self, table: &str, columns: impl Iterator<Item = &'a String>) {
        let columns: Vec<&String> = columns.collect();
        // A column that is left out and comes back is another one, as far as this oracle knows.
        self.suspects.retain(|(of, name), _| of != table || columns.contains(&name));
        let alike = |column: &str| {
            columns.iter().filter(|other| other.eq_ignore_ascii_case(column)).count()
        };
        let alone = columns.iter().filter(|column| alike(column) == 1);
        self.alone.extend(alone.map(|column| (table.to_owned(), (*column).clone())));
    }

    /// The source gets new values of this origin.
    pub fn writes(&mut self, origin: &Origin) {
        if origin.personal {
            self.suspect(&origin.table, &origin.column, Suspect::default());
        }
    }

    fn suspect(&mut self, table: &str, column: &str, suspect: Suspect) {
        self.suspects.entry((table.to_owned(), column.to_owned())).or_insert(suspect);
    }

    /// For tests of the oracle: the values of the column have looked personal from the beginning.
    pub fn find(&mut self, table: &str, column: &str) {
        self.suspect(table, column, Suspect { found: Some(0) });
        self.state += 1;
    }

    /// How many source columns have had values in BigQuery that look personal.
    pub fn found(&self) -> u64 {
        self.suspects.values().filter(|it| it.found.is_some()).count() as u64
    }

    /// Whether a contract that says `none` of these values shows them to no persona, unless it pins their column.
    fn is_closed(&self, origin: &Origin) -> bool {
        let place = (origin.table.clone(), origin.column.clone());
        let found = self.suspects.get(&place).and_then(|suspect| suspect.found);
        let pinned = |it: &Deployed| self.said_of(&it.terms, origin).is_some_and(|it| it.pinned);
        origin.personal || found.is_some_and(|since| !self.deployments[since..].iter().any(pinned))
    }

    /// What a contract says of a source column.
    fn said_of<'a>(&self, terms: &'a Terms, origin: &Origin) -> Option<&'a ColumnTerms> {
        let columns = &terms.tables.get(&origin.table)?.columns;
        if let Some(exact) = columns.get(&origin.column) {
            return Some(exact);
        }
        let mut alike = columns.iter().filter(|(it, _)| it.eq_ignore_ascii_case(&origin.column));
        let only = alike.next().filter(|_| alike.next().is_none());
        let place = (origin.table.clone(), origin.column.clone());
        only.filter(|_| self.alone.contains(&place)).map(|(_, terms)| terms)
    }

    /// A contract is deployed now.
    pub fn deploy(&mut self, terms: Terms) {
        let passed = self.deployments.is_empty();
        self.deployments.push(Deployed { terms, at: self.clock.now(), passed });
    }

    /// The protection pass under the contract with this index is complete.
    pub fn pass_completed(&mut self, contract: usize) {
        if let Some(deployed) = self.deployments.get_mut(contract) {
            deployed.passed = true;
        }
    }

    /// The protection pass under the newest contract ended without bringing it into force, although
    /// nothing disturbed it.
    pub fn pass_failed(&mut self, outcome: &str, name: &str) {
        if self.places.contains(&Place::Pass) {
            let what = format!("an undisturbed protection pass ended with {outcome}");
            let when = format!("during {name}");
            self.violations.push(Violation { place: Place::Pass, what, when, lasts: false });
        }
    }

    /// The indices of the contracts in force.
    pub fn in_force(&self) -> RangeInclusive<usize> {
        let now = self.clock.now();
        let is_certain = |deployed: &Deployed| {
            if self.has_pass { deployed.passed } else { now.duration_since(deployed.at) > GRACE }
        };
        let first = self.deployments.iter().rposition(is_certain).unwrap_or(0);
        first..=self.deployments.len().saturating_sub(1)
    }

    /// A ledger record was written.
    pub fn ledger_written(&mut self, key: &str, text: &str) {
        let origins = self.canaries.in_text(text);
        if !origins.is_empty() {
            self.ledger.insert(key.to_owned(), origins);
            self.state += 1;
        }
    }

    /// An object of the landing bucket may have been written.
    pub fn landing_written(&mut self) {
        self.landing_changed = true;
    }

    /// Looks for values that somebody can read and must not. `when` describes the moment.
    pub fn check(&mut self, when: &dyn Fn() -> String) {
        self.checks += 1;
        self.look_at_tables();
        self.look_at_landing();
        let now = (self.state, self.in_force());
        if self.checked.as_ref() == Some(&now) {
            return;
        }
        let found = self.find_violations(&now.1);
        self.wrong_now = found.iter().map(|(_, what)| what.clone()).collect();
        for (place, what) in found {
            if self.places.contains(&place) && self.known.insert(what.clone()) {
                let (when, lasts) = (when(), true);
                self.violations.push(Violation { place, what, when, lasts });
            }
        }
        self.checked = Some(now);
    }

    /// The violations, with whether each still lasts.
    pub fn result(&self) -> Vec<Violation> {
        let lasting =
            |it: &Violation| Violation { lasts: self.wrong_now.contains(&it.what), ..it.clone() };
        self.violations.iter().map(lasting).collect()
    }

    /// The number of versions of rows that could be read, and of source columns that everyone could
    /// read.
    pub fn reached(&self) -> (u64, u64) {
        (self.versions.len() as u64, self.open.len() as u64)
    }

    fn look_at_tables(&mut self) {
        for table in self.google.table_ids(DATASET) {
            let token = self.google.state_token(DATASET, &table);
            if self.tables.get(&table).is_none_or(|view| view.token != token) {
                let view = self.view_table(&table, token);
                self.find_personal(&table);
                let open = view.seen.iter().filter(|it| it.0 == Persona::Stranger);
                self.open.extend(open.map(|(_, _, _, seen)| seen.origin));
                self.tables.insert(table, view);
                self.state += 1;
            }
        }
        let token = OPS_TABLES.map(|table| self.google.state_token(OPS_DATASET, table));
        if self.receipts.0 != token {
            let seen = OPS_TABLES.iter().flat_map(|table| self.canaries_of_days(table));
            self.receipts = (token, seen.collect());
            self.state += 1;
        }
    }

    fn find_personal(&mut self, table: &str) {
        let batches = self.google.table_batches(DATASET, table).unwrap_or_default();
        for id in self.canaries.in_batches(&batches) {
            let origin = self.canaries.origin(id);
            let place = (origin.table.clone(), origin.column.clone());
            let since = self.deployments.len().saturating_sub(1 + CONTRACTS_BACK);
            if let Some(suspect) = self.suspects.get_mut(&place).filter(|_| origin.personal) {
                suspect.found.get_or_insert(since);
            }
        }
    }

    fn view_table(&mut self, table: &str, token: u64) -> TableView {
        let mut view = TableView { token, ..TableView::default() };
        for version in self.google.row_versions(DATASET, table) {
            let rows: usize = version.batches.iter().map(|batch| batch.num_rows()).sum();
            let former = version.replaced_at.is_some();
            self.versions.insert(version.number);
            for (persona, principal) in Persona::READERS {
                let reading =
                    self.google.read_version_as(principal.email(), DATASET, table, version.number);
                let Ok(reading) = reading else { continue };
                if !former && reading.row_count < rows {
                    view.fewer_rows.push(format!(
                        "{} sees {} of {rows} rows of {DATASET}.{table}",
                        persona.name(),
                        reading.row_count
                    ));
                }
                for column in &reading.columns {
                    let cells = column.cells.iter().flatten();
                    let seen: BTreeSet<Seen> =
                        cells.filter_map(|cell| self.canaries.in_cell(cell)).collect();
                    let entry = |seen| (persona, column.name.clone(), former, seen);
                    view.seen.extend(seen.into_iter().map(entry));
                }
            }
        }
        view
    }

    fn canaries_of_days(&self, table: &str) -> BTreeSet<OriginId> {
        let versions = self.google.row_versions(OPS_DATASET, table);
        let Some(current) = versions.first() else { return BTreeSet::new() };
        let reader = Principal::Stranger.email();
        let reading = self.google.read_version_as(reader, OPS_DATASET, table, current.number);
        let columns = reading.map(|it| it.columns).unwrap_or_default();
        let cells = columns.iter().flat_map(|column| column.cells.iter().flatten());
        cells.flat_map(|cell| self.canaries.in_text(cell)).collect()
    }

    fn look_at_landing(&mut self) {
        if !self.landing_changed || !self.places.contains(&Place::Landing) {
            return;
        }
        self.landing_changed = false;
        for object in self.google.list_objects(LANDING, "") {
            let key = (object.name.clone(), object.generation);
            if self.landing.contains_key(&key) {
                continue;
            }
            let bytes = self.google.read_object(LANDING, &object.name).unwrap_or_default();
            let contents = self.object_contents(&object.name, bytes);
            self.landing.insert(key, contents);
            self.state += 1;
        }
    }

    fn object_contents(&self, name: &str, bytes: Bytes) -> Contents {
        if !name.ends_with(".parquet") {
            let text = String::from_utf8_lossy(&bytes);
            return Contents { cells: false, origins: self.canaries.in_text(&text) };
        }
        let batches = ParquetRecordBatchReaderBuilder::try_new(bytes)
            .and_then(|builder| builder.build())
            .map(|reader| reader.filter_map(Result::ok).collect::<Vec<_>>());
        let origins = batches.map(|it| self.canaries.in_batches(&it)).unwrap_or_default();
        Contents { cells: true, origins }
    }

    /// Whether a contract in force lets this persona see this.
    fn is_allowed(&self, in_force: &RangeInclusive<usize>, persona: Persona, seen: Seen) -> bool {
        let origin = self.canaries.origin(seen.origin);
        let closed = self.is_closed(origin);
        self.deployments[in_force.clone()].iter().any(|deployed| {
            let Some(column) = self.said_of(&deployed.terms, origin) else { return false };
            if column.transform.is_some() || column.source != origin.source {
                return false;
            }
            match (column.class, persona) {
                (Class::None, _) => column.pinned || !closed,
                (Class::Unclassified, _) => false,
                (_, Persona::PiiReader) => true,
                (class, Persona::Analyst) => class.allows_masked(seen.kind) == Some(seen.form),
                _ => false,
            }
        })
    }

    /// Whether a record may hold a bound of this column: it was open, and opted in, in one of the
    /// contracts so far.
    fn may_be_bound(&self, origin: OriginId) -> bool {
        let origin = self.canaries.origin(origin);
        self.deployments.iter().any(|deployed| {
            self.said_of(&deployed.terms, origin).is_some_and(|column| {
                column.bounds
                    && column.class == Class::None
                    && column.transform.is_none()
                    && column.source == origin.source
            })
        })
    }

    fn find_violations(&self, in_force: &RangeInclusive<usize>) -> Vec<(Place, String)> {
        let mut found = Vec::new();
        let contracts =
            || format!("in force: contracts {} to {}", in_force.start(), in_force.end());
        for (table, view) in &self.tables {
            found.extend(view.fewer_rows.iter().map(|what| (Place::Rows, what.clone())));
            for (persona, column, former, seen) in &view.seen {
                if !self.is_allowed(in_force, *persona, *seen) {
                    let what = match seen.form {
                        Form::Plain => "plain values",
                        Form::Hash => "unsalted hashes",
                        Form::Domain => "the domains",
                        Form::Tail => "the last characters",
                    };
                    let rows = if *former { ", by time travel" } else { "" };
                    found.push((
                        Place::Table,
                        format!(
                            "{} reads {what} of {} in {DATASET}.{table}.{column}{rows}; {}",
                            persona.name(),
                            self.canaries.origin(seen.origin),
                            contracts()
                        ),
                    ));
                }
            }
        }
        for (persona, principal) in Persona::READERS {
            found.extend(self.open_objects(in_force, persona, principal, &contracts()));
        }
        for (key, origins) in &self.ledger {
            for origin in origins.iter().filter(|origin| !self.may_be_bound(**origin)) {
                let origin = self.canaries.origin(*origin);
                let who = Persona::Operator.name();
                found.push((Place::Ledger, format!("{who} reads a value of {origin} in {key}")));
            }
        }
        for origin in self.receipts.1.iter().filter(|origin| !self.may_be_bound(**origin)) {
            let origin = self.canaries.origin(*origin);
            let who = Persona::Stranger.name();
            let what = format!("{who} reads a value of {origin} in {OPS_DATASET}");
            found.push((Place::Receipts, what));
        }
        found
    }

    /// What this persona can see in the landing bucket and must not.
    fn open_objects(
        &self,
        in_force: &RangeInclusive<usize>,
        persona: Persona,
        principal: Principal,
        contracts: &str,
    ) -> Vec<(Place, String)> {
        let mut found = Vec::new();
        for ((name, _), contents) in &self.landing {
            if !self.google.can_read_object(principal.email(), LANDING, name).unwrap_or(true) {
                continue;
            }
            let is_open = |origin: &&OriginId| {
                let seen = Seen { origin: **origin, kind: Kind::Other, form: Form::Plain };
                match contents.cells {
                    true => !self.is_allowed(in_force, persona, seen),
                    false => !self.may_be_bound(**origin),
                }
            };
            for origin in contents.origins.iter().filter(is_open) {
                let origin = self.canaries.origin(*origin);
                let who = persona.name();
                let what = format!(
                    "{who} reads plain values of {origin} in gs://{LANDING}/{name}; {contracts}"
                );
                found.push((Place::Landing, what));
            }
        }
        found
    }
}
