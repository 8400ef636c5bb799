//! NULLs and damaged text.

use super::{Audited, Check, MIN_DAYS, Verdict};

/// A rise of the share of NULLs by less than five points is never a finding.
const MIN_SHARE: f64 = 0.05;
/// A column that never had a NULL may have one in a hundred.
const NEVER_NULL_SHARE: f64 = 0.01;
/// Fewer additional NULLs are never a finding.
const MIN_NULLS: f64 = 20.0;
/// A rise is a finding if it is more than so many times the range of the earlier days.
const TIMES_RANGE: f64 = 2.0;
/// Less damaged text is never a finding.
const MIN_DAMAGED: u64 = 10;

/// The share of NULLs of each column against the earlier days.
pub(super) fn nulls(it: &Audited<'_>) -> Vec<Verdict> {
    if it.history.len() < MIN_DAYS {
        return vec![Verdict::waits(Check::Nulls, it.history.len())];
    }
    let mut verdicts = Vec::new();
    let mut unknown = Vec::new();
    for column in it.today.columns.keys() {
        let earlier: Vec<f64> =
            it.history.iter().filter_map(|day| day.null_share(column)).collect();
        let Some(share) = it.today.null_share(column) else {
            unknown.push(format!("`{column}`"));
            continue;
        };
        if earlier.len() < MIN_DAYS {
            continue;
        }
        let largest = earlier.iter().copied().fold(0.0, f64::max);
        let smallest = earlier.iter().copied().fold(1.0, f64::min);
        let allowed = match largest {
            0.0 => NEVER_NULL_SHARE,
            largest => largest + MIN_SHARE.max(TIMES_RANGE * (largest - smallest)),
        };
        let more = (share - largest) * it.today.rows as f64;
        if share > allowed && more >= MIN_NULLS {
            let text = format!(
                "{:.1} % of its rows are NULL, at most {:.1} % were on {} earlier days",
                share * 100.0,
                largest * 100.0,
                earlier.len()
            );
            verdicts.push(Verdict::found(Check::Nulls, text).of(column));
        }
    }
    finish(Check::Nulls, verdicts, &unknown, "the files do not count the NULLs of")
}

/// Damaged text of each column against the earlier days.
pub(super) fn encoding(it: &Audited<'_>) -> Vec<Verdict> {
    if it.text.is_empty() {
        return Vec::new();
    }
    if it.history.len() < MIN_DAYS {
        return vec![Verdict::waits(Check::Encoding, it.history.len())];
    }
    let mut verdicts = Vec::new();
    let mut unknown = Vec::new();
    for column in it.text {
        let Some(damaged) = it.today.columns.get(column).and_then(|it| it.damaged) else {
            unknown.push(format!("`{column}`"));
            continue;
        };
        let earlier = it.history.iter().filter_map(|day| day.columns.get(column)?.damaged);
        // Copied columns may be read on one day of seven.
        let Some(largest) = earlier.max() else { continue };
        if damaged >= MIN_DAMAGED && damaged > 2 * largest {
            let text = format!(
                "{damaged} values are not UTF-8 or contain the replacement character, at most {largest} on earlier days"
            );
            verdicts.push(Verdict::found(Check::Encoding, text).of(column));
        }
    }
    finish(Check::Encoding, verdicts, &unknown, "copied without being read today:")
}

/// The findings, or that there are none; and what was not visible.
fn finish(check: Check, mut verdicts: Vec<Verdict>, unknown: &[String], why: &str) -> Vec<Verdict> {
    if verdicts.is_empty() {
        verdicts.push(Verdict::passed(check));
    }
    if !unknown.is_empty() {
        verdicts.push(Verdict::not_visible(check, format!("{why} {}", unknown.join(", "))));
    }
    verdicts
}
