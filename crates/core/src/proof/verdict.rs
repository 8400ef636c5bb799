//! What a comparison of recorded and observed figures says of a column.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::rows::{RowColumn, RowPlan, RowProof, RowSet};
use super::{ColumnProof, Figures, farm};
use crate::config::Mask;
use crate::types::{BigQueryType, ColumnType};

/// The figures of a column as BigQuery computed them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// `count_n`.
    pub count: u64,
    /// `sum_n`; `None` for a column without values.
    pub sum: Option<i128>,
    /// `xor_n`, likewise.
    pub xor: Option<i64>,
    /// `total_n`, as GoogleSQL writes a BIGNUMERIC; `None` if it was not asked for.
    pub total: Option<String>,
}

impl Observed {
    /// Figures that were computed here, as BigQuery writes them.
    pub fn of(figures: &Figures) -> Self {
        let any = (figures.count > 0).then_some(());
        Self {
            count: figures.count,
            sum: any.map(|()| figures.sum),
            xor: any.map(|()| figures.xor.cast_signed()),
            total: None,
        }
    }
}

/// What was compared, and with which result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The values are those that were transferred.
    Plain,
    /// What the mask shows is what it shows of the values that were transferred. What it hides is not
    /// proven.
    ThroughMask,
    /// The values, or what is shown of them, differ.
    Differs(Difference),
    /// Nothing can be said.
    NotProvable(Reason),
}

/// The first figure that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The number of values that are not NULL.
    Count,
    /// The sum of the numbers.
    Total,
    /// The values.
    Values,
}

/// Why nothing can be said of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The day has no figures of it.
    NotRecorded,
    /// The mask shows nothing of the values.
    Hidden,
    /// The caller may not query it.
    Denied,
    /// The class of the column, or its mask, is another one than when the rows were transferred.
    MaskChanged,
    /// Its type has no canonical text.
    Type,
}

/// What a comparison says of the rows of a table: whether their cells are together as they were
/// transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowVerdict {
    /// The rows have the cells that they had, of all columns.
    Equal,
    /// The same, of all columns as far as their masks show something.
    ThroughMask,
    /// The same, of the columns of the class `none`.
    EqualOpen,
    /// Each column has its values, but not in the rows in which they were transferred.
    Differs,
    /// Nothing can be said: the day has no fingerprint that the caller can compute, or the classes of the
    /// columns are others.
    NotProvable,
}

impl RowVerdict {
    /// The verdict for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::ThroughMask => "equal through masks",
            Self::EqualOpen => "equal without classes",
            Self::Differs => "differs",
            Self::NotProvable => "not provable",
        }
    }
}

/// Compares the rows of a table whose columns have these verdicts. The set with the most columns decides of
/// which the caller sees what the fingerprint is of.
pub fn compare_rows(
    plan: &RowPlan,
    columns: &[(RowColumn, Verdict)],
    recorded: &BTreeMap<RowSet, RowProof>,
    observed: &BTreeMap<RowSet, Observed>,
) -> RowVerdict {
    let sees = |set: RowSet, (column, verdict): &(RowColumn, Verdict)| match (set, column) {
        (set, column) if !set.has(*column) => true,
        (RowSet::Shown, RowColumn::Masked(_)) => *verdict == Verdict::ThroughMask,
        _ => *verdict == Verdict::Plain,
    };
    let sets = plan.sets();
    for set in RowSet::ALL.into_iter().rev().filter(|set| sets.contains(set)) {
        let (Some(recorded), Some(observed)) = (recorded.get(&set), observed.get(&set)) else {
            continue;
        };
        let is_comparable = recorded.columns == plan.digest(set);
        if !is_comparable || !columns.iter().all(|column| sees(set, column)) {
            continue;
        }
        return match (difference(&recorded.figures, observed), set) {
            (Some(_), _) => RowVerdict::Differs,
            (None, RowSet::Shown) => RowVerdict::ThroughMask,
            (None, RowSet::Open) if sets.len() > 1 => RowVerdict::EqualOpen,
            (None, _) => RowVerdict::Equal,
        };
    }
    RowVerdict::NotProvable
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 5] =
        [Self::NotRecorded, Self::Hidden, Self::Denied, Self::MaskChanged, Self::Type];
}

