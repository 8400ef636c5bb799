//! Alerts: one log line at `error` per change of state, not per event.
//!
//! An alert about a problem is raised once a day, however many ticks meet it, because a person
//! must act; if the day is done again, once more per request that meets it. A notice stops nothing, so it is reported when it first applies and not again while
//! it stays the same.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::ids::short_hash;
use landbridge_core::plan::Problem;
use landbridge_ledger::records::{self, Alert, Notice};
use landbridge_ledger::{DayLedger, SourceLedger};

/// Reports a notice on the first day that it applies. `key` identifies the notice across days,
/// so it contains no day and no export id.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn notice(
    ledger: &SourceLedger,
    problem: &Problem,
    key: &str,
    day: Day,
) -> Result<()> {
    notice_of_many(ledger, &[(problem.clone(), key.to_owned())], "", day).await
}

/// The key of the notice that the values of these columns of class `none` look personal. Without counts, so that the
/// same columns on the next day are the same notice, whichever stage reports it.
pub(crate) fn looks_personal_key(table: &str, mut columns: Vec<&str>) -> String {
    columns.sort_unstable();
    format!("looks personal\n{table}\n{}", columns.join(", "))
}

/// The key of the notice that these columns of class `none` cannot be judged.
pub(crate) fn not_judged_key(table: &str, columns: &str) -> String {
    format!("not judged\n{table}\n{columns}")
}

/// Names in the notice of several things; the receipts have all of them.
const MOST_NAMES: usize = 20;

/// As [`notice`], for things that may begin to apply together: problems of one kind are reported in one line
/// that lists them and has this `action`. Each is identified by its own key, beside its problem.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn notice_of_many(
    ledger: &SourceLedger,
    notices: &[(Problem, String)],
    action: &str,
    day: Day,
) -> Result<()> {
    let mut pending = Vec::new();
    for (problem, key) in notices {
        let fingerprint = short_hash(&format!("{}\n{key}", problem.what));
        let name = records::notice(&fingerprint);
        let earlier = ledger.get(&name).await?;
        let reported = match &earlier {
            Some(earlier) if earlier.value.last >= day => continue,
            Some(earlier) if is_consecutive(earlier.value.last, day) => {
                Some(earlier.value.reported)
            }
            _ => None,
        };
        pending.push((problem, fingerprint, name, earlier, reported));
    }
    // Before the records: a crash in between repeats the notice rather than losing it.
    let mut new: BTreeMap<&str, Vec<(&Problem, &str)>> = BTreeMap::new();
    for (problem, fingerprint, ..) in pending.iter().filter(|it| it.4.is_none()) {
        new.entry(&problem.what).or_default().push((problem, fingerprint));
    }
    for together in new.values() {
        match together.as_slice() {
            [(problem, fingerprint)] => log(fingerprint, problem, ""),
            [(first, fingerprint), ..] => log(fingerprint, &joined(first, together, action), ""),
            [] => {}
        }
    }
    for (problem, _, name, earlier, reported) in pending {
        let reported = reported.unwrap_or(day);
        let notice = Notice { problem: problem.clone(), reported, last: day };
        match earlier {
            Some(earlier) => ledger.replace(&name, &earlier.etag, &notice).await?,
            None => ledger.create(&name, &notice).await?,
        };
    }
    Ok(())
}

/// One problem for several of the same kind.
fn joined(first: &Problem, together: &[(&Problem, &str)], action: &str) -> Problem {
    let names = together.iter().take(MOST_NAMES).map(|(problem, _)| problem.context.as_str());
    let names: Vec<&str> = names.collect();
    let mut context = format!("{} tables: {}", together.len(), names.join("; "));
    if together.len() > MOST_NAMES {
        let _ = write!(context, "; and {} more", together.len() - MOST_NAMES);
    }
    Problem { context, action: action.to_owned(), ..first.clone() }
}

/// Whether the notice applied without a gap: `day` is at most the day after `last`.
fn is_consecutive(last: Day, day: Day) -> bool {
    last.date().tomorrow().is_ok_and(|next| next >= day.date())
}

/// What an alert is about: with its problem, the identity of the alert within its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject<'a> {
    /// The table, or another thing of the day; may be empty.
    table: &'a str,
    /// The request to do the day again under which the problem was met; empty without one.
    redo: String,
}

impl<'a> Subject<'a> {
    /// Something that no request repeats.
    pub(crate) fn new(table: &'a str) -> Self {
        Self { table, redo: String::new() }
    }

    /// Something that the `redo`-th request repeats (0: the day itself). A person requested it to solve a
    /// problem, so a problem that the request meets again is reported again, once per request.
    pub(crate) fn of_redo(table: &'a str, redo: u32) -> Self {
        Self { table, redo: if redo == 0 { String::new() } else { redo.to_string() } }
    }

    /// A tick that worked on these requests, as well as on its own day.
    pub(crate) fn of_requests(table: &'a str, redo: String) -> Self {
        Self { table, redo }
    }

    fn fingerprint(&self, problem: &Problem) -> String {
        let Self { table, redo } = self;
        let mut key = format!("{}\n{}\n{table}", problem.kind, problem.what);
        if !redo.is_empty() {
            let _ = write!(key, "\nredo {redo}");
        }
        short_hash(&key)
    }
}

/// Raises an alert unless the day has raised it already, for the same request if it was done again.
///
/// The line is written before the record, so a crash in between repeats the alert rather than
/// losing it.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn raise(
    ledger: &DayLedger,
    problem: &Problem,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Result<()> {
    let fingerprint = subject.fingerprint(problem);
    let name = records::alert(&fingerprint);
    if ledger.get(&name).await?.is_some() {
        return Ok(());
    }
    let Subject { table, redo } = subject;
    log(&fingerprint, problem, table);
    let alert = Alert {
        problem: problem.clone(),
        table: (*table).to_owned(),
        redo: redo.clone(),
        raised_at: now,
    };
    ledger.create(&name, &alert).await.map(|_| ())
}

fn log(fingerprint: &str, problem: &Problem, table: &str) {
    tracing::error!(
        alert = fingerprint,
        kind = problem.kind,
        table,
        context = problem.context,
        action = problem.action,
        "{}",
        problem.what
    );
}

#[cfg(test)]
mod tests {
    use landbridge_core::ErrorKind;

    use super::*;

    #[test]
    fn the_request_is_part_of_the_identity_and_the_context_is_not() {
        let problem = |context: &str| Problem::new(ErrorKind::Held, "a table is held", context);
        let of =
            |table, redo, context| Subject::of_redo(table, redo).fingerprint(&problem(context));
        assert_eq!(of("orders", 0, "3 rows"), of("orders", 0, "4 rows"));
        assert_eq!(of("orders", 0, ""), Subject::new("orders").fingerprint(&problem("")));
        let different =
            [of("orders", 0, ""), of("orders", 1, ""), of("orders", 2, ""), of("people", 1, "")];
        let unique: std::collections::BTreeSet<&String> = different.iter().collect();
        assert_eq!(unique.len(), different.len());
    }
}
