//! One error type, and one place that says what it means for whoever must act.
//!
//! An error never carries a cell's value or a secret: `what` is fixed text,
//! `context` holds names (tables, buckets, ids), and `source` is kept only for
//! errors of libraries that print neither.

use std::fmt;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of trouble it is. The sort decides the policy, see [`ErrorKind::policy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The outcome is unknown or the other side stumbled: the same call may be made again.
    Transient,
    /// Too many calls: the same again, later.
    Throttled,
    /// A limit of the account is used up.
    Quota,
    /// Missing rights, or credentials that do not hold.
    Denied,
    /// A thing that should be there is not: a bucket, a dataset, a snapshot.
    NotFound,
    /// A thing with that name exists, or changed under our hands.
    Conflict,
    /// The configuration, the contract or an identifier is wrong.
    Config,
    /// What arrived contradicts itself: a cut file, a broken manifest, rows that do not add up.
    Corrupt,
    /// A state that a person must decide about: a type change, a foreign table.
    Held,
    /// A call that the other side says is wrong. A bug of ours, or a change of theirs.
    Rejected,
}

/// What follows from a [`ErrorKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether the next tick can be expected to get further with nobody's help.
    pub retry: bool,
    /// What the operator should do, as the end of a sentence.
    pub operator: &'static str,
}

impl ErrorKind {
    /// The policy: whether to go on by ourselves, and what to tell the operator.
    pub const fn policy(self) -> Policy {
        let (retry, operator) = match self {
            Self::Transient => (true, "nothing to do unless it lasts: the next tick tries again"),
            Self::Throttled => (true, "nothing to do unless it lasts: the next tick tries again"),
            Self::Quota => (true, "free or raise the quota; the next tick goes on by itself"),
            Self::Denied => {
                (true, "grant the right that is named; the next tick goes on by itself")
            }
            Self::NotFound => (
                true,
                "create it or correct its name in landbridge.yaml; the next tick goes on by itself",
            ),
            Self::Conflict => (true, "see who else uses the name; the next tick looks again"),
            Self::Config => {
                (false, "correct the file and deploy it; the day goes on from where it stands")
            }
            Self::Corrupt => (
                false,
                "look at the object that is named; yesterday's data stays until it is mended",
            ),
            Self::Held => (
                false,
                "decide, and change contract.yaml or the table accordingly; yesterday's data stays until then",
            ),
            Self::Rejected => (false, "report it with this message; yesterday's data stays"),
        };
        Policy { retry, operator }
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

/// An error: what happened (fixed text), where (names), and what sort of trouble it is.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    what: &'static str,
    context: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `what` is a sentence without names, `context` the names it is about.
    pub fn new(kind: ErrorKind, what: &'static str, context: impl Into<String>) -> Self {
        Self { kind, what, context: context.into(), source: None }
    }

    /// The same error with the library's error that caused it.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The sort of trouble.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The fixed description: part of an alert's fingerprint.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The names it is about.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The whole sentence for a person: what, where, why, what to do.
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
    fn a_sentence_says_what_where_why_and_what_to_do() {
        let error =
            Error::new(ErrorKind::NotFound, "the bucket does not exist", "s3://shop-exports")
                .caused_by("NoSuchBucket");
        assert_eq!(
            error.sentence(),
            "the bucket does not exist: s3://shop-exports (NoSuchBucket) — create it or correct \
             its name in landbridge.yaml; the next tick goes on by itself"
        );
    }
}
