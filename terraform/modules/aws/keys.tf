# The key that encrypts exports, the topic, and the key of tokens if there is one.

resource "aws_kms_key" "this" {
  count                   = local.make_key ? 1 : 0
  description             = "Landbridge: exports of ${local.source}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = templatefile("${local.infra}/policies/key.json", { partition = local.partition, account = local.account })
  tags                    = local.tags
}

resource "aws_kms_alias" "this" {
  count         = local.make_key ? 1 : 0
  name          = local.key.name
  target_key_id = aws_kms_key.this[0].key_id
}

# Made empty: the value never passes through Terraform, so its state holds no secret.
resource "aws_secretsmanager_secret" "token_key" {
  count                   = local.make_token_key ? 1 : 0
  name                    = local.token_key
  description             = "Landbridge: key of the tokens that stand for values of ${local.source}. Whoever has it can recompute tokens."
  kms_key_id              = local.key_arn
  recovery_window_in_days = 30
  tags                    = local.tags
}
