//! Finds columns with personal data, by the names of table and column, the type, and, where a
//! sample is at hand, by the values. Every verdict states its reason and its confidence, and
//! contains no value.
//!
//! | module | contents |
//! |---|---|
//! | here | [`judge`]: combines what the name, the type and the values say |
//! | `kind` | the kinds of personal data, and the usual class names of each |
//! | `words` | the words of a name: `mbrNm` → `mbr`, `nm` |
//! | `vocabulary` | what words mean, in English and Korean |
//! | `spelling` | how Korean words are written in Latin letters |
//! | `shape` | what kind of values a type has |
//! | `names` | the verdict by names and type |
//! | `signals` | signs that say something together, where a name is not understood |
//! | `learned` | a small linear model of the same names, where the rules say nothing or `Harmless` |
//! | `rows` | what the other columns of a table say of its rows |
//! | `values` | what a sample of values looks like: counts, never a value |
//!
//! Wrong verdicts have different costs. A harmless column judged personal is masked until a person
//! corrects it; a personal column judged harmless is readable by every analyst. So `Harmless` needs
//! a reason, and values that look personal outweigh a harmless name.

mod kind;
mod learned;
mod lookup;
mod names;
mod rows;
mod shape;
mod signals;
#[cfg(test)]
mod spelling;
mod values;
mod vocabulary;
mod words;

#[cfg(test)]
mod tests;

pub use kind::Kind;
pub use rows::{Rows, rows};
pub use values::Evidence;

use crate::types::BigQueryType;
use names::Names;

/// A column to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Name of its table, without the schema.
    pub table: &'a str,
    /// Its name.
    pub column: &'a str,
    /// Its source type, as the export manifest writes it.
    pub source_type: &'a str,
    /// Its type in BigQuery.
    pub bigquery_type: BigQueryType,
    /// What the other columns of the table say of its rows: [`rows()`].
    pub rows: Rows,
}

/// What a column seems to contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Personal data of this kind.
    Personal(Kind),
    /// No personal data.
    Harmless,
    /// Not known: it may contain anything.
    Unsure,
}

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// The column's name could mean something else, or the values are few.
    Low,
    /// The name is usual for this, or most values have a form that others have as well.
    Medium,
    /// The name has one meaning, or nearly all values have a form that nothing else has.
    High,
}

impl Confidence {
    /// The word that is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What a column seems to contain, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it seems to contain.
    pub finding: Finding,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why: a phrase with words of the name, and shares of the sampled values. No value.
    pub reason: String,
}

impl Verdict {
    fn new(finding: Finding, confidence: Confidence, reason: impl Into<String>) -> Self {
        Self { finding, confidence, reason: reason.into() }
    }
}

/// Whether the names of table and column and the type say that the column contains resident
/// registration numbers, with at least medium confidence.
pub fn is_resident_number(subject: Subject<'_>) -> bool {
    if !vocabulary::may_be_resident_number(&words::words(subject.column)) {
        return false;
    }
    let verdict = Names::of(subject).judge();
    verdict.finding == Finding::Personal(Kind::ResidentNumber)
        && verdict.confidence >= Confidence::Medium
}

/// What a sample of values alone says, where it outweighs a harmless name. Keys of rows say nothing by
/// their values.
pub fn judge_values(subject: Subject<'_>, evidence: &Evidence) -> Option<Verdict> {
    if evidence.seen() == 0 || Names::of(subject).is_surrogate_key() {
        return None;
    }
    values::strong(evidence)
}

/// What a sample of a day's values says of a column that a contract calls `none`: a verdict where the
/// values outweigh that. Forms and shares are the same as in [`judge`], with the confidence medium or
/// high; at least three values must have the form, because the verdict closes a column that people
/// use.
pub fn judge_again(subject: Subject<'_>, evidence: &Evidence) -> Option<Verdict> {
    let by_value = values::strong_of_several(evidence)?;
    outweighs(&Names::of(subject), evidence, &by_value).then_some(by_value)
}

/// Judges a column. `evidence` is what a sample of its values looks like, if there is one.
pub fn judge(subject: Subject<'_>, evidence: Option<&Evidence>) -> Verdict {
    let names = Names::of(subject);
    let verdict = judge_by_rules(&names, evidence);
    learned::reconsider(&names, &verdict).unwrap_or(verdict)
}

/// As [`judge`], without the learned model.
fn judge_by_rules(names: &Names, evidence: Option<&Evidence>) -> Verdict {
    let verdict = judge_alone(names, evidence);
    let unknown = evidence.filter(|_| verdict.finding == Finding::Unsure);
    unknown.and_then(|evidence| signals::weigh(names, evidence)).unwrap_or(verdict)
}

