# The KMS key that encrypts exports, the topic and the secrets; the secrets for the token key, the proof key and the
# channels of alerts, if configured.

resource "aws_kms_key" "this" {
  count                   = local.make_key ? 1 : 0
  description             = "Landbridge: exports of ${local.file.source.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = templatefile("${local.infra}/policies/key.json", { partition = local.partition, account = local.account })
  tags                    = local.shared_tags
}

resource "aws_kms_alias" "this" {
  count         = local.make_key ? 1 : 0
  name          = local.key.name
  target_key_id = aws_kms_key.this[0].key_id
}

# Signs the receipts of each published day. It never leaves KMS.
resource "aws_kms_key" "receipts" {
  count                    = local.make_sign_key ? 1 : 0
  description              = "Landbridge: signs the receipts of ${local.file.source.name}"
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 30
  policy                   = templatefile("${local.infra}/policies/sign-key.json", { partition = local.partition, account = local.account })
  tags                     = local.shared_tags
}

resource "aws_kms_alias" "receipts" {
  count         = local.make_sign_key ? 1 : 0
  name          = regex("alias/.+$", local.sign_key)
  target_key_id = aws_kms_key.receipts[0].key_id
}

# Created empty: Terraform never sees the value, so its state contains no secret.
resource "aws_secretsmanager_secret" "token_key" {
  count                   = local.make_token_key ? 1 : 0
  name                    = local.token_key
  description             = "Landbridge: token key of ${local.file.source.name}. Anyone who has it can compute the token of a value."
  kms_key_id              = local.key_arn
  recovery_window_in_days = 30
  tags                    = local.shared_tags
}

# Created empty, likewise. A key of its own, because a person who verifies a day must not be able to make tokens.
resource "aws_secretsmanager_secret" "proof_key" {
  count                   = local.make_proof_key ? 1 : 0
  name                    = local.proof_key
  description             = "Landbridge: proof key of ${local.file.source.name}. Anyone who has it and reads the ledger can read the figures of columns."
  kms_key_id              = local.key_arn
  recovery_window_in_days = 30
  tags                    = local.shared_tags
}

# Created empty as well. The function notify reads them; docs/incidents.md says how to set them.
resource "aws_secretsmanager_secret" "alerts" {
  for_each                = toset([for it in local.alert_secrets : it if !startswith(it, "arn:") && local.first])
  name                    = each.key
  description             = "Landbridge: an address, a token or a key for messages about incidents of ${local.file.source.name}."
  kms_key_id              = local.key_arn
  recovery_window_in_days = 30
  tags                    = local.shared_tags
}
