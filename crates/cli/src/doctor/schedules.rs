//! Compares the deployed schedules with the schedule files.

use landbridge_aws::inspect::{CallError, Inspector};
use landbridge_core::config::Config;
use landbridge_core::schedule::ScheduleFile;
use serde_json::Value;

use super::Phase;
use super::line::ReportLine;
use super::role::account_of;

/// Each function, and the name of its schedule's check.
const CHECKS: [(&str, &str); 7] = [
    ("snapshot", "schedule of snapshot"),
    ("export", "schedule of export"),
    ("transfer", "schedule of transfer"),
    ("load", "schedule of load"),
    ("protect", "schedule of protect"),
    ("views", "schedule of views"),
    ("notify", "schedule of notify"),
];

/// Checks one schedule per function that the configuration deploys. Without `files`, all lines are unchecked.
pub(super) async fn check(
    client: &Inspector,
    config: &Config,
    files: Option<&[ScheduleFile]>,
    phase: Phase,
) -> Vec<ReportLine> {
    let group = format!("landbridge-{}", config.source.name);
    let mut lines = Vec::new();
    let deployed = config.functions();
    for (function, check) in CHECKS.into_iter().filter(|(name, _)| deployed.contains(name)) {
        let mut line = ReportLine::new("aws", check);
        let file = files.into_iter().flatten().find(|it| it.function == function);
        let Some(file) = file else {
            line.unchecked("needs its file in infra/schedules", None);
            lines.push(line);
            continue;
        };
        match client.schedule(&group, function).await {
            Ok(found) => compare(&mut line, config, file, &found),
            Err(CallError::NotFound) => {
                let what = format!("there is no schedule {group}/{function}");
                line = phase.missing(line, &what, "create it: terraform apply");
            }
            Err(error) => line.call_failed(
                error,
                format!("aws scheduler get-schedule --group-name {group} --name {function}"),
            ),
        }
        lines.push(line);
    }
    lines
}

fn compare(line: &mut ReportLine, config: &Config, file: &ScheduleFile, found: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (expression, target) = (text(&found["ScheduleExpression"]), &found["Target"]);
    // The default (EventBridge Scheduler API reference, CreateSchedule).
    let zone = found["ScheduleExpressionTimezone"].as_str().unwrap_or("UTC");
    let role = &config.export.role_arn;
    let (partition, account) = (role.split(':').nth(1).unwrap_or("aws"), account_of(role));
    let function = format!(
        "arn:{partition}:lambda:{}:{account}:function:landbridge-{}-{}",
        config.source.region, config.source.name, file.function
    );
    let (arn, input) = (text(&target["Arn"]), text(&target["Input"]));
    // A version or an alias of the function may follow.
    let right_function =
        arn.strip_prefix(&function).is_some_and(|it| it.is_empty() || it.starts_with(':'));
    let fix = "run terraform apply, which sets it from landbridge.yaml and infra/schedules";
    if found["State"] != "ENABLED" {
        line.bad(
            format!("its state is {}", text(&found["State"])),
            "terraform apply -var enabled=true, or enable it in EventBridge Scheduler",
        );
    } else if expression != file.expression {
        line.bad(format!("its expression is {expression}, the file has {}", file.expression), fix);
    } else if zone != file.zone {
        line.bad(format!("its time zone is {zone}, the file has {}", file.zone), fix);
    } else if !right_function {
        line.bad(format!("it invokes {arn}, not {function}"), fix);
    } else if !same_event(&input, &file.input) {
        line.bad(format!("its event is {input}, the file has {}", file.input), fix);
    } else {
        line.good(format!("{expression} in {zone}"));
    }
}

/// Whether `input` is this event. Scheduler replaces `<aws.scheduler.scheduled-time>` in the text, not
/// in the parsed JSON, so an input whose `<` is escaped is a different event.
fn same_event(input: &str, event: &Value) -> bool {
    let parsed: Option<Value> = serde_json::from_str(input).ok();
    parsed.as_ref() == Some(event) && !input.contains("\\u003c")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_compared_as_scheduler_reads_it() {
        let event = json!({ "scheduled_time": "<aws.scheduler.scheduled-time>" });
        for (input, same) in [
            (r#"{"scheduled_time":"<aws.scheduler.scheduled-time>"}"#, true),
            (r#"{ "scheduled_time": "<aws.scheduler.scheduled-time>" }"#, true),
            (r#"{"scheduled_time":"\u003caws.scheduler.scheduled-time\u003e"}"#, false),
            ("{}", false),
            ("", false),
        ] {
            assert_eq!(same_event(input, &event), same, "{input}");
        }
    }
}