impl Verdict {
    /// Whether the column is proven not to be what was transferred.
    pub const fn is_different(self) -> bool {
        matches!(self, Self::Differs(_))
    }

    /// Whether the column is proven, at least as far as its mask shows something.
    pub const fn is_proven(self) -> bool {
        matches!(self, Self::Plain | Self::ThroughMask)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "equal",
            Self::ThroughMask => "equal through the mask",
            Self::Differs(Difference::Count) => "differs: another number of values",
            Self::Differs(Difference::Total) => "differs: another sum",
            Self::Differs(Difference::Values) => "differs: other values",
            Self::NotProvable(Reason::NotRecorded) => "not provable: no figures of that day",
            Self::NotProvable(Reason::Hidden) => "not provable: the mask shows nothing",
            Self::NotProvable(Reason::Denied) => "not provable: you may not query it",
            Self::NotProvable(Reason::MaskChanged) => "not provable: another mask since that day",
            Self::NotProvable(Reason::Type) => "not provable: its type has no text",
        })
    }
}

/// Whether a mask shows something of a value, so that what it shows can be compared.
pub const fn shows_something(mask: Mask) -> bool {
    !matches!(mask, Mask::AlwaysNull | Mask::DefaultMaskingValue)
}

/// Compares a column. `mask` is that of its class now, `None` for the class `none`; `rows` are the rows
/// of the table in BigQuery.
///
/// A person with the right to plain values sees them where another sees a mask. No caller knows which
/// of the two BigQuery showed, so both are compared. The weaker statement wins where both hold.
pub fn compare(
    proof: Option<&ColumnProof>,
    observed: Option<&Observed>,
    mask: Option<Mask>,
    ty: ColumnType,
    rows: u64,
) -> Verdict {
    let Some(observed) = observed else { return Verdict::NotProvable(Reason::Denied) };
    let Some(mask) = mask else {
        return match proof {
            None => Verdict::NotProvable(Reason::NotRecorded),
            Some(proof) => match difference(&proof.plain, observed) {
                None => Verdict::Plain,
                Some(difference) => Verdict::Differs(difference),
            },
        };
    };
    if !shows_something(mask) && is_hidden(mask, observed, ty, rows) {
        return Verdict::NotProvable(Reason::Hidden);
    }
    let Some(proof) = proof else { return Verdict::NotProvable(Reason::NotRecorded) };
    if let Some(masked) = &proof.masked
        && masked.mask == mask
        && difference(&masked.figures, observed).is_none()
    {
        return Verdict::ThroughMask;
    }
    let Some(difference) = difference(&proof.plain, observed) else { return Verdict::Plain };
    let comparable = match &proof.masked {
        Some(masked) => masked.mask == mask,
        // The caller sees plain values: what the mask shows is constant, and this is not it.
        None => !shows_something(mask),
    };
    match comparable {
        true => Verdict::Differs(difference),
        false => Verdict::NotProvable(Reason::MaskChanged),
    }
}

/// Whether these are the figures of what a mask shows that shows nothing.
fn is_hidden(mask: Mask, observed: &Observed, ty: ColumnType, rows: u64) -> bool {
    // An array cannot be NULL: without values, it is empty.
    let shown: Option<&[u8]> = match (mask, ty) {
        (_, ColumnType { repeated: true, .. }) => Some(b""),
        (Mask::AlwaysNull, _) => None,
        (_, ColumnType { ty: BigQueryType::String | BigQueryType::Bytes, .. }) => Some(b""),
        (_, ColumnType { ty: BigQueryType::Bool, .. }) => Some(b"false"),
        _ => Some(b"0"),
    };
    let mut figures = Figures::none(None);
    if let Some(text) = shown {
        figures.add_times(farm::fingerprint(text), rows);
    }
    difference(&figures, observed).is_none()
}

/// The first figure that differs. Totals are compared if both sides have one.
pub fn difference(recorded: &Figures, observed: &Observed) -> Option<Difference> {
    if recorded.count != observed.count {
        return Some(Difference::Count);
    }
    if let (Some(recorded), Some(observed)) = (recorded.total, &observed.total)
        && recorded.text() != *observed
    {
        return Some(Difference::Total);
    }
    let same = recorded.sum == observed.sum.unwrap_or(0)
        && recorded.xor.cast_signed() == observed.xor.unwrap_or(0);
    (!same).then_some(Difference::Values)
}

