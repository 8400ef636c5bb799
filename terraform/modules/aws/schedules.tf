# When each function starts: infra/schedules, with the hours from landbridge.yaml.

locals {
  schedules = {
    for function in local.functions : function => jsondecode(templatefile("${local.infra}/schedules/${function}.json", {
      zone               = local.schedule.zone
      export_hour        = local.schedule.export_hour
      transfer_from_hour = local.schedule.transfer_from_hour
      deadline_hour      = local.schedule.deadline_hour
    }))
  }
}

resource "aws_scheduler_schedule_group" "this" {
  name = local.name
  tags = local.tags
}

resource "aws_scheduler_schedule" "this" {
  for_each                     = local.functions
  name                         = each.key
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = local.schedules[each.key].description
  schedule_expression          = local.schedules[each.key].expression
  schedule_expression_timezone = local.schedules[each.key].zone
  state                        = var.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.this[each.key].arn
    role_arn = aws_iam_role.scheduler.arn
    # jsonencode escapes < and >; Scheduler recognises its placeholder only unescaped.
    input = replace(replace(jsonencode(merge(local.schedules[each.key].input, var.database == null ? {} : { database = var.database })), "\\u003c", "<"), "\\u003e", ">")
    retry_policy {
      maximum_retry_attempts       = local.schedules[each.key].retry.maximum_retry_attempts
      maximum_event_age_in_seconds = local.schedules[each.key].retry.maximum_event_age_seconds
    }
    dead_letter_config {
      arn = aws_sqs_queue.failures.arn
    }
  }

  depends_on = [aws_iam_role_policy.scheduler]
}
