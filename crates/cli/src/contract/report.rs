//! The outputs of `contract check`.
//!
//! Sources: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub
//! documentation, "Workflow commands for GitHub Actions" and "SARIF support for code scanning".

use landbridge_core::contract::review::{ChangeKind, ClassReaders};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::fmt::Write;

use super::finding::{Checked, Finding, Format, Level, UNREAD};
use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::render::{self, counted, printable};

/// Where a person reads about the rules.
const HELP: &str = "https://github.com/landbridge/landbridge/blob/main/docs/contract-review.md";

/// The results of one run that GitHub takes; it refuses a log with more, and then shows none (GitHub documentation, "SARIF support for
/// code scanning": 25,000 results per run).
const MOST_RESULTS: usize = 25_000;

/// What stays as it is in the path of a URI (RFC 3986, section 3.3).
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Prints the result.
pub(super) fn print(checked: &Checked, format: Format) -> Result {
    match format {
        Format::Text => render::print(&text(checked, Paint::stdout())),
        Format::Json => render::json(checked),
        Format::Sarif => render::print(&sarif_text(checked)?),
        Format::Github => render::print(&github(checked)),
    }
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}

/// Who reads, in a line.
pub(super) fn readers(readers: &[ClassReaders]) -> String {
    let of = |it: &ClassReaders| {
        let list = |members: &[String]| match members {
            [] => "no one".to_owned(),
            members => members.join(", "),
        };
        match it.mask {
            None => format!("{}: every reader of the dataset sees plain values", it.class),
            Some(mask) => format!(
                "{}: plain for {}; {mask} for {}",
                it.class,
                list(&it.readers),
                list(&it.masked_readers)
            ),
        }
    };
    readers.iter().map(of).collect::<Vec<_>>().join("; ")
}

fn text(checked: &Checked, paint: Paint) -> String {
    let mut out = String::new();
    for it in &checked.findings {
        let level = match it.level {
            Level::Error => paint.red("error"),
            Level::Warning => paint.yellow("warning"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{level}: {}:{}: {}", printable(&it.file), it.line, it.rule);
        let _ = writeln!(out, "  {}", printable(&it.message));
        if let Some(proposal) = &it.proposal {
            let _ = writeln!(out, "  proposal: {}", printable(proposal));
        }
        if !it.readers.is_empty() {
            let _ = writeln!(out, "  readers:  {}", printable(&readers(&it.readers)));
        }
    }
    for omitted in omitted(checked) {
        let _ = writeln!(out, "{omitted}");
    }
    let warnings = checked.findings.len() - checked.errors();
    let _ = write!(
        out,
        "{} compared with the contract, {}: {}, {}",
        counted(checked.tables, "table"),
        counted(checked.columns, "column"),
        counted(checked.errors(), "error"),
        counted(warnings, "warning")
    );
    out
}

/// What was not compared, and which files were not read.
fn omitted(checked: &Checked) -> Vec<String> {
    let left_out = checked.left_out.iter().map(|it| format!("not compared: {}", printable(it)));
    let not_read = checked.not_read.iter().map(|it| format!("not read: {}", printable(it)));
    left_out.chain(not_read).collect()
}

/// The message with what a person needs to decide.
fn complete(it: &Finding) -> String {
    let mut message = it.message.clone();
    if let Some(proposal) = &it.proposal {
        let _ = write!(message, "\nProposal: {proposal}");
    }
    if !it.readers.is_empty() {
        let _ = write!(message, "\nReaders: {}", readers(&it.readers));
    }
    message
}

/// Annotations of a workflow: a message ends at a line break, and a property also at `:` and `,`.
fn github(checked: &Checked) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let line = |it: &Finding| {
        format!(
            "::{} file={},line={},title={}::{}",
            word(it.level),
            property(&it.file),
            it.line,
            property(&format!("Landbridge: {}", it.rule)),
            data(&complete(it))
        )
    };
    let mut lines: Vec<String> = checked.findings.iter().map(line).collect();
    lines.extend(omitted(checked).iter().map(|it| format!("::notice::{}", data(it))));
    lines.push(format!(
        "{} compared with the contract, {}: {}",
        counted(checked.tables, "table"),
        counted(checked.columns, "column"),
        counted(checked.findings.len(), "finding")
    ));
    lines.join("\n")
}

/// The SARIF log as text.
///
/// # Errors
/// If it cannot be written as JSON.
pub(super) fn sarif_text(checked: &Checked) -> Result<String> {
    serde_json::to_string_pretty(&sarif(checked))
        .map_err(|error| Failure::Failed(format!("cannot write the SARIF log: {error}")))
}

fn sarif(checked: &Checked) -> Value {
    let rules = ChangeKind::ALL.iter().map(|it| (it.name(), it.about(), it.is_error()));
    let rules: Vec<(&str, &str, bool)> = rules.chain([(UNREAD.0, UNREAD.1, true)]).collect();
    let index = |rule: &str| rules.iter().position(|it| it.0 == rule).unwrap_or_default();
    // Errors first, so that the limit leaves out warnings; a stable sort keeps the order of the files.
    let mut findings: Vec<&Finding> = checked.findings.iter().collect();
    findings.sort_by_key(|it| matches!(it.level, Level::Warning));
    let left_out = findings.len().saturating_sub(MOST_RESULTS);
    let results: Vec<Value> = findings
        .into_iter()
        .take(MOST_RESULTS)
        .map(|it| {
            let what = it.column.as_ref().or(it.table.as_ref());
            json!({
                "ruleId": it.rule,
                "ruleIndex": index(it.rule),
                "level": word(it.level),
                "message": { "text": complete(it) },
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": { "uri": utf8_percent_encode(&it.file, PATH).to_string() },
                        "region": { "startLine": it.line },
                    },
                }],
                // The same finding keeps its identity when lines move.
                "partialFingerprints": {
                    "landbridge/v1": format!(
                        "{}:{}:{}", it.rule, it.table.as_deref().unwrap_or(&it.file), what.map_or("", String::as_str)
                    ),
                },
            })
        })
        .collect();
    let rules: Vec<Value> = rules
        .iter()
        .map(|(id, about, is_error)| {
            json!({
                "id": id,
                "shortDescription": { "text": about },
                "helpUri": format!("{HELP}#{id}"),
                "defaultConfiguration": { "level": if *is_error { "error" } else { "warning" } },
            })
        })
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "landbridge contract check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": HELP,
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation(left_out, &omitted(checked))],
            "results": results,
        }],
    })
}

