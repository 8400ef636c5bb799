//! The report of `landbridge access` for people.

use std::fmt::Write;

use landbridge_core::access::{
    Certainty, ClassRead, Filter, Finding, Grant, PrincipalAccess, Report, Seen, Sight,
};
use landbridge_core::config::{CLASS_NONE, Config};

use super::AccessReport;
use crate::paint::Paint;
use crate::render::{self, left, printable};

/// Columns of a table that are named; the others are counted.
const SHOWN_COLUMNS: usize = 5;

/// The report. Writing to a String cannot fail.
pub(super) fn render(all: &AccessReport, config: &Config, filter: &Filter) -> String {
    let report = &all.report;
    let mut out = grid(report, filter);
    if report.principals.iter().any(has_mark) || report.everyone_else.at_least {
        out += "?  at least this: a policy that was not read may give more\n";
    }
    more(report, &mut out);
    derived(all, &mut out);
    month(all, &mut out);
    others(report, &mut out);
    not_known(report, &mut out);
    let _ = write!(
        out,
        "\nNot covered: who is in a group; the exports in s3://{} (IAM of the AWS account decides: aws s3api get-bucket-policy --bucket {})",
        config.export.bucket, config.export.bucket
    );
    out
}

fn has_mark(it: &PrincipalAccess) -> bool {
    it.none.at_least || it.landing_files.at_least || it.classes.values().any(|of| of.at_least)
}

/// One line per principal: what it sees of each class.
fn grid(report: &Report, filter: &Filter) -> String {
    let columns =
        [left("who"), left("plain"), left("masked"), left("not at all"), left("landing files")];
    let shows_none = filter.class.as_ref().is_none_or(|it| it == CLASS_NONE);
    let mut rows: Vec<Vec<String>> =
        report.principals.iter().map(|it| row(it, shows_none)).collect();
    if filter.principal.is_none() {
        let rest = short(&report.everyone_else);
        rows.push(vec!["everyone else".into(), "–".into(), "–".into(), rest.clone(), rest]);
    }
    render::table(&columns, rows, 0)
}

fn row(it: &PrincipalAccess, shows_none: bool) -> Vec<String> {
    let name = match &it.function {
        Some(function) => format!("function {function}"),
        None => printable(&it.principal),
    };
    let named = |word: &str| -> Vec<String> {
        let none = shows_none.then_some((CLASS_NONE, &it.none));
        let classes = it.classes.iter().map(|(name, of)| (name.as_str(), of)).chain(none);
        classes
            .filter(|(_, of)| sight_word(&of.sees) == word)
            .map(|(name, of)| format!("{name}{}", if of.at_least { " ?" } else { "" }))
            .collect()
    };
    let [plain, masked, nothing] = in_short(["plain", "masked", "nothing"].map(named));
    vec![name, plain, masked, nothing, short(&it.landing_files)]
}

/// The lists of classes of one principal. The longest is not spelled out if it has more than three.
fn in_short(lists: [Vec<String>; 3]) -> [String; 3] {
    let all: usize = lists.iter().map(Vec::len).sum();
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    let mut shortened = false;
    lists.map(|classes| {
        let is_certain = !classes.iter().any(|it| it.ends_with(" ?"));
        if classes.len() == longest && longest > 3 && is_certain && !shortened {
            shortened = true;
            return if longest == all { "all" } else { "all others" }.to_owned();
        }
        if classes.is_empty() { "–".to_owned() } else { classes.join(", ") }
    })
}

fn short(seen: &Seen) -> String {
    match (&seen.sees, seen.at_least) {
        (Sight::Nothing, true) => "not known".to_owned(),
        (Sight::Nothing, false) => "nothing".to_owned(),
        (sight, mark) => format!("{}{}", sight_word(sight), if mark { " ?" } else { "" }),
    }
}

fn sight_word(sight: &Sight) -> &'static str {
    match sight {
        Sight::Nothing => "nothing",
        Sight::Masked(_) => "masked",
        Sight::Plain => "plain",
    }
}