#[cfg(test)]
mod tests {
    use super::super::Masked;
    use super::*;

    const TEXT: ColumnType = ColumnType::scalar(BigQueryType::String);

    fn figures(texts: &[&str]) -> Figures {
        let mut figures = Figures::none(None);
        texts.iter().for_each(|text| figures.add(farm::fingerprint(text.as_bytes())));
        figures
    }

    fn observed(texts: &[&str]) -> Observed {
        let figures = figures(texts);
        let any = (!texts.is_empty()).then_some(());
        Observed {
            count: figures.count,
            sum: any.map(|()| figures.sum),
            xor: any.map(|()| figures.xor.cast_signed()),
            total: None,
        }
    }

    fn proof(plain: &[&str], masked: Option<(Mask, &[&str])>) -> ColumnProof {
        let masked = masked.map(|(mask, texts)| Masked { mask, figures: figures(texts) });
        ColumnProof { plain: figures(plain), masked, texts: None, content: None }
    }

    #[test]
    fn a_column_of_class_none() {
        let recorded = proof(&["a", "b"], None);
        let check =
            |texts: &[&str]| compare(Some(&recorded), Some(&observed(texts)), None, TEXT, 2);
        assert_eq!(check(&["b", "a"]), Verdict::Plain);
        assert_eq!(check(&["a"]), Verdict::Differs(Difference::Count));
        assert_eq!(check(&["a", "c"]), Verdict::Differs(Difference::Values));
        assert_eq!(check(&["a", "a"]), Verdict::Differs(Difference::Values));
        let none = compare(None, Some(&observed(&["a"])), None, TEXT, 1);
        assert_eq!(none, Verdict::NotProvable(Reason::NotRecorded));
        // A column without values.
        let empty = compare(Some(&proof(&[], None)), Some(&observed(&[])), None, TEXT, 2);
        assert_eq!(empty, Verdict::Plain);
    }

    #[test]
    fn a_mask_that_shows_something() {
        let mask = Some(Mask::LastFourCharacters);
        let recorded = proof(&["12345"], Some((Mask::LastFourCharacters, &["XXXXX2345"])));
        let check =
            |texts: &[&str]| compare(Some(&recorded), Some(&observed(texts)), mask, TEXT, 1);
        assert_eq!(check(&["XXXXX2345"]), Verdict::ThroughMask);
        assert_eq!(check(&["12345"]), Verdict::Plain, "a reader of plain values");
        assert_eq!(check(&["XXXXX2346"]), Verdict::Differs(Difference::Values));
        assert_eq!(check(&["12346"]), Verdict::Differs(Difference::Values));
        assert_eq!(check(&[]), Verdict::Differs(Difference::Count), "the mask never shows NULL");
        // What can be said by two ways is said by the weaker one.
        let both = proof(&["a"], Some((Mask::EmailMask, &["a"])));
        let verdict = compare(Some(&both), Some(&observed(&["a"])), Some(Mask::EmailMask), TEXT, 1);
        assert_eq!(verdict, Verdict::ThroughMask);
        let other = compare(Some(&recorded), Some(&observed(&["x"])), Some(Mask::Sha256), TEXT, 1);
        assert_eq!(other, Verdict::NotProvable(Reason::MaskChanged));
        assert_eq!(
            compare(Some(&recorded), None, mask, TEXT, 1),
            Verdict::NotProvable(Reason::Denied)
        );
    }