/// How the run ended: which findings are not in the log, and what was not compared, is said in it.
fn invocation(left_out: usize, omitted: &[String]) -> Value {
    let note = |text: &String| json!({ "level": "note", "message": { "text": text } });
    let mut notes: Vec<Value> = omitted.iter().map(note).collect();
    if left_out > 0 {
        let text = format!(
            "{} left out: GitHub takes {MOST_RESULTS} results of a run. --output text prints all",
            counted(left_out, "finding")
        );
        notes.push(json!({ "level": "warning", "message": { "text": text } }));
    }
    json!({ "executionSuccessful": true, "toolExecutionNotifications": notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_at_most_the_results_that_github_takes_and_names_how_many_are_left_out() {
        let finding = |level| Finding {
            level,
            rule: UNREAD.0,
            message: "m".into(),
            file: "1.sql".into(),
            line: 1,
            table: None,
            column: None,
            proposal: None,
            readers: Vec::new(),
        };
        let mut findings = vec![finding(Level::Warning); MOST_RESULTS];
        findings.extend(vec![finding(Level::Error); 3]);
        let log = |findings| sarif(&Checked { findings, ..Checked::default() });
        let all = log(findings);
        let run = &all["runs"][0];
        let levels: Vec<&Value> =
            run["results"].as_array().expect("results").iter().map(|it| &it["level"]).collect();
        assert_eq!(levels.len(), MOST_RESULTS);
        assert_eq!(levels[..4], ["error", "error", "error", "warning"]);
        let note = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert!(note.as_str().is_some_and(|it| it.starts_with("3 findings left out")), "{note}");
        let few = log(vec![finding(Level::Error)]);
        let notes = &few["runs"][0]["invocations"][0]["toolExecutionNotifications"];
        assert_eq!(notes, &json!([]));
    }
}
