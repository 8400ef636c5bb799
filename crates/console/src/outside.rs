//! What only the clouds know. The command answers with the readers that its other subcommands have.

use async_trait::async_trait;
use jiff::Timestamp;
use landbridge_core::access::{Report, Use};
use landbridge_core::restore::RestorePoint;

/// Whose eyes a query uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eyes {
    /// Sees masks.
    Analyst,
    /// Sees plain values.
    PiiReader,
    /// May read the dataset, and no column with a class.
    Stranger,
}

impl Eyes {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Analyst, Self::PiiReader, Self::Stranger];

    /// The name, as `landbridge query --as` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Analyst => "analyst",
            Self::PiiReader => "pii-reader",
            Self::Stranger => "stranger",
        }
    }

    /// The eyes with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// What a database can be restored to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Restore {
    /// Snapshots, oldest first.
    pub points: Vec<RestorePoint>,
    /// The days that point-in-time recovery reaches back; `None`: there is none.
    pub recovery_days: Option<u32>,
    /// The newest time that point-in-time recovery reaches.
    pub recovery_until: Option<Timestamp>,
    /// The resource id of the database that has the source's name now.
    pub resource_id: Option<String>,
    /// The size of the database's storage.
    pub storage_gib: Option<f64>,
}

/// What the live policies and the list of jobs say of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Who sees which class.
    pub report: Report,
    /// Who read the table, people as one number; or why it is not known.
    pub readers: Result<Vec<Use>, String>,
    /// The days of the list of jobs.
    pub days: u16,
}

/// The rows of a query. Numbers and texts as the warehouse wrote them; `None` is NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The columns: name and type.
    pub columns: Vec<(String, String)>,
    /// The first rows.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many there are.
    pub count: usize,
}

/// How a query ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Rows.
    Rows(Rows),
    /// The person may not ask this; the warehouse's message.
    Refused(String),
    /// The query is wrong; the warehouse's message.
    Failed(String),
}

/// What only the clouds know. Every call reads.
#[async_trait]
pub trait Outside: Send + Sync {
    /// The time: the machine's, or a local cloud's.
    fn now(&self) -> Timestamp;

    /// What the source can be restored to.
    ///
    /// # Errors
    /// A sentence for people: what failed, and what to do.
    async fn restore(&self) -> Result<Restore, String>;

    /// Who sees and who reads a table, by the live policies. Some 30 calls: asked for by a person, not by every page.
    ///
    /// # Errors
    /// A sentence for people: what failed, and what to do.
    async fn seen(&self, table: &str) -> Result<Seen, String>;

    /// Whether [`Self::query`] can answer: only if a local cloud runs.
    fn can_query(&self) -> bool;

    /// A query of the local cloud's warehouse, with at most `max` rows. Values are returned to the person who asked and
    /// are neither logged nor kept.
    async fn query(&self, eyes: Eyes, sql: &str, max: usize) -> Answer;
}
