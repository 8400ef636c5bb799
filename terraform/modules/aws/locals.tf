locals {
  infra = "${path.module}/../../../infra"
  file  = yamldecode(file(var.config_file))
  # With several databases: what the file says, and over it what is the database's own, as the functions read it. A
  # key of a section replaces the same key of the file's section.
  own = { for section, value in try(local.file.databases[var.database], {}) : section => value if section != "contract" }
  config = merge(
    local.file,
    { for section, value in local.own : section => try(merge(local.file[section], value), value) },
    { for section in var.database == null ? [] : ["source"] : section => merge(local.file.source, { name = var.database }, try(local.own.source, {})) },
  )
  # Whether this instance creates what all databases share.
  first       = var.shared == null
  shared_tags = merge({ "landbridge:source" = local.file.source.name }, var.tags)

  # Defaults as in schemas/landbridge.schema.json; a test compares them.
  schedule = merge({ export_hour = 1, transfer_from_hour = 2, deadline_hour = 4 }, local.config.schedule)
  export   = merge({ prefix = "exports" }, local.config.export)
  ledger   = merge({ prefix = "ledger" }, try(local.config.ledger, {}))

  source    = local.config.source.name
  region    = local.config.source.region
  name      = "landbridge-${local.source}"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  cluster   = local.config.source.kind == "cluster"
  # The functions views and notify exist only if landbridge.yaml has views, and alerts.
  functions = toset(concat(
    ["snapshot", "export", "transfer", "load", "protect"],
    try(local.config.warehouse.views, null) == null ? [] : ["views"],
    local.notifies ? ["notify"] : [],
  ))
  # With transfer.fan_out, workers take objects from a queue. No schedule starts them.
  fan_out       = try(local.config.transfer.fan_out, null)
  workers       = toset(local.fan_out == null ? [] : ["transfer-item"])
  all_functions = setunion(local.functions, local.workers)
  # The functions that transfer objects.
  carriers = setunion(toset(["transfer"]), local.workers)
  alerts   = try(local.config.alerts, null)
  notifies = local.alerts != null
  # Secrets with the addresses and tokens of the channels. A name is a secret that this module creates; an ARN
  # is an existing secret.
  alert_secrets = toset(compact([
    try(local.alerts.slack.webhook, ""), try(local.alerts.slack.token, ""),
    try(local.alerts.webhook.url, ""), try(local.alerts.webhook.key, ""),
  ]))
  alert_secret_arns = { for it in local.alert_secrets : it => startswith(it, "arn:") ? it : local.first ? aws_secretsmanager_secret.alerts[it].arn : var.shared.alert_secret_arns[it] }
  alert_topic       = try(local.alerts.email.topic, null)
  tags              = merge({ "landbridge:source" = local.source }, var.tags)

  # arn:aws:iam::123456789012:role/path/name
  export_role = regex("^arn:[a-z-]+:iam::(?P<account>[0-9]+):role(?P<path>/(?:.*/)?)(?P<name>[^/]+)$", local.export.role_arn)
  # An alias names a key that this module creates; a key's own ARN names an existing key.
  key       = regex("^arn:[a-z-]+:kms:(?P<region>[^:]+):(?P<account>[0-9]+):(?P<name>.+)$", local.export.kms_key)
  own_key   = startswith(local.key.name, "alias/")
  make_key  = local.own_key && local.first
  key_arn   = local.make_key ? aws_kms_key.this[0].arn : local.own_key ? var.shared.key_arn : local.export.kms_key
  token_key = try(local.config.transfer.token_key, null)
  # A name is a secret that this module creates; an ARN is an existing secret.
  own_token_key  = local.token_key != null && !startswith(coalesce(local.token_key, "-"), "arn:")
  make_token_key = local.own_token_key && local.first
  token_key_arn  = local.make_token_key ? aws_secretsmanager_secret.token_key[0].arn : local.own_token_key ? var.shared.token_key_arn : local.token_key
  proof_key      = try(local.config.proof.key, null)
  own_proof_key  = local.proof_key != null && !startswith(coalesce(local.proof_key, "-"), "arn:")
  make_proof_key = local.own_proof_key && local.first
  proof_key_arn  = local.make_proof_key ? aws_secretsmanager_secret.proof_key[0].arn : local.own_proof_key ? var.shared.proof_key_arn : local.proof_key

  # An alias names a key that this module creates; a key's own ARN names an existing key.
  sign_key      = try(local.config.proof.sign, null)
  own_sign_key  = can(regex(":alias/", coalesce(local.sign_key, "-")))
  make_sign_key = local.own_sign_key && local.first
  sign_key_arn  = local.make_sign_key ? aws_kms_key.receipts[0].arn : local.own_sign_key ? var.shared.sign_key_arn : local.sign_key

  # The variables of infra/policies.
  policy = {
    partition       = local.partition
    region          = local.region
    account         = local.account
    source          = local.source
    source_id       = local.config.source.id
    database        = local.cluster ? "cluster" : "db"
    snapshot        = local.cluster ? "cluster-snapshot" : "snapshot"
    snapshot_call   = local.cluster ? "DBClusterSnapshot" : "DBSnapshot"
    bucket          = local.export.bucket
    export_path     = local.export.prefix == "" ? "" : "${trim(local.export.prefix, "/")}/"
    ledger_prefix   = trim(local.ledger.prefix, "/")
    config_prefix   = local.config_prefix
    audit_bucket    = local.audit_bucket
    export_role_arn = local.export.role_arn
    key_arn         = local.key_arn
    token_key_arn   = local.token_key_arn == null ? "" : local.token_key_arn
    # A secret of this module is encrypted with our key; an existing one may have a key of its own.
    token_kms_key_arn = coalesce(var.token_kms_key_arn, local.key_arn)
    proof_key_arn     = local.proof_key_arn == null ? "" : local.proof_key_arn
    proof_kms_key_arn = coalesce(var.proof_kms_key_arn, local.key_arn)
    sign_key_arn      = local.sign_key_arn == null ? "" : local.sign_key_arn
    source_key_arn    = var.source_kms_key_arn == null ? "" : var.source_kms_key_arn
  }

  config_prefix = "landbridge-config/${local.source}"
  # The name contains a hash of the content: a change creates another object, and Lambda starts new processes that read it.
  files = {
    for name, path in { "landbridge.yaml" = var.config_file, "contract.yaml" = var.contract_file } :
    name => { path = path, key = "${local.config_prefix}/${local.hashes[name]}/${local.names[name]}" }
  }
  # With several databases, the functions find a contract beside the configuration, so one hash is of both.
  hash_of_both = substr(sha256("${filesha256(var.config_file)}${filesha256(var.contract_file)}"), 0, 16)
  hashes = {
    "landbridge.yaml" = var.database == null ? substr(filesha256(var.config_file), 0, 16) : local.hash_of_both
    "contract.yaml"   = var.database == null ? substr(filesha256(var.contract_file), 0, 16) : local.hash_of_both
  }
  names = {
    "landbridge.yaml" = "landbridge.yaml"
    "contract.yaml"   = var.database == null ? "contract.yaml" : try(local.file.databases[var.database].contract, "contracts/${var.database}.yaml")
  }
  bucket = local.first ? aws_s3_bucket.this[0].id : var.shared.bucket
  # Prefixes of the exports of all databases, in the order of the file's keys, each once: the life cycle of the bucket
  # deletes what is below them.
  export_paths = distinct(concat([local.policy.export_path], [
    for name, it in try(local.file.databases, {}) : "${trim(try(it.export.prefix, local.file.export.prefix, "exports"), "/")}/"
  ]))
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}
