# One role per function, each with its own document in infra/policies; one role for the schedules;
# and the role that RDS assumes to write an export.

resource "aws_iam_role" "function" {
  for_each           = local.all_functions
  name               = "${local.name}-${each.key}"
  description        = "Landbridge ${local.source}: what the function ${each.key} may do"
  assume_role_policy = templatefile("${local.infra}/policies/trust-function.json", local.policy)
  tags               = local.tags
}

resource "aws_iam_role_policy" "function" {
  for_each = local.all_functions
  name     = each.key
  role     = aws_iam_role.function[each.key].id
  policy   = templatefile("${local.infra}/policies/${each.key}.json", local.policy)
}

resource "aws_iam_role_policy" "token_key" {
  count  = local.token_key == null ? 0 : 1
  name   = "token-key"
  role   = aws_iam_role.function["transfer"].id
  policy = templatefile("${local.infra}/policies/transfer-token-key.json", local.policy)
}

resource "aws_iam_role_policy" "proof_key" {
  count  = local.proof_key == null ? 0 : 1
  name   = "proof-key"
  role   = aws_iam_role.function["transfer"].id
  policy = templatefile("${local.infra}/policies/proof-key.json", local.policy)
}

resource "aws_iam_role_policy" "sign" {
  count  = local.sign_key == null ? 0 : 1
  name   = "sign"
  role   = aws_iam_role.function["load"].id
  policy = templatefile("${local.infra}/policies/sign.json", local.policy)
}

# For people who run `landbridge receipt --verify` without a file of the public key.
resource "aws_iam_policy" "receipt_verify" {
  count       = local.sign_key == null ? 0 : 1
  name        = "${local.name}-receipt-verify"
  description = "Landbridge ${local.source}: read the public key of the days' signatures"
  policy      = templatefile("${local.infra}/policies/sign-verify.json", local.policy)
  tags        = local.tags
}

# For people who run `landbridge verify`, in addition to the policy operator. Not attached, as those below.
resource "aws_iam_policy" "verify" {
  count       = local.proof_key == null ? 0 : 1
  name        = "${local.name}-verify"
  description = "Landbridge ${local.source}: read the proof key, to verify a day"
  policy      = templatefile("${local.infra}/policies/proof-key.json", local.policy)
  tags        = local.tags
}

# Where messages about incidents go: each secret, and the topic.
resource "aws_iam_role_policy" "alert_secret" {
  for_each = local.alert_secrets
  name     = "alert-secret-${substr(sha256(each.key), 0, 8)}"
  role     = aws_iam_role.function["notify"].id
  policy   = templatefile("${local.infra}/policies/notify-secret.json", merge(local.policy, { alert_secret_arn = local.alert_secret_arns[each.key] }))
}

resource "aws_iam_role_policy" "alert_topic" {
  count  = local.alert_topic == null ? 0 : 1
  name   = "alert-topic"
  role   = aws_iam_role.function["notify"].id
  policy = templatefile("${local.infra}/policies/notify-topic.json", merge(local.policy, { alert_topic_arn = local.alert_topic }))
}

# A source that is encrypted with a customer-managed key: RDS uses that key for the snapshot and for the
# export, with the rights of the caller.
resource "aws_iam_role_policy" "source_key" {
  for_each = var.source_kms_key_arn == null ? toset([]) : toset(["snapshot", "export"])
  name     = "source-key"
  role     = aws_iam_role.function[each.key].id
  policy   = templatefile("${local.infra}/policies/source-key.json", local.policy)
}

resource "aws_iam_role" "export" {
  count              = local.first ? 1 : 0
  name               = local.export_role.name
  path               = local.export_role.path
  description        = "Landbridge ${local.file.source.name}: RDS assumes this role to write exports"
  assume_role_policy = templatefile("${local.infra}/policies/trust-export.json", local.policy)
  tags               = local.shared_tags

  lifecycle {
    precondition {
      condition     = !contains([for role in setunion(local.all_functions, ["scheduler"]) : "${local.name}-${role}"], local.export_role.name)
      error_message = "export.role_arn in landbridge.yaml names the role of a function or of the schedules, ${local.export_role.name}. It must be a role of its own, for example ${local.name}-rds-export: RDS assumes it."
    }
  }
}

# RDS uses one role for all databases; each database adds the right to write its own exports.
resource "aws_iam_role_policy" "export" {
  name   = local.first ? "write-exports" : "write-exports-${local.source}"
  role   = local.first ? aws_iam_role.export[0].id : regex("[^/]+$", var.shared.export_role_arn)
  policy = templatefile("${local.infra}/policies/export-role.json", local.policy)
}

resource "aws_iam_role" "scheduler" {
  name               = "${local.name}-scheduler"
  description        = "Landbridge ${local.source}: EventBridge Scheduler assumes this role to start the functions"
  assume_role_policy = templatefile("${local.infra}/policies/trust-scheduler.json", local.policy)
  tags               = local.tags
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "start-functions"
  role   = aws_iam_role.scheduler.id
  policy = templatefile("${local.infra}/policies/scheduler.json", local.policy)
}

# For people. This module does not attach them: the account's owner decides who is on call. They are
# several, because a managed policy has at most 6,144 characters (IAM quotas).
resource "aws_iam_policy" "operator" {
  for_each = {
    operator         = "list and pin snapshots, read receipts, request a redo, close incidents"
    operator-restore = "restore, drill; in addition to the policy operator"
    operator-recover = "write rows of an export or a temporary copy, in addition to the policy operator"
    operator-forget  = "delete files of exports that have rows to forget, in addition to the policy operator"
    operator-swap    = "swap in a restored database, in addition to the policies operator and operator-restore"
  }
  name        = "${local.name}-${each.key}"
  description = "Landbridge ${local.source}: ${each.value}"
  policy      = templatefile("${local.infra}/policies/${each.key}.json", local.policy)
  tags        = local.tags
}