fn through(grants: &[Grant]) -> String {
    let one = |it: &Grant| {
        let member = it.member.as_str();
        let condition = match &it.condition {
            Some(condition) => {
                format!(", if the condition \"{}\" holds", printable(&condition.title))
            }
            None => String::new(),
        };
        format!("{} for {} on {}{condition}", it.role, printable(member), it.place)
    };
    grants.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn more(report: &Report, out: &mut String) {
    let paint = Paint::stdout();
    if !report.shows_more() {
        return;
    }
    let _ = writeln!(out, "\nMore than landbridge.yaml says:");
    for it in &report.more_than_configured {
        let _ = writeln!(out, "{} {}", paint.red("more"), finding(it));
        match it.through.is_empty() {
            true => {
                let _ = writeln!(out, "  because the taxonomy does not enforce its tags");
            }
            false => {
                let _ = writeln!(out, "  by {}", through(&it.through));
            }
        }
        for command in &it.commands {
            let _ = writeln!(out, "  → {command}");
        }
    }
    columns(report, out);
}

/// Columns that everyone who may query the dataset reads, and tables that Landbridge does not protect.
fn columns(report: &Report, out: &mut String) {
    let paint = Paint::stdout();
    for it in report.open_tables() {
        let names: Vec<String> =
            it.untagged.iter().take(SHOWN_COLUMNS).map(|name| printable(name)).collect();
        let rest = if it.untagged.len() > SHOWN_COLUMNS { ", …" } else { "" };
        let _ = writeln!(
            out,
            "{} table {} is not Landbridge's, and has no policy tag on {}: {}{rest}: everyone who may query the dataset reads them\n  → find out who made it and of what; delete it, or move it out of the dataset (docs/access.md#tables-of-others)",
            paint.red("more"),
            printable(&it.table),
            render::counted(it.untagged.len(), "column"),
            names.join(", "),
        );
    }
    for it in &report.unprotected_columns {
        let what = match &it.has {
            Some(class) => format!("has the policy tag of class {class}"),
            None => {
                "has no policy tag of a class: everyone who may query the dataset reads it".into()
            }
        };
        let _ = writeln!(
            out,
            "{} column {}.{} of class {} {what}\n  → wait for the protection pass, or start the function protect; then find out who removed the tag (docs/operations.md)",
            paint.red("more"),
            printable(&it.table),
            printable(&it.column),
            it.class
        );
    }
}

fn finding(it: &Finding) -> String {
    let what = match (it.landing_files, it.classes.as_slice()) {
        (true, _) => "the files of the landing bucket, with every class in plain".to_owned(),
        (false, [class]) if class == CLASS_NONE => "columns of class none".to_owned(),
        (false, classes) => format!("{} {}", classes.join(", "), it.sees),
    };
    let should = match (&it.allowed, it.landing_files) {
        (Sight::Nothing, _) => String::new(),
        (allowed, _) => format!(", should see {allowed}"),
    };
    let when = match it.if_it_may_query {
        true => ", as soon as it may query the dataset (a group of it may already)",
        false => "",
    };
    format!("{} sees {what}{should}{when}", printable(&it.principal))
}

/// What a certainty says of a person's sight.
fn plain(it: Certainty) -> &'static str {
    match it {
        Certainty::Plain => "which it sees in plain",
        Certainty::PlainIfInGroup => "in plain if it is in a group that reads them (not known)",
    }
}

fn derived(report: &AccessReport, out: &mut String) {
    let list = |classes: &std::collections::BTreeSet<String>| {
        classes.iter().cloned().collect::<Vec<_>>().join(", ")
    };
    if !report.derived_tables.is_empty() {
        let _ = writeln!(
            out,
            "\nTables made of columns with a class in the last {} days (best effort). No policy tag protects them:",
            report.days
        );
    }
    for it in &report.derived_tables {
        let _ = writeln!(
            out,
            "  {} by {}: {}, {}\n  → find out what it is for; delete it, or let the account of the models make it (docs/access.md#derived-tables)",
            printable(&it.table),
            printable(&it.made_by),
            list(&it.classes),
            plain(it.plain)
        );
    }
    if !report.plain_dashboards.is_empty() {
        let _ = writeln!(
            out,
            "\nDashboards of the last {} days that query as an identity that sees plain values (best effort):",
            report.days
        );
    }
    for it in &report.plain_dashboards {
        let owner = match it.one_identity {
            true => {
                ", and as no other identity: probably with its owner's credentials, so every viewer sees this"
            }
            false => "",
        };
        let _ = writeln!(
            out,
            "  {} queries as {}{owner}: {}, {}\n  → set the data source to viewer's credentials, or to a masked service account",
            it.url,
            printable(&it.queries_as),
            list(&it.classes),
            plain(it.plain)
        );
    }
}

