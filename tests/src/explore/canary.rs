//! Canaries: every cell of the source has a unique value. Wherever such a value appears, its
//! content says which column of which table it comes from, and which type the column had.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::ToSpan;
use sha2::{Digest, Sha256};

/// A type of a source column, with what the explorer needs to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceType {
    Text,
    Varchar,
    Bigint,
    Date,
    /// A date with a time and no zone.
    Naive,
}

impl SourceType {
    pub const ALL: [Self; 5] = [Self::Text, Self::Varchar, Self::Bigint, Self::Date, Self::Naive];

    /// As the contract and the manifests write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Varchar => "character varying",
            Self::Bigint => "bigint",
            Self::Date => "date",
            Self::Naive => "timestamp without time zone",
        }
    }

    /// As a table declares it.
    pub fn declared(self) -> &'static str {
        match self {
            Self::Varchar => "character varying(80)",
            other => other.name(),
        }
    }

    /// The BigQuery type of the values.
    pub fn bigquery(self) -> &'static str {
        match self {
            Self::Text | Self::Varchar => "STRING",
            Self::Bigint => "INT64",
            Self::Date => "DATE",
            Self::Naive => "DATETIME",
        }
    }

    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Varchar)
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// `schema.table` of the source.
    pub table: String,
    pub column: String,
    pub source: SourceType,
    /// Whether the value looks personal, whatever the column is called.
    pub personal: bool,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let personal = if self.personal { ", looks personal" } else { "" };
        write!(f, "{}.{} ({}{personal})", self.table, self.column, self.source.name())
    }
}

/// The number of an [`Origin`].
pub type OriginId = usize;

/// What a masking rule can make of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Text that is an e-mail address.
    Email,
    /// Other text, of more than four characters.
    Text,
    /// Text of at most four characters.
    Short,
    /// A number or a date.
    Other,
}

/// What somebody sees of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    Plain,
    /// Its unsalted SHA-256, which a dictionary turns into the value.
    Hash,
    /// The domain of an e-mail address.
    Domain,
    /// The last four characters.
    Tail,
}

/// A canary that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    pub origin: OriginId,
    pub kind: Kind,
    pub form: Form,
}

/// All values that the source of one history has had.
#[derive(Debug, Default)]
pub struct Canaries {
    origins: Vec<Origin>,
    /// What a cell of a table can contain of a value.
    cells: HashMap<String, Seen>,
    /// Parts of text by which a value is recognised inside longer text.
    tokens: HashMap<String, OriginId>,
    dates: HashMap<String, OriginId>,
    /// The days of times without a zone. Noon has the same date in every zone that a contract can set,
    /// so the day says which value a cell contains, whatever was made of it.
    noons: HashMap<String, Seen>,
    last: u32,
}

/// The number in base 36, three digits.
fn base36(mut number: u32) -> String {
    let mut digits = [b'0'; 3];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize];
        number /= 36;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

impl Canaries {
    pub fn origin(&self, id: OriginId) -> &Origin {
        &self.origins[id]
    }

    fn origin_id(&mut self, origin: &Origin) -> OriginId {
        if let Some(id) = self.origins.iter().position(|it| it == origin) {
            return id;
        }
        self.origins.push(origin.clone());
        self.origins.len() - 1
    }

    /// Whether the values of a column look personal: `email` always has e-mail addresses.
    pub fn look_personal(column: &str, source: SourceType, begins: bool) -> bool {
        source.is_text() && column != "short" && (begins || column == "email")
    }

