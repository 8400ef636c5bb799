//! The error type of Landbridge, and the policy for each kind of error.
//!
//! An error never contains a cell value or a secret: `what` is fixed text, `context` contains
//! names (tables, buckets, ids), and `source` is kept only for errors of libraries that print
//! neither.

use std::fmt;

/// The result of every fallible function of Landbridge.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error. It decides who acts: see [`ErrorKind::policy`],
/// [`ErrorKind::is_transient`] and [`ErrorKind::holds_table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The outcome of a call is unknown, or the service failed: the same call can be repeated.
    Transient,
    /// The service refuses the call because there were too many: the same call can be repeated later.
    Throttled,
    /// A quota of the account or project is used up.
    Quota,
    /// A permission is missing, or the credentials are not valid.
    Denied,
    /// A resource does not exist: a bucket, a dataset, a snapshot.
    NotFound,
    /// The name is already in use, or the object changed while it was used.
    Conflict,
    /// The configuration, the contract or an identifier is wrong.
    Config,
    /// Data contradicts itself: a truncated file, a broken manifest, row counts that differ.
    Corrupt,
    /// A person must decide: a changed type, a table that Landbridge did not create.
    Held,
    /// The service calls a request invalid: a defect of Landbridge, or a changed API.
    Rejected,
}

/// Who acts on an [`ErrorKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// See [`ErrorKind::is_transient`].
    transient: bool,
    /// See [`ErrorKind::holds_table`].
    holds_table: bool,
    /// What the operator should do, as the end of a sentence.
    pub operator: &'static str,
}

impl ErrorKind {
    /// All kinds, in the order of the table in `docs/errors.md`.
    pub const ALL: [Self; 10] = [
        Self::Transient,
        Self::Throttled,
        Self::Quota,
        Self::Denied,
        Self::NotFound,
        Self::Conflict,
        Self::Config,
        Self::Corrupt,
        Self::Held,
        Self::Rejected,
    ];

    /// The policy of the kind: the one place that decides it.
    pub const fn policy(self) -> Policy {
        let (transient, holds_table, operator) = match self {
            Self::Transient | Self::Throttled => {
                (true, false, "the next tick retries; act only if this persists")
            }
            Self::Quota => (
                false,
                false,
                "free capacity or request a higher quota; the next tick then continues",
            ),
            Self::Denied => {
                (false, false, "grant the named permission; the next tick then continues")
            }
            Self::NotFound => (
                false,
                false,
                "create the named resource or correct its name in landbridge.yaml; the next tick then continues",
            ),
            Self::Conflict => (
                false,
                true,
                "find out who else uses the name and free it; the next tick then continues",
            ),
            Self::Config => (
                false,
                true,
                "correct the named setting and deploy the file; the day then continues",
            ),
            Self::Corrupt => (
                false,
                true,
                "inspect the named object; a table that needs it is not loaded until it is correct",
            ),
            Self::Held => (
                false,
                true,
                "decide, then change contract.yaml or the table; it is not loaded until then",
            ),
            Self::Rejected => (false, true, "report this message as a bug"),
        };
        Policy { transient, holds_table, operator }
    }

    /// Whether the cause usually passes without anyone's action. A client may repeat the call
    /// at once; a tick that fails this way logs a warning and raises no alert.
    pub const fn is_transient(self) -> bool {
        self.policy().transient
    }

    /// Whether an error that one table met holds this table while the other tables continue:
    /// the table gets a `held` receipt and an alert, and every later tick tries it again.
    ///
    /// | kinds | held | why |
    /// |---|---|---|
    /// | `Held`, `Corrupt`, `Rejected` | yes | the data or the table itself is the cause |
    /// | `Config` | yes | a setting or a class that this table needs is wrong; other tables may not need it |
    /// | `Conflict` | yes | an object or a table with this name has other content; repeating the call cannot change that |
    /// | `Transient`, `Throttled` | no | the next tick retries |
    /// | `Quota`, `Denied`, `NotFound` | no | the cause is the account, a bucket or a dataset, so all tables meet it: the tick fails, which raises one alert instead of one per table |
    pub const fn holds_table(self) -> bool {
        self.policy().holds_table
    }

    /// The name used as the Lambda error type and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transient => "Transient",
            Self::Throttled => "Throttled",
            Self::Quota => "Quota",
            Self::Denied => "Denied",
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::Config => "Config",
            Self::Corrupt => "Corrupt",
            Self::Held => "Held",
            Self::Rejected => "Rejected",
        }
    }
}

/// An error: what happened (fixed text), where (names), and its kind.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: &'static str,
    context: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Creates an error. `what` is a sentence without names; `context` contains the names.
    pub fn new(kind: ErrorKind, what: &'static str, context: impl Into<String>) -> Self {
        Self { kind, what, context: context.into(), source: None }
    }

    /// Adds the library error that caused this error.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The fixed description, which is part of an alert's fingerprint.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The names that the error is about.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The message for the operator: what happened, where, why, and what to do.
    pub fn sentence(&self) -> String {
        format!("{self} — {}", self.kind.policy().operator)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if !self.context.is_empty() {
            write!(f, ": {}", self.context)?;
        }
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_contains_what_where_why_and_what_to_do() {
        let error =
            Error::new(ErrorKind::NotFound, "the bucket does not exist", "s3://shop-exports")
                .caused_by("NoSuchBucket");
        assert_eq!(
            error.sentence(),
            "the bucket does not exist: s3://shop-exports (NoSuchBucket) — create the named \
             resource or correct its name in landbridge.yaml; the next tick then continues"
        );
    }

    #[test]
    fn policy_of_every_kind() {
        use ErrorKind::*;
        // kind, transient, holds its table
        let table = [
            (Transient, true, false),
            (Throttled, true, false),
            (Quota, false, false),
            (Denied, false, false),
            (NotFound, false, false),
            (Conflict, false, true),
            (Config, false, true),
            (Corrupt, false, true),
            (Held, false, true),
            (Rejected, false, true),
        ];
        assert_eq!(table.map(|(kind, ..)| kind), ErrorKind::ALL);
        for (kind, transient, holds_table) in table {
            assert_eq!(
                (kind.is_transient(), kind.holds_table()),
                (transient, holds_table),
                "{}",
                kind.name()
            );
        }
    }

    #[test]
    fn the_cause_is_the_source_of_the_error() {
        use std::error::Error as _;
        let plain = Error::new(ErrorKind::Config, "wrong", "");
        assert!(plain.source().is_none());
        assert_eq!(plain.to_string(), "wrong");
        let caused = plain.caused_by("why");
        assert_eq!(caused.source().map(ToString::to_string).as_deref(), Some("why"));
    }
}