fn month(report: &AccessReport, out: &mut String) {
    let (Some(month), Some(reads)) = (&report.month, &report.reads) else { return };
    let _ = writeln!(
        out,
        "\nRead in {month}, by BigQuery's records of access (columns and days exact; plain or not by the policies of today):"
    );
    if reads.is_empty() {
        let _ = writeln!(out, "  no record of a read of a column with a class");
    }
    let row = |it: &ClassRead| {
        let columns: Vec<String> = (it.columns.iter().map(|of| printable(of)))
            .chain(
                it.columns_not_recorded
                    .iter()
                    .map(|of| format!("{}.? (not recorded)", printable(of))),
            )
            .collect();
        let plain = match it.plain {
            Some(Certainty::Plain) => "plain",
            Some(Certainty::PlainIfInGroup) => "plain if in a group",
            None => "not plain",
        };
        vec![
            printable(&it.principal),
            it.class.clone(),
            plain.to_owned(),
            it.reads.to_string(),
            it.days.len().to_string(),
            columns.join(", "),
        ]
    };
    if !reads.is_empty() {
        let columns = [
            left("who"),
            left("class"),
            left("sees"),
            render::right("reads"),
            render::right("days"),
            left("columns"),
        ];
        *out += &render::table(&columns, reads.iter().map(row).collect(), 2);
    }
}

fn others(report: &Report, out: &mut String) {
    if !report.unnamed_readers.is_empty() {
        let _ = writeln!(
            out,
            "\nReaders of the dataset whom no class names (columns of class none). If Terraform's dataset_readers names them, say so with --dataset-reader:"
        );
        for it in &report.unnamed_readers {
            let _ = writeln!(out, "  {} by {}", printable(&it.principal), through(&it.through));
        }
    }
    if !report.can_open.is_empty() {
        let _ = writeln!(out, "\nCan give themselves or others more, or remove policy tags:");
        for it in &report.can_open {
            let _ = writeln!(out, "  {} by {}", printable(&it.principal), through(&it.through));
        }
    }
    for it in &report.authorized {
        let _ = writeln!(
            out,
            "\nAuthorized {}: it reads the tables on behalf of its own readers, who are not listed here",
            printable(it)
        );
    }
    for it in report.foreign_tables.iter().filter(|it| it.untagged.is_empty()) {
        let _ = writeln!(
            out,
            "\nTable {} is not Landbridge's: which policy tags it has is not checked",
            printable(&it.table)
        );
    }
    for (table, policies) in &report.row_policies {
        let _ = writeln!(
            out,
            "\nTable {} has {} row access {}: its readers may see fewer rows",
            printable(table),
            policies,
            if *policies == 1 { "policy" } else { "policies" }
        );
    }
}

fn not_known(report: &Report, out: &mut String) {
    let paint = Paint::stdout();
    if report.not_known.is_empty() {
        return;
    }
    let _ = writeln!(out);
    for it in &report.not_known {
        let _ = writeln!(out, "{} {}: {}", paint.red("not known"), it.what, printable(&it.why));
        let _ = writeln!(out, "  → {}", it.next);
    }
}

#[cfg(test)]
mod tests {
    use super::in_short;

    #[test]
    fn a_long_list_of_classes_is_not_spelled_out() {
        let of = |text: &str| text.split_terminator(',').map(str::to_owned).collect::<Vec<_>>();
        let cases = [
            (["", "", "a,b,c,d"], ["–", "–", "all"]),
            (["e", "f,g", "a,b,c,d"], ["e", "f, g", "all others"]),
            (["e", "", "a,b,c"], ["e", "–", "a, b, c"]),
            (["a,b,c,d", "", "e,f,g,h"], ["all others", "–", "e, f, g, h"]),
            (["", "", "a,b ?,c,d"], ["–", "–", "a, b ?, c, d"]),
        ];
        for (lists, want) in cases {
            assert_eq!(in_short(lists.map(of)), want);
        }
    }
}
