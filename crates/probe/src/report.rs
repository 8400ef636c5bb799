//! What a probe found: a verdict for each claim, and the shape of what it saw.
//!
//! People who must not know the account read a report. It is made of [`Shape`]s, which can
//! contain only fixed text and numbers, so no name of an account, project, dataset, table or column and no value can
//! get into it.

use std::fmt::Write;

use landbridge_gcp::raw::Answer;
use serde::Serialize;

/// Fixed text and numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Shape(String);

impl Shape {
    /// Fixed text.
    pub fn of(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// The same with more text.
    #[must_use]
    pub fn and(mut self, text: &'static str) -> Self {
        if !self.0.is_empty() {
            self.0.push_str(", ");
        }
        self.0.push_str(text);
        self
    }

    /// The same with a number and what it counts.
    #[must_use]
    pub fn number(mut self, number: u64, of: &'static str) -> Self {
        let comma = if self.0.is_empty() { "" } else { ", " };
        let _ = write!(self.0, "{comma}{number} {of}");
        self
    }

    /// The same with another shape.
    #[must_use]
    pub fn and_shape(mut self, other: &Self) -> Self {
        if !self.0.is_empty() && !other.0.is_empty() {
            self.0.push_str(", ");
        }
        self.0.push_str(&other.0);
        self
    }

    /// The same with the status and the reason of an answer.
    #[must_use]
    pub fn answer(self, answer: &Answer) -> Self {
        let shape = self.number(u64::from(answer.status), known_reason(&answer.reason));
        Self(shape.0.trim_end().to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The reasons of Google's errors that are shown ("Error messages" of BigQuery; Cloud Storage, "HTTP status and
/// error codes").
const REASONS: [&str; 24] = [
    "accessDenied",
    "backendError",
    "badRequest",
    "billingNotEnabled",
    "conditionNotMet",
    "duplicate",
    "forbidden",
    "internalError",
    "invalid",
    "invalidQuery",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "notFound",
    "notImplemented",
    "quotaExceeded",
    "rateLimitExceeded",
    "required",
    "resourceInUse",
    "resourcesExceeded",
    "responseTooLarge",
    "stopped",
    "tableUnavailable",
    "timeout",
];

/// What is shown in place of a reason that is not known.
pub(crate) const UNKNOWN_REASON: &str = "other reason";

/// A reason that may be shown; another one is [`UNKNOWN_REASON`].
pub(crate) fn known_reason(reason: &str) -> &'static str {
    match reason {
        "" => "",
        reason => REASONS.into_iter().find(|it| *it == reason).unwrap_or(UNKNOWN_REASON),
    }
}

/// What a probe says of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What was seen is what the claim says.
    Holds,
    /// What was seen contradicts the claim.
    DoesNotHold,
    /// Nothing was seen; the shape says why.
    NotTested,
}

impl Verdict {
    /// For text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::NotTested => "not tested",
        }
    }
}

/// The result for one claim.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The id of the claim in `docs/claims.md`.
    pub claim: &'static str,
    /// What the probe says.
    pub verdict: Verdict,
    /// What it saw, or why it saw nothing.
    pub seen: Shape,
    /// Whether nothing was seen because a call failed, not because an option is missing.
    #[serde(skip)]
    pub failed: bool,
}

/// What a probe saw.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) holds: bool,
    pub(crate) shape: Shape,
}

/// Why a probe saw nothing.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) why: Shape,
    pub(crate) failed: bool,
}

impl Stop {
    /// A call that prepares the probe failed.
    pub(crate) fn failed(why: Shape) -> Self {
        Self { why, failed: true }
    }

    /// The probe needs something that was not given.
    pub(crate) fn skipped(why: &'static str) -> Self {
        Self { why: Shape::of(why), failed: false }
    }
}

/// The outcome of a probe.
pub(crate) type Probed = Result<Seen, Stop>;

/// What was seen, and whether the claim says so.
pub(crate) fn seen(holds: bool, shape: Shape) -> Probed {
    Ok(Seen { holds, shape })
}

impl Finding {
    pub(crate) fn new(claim: &'static str, probed: Probed) -> Self {
        match probed {
            Ok(Seen { holds, shape }) => {
                let verdict = if holds { Verdict::Holds } else { Verdict::DoesNotHold };
                Self { claim, verdict, seen: shape, failed: false }
            }
            Err(Stop { why, failed }) => {
                Self { claim, verdict: Verdict::NotTested, seen: why, failed }
            }
        }
    }
}

/// The report of one run. Its fields are the keys of `--output json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `google` or `aws`.
    pub cloud: &'static str,
    /// The version of the command.
    pub version: &'static str,
    /// The number of claims of each verdict.
    pub holds: usize,
    /// Claims that what was seen contradicts.
    pub does_not_hold: usize,
    /// Claims of which nothing was seen.
    pub not_tested: usize,
    /// Whether everything that the run created is deleted.
    pub cleaned_up: bool,
    /// All claims, sorted by id.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(cloud: &'static str, mut findings: Vec<Finding>, cleaned_up: bool) -> Self {
        findings.sort_by_key(|it| it.claim);
        let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
        Self {
            cloud,
            version: env!("CARGO_PKG_VERSION"),
            holds: count(Verdict::Holds),
            does_not_hold: count(Verdict::DoesNotHold),
            not_tested: count(Verdict::NotTested),
            cleaned_up,
            findings,
        }
    }

    /// The number of claims that could not be tested because a call failed.
    pub fn failed(&self) -> usize {
        self.findings.iter().filter(|it| it.failed).count()
    }

    /// The claims that what was seen contradicts.
    pub fn contradicted(&self) -> Vec<&'static str> {
        let all = self.findings.iter().filter(|it| it.verdict == Verdict::DoesNotHold);
        all.map(|it| it.claim).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_shows_no_reason_that_is_not_known() {
        let answer = |reason: &str| Answer {
            status: 403,
            reason: reason.to_owned(),
            body: serde_json::Value::Null,
            bytes: Vec::new(),
            location: None,
            range: None,
        };
        let shown = |reason| Shape::default().answer(&answer(reason));
        assert_eq!(shown("accessDenied").as_str(), "403 accessDenied");
        assert_eq!(shown("my-project").as_str(), "403 other reason");
        assert_eq!(shown("").as_str(), "403");
        assert_eq!(
            Shape::of("rows").number(3, "rows").and("no tag").as_str(),
            "rows, 3 rows, no tag"
        );
    }
}
