# The queue of objects and its workers; nothing without transfer.fan_out in landbridge.yaml.

locals {
  # Default as in schemas/landbridge.schema.json; a test compares them.
  worker_concurrency = try(local.fan_out.workers, 5)
}

resource "aws_iam_role_policy" "fan_out" {
  count  = local.fan_out == null ? 0 : 1
  name   = "fan-out"
  role   = aws_iam_role.function["transfer"].id
  policy = templatefile("${local.infra}/policies/transfer-fan-out.json", local.policy)
}

resource "aws_iam_role_policy" "worker_token_key" {
  for_each = local.token_key == null ? toset([]) : local.workers
  name     = "token-key"
  role     = aws_iam_role.function[each.key].id
  policy   = templatefile("${local.infra}/policies/transfer-token-key.json", local.policy)
}

resource "aws_iam_role_policy" "worker_proof_key" {
  for_each = local.proof_key == null ? toset([]) : local.workers
  name     = "proof-key"
  role     = aws_iam_role.function[each.key].id
  policy   = templatefile("${local.infra}/policies/proof-key.json", local.policy)
}

# One message per object. A message is an identity and contains no value of a cell.
resource "aws_sqs_queue" "items" {
  count = local.fan_out == null ? 0 : 1
  name  = "${local.name}-items"
  # "Set the source queue's visibility timeout to at least six times the configuration timeout on your function" (AWS
  # Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping").
  visibility_timeout_seconds = 6 * var.timeout_seconds["transfer-item"]
  # A message of an older day is deleted unread.
  message_retention_seconds = 86400
  sqs_managed_sse_enabled   = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.failed_items[0].arn
    # `MAX_RECEIVES` in crates/core/src/fan_out.rs; a test compares.
    maxReceiveCount = 12
  })
  tags = local.tags
}

resource "aws_sqs_queue" "failed_items" {
  count                     = local.fan_out == null ? 0 : 1
  name                      = "${local.name}-items-failed"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = local.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "failed_items" {
  count     = local.fan_out == null ? 0 : 1
  queue_url = aws_sqs_queue.failed_items[0].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.items[0].arn]
  })
}

resource "aws_sqs_queue_policy" "items" {
  count     = local.fan_out == null ? 0 : 1
  queue_url = aws_sqs_queue.items[0].id
  policy    = templatefile("${local.infra}/policies/items-queue.json", local.policy)
}

resource "aws_sqs_queue_policy" "failed_items" {
  count     = local.fan_out == null ? 0 : 1
  queue_url = aws_sqs_queue.failed_items[0].id
  policy    = templatefile("${local.infra}/policies/failed-items-queue.json", local.policy)
}

resource "aws_lambda_event_source_mapping" "items" {
  count            = local.fan_out == null ? 0 : 1
  event_source_arn = aws_sqs_queue.items[0].arn
  function_name    = aws_lambda_function.this["transfer-item"].arn
  enabled          = var.enabled
  # The most without a batching window: small objects mostly wait for answers, and a worker gives back what it has no
  # time for.
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  scaling_config {
    maximum_concurrency = local.worker_concurrency
  }
  depends_on = [aws_iam_role_policy.function, aws_iam_role_policy.worker_token_key, aws_iam_role_policy.worker_proof_key]
}
