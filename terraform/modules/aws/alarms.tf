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

# The alarms themselves are in infra/alarms.json, which the tests evaluate as CloudWatch does. There are at most ten,
# also with notify: ten alarms are free in each account, and a test counts them. transfer.fan_out adds one.
locals {
  namespace  = "Landbridge/${local.source}"
  alarm_file = jsondecode(templatefile("${local.infra}/alarms.json", local.schedule))
  # Log lines of the functions that become metrics. The tracing library writes its values under `fields`.
  filters = merge([
    for metric, it in local.alarm_file.log_metrics : {
      for function in it.function == "*" ? local.all_functions : setintersection(local.all_functions, [it.function]) :
      "${metric}-${function}" => merge(it, { metric = metric, function = function })
    }
  ]...)
  # With notify, messages about incidents and the daily line take the place of some alarms, which then have no
  # actions; other alarms watch notify itself.
  silent = local.notifies ? toset(local.alarm_file.silent_with_notify) : toset([])
  alarms = merge(
    local.alarm_file.alarms,
    { for name, it in local.alarm_file.alarms_of_notify : name => it if local.notifies },
    { for name, it in local.alarm_file.alarms_of_fan_out : name => it if local.fan_out != null },
  )
  namespaces = { log = local.namespace, function = "AWS/Lambda", queue = "AWS/SQS" }
}

resource "aws_cloudwatch_log_metric_filter" "this" {
  for_each       = local.filters
  name           = "${local.name}-${each.value.metric}"
  log_group_name = aws_cloudwatch_log_group.function[each.value.function].name
  pattern        = each.value.pattern
  metric_transformation {
    namespace = local.namespace
    name      = each.value.metric
    value     = each.value.value
  }
}

# `missing = "missing"`: the state INSUFFICIENT_DATA is the alarm. A new or resumed deployment starts in this
# state, without a message; the first tick ends it with one.
resource "aws_cloudwatch_metric_alarm" "this" {
  for_each          = local.alarms
  alarm_name        = "${local.name}-${each.key}"
  alarm_description = each.value.description
  namespace         = local.namespaces[each.value.metric.of]
  metric_name       = each.value.metric.name
  dimensions = merge(
    each.value.metric.of == "function" ? { FunctionName = "${local.name}-${each.value.metric.function}" } : {},
    each.value.metric.of == "queue" ? { QueueName = "${local.name}-${try(each.value.metric.queue, "failures")}" } : {},
  )
  statistic                 = each.value.statistic
  period                    = each.value.period
  evaluation_periods        = each.value.periods
  datapoints_to_alarm       = each.value.datapoints
  comparison_operator       = each.value.comparison
  threshold                 = each.value.threshold
  treat_missing_data        = each.value.missing
  actions_enabled           = var.enabled && !contains(local.silent, each.key)
  alarm_actions             = [aws_sns_topic.alerts.arn]
  ok_actions                = [aws_sns_topic.alerts.arn]
  insufficient_data_actions = each.value.missing == "missing" ? [aws_sns_topic.alerts.arn] : []
  tags                      = local.tags
}
