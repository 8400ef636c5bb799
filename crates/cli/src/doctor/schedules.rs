//! The schedules as they are deployed, beside the files that say how they should be.

use landbridge_core::config::Config;
use landbridge_core::schedule::ScheduleFile;
use serde_json::Value;

use super::Phase;
use super::answer::Refused;
use super::line::Line;
use super::role::account_of;
use super::signed::Signed;

/// The functions, and how the line of each one's schedule is called.
const LINES: [(&str, &str); 4] = [
    ("snapshot", "schedule of snapshot"),
    ("export", "schedule of export"),
    ("transfer", "schedule of transfer"),
    ("load", "schedule of load"),
];

/// A line per function. Without `files`, there is nothing to compare with.
pub(super) async fn check(
    signed: &Signed,
    config: &Config,
    files: Option<&[ScheduleFile]>,
    phase: Phase,
) -> Vec<Line> {
    let group = format!("landbridge-{}", config.source.name);
    let mut lines = Vec::new();
    for (function, check) in LINES {
        let mut line = Line::new("aws", check);
        let file = files.into_iter().flatten().find(|it| it.function == function);
        let Some(file) = file else {
            line.unchecked("needs its file of infra/schedules", None);
            lines.push(line);
            continue;
        };
        match signed.schedule(&group, function).await {
            Ok(found) => judge(&mut line, config, file, &found),
            Err(Refused::Absent) => {
                let what = format!("there is no schedule {group}/{function}");
                line = phase.missing(line, &what, "make it: terraform apply");
            }
            Err(refused) => refused.tell(
                &mut line,
                format!("aws scheduler get-schedule --group-name {group} --name {function}"),
            ),
        }
        lines.push(line);
    }
    lines
}

fn judge(line: &mut Line, config: &Config, file: &ScheduleFile, found: &Value) {
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
    let aims = arn.strip_prefix(&function).is_some_and(|it| it.is_empty() || it.starts_with(':'));
    let anew = "terraform apply sets it as landbridge.yaml and infra/schedules say";
    if found["State"] != "ENABLED" {
        line.bad(
            format!("it is {}", text(&found["State"])),
            "terraform apply -var enabled=true, or enable it in EventBridge Scheduler",
        );
    } else if expression != file.expression {
        line.bad(format!("it is {expression}, the file says {}", file.expression), anew);
    } else if zone != file.zone {
        line.bad(format!("it is in {zone}, the file says {}", file.zone), anew);
    } else if !aims {
        line.bad(format!("it starts {arn}, not {function}"), anew);
    } else if !same_event(&input, &file.input) {
        line.bad(format!("its event is {input}, the file says {}", file.input), anew);
    } else {
        line.good(format!("{expression} in {zone}"));
    }
}

/// Whether this text is that event. Scheduler replaces `<aws.scheduler.scheduled-time>` in the
/// text itself, so one whose `<` is escaped is another event, though it is the same JSON.
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
