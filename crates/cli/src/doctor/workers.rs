//! Checks the queue of objects and its event source mapping, if the configuration has `transfer.fan_out`.

use landbridge_aws::Aws;
use landbridge_aws::inspect::{CallError, Inspector};
use landbridge_aws::queue::QueueSettings;
use landbridge_core::ErrorKind;
use landbridge_core::config::{Config, FUNCTION_WORKER};
use serde_json::Value;

use super::line::ReportLine;
use super::{Phase, advice};

/// "Set the source queue's visibility timeout to at least six times the configuration timeout on your function" (AWS
/// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping").
const TIMEOUTS: u64 = 6;
const APPLY: &str = "run terraform apply, which sets it from landbridge.yaml";

/// Two lines, or none without `transfer.fan_out`.
pub(super) async fn check(
    client: &Inspector,
    aws: &Aws,
    config: &Config,
    phase: Phase,
) -> Vec<ReportLine> {
    let Some(settings) = &config.transfer.fan_out else { return Vec::new() };
    let function = format!("landbridge-{}-{FUNCTION_WORKER}", config.source.name);
    let timeout = client.function(&function).await;
    let timeout = timeout.map(|found| found["Timeout"].as_u64().unwrap_or_default());
    let queue = queue_line(aws, config, timeout.as_ref().ok().copied(), phase).await;
    let mut mapping = ReportLine::new("aws", "workers");
    let command = format!("aws lambda list-event-source-mappings --function-name {function}");
    match client.event_source_mappings(&function).await {
        Ok(found) => {
            let end = format!(":{}", config.items_queue());
            let of_queue =
                |it: &&Value| it["EventSourceArn"].as_str().is_some_and(|arn| arn.ends_with(&end));
            match found.iter().find(of_queue) {
                Some(found) => compare(&mut mapping, found, settings.workers),
                None => {
                    let what = format!("no event source mapping starts {function} from the queue");
                    mapping = phase.missing(mapping, &what, "create it: terraform apply");
                }
            }
        }
        Err(CallError::NotFound) => {
            let what = format!("there is no function {function}");
            mapping = phase.missing(mapping, &what, "create it: terraform apply");
        }
        Err(error) => mapping.call_failed(error, command),
    }
    vec![queue, mapping]
}

async fn queue_line(aws: &Aws, config: &Config, timeout: Option<u64>, phase: Phase) -> ReportLine {
    let mut line = ReportLine::new("aws", "queue of objects");
    let name = config.items_queue();
    let found = async { aws.queues.find(&name).await?.settings().await }.await;
    match found {
        Ok(found) => compare_queue(&mut line, found, timeout),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            line = phase.missing(
                line,
                &format!("there is no queue {name}"),
                "create it: terraform apply",
            );
        }
        Err(error) => {
            line.failed(&error, advice(&error, "sqs:GetQueueUrl and sqs:GetQueueAttributes"))
        }
    }
    line
}

fn compare_queue(line: &mut ReportLine, found: QueueSettings, timeout: Option<u64>) {
    let QueueSettings { visibility_seconds: visible, has_dead_letters, is_encrypted } = found;
    if !is_encrypted {
        line.bad("its messages are not encrypted at rest", APPLY);
    } else if !has_dead_letters {
        line.bad("messages that fail are tried for ever: it has no redrive policy", APPLY);
    } else if timeout.is_some_and(|timeout| visible < TIMEOUTS * timeout) {
        line.bad(
            format!(
                "its visibility timeout is {visible} s, less than {TIMEOUTS} times the {} s of the function: a message is \
                 processed twice at once",
                timeout.unwrap_or_default()
            ),
            APPLY,
        );
    } else {
        line.good(format!(
            "visibility timeout {visible} s, encrypted, with a queue of failed messages"
        ));
    }
}

fn compare(line: &mut ReportLine, found: &Value, workers: u16) {
    let state = found["State"].as_str().unwrap_or_default();
    let most = found["ScalingConfig"]["MaximumConcurrency"].as_u64();
    let types = found["FunctionResponseTypes"].as_array();
    let reports = types.is_some_and(|types| types.iter().any(|it| it == "ReportBatchItemFailures"));
    if !matches!(state, "Enabled" | "Enabling" | "Updating" | "Creating") {
        line.bad(
            format!(
                "the event source mapping is {state}, so the transfer carries all objects itself"
            ),
            "terraform apply -var enabled=true",
        );
    } else if !reports {
        line.bad("a batch is repeated as a whole if one of its messages fails: the mapping has no ReportBatchItemFailures", APPLY);
    } else if most != Some(u64::from(workers)) {
        let has = most.map_or("no limit".to_owned(), |most| most.to_string());
        line.bad(
            format!("its maximum concurrency is {has}, transfer.fan_out.workers is {workers}"),
            APPLY,
        );
    } else {
        line.good(format!("at most {workers} at once"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::line::CheckState;
    use super::*;

    #[test]
    fn a_mapping_must_run_report_and_be_limited() {
        let right = json!({
            "State": "Enabled",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": { "MaximumConcurrency": 10 },
        });
        for (change, text) in [
            (json!({}), "at most 10 at once"),
            (json!({ "State": "Disabled" }), "is Disabled"),
            (json!({ "FunctionResponseTypes": [] }), "no ReportBatchItemFailures"),
            (json!({ "ScalingConfig": { "MaximumConcurrency": 2 } }), "maximum concurrency is 2"),
            (json!({ "ScalingConfig": null }), "is no limit"),
        ] {
            let mut found = right.clone();
            for (name, value) in change.as_object().expect("an object") {
                found[name] = value.clone();
            }
            let mut line = ReportLine::new("aws", "workers");
            compare(&mut line, &found, 10);
            assert!(line.found.contains(text), "{}", line.found);
            assert_eq!(line.state == CheckState::Good, change == json!({}), "{}", line.found);
        }
    }

    #[test]
    fn a_queue_must_be_encrypted_hide_messages_long_enough_and_end() {
        let right =
            QueueSettings { visibility_seconds: 1710, has_dead_letters: true, is_encrypted: true };
        for (found, timeout, text) in [
            (right, Some(285), "visibility timeout 1710 s"),
            (right, None, "visibility timeout 1710 s"),
            (right, Some(286), "less than 6 times the 286 s"),
            (QueueSettings { is_encrypted: false, ..right }, Some(285), "not encrypted"),
            (QueueSettings { has_dead_letters: false, ..right }, Some(285), "no redrive policy"),
        ] {
            let mut line = ReportLine::new("aws", "queue of objects");
            compare_queue(&mut line, found, timeout);
            assert!(line.found.contains(text), "{}", line.found);
        }
    }
}