/// As [`judge`], without what is only more likely than not to be so: for what the other columns of a table say.
fn judge_alone(names: &Names, evidence: Option<&Evidence>) -> Verdict {
    let by_name = names.judge();
    let Some(evidence) = evidence.filter(|evidence| evidence.seen() > 0) else {
        return by_name;
    };
    match by_name.finding {
        Finding::Personal(kind) => confirm(kind, by_name, evidence, names),
        Finding::Harmless => match values::strong(evidence) {
            Some(by_value) if outweighs(names, evidence, &by_value) => although(by_value, &by_name),
            _ => doubt(names, by_name, evidence),
        },
        Finding::Unsure => unsure(names, by_name, evidence),
    }
}

/// A verdict by value, with what the name says against it.
fn although(by_value: Verdict, by_name: &Verdict) -> Verdict {
    let reason = format!("{}, although {}", by_value.reason, by_name.reason);
    Verdict { reason, ..by_value }
}

/// A harmless name, with what the values say about it. Values that people have, and other things seldom,
/// outweigh a name that could mean something else, except in a list of things.
fn doubt(names: &Names, by_name: Verdict, evidence: &Evidence) -> Verdict {
    let certain = by_name.confidence == Confidence::High
        || names.is_surrogate_key()
        || names.is_of_catalogue();
    match values::weak(evidence) {
        Some(by_value) if !certain => {
            Verdict { confidence: Confidence::Low, ..although(by_value, &by_name) }
        }
        _ if !certain
            && values::are_many(evidence)
            && (names.is_code_of_unknown()
                || (names.is_code() && values::are_digits_of_one_length(evidence))) =>
        {
            Verdict::new(
                Finding::Unsure,
                Confidence::Low,
                format!("a code with many different values, although {}", by_name.reason),
            )
        }
        _ => by_name,
    }
}

/// A name that says nothing, with what the values say.
fn unsure(names: &Names, by_name: Verdict, evidence: &Evidence) -> Verdict {
    if names.says_of_person() {
        return values::personal(evidence).unwrap_or(by_name);
    }
    if names.is_mark()
        && let Some(flags) = values::flags(evidence)
    {
        return flags;
    }
    // Few different values are no sign that they are not about the person of the row.
    let cautious = names.needs_caution();
    let known = names.is_all_known() || names.is_impersonal();
    let by_value = values::judge(evidence, cautious, known)
        .or_else(|| values::words(evidence).filter(|_| names.is_of_no_person()))
        .unwrap_or_else(|| by_name.clone());
    let of_person = by_value.finding == Finding::Harmless
        && values::are_dates(evidence)
        && (names.may_be_of_person() || names.is_date_of_life());
    if of_person { by_name } else { by_value }
}

/// Whether what the values look like outweighs a harmless name: they do not belong to a place or a
/// machine, and they are no numbers of rows.
fn outweighs(names: &Names, evidence: &Evidence, by_value: &Verdict) -> bool {
    let of_thing = match by_value.finding {
        Finding::Personal(Kind::Phone) if values::has_mobiles(evidence) => false,
        Finding::Personal(kind) => names.is_of_thing(kind),
        Finding::Harmless | Finding::Unsure => false,
    };
    !of_thing && !names.is_surrogate_key()
}

/// A verdict by name, with what the values say about it. Values of another kind replace the kind,
/// because the kind decides on the mask; values that look harmless do not, because a sample is small.
fn confirm(kind: Kind, by_name: Verdict, evidence: &Evidence, names: &Names) -> Verdict {
    let describes = matches!(kind, Kind::Health | Kind::Sensitive);
    if !describes && let Some(flags) = values::flags(evidence) {
        return flags;
    }
    match values::strong(evidence) {
        Some(by_value) if by_value.finding == by_name.finding => Verdict {
            confidence: Confidence::High,
            reason: format!("{}; {}", by_name.reason, by_value.reason),
            ..by_name
        },
        Some(by_value) if by_name.confidence < Confidence::High && !kind.contains_others() => {
            by_value
        }
        // `national_id` may be any number of a state; the law is stricter with this one.
        Some(by_value)
            if by_value.finding == Finding::Personal(Kind::ResidentNumber)
                && matches!(kind, Kind::NationalId | Kind::ForeignerNumber) =>
        {
            by_value
        }
        None if by_name.confidence == Confidence::Low && !names.is_about_people() => {
            values::harmless_form(evidence).unwrap_or(by_name)
        }
        _ => by_name,
    }
}