    /// A new value for a cell, as the engine prints it. Columns named `email` have e-mail
    /// addresses, columns named `short` have text of four characters.
    pub fn new_value(&mut self, origin: &Origin) -> String {
        let id = self.origin_id(origin);
        self.last += 1;
        let (n, code) = (self.last, base36(self.last));
        let (value, kind) = match origin.source {
            SourceType::Text | SourceType::Varchar if origin.column == "email" => {
                self.tokens.insert(format!("q{code}{n:06}"), id);
                (format!("q{code}{n:06}@d{n:06}.example"), Kind::Email)
            }
            SourceType::Text | SourceType::Varchar if origin.column == "short" => {
                (format!("s{code}"), Kind::Short)
            }
            SourceType::Text | SourceType::Varchar if origin.personal => {
                // A resident registration number.
                self.tokens.insert(format!("2{n:06}"), id);
                (format!("900101-2{n:06}"), Kind::Text)
            }
            SourceType::Text | SourceType::Varchar => {
                let value = format!("q{code}{n:06}z{code}");
                self.tokens.insert(value.clone(), id);
                (value, Kind::Text)
            }
            SourceType::Bigint => {
                // Greater than any CRC32C, so that no other number of a record equals it.
                let value = (7_000_000_000 + u64::from(n)).to_string();
                self.tokens.insert(value.clone(), id);
                (value, Kind::Other)
            }
            SourceType::Date => {
                // Far away, so that a record's number of days since 1970 is no other number.
                let date = jiff::civil::date(9000, 1, 1) + i64::from(n).days();
                let days = jiff::civil::date(1970, 1, 1).until(date).map_or(0, |it| it.get_days());
                self.tokens.insert(days.to_string(), id);
                self.dates.insert(date.to_string(), id);
                (date.to_string(), Kind::Other)
            }
            SourceType::Naive => {
                let date = jiff::civil::date(8000, 1, 1) + i64::from(n).days();
                let seen = Seen { origin: id, kind: Kind::Other, form: Form::Plain };
                self.noons.insert(date.to_string(), seen);
                self.dates.insert(date.to_string(), id);
                (format!("{date} 12:00:00"), Kind::Other)
            }
        };
        self.add_cells(&value, id, kind);
        value
    }

    /// Adds the value and all that the masking rules make of it (BigQuery documentation, "Masking
    /// rules").
    fn add_cells(&mut self, value: &str, origin: OriginId, kind: Kind) {
        let mut add = |text: String, form| {
            self.cells.insert(text, Seen { origin, kind, form });
        };
        add(value.to_owned(), Form::Plain);
        if kind != Kind::Other {
            add(STANDARD.encode(Sha256::digest(value.as_bytes())), Form::Hash);
        }
        match kind {
            Kind::Email => {
                let (_, domain) = value.split_once('@').unwrap_or_default();
                add(format!("XXXXX@{domain}"), Form::Domain);
            }
            Kind::Text => add(format!("XXXXX{}", &value[value.len() - 4..]), Form::Tail),
            Kind::Short | Kind::Other => {}
        }
    }

    /// The canary in a cell, whether plain, masked or hashed.
    pub fn in_cell(&self, cell: &str) -> Option<Seen> {
        let noon = || self.noons.get(cell.get(..10)?);
        self.cells.get(cell).or_else(noon).copied()
    }

    /// The origins of the canaries in a text, such as a record of the ledger.
    pub fn in_text(&self, text: &str) -> BTreeSet<OriginId> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        let mut found: BTreeSet<OriginId> =
            words.filter_map(|word| self.tokens.get(word)).copied().collect();
        let dates = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let dates = dates.filter_map(|word| word.get(..10)).filter_map(|it| self.dates.get(it));
        found.extend(dates);
        found
    }

    /// The origins of the plain canaries in a Parquet file.
    pub fn in_batches(&self, batches: &[RecordBatch]) -> BTreeSet<OriginId> {
        let options = FormatOptions::default();
        let mut found = BTreeSet::new();
        for column in batches.iter().flat_map(RecordBatch::columns) {
            let Ok(text) = ArrayFormatter::try_new(column, &options) else { continue };
            for row in (0..column.len()).filter(|row| column.is_valid(*row)) {
                let seen = self.in_cell(&text.value(row).to_string());
                found.extend(seen.filter(|it| it.form == Form::Plain).map(|it| it.origin));
            }
        }
        found
    }
}
