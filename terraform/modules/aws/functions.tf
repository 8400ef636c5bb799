# The functions: five, views if landbridge.yaml has warehouse.views, notify if it has alerts, and transfer-item if it
# has transfer.fan_out.

resource "aws_cloudwatch_log_group" "function" {
  for_each          = local.all_functions
  name              = "/aws/lambda/${local.name}-${each.key}"
  retention_in_days = var.log_retention_days
  tags              = local.tags
}

# No concurrency is reserved for workers: the event source mapping limits them.
resource "aws_lambda_function" "this" {
  for_each                       = local.all_functions
  function_name                  = "${local.name}-${each.key}"
  description                    = try(local.schedules[each.key].description, "Carries objects that messages of the queue name")
  role                           = aws_iam_role.function[each.key].arn
  filename                       = "${var.package_dir}/${each.key}.zip"
  source_code_hash               = filebase64sha256("${var.package_dir}/${each.key}.zip")
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  memory_size                    = var.memory_mb[each.key]
  timeout                        = var.timeout_seconds[each.key]
  reserved_concurrent_executions = var.reserved_concurrency == null || contains(local.workers, each.key) ? -1 : var.reserved_concurrency
  tags                           = local.tags

  environment {
    variables = merge(
      # With several databases, the contract is beside the configuration, and the function works for one of them only.
      var.database == null ? { LANDBRIDGE_CONTRACT = "s3://${local.bucket}/${aws_s3_object.file["contract.yaml"].key}" } : { LANDBRIDGE_DATABASE = var.database },
      {
        LANDBRIDGE_CONFIG = "s3://${local.bucket}/${aws_s3_object.file["landbridge.yaml"].key}"
        # A change of this value restarts the functions, as every change of a variable does.
        LANDBRIDGE_DEPLOYED_AT = terraform_data.deployment.output
      },
      # Snapshot, export and notify do not call Google.
      contains(["transfer", "transfer-item", "load", "protect", "views"], each.key) ? { LANDBRIDGE_GCP_CREDENTIALS = var.google_credentials } : {},
      contains(["load", "protect", "views"], each.key) ? { LANDBRIDGE_POLICY_TAGS = local.policy_tags } : {},
    )
  }

  # The log group must exist first: otherwise Lambda creates one that never expires.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function, aws_iam_role_policy.token_key, aws_iam_role_policy.proof_key, aws_iam_role_policy.sign, aws_iam_role_policy.alert_secret, aws_iam_role_policy.alert_topic, aws_iam_role_policy.source_key]

  lifecycle {
    precondition {
      condition     = var.release == null || local.package_release == "${coalesce(var.release, "-")} ${var.architecture}"
      error_message = "${var.package_dir} contains ${local.package_release == "" ? "no packages of a release" : "the packages of ${local.package_release}"}, and release is ${coalesce(var.release, "null")} for ${var.architecture}. Extract landbridge-${coalesce(var.release, "RELEASE")}-lambda-${var.architecture}.tar.gz, or set release = null for packages of your own."
    }
    precondition {
      condition     = var.release == null || lookup(local.package_checksums, "${each.key}.zip", "-") == try(filesha256("${var.package_dir}/${each.key}.zip"), "")
      error_message = "${var.package_dir}/${each.key}.zip is missing or is not the package of the release: its checksum is not the one in ${var.package_dir}/SHA256SUMS. Extract the release's archive again."
    }
    precondition {
      condition     = !contains(["load", "protect", "views"], each.key) || alltrue([for class in local.classes : contains(keys(var.policy_tags), class)])
      error_message = "policy_tags has no tag for a class in landbridge.yaml; the classes are ${join(", ", local.classes)}. Without the tag, load and protect would stop."
    }
    precondition {
      condition     = length(local.policy_tags) + length(var.google_credentials) < 3600
      error_message = "The ${length(var.policy_tags)} classes in landbridge.yaml do not fit into the 4 KB that Lambda allows for a function's variables. Use fewer classes or shorter names, or set policy_tag for some of them."
    }
  }
}

locals {
  # What scripts/release.sh puts beside the packages: `v0.2.0 arm64`, and lines of `sha256sum`.
  package_release = try(trimspace(file("${var.package_dir}/RELEASE")), "")
  package_checksums = {
    for line in compact(split("\n", try(file("${var.package_dir}/SHA256SUMS"), ""))) :
    split("  ", line)[1] => split("  ", line)[0] if strcontains(line, "  ")
  }

  # Lambda allows 4 KB of variables, so what all tags have in common is written once, under `*`, which no class
  # is called.
  tag_prefixes = distinct([for tag in values(var.policy_tags) : regex("^.+/", tag)])
  policy_tags = jsonencode(length(local.tag_prefixes) == 1
    ? merge({ "*" = local.tag_prefixes[0] }, { for class, tag in var.policy_tags : class => trimprefix(tag, local.tag_prefixes[0]) })
    : var.policy_tags
  )

  # Classes without a policy_tag in landbridge.yaml. The class `unclassified` always exists.
  classes = distinct(concat(
    [for name, class in try(local.config.pii.classes, {}) : name if try(class.policy_tag, null) == null],
    try(local.config.pii.classes.unclassified.policy_tag, null) == null ? ["unclassified"] : [],
  ))
}

# What Lambda does with a failed tick: it retries as infra/schedules says, then sends the event to the queue.
resource "aws_lambda_function_event_invoke_config" "this" {
  for_each                     = local.functions
  function_name                = aws_lambda_function.this[each.key].function_name
  maximum_retry_attempts       = local.schedules[each.key].retry.maximum_retry_attempts
  maximum_event_age_in_seconds = local.schedules[each.key].retry.maximum_event_age_seconds
  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures.arn
    }
  }
}

# When this configuration and this contract were first deployed: the number by which the functions order
# deployments. It is a new time exactly when one of the triggers changes, also when an earlier content
# is deployed again; otherwise the old time stays, so that a second plan is empty.
resource "terraform_data" "deployment" {
  input = timestamp()
  triggers_replace = [
    filesha256(var.config_file),
    filesha256(var.contract_file),
    sha256(jsonencode(var.policy_tags)),
  ]

  lifecycle {
    ignore_changes = [input]
  }
}
