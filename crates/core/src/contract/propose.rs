//! Proposes a contract for the tables of a source, for people to correct.

use std::collections::BTreeMap;

use super::{ColumnContract, Contract, Mode, Transform, column_types::can_be_tokenised, law};
use crate::{
    config::{CLASS_NONE, CLASS_UNCLASSIFIED, ClassConfig, Config},
    personal::{self, Confidence, Evidence, Finding, Kind, Rows, Subject},
    types::{BigQueryType, ColumnType},
};

/// A source table for which a contract is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedTable {
    /// Its schema; for MySQL, the database.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<ProposedColumn>,
}

/// A source column for which a class is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedColumn {
    /// Its name.
    pub name: String,
    /// Its source type, as the export manifest writes it.
    pub source_type: String,
    /// Its BigQuery type.
    pub bigquery_type: BigQueryType,
    /// Whether it contains single values or arrays.
    pub mode: Mode,
}

/// What samples of a database's values look like: by table (`schema.table`), then by column.
pub type Samples = BTreeMap<String, BTreeMap<String, Evidence>>;

/// Why a column was proposed with its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The table, as the contract names it.
    pub table: String,
    /// The column.
    pub column: String,
    /// The proposed class.
    pub class: String,
    /// The kind of personal data that the column seems to contain, in the plural.
    pub kind: Option<&'static str>,
    /// Whether the kind is known, and the configuration has no class that fits and hides it.
    pub class_is_missing: bool,
    /// What the transfer does to the column, because of its kind.
    pub transform: Option<Transform>,
    /// Whether the values would be tokenised if the configuration had a key: now they stay in AWS.
    pub token_key_is_missing: bool,
    /// How sure the verdict is.
    pub confidence: Confidence,
    /// Why; contains no value.
    pub reason: String,
}

impl Contract {
    /// Proposes a contract. A column gets a configured class if its name, its type or its values
    /// suggest one whose mask fits the type and hides such values, `none` if something shows that it
    /// is harmless, and `unclassified` otherwise.
    pub fn propose(tables: &[ProposedTable], config: &Config) -> Contract {
        let mut contract = Contract::of_no_table();
        contract.add_missing(tables, &Samples::new(), config);
        contract
    }

    /// Adds the tables and columns of the source that this contract does not contain, and says why
    /// each column has its class. Existing entries are not changed: they are a person's verdicts.
    pub fn add_missing(
        &mut self,
        tables: &[ProposedTable],
        samples: &Samples,
        config: &Config,
    ) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for table in tables {
            let name = format!("{}.{}", table.schema, table.name);
            let entry = self.tables.entry(name.clone()).or_default();
            let first = reasons.len();
            let sampled = samples.get(&name);
            let rows = rows(table, sampled);
            for column in &table.columns {
                if entry.columns.contains_key(&column.name) {
                    continue;
                }
                let evidence = sampled.and_then(|columns| columns.get(&column.name));
                let subject = Subject { rows, ..subject(table, column) };
                let (proposed, reason) = propose(&name, subject, column, evidence, config);
                entry.columns.insert(column.name.clone(), proposed);
                reasons.push(reason);
            }
            // Every table needs a column with values.
            if entry.columns.values().all(ColumnContract::stays_in_aws) {
                for reason in &mut reasons[first..] {
                    if let Some(column) = entry.columns.get_mut(&reason.column)
                        && column.transform == Some(Transform::SetNull)
                    {
                        column.transform = None;
                        reason.transform = None;
                    }
                }
            }
        }
        reasons
    }
}

/// Whether the mask of a class fits the type and hides values of this kind, also from people who
/// can list the possible values.
fn hides(class: &ClassConfig, kind: Kind, column: &ProposedColumn) -> bool {
    let ty = ColumnType { ty: column.bigquery_type, repeated: !column.mode.is_nullable() };
    class.mask.fits(ty) && !(class.mask.is_computable() && kind.has_small_domain())
}

/// The configured class for a kind of personal data.
fn class_of(kind: Kind, column: &ProposedColumn, config: &Config) -> Option<&'static str> {
    // A class of the team's own for whatever is personal hides every kind, if its mask does.
    const WIDE: [&str; 2] = ["personal", "sensitive"];
    kind.class_names()
        .iter()
        .copied()
        .chain(WIDE)
        .find(|name| config.pii.classes.get(*name).is_some_and(|class| hides(class, kind, column)))
}

