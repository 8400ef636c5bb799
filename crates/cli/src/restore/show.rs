//! The plan and the outcome of a restore as text.

use std::fmt::Write;

use landbridge_core::restore::plan::SettingComparison;
use landbridge_core::restore::{RestoreOrigin, RestorePlan, SettingValue};

use super::RestoreContext;
use super::execute::RestoreOutcome;
use crate::paint::Paint;
use crate::render::{self, left, shortened};

/// Longest value shown in a plan, in characters.
const MAX_VALUE_WIDTH: usize = 44;

/// The plan as a diff against the source's current settings.
pub(super) fn plan(
    context: &RestoreContext,
    plan: &RestorePlan,
    lines: &[SettingComparison],
    remarks: &[String],
) -> String {
    let paint = Paint::stdout();
    let from = match &plan.origin {
        RestoreOrigin::Snapshot(id) => id.clone(),
        RestoreOrigin::Time(at) => {
            format!("the logs of {} up to {}", plan.source, context.local(*at))
        }
        RestoreOrigin::Latest => format!("the logs of {} up to their end", plan.source),
    };
    let mut text = format!(
        "{}  from {from}\n  {} {} {}\n\n",
        paint.bold(&plan.target),
        plan.kind.as_str(),
        plan.engine,
        plan.engine_version
    );
    let columns =
        [left(""), left("setting"), left(&format!("{} now", plan.source)), left(&plan.target)];
    let value = |value: Option<&SettingValue>| value.map_or("–".to_owned(), |it| it.to_string());
    let rows = lines.iter().map(|line| {
        let name = match line.member.as_str() {
            "" => line.setting.name(),
            member => format!("{member}: {}", line.setting.name()),
        };
        vec![
            if line.differs { "≠" } else { "" }.to_owned(),
            name,
            shortened(&value(line.source.as_ref()), MAX_VALUE_WIDTH),
            shortened(&value(line.restored.as_ref()), MAX_VALUE_WIDTH),
        ]
    });
    text += &render::table(&columns, rows.collect(), 2);
    let differing = lines.iter().filter(|line| line.differs).count();
    let _ = writeln!(text, "\n  {differing} of {} settings differ (≠)", lines.len());
    for remark in remarks {
        let _ = writeln!(text, "  {} {remark}", paint.yellow("note"));
    }
    for it in &plan.manual_steps {
        let _ = writeln!(text, "  {} by hand afterwards: {it}", paint.yellow("note"));
    }
    let _ = writeln!(text, "  {} is not changed.", plan.source);
    text
}

/// How to connect to the restored database, and the next command.
pub(super) fn outcome(plan: &RestorePlan, outcome: &RestoreOutcome, duration: &str) -> String {
    let paint = Paint::stdout();
    let RestoreOutcome { id, host, port, user, .. } = outcome;
    let scheme = if outcome.engine.contains("postgres") { "postgres" } else { "mysql" };
    let database = outcome.database.as_deref().unwrap_or("DATABASE");
    let mut text = format!("{} {id} after {duration}\n\n", paint.green("restored"));
    let _ = writeln!(text, "  host      {host}\n  port      {port}\n  user      {user}");
    let _ = writeln!(text, "  password  as at the time of the snapshot");
    let _ = writeln!(text, "  url       {scheme}://{user}:PASSWORD@{host}:{port}/{database}\n");
    if !outcome.members.is_empty() {
        let _ = writeln!(text, "  members   {}\n", outcome.members.join(", "));
    }
    for it in &outcome.not_as_planned {
        let _ = writeln!(text, "  {} differs from the plan: {it}", paint.yellow("note"));
    }
    for it in &plan.manual_steps {
        let _ = writeln!(text, "  {} by hand: {it}", paint.yellow("note"));
    }
    let _ = writeln!(
        text,
        "  RDS loads the data from S3 on first access, so the first queries are slow.\n  To give it the name and endpoint of {}: landbridge restore --as {id} --swap",
        plan.source
    );
    text
}

/// A duration, as `4 min 12 s`.
pub(super) fn duration(seconds: i64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
