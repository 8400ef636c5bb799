# Alarms and who receives them. docs/operations.md explains each alarm and what to do.

resource "aws_sns_topic" "alerts" {
  name              = "${local.name}-alerts"
  kms_master_key_id = local.make_key ? local.key_arn : null
  tags              = local.tags
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = templatefile("${local.infra}/policies/topic.json", local.policy)
}

resource "aws_sns_topic_subscription" "email" {
  for_each  = toset(var.alert_emails)
  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}

# Ticks that failed after all retries. Only people read this queue: the next tick does the work anyway.
resource "aws_sqs_queue" "failures" {
  name                      = "${local.name}-failures"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = local.tags
}

resource "aws_sqs_queue_policy" "failures" {
  queue_url = aws_sqs_queue.failures.id
  policy    = templatefile("${local.infra}/policies/queue.json", local.policy)
}

locals {
  namespace = "Landbridge/${local.source}"
  # Log lines of the functions that become metrics. The tracing library writes its values under `fields`.
  log_metrics = {
    unpublished = { function = "load", pattern = "{ $.fields.message = \"the day is not published by its deadline\" }" }
    published   = { function = "load", pattern = "{ $.fields.published IS TRUE }" }
    alerts      = { function = null, pattern = "{ $.fields.alert = \"*\" }" }
  }
  filters = merge([
    for metric, it in local.log_metrics : {
      for function in it.function == null ? local.functions : toset([it.function]) :
      "${metric}-${function}" => { metric = metric, function = function, pattern = it.pattern }
    }
  ]...)

  lambda = "AWS/Lambda"
  alarms = merge(
    {
      unpublished = {
        description = "The day was not published by its deadline (${local.schedule.deadline_hour}:00 ${local.schedule.zone})."
        namespace   = local.namespace, metric = "unpublished", dimensions = {}
        period      = 300, periods = 1, above = 0, silent = false
      }
      no-day = {
        description = "No day was published for 28 hours, for any reason, including a load that never started."
        namespace   = local.namespace, metric = "published", dimensions = {}
        period      = 3600, periods = 28, above = null, silent = true
      }
      alerts = {
        description = "A function raised an alert: see the log line with the field `alert`."
        namespace   = local.namespace, metric = "alerts", dimensions = {}
        period      = 300, periods = 1, above = 0, silent = false
      }
      silence = {
        description = "No tick for two hours: the function snapshot, which starts three times an hour, was not started."
        namespace   = local.lambda, metric = "Invocations", dimensions = { FunctionName = "${local.name}-snapshot" }
        period      = 3600, periods = 2, above = null, silent = true
      }
      unprotected = {
        description = "No protection pass for 15 minutes: the function protect, which starts every five minutes, was not started, so a tightened contract is not applied."
        namespace   = local.lambda, metric = "Invocations", dimensions = { FunctionName = "${local.name}-protect" }
        period      = 900, periods = 1, above = null, silent = true
      }
      failures = {
        description = "A tick failed after all retries and is in the queue of failed events."
        namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = "${local.name}-failures" }
        period      = 300, periods = 1, above = 0, silent = false
      }
    },
    { for function in local.functions : "errors-${function}" => {
      description = "The function ${function} failed at least three times within 15 minutes."
      namespace   = local.lambda, metric = "Errors", dimensions = { FunctionName = "${local.name}-${function}" }
      period      = 900, periods = 1, above = 2, silent = false
    } },
    { for function in local.functions : "throttles-${function}" => {
      description = "Starts of the function ${function} were throttled at least three times within 15 minutes: it was still running, or the account's concurrency is used up."
      namespace   = local.lambda, metric = "Throttles", dimensions = { FunctionName = "${local.name}-${function}" }
      period      = 900, periods = 1, above = 2, silent = false
    } },
  )
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each       = local.filters
  name           = "${local.name}-${each.value.metric}"
  log_group_name = aws_cloudwatch_log_group.function[each.value.function].name
  pattern        = each.value.pattern
  metric_transformation {
    namespace = local.namespace
    name      = each.value.metric
    value     = "1"
  }
}

# `above`: the alarm starts if the value is greater. `silent`: the alarm starts if the value is below 1 or there is no data.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = local.alarms
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.namespace == "AWS/SQS" ? "Maximum" : "Sum"
  period              = each.value.period
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  comparison_operator = each.value.silent ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.silent ? 1 : each.value.above
  treat_missing_data  = each.value.silent ? "breaching" : "notBreaching"
  actions_enabled     = var.enabled
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
  tags                = local.tags
}
