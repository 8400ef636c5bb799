output "role_arns" {
  description = "ARN of each function's role, by function name. The gcp module trusts the roles of transfer, load and protect, and of views and transfer-item if they exist."
  value       = { for function in local.all_functions : function => "arn:${local.partition}:iam::${local.account}:role/${local.name}-${function}" }
}

output "function_names" {
  description = "Name of each function in Lambda."
  value       = { for function in local.all_functions : function => aws_lambda_function.this[function].function_name }
}

output "deployed_at" {
  description = "When the present `landbridge.yaml`, `contract.yaml` and policy tags were deployed. The ledger's record `contract.json` shows the same number once the protection pass has seen it."
  value       = terraform_data.deployment.output
}

output "bucket" {
  description = "S3 bucket of exports, ledger and configuration."
  value       = local.bucket
}

output "key_arn" {
  description = "KMS key that encrypts the exports."
  value       = local.key_arn
}

output "export_role_arn" {
  description = "Role that RDS assumes to write an export."
  value       = local.first ? aws_iam_role.export[0].arn : var.shared.export_role_arn
}

output "token_key_arn" {
  description = "Secret for the token key, created empty; null if `transfer.token_key` is not set."
  value       = local.token_key_arn
}

output "proof_key_arn" {
  description = "Secret for the proof key, created empty; null if `proof` is not set."
  value       = local.proof_key_arn
}

output "sign_key_arn" {
  description = "KMS key that signs the receipts of each day; null if `proof.sign` is not set."
  value       = local.sign_key_arn
}

output "alerts_topic_arn" {
  description = "SNS topic of all alarms. Subscribe your pager here."
  value       = aws_sns_topic.alerts.arn
}

output "failures_queue_url" {
  description = "SQS queue of ticks that failed after all retries."
  value       = aws_sqs_queue.failures.id
}

output "operator_policy_arns" {
  description = "Managed policies for the on-call engineer, by name: `operator` to look and pin, `operator-restore` to restore and drill, `operator-recover` to write rows of an export or a temporary copy into a file or a new table, `operator-forget` to delete files of exports that have rows to forget, and `operator-swap` to swap in a restored database. They are not attached to anyone."
  value       = { for name, policy in aws_iam_policy.operator : name => policy.arn }
}

output "shared" {
  description = "What all databases of a `landbridge.yaml` with `databases` share: input `shared` of the instances for the other databases."
  value = {
    bucket            = local.bucket
    key_arn           = local.key_arn
    token_key_arn     = local.token_key_arn
    proof_key_arn     = local.proof_key_arn
    sign_key_arn      = local.sign_key_arn
    export_role_arn   = local.first ? aws_iam_role.export[0].arn : var.shared.export_role_arn
    alert_secret_arns = local.alert_secret_arns
  }
}