/// What all columns of the table say of its rows.
fn rows(table: &ProposedTable, samples: Option<&BTreeMap<String, Evidence>>) -> Rows {
    let columns = table.columns.iter().map(|column| {
        let evidence = samples.and_then(|columns| columns.get(&column.name));
        (subject(table, column), evidence)
    });
    personal::rows(&columns.collect::<Vec<_>>())
}

fn subject<'a>(table: &'a ProposedTable, column: &'a ProposedColumn) -> Subject<'a> {
    Subject {
        table: &table.name,
        column: &column.name,
        source_type: &column.source_type,
        bigquery_type: column.bigquery_type,
        rows: Rows::Unknown,
    }
}

fn propose(
    table: &str,
    subject: Subject<'_>,
    column: &ProposedColumn,
    evidence: Option<&Evidence>,
    config: &Config,
) -> (ColumnContract, Reason) {
    let verdict = personal::judge(subject, evidence);
    let kind = match verdict.finding {
        Finding::Personal(kind) => Some(kind),
        Finding::Harmless | Finding::Unsure => None,
    };
    let handling = kind.map_or_else(Handling::default, |kind| {
        Handling::of(kind, verdict.confidence, column, config)
    });
    let landed = handling.landed(column);
    let class = match verdict.finding {
        Finding::Harmless => Some(CLASS_NONE),
        Finding::Unsure => None,
        Finding::Personal(kind) => class_of(kind, &landed, config),
    };
    let reason = Reason {
        table: table.to_owned(),
        column: column.name.clone(),
        class: class.unwrap_or(CLASS_UNCLASSIFIED).to_owned(),
        kind: kind.map(Kind::plural),
        class_is_missing: kind.is_some() && class.is_none(),
        transform: handling.transform,
        token_key_is_missing: handling.token_key_is_missing,
        confidence: verdict.confidence,
        reason: verdict.reason,
    };
    let by_name = law::has_resident_numbers(
        table,
        &column.name,
        &ColumnContract::new(&column.source_type, column.bigquery_type, CLASS_NONE),
    );
    // What only the values say is written down, because nothing else says it later.
    let by_values = kind == Some(Kind::ResidentNumber) && !by_name;
    let proposed = ColumnContract {
        mode: landed.mode,
        transform: handling.transform,
        token_domain: kind
            .and_then(Kind::token_domain)
            .filter(|_| handling.transform == Some(Transform::Tokenise))
            .map(str::to_owned),
        resident_number: match (by_values, kind) {
            (true, _) => Some(true),
            // The name says so, and the values are none.
            (false, Some(Kind::ResidentNumber)) => None,
            (false, _) => by_name.then_some(false),
        },
        ..ColumnContract::new(&column.source_type, landed.bigquery_type, &reason.class)
    };
    (proposed, reason)
}

/// What the transfer does to a proposed column.
#[derive(Clone, Copy, Debug, Default)]
struct Handling {
    transform: Option<Transform>,
    token_key_is_missing: bool,
}

impl Handling {
    /// By the kind of the values. A guess of low confidence replaces no values: its class hides them.
    /// Where a token is the default and not possible, the values stay in AWS.
    fn of(kind: Kind, confidence: Confidence, column: &ProposedColumn, config: &Config) -> Self {
        let as_is = Self::default();
        match kind.default_transform() {
            Some(Transform::Tokenise) if confidence > Confidence::Low => {
                let possible = column.mode.is_nullable() && can_be_tokenised(&column.source_type);
                let has_key = config.transfer.token_key.is_some();
                let transform = match possible && has_key {
                    true => Transform::Tokenise,
                    false => Transform::SetNull,
                };
                Self { transform: Some(transform), token_key_is_missing: possible && !has_key }
            }
            Some(Transform::Tokenise) | None => as_is,
            transform => Self { transform, ..as_is },
        }
    }

    /// The column as BigQuery gets it.
    fn landed(self, column: &ProposedColumn) -> ProposedColumn {
        match self.transform {
            Some(Transform::Tokenise) => {
                ProposedColumn { bigquery_type: BigQueryType::String, ..column.clone() }
            }
            _ => column.clone(),
        }
    }
}