    #[test]
    fn a_mask_that_shows_nothing() {
        let hidden = Verdict::NotProvable(Reason::Hidden);
        let recorded = proof(&["a", "b"], None);
        let check = |mask, texts: &[&str]| {
            compare(Some(&recorded), Some(&observed(texts)), Some(mask), TEXT, 2)
        };
        assert_eq!(check(Mask::AlwaysNull, &[]), hidden);
        assert_eq!(check(Mask::DefaultMaskingValue, &["", ""]), hidden);
        assert_eq!(
            check(Mask::AlwaysNull, &["a", "b"]),
            Verdict::Plain,
            "a reader of plain values"
        );
        assert_eq!(check(Mask::AlwaysNull, &["a", "c"]), Verdict::Differs(Difference::Values));
        let day = ColumnType::scalar(BigQueryType::Date);
        let shown = observed(&["0", "0"]);
        let dates = compare(None, Some(&shown), Some(Mask::DefaultMaskingValue), day, 2);
        assert_eq!(dates, hidden, "1970-01-01");
        let list = ColumnType { ty: BigQueryType::Int64, repeated: true };
        let lists = compare(None, Some(&observed(&["", ""])), Some(Mask::AlwaysNull), list, 2);
        assert_eq!(lists, hidden);
        // Without any value, plain and mask are the same, and nothing is proven.
        let empty = proof(&[], None);
        let verdict = compare(Some(&empty), Some(&observed(&[])), Some(Mask::AlwaysNull), TEXT, 2);
        assert_eq!(verdict, hidden);
    }

    #[test]
    fn rows_are_compared_by_the_set_that_the_caller_sees() {
        let (open, mail) = (RowColumn::Open, RowColumn::Masked(Mask::EmailMask));
        let columns = [("id", open), ("mail", mail), ("secret", RowColumn::Hidden)];
        let plan = RowPlan::new(columns.map(|(name, it)| (name.to_owned(), it)));
        let rows = |set: RowSet, text| {
            (set, RowProof { columns: plan.digest(set), figures: figures(&[text]) })
        };
        let recorded: BTreeMap<_, _> =
            [(RowSet::Open, "o"), (RowSet::Shown, "s"), (RowSet::All, "a")]
                .map(|(set, text)| rows(set, text))
                .into();
        let seen = |texts: [&str; 3]| -> BTreeMap<_, _> {
            RowSet::ALL.into_iter().zip(texts.map(|text| observed(&[text]))).collect()
        };
        let hidden = Verdict::NotProvable(Reason::Hidden);
        let check = |verdicts: [Verdict; 3], texts| {
            let columns = columns.iter().zip(verdicts).map(|((_, it), verdict)| (*it, verdict));
            compare_rows(&plan, &columns.collect::<Vec<_>>(), &recorded, &seen(texts))
        };
        let (plain, masked) = (Verdict::Plain, Verdict::ThroughMask);
        let all = [plain; 3];
        assert_eq!(check(all, ["o", "x", "a"]), RowVerdict::Equal);
        assert_eq!(check(all, ["o", "s", "x"]), RowVerdict::Differs, "cells with a class");
        let reader = [plain, masked, hidden];
        assert_eq!(check(reader, ["o", "s", "x"]), RowVerdict::ThroughMask);
        assert_eq!(check(reader, ["o", "x", "x"]), RowVerdict::Differs);
        // A reader of one class and not of the other sees neither set.
        assert_eq!(check([plain, plain, hidden], ["o", "x", "x"]), RowVerdict::EqualOpen);
        assert_eq!(check([plain, plain, hidden], ["x", "x", "x"]), RowVerdict::Differs);
        assert_eq!(check([hidden, plain, hidden], ["o", "s", "a"]), RowVerdict::NotProvable);
        // Other classes than at the transfer, and a day without fingerprints.
        let other = RowPlan::new([("id".to_owned(), open), ("mail".to_owned(), open)]);
        let id = [(open, plain), (open, plain)];
        let verdict = compare_rows(&other, &id, &recorded, &seen(["o", "s", "a"]));
        assert_eq!(verdict, RowVerdict::NotProvable);
        let verdict = compare_rows(&plan, &id, &BTreeMap::new(), &seen(["o", "s", "a"]));
        assert_eq!(verdict, RowVerdict::NotProvable);
    }

    #[test]
    fn a_total_names_itself() {
        let mut recorded = proof(&["1", "2"], None);
        recorded.plain.total = Some(super::super::Total { units: 3, scale: 0 });
        let seen = Observed { total: Some("4".to_owned()), ..observed(&["1", "2"]) };
        let number = ColumnType::scalar(BigQueryType::Int64);
        let verdict = compare(Some(&recorded), Some(&seen), None, number, 2);
        assert_eq!(verdict, Verdict::Differs(Difference::Total));
        assert!(verdict.is_different());
    }
}
