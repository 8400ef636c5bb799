output "functions" {
  description = "Name of each function in Lambda."
  value       = module.aws.function_names
}

output "bucket" {
  description = "S3 bucket of exports, ledger and configuration."
  value       = module.aws.bucket
}

output "alerts_topic_arn" {
  description = "SNS topic of all alarms."
  value       = module.aws.alerts_topic_arn
}

output "token_key_arn" {
  description = "Secret for the token key; null if none is configured."
  value       = module.aws.token_key_arn
}

output "proof_key_arn" {
  description = "Secret for the proof key; null if none is configured."
  value       = module.aws.proof_key_arn
}

output "datasets" {
  description = "Datasets of the tables and of the receipts."
  value       = module.gcp.datasets
}

output "deployed_at" {
  description = "When the present configuration, contract and policy tags were deployed."
  value       = module.aws.deployed_at
}
