output "functions" {
  description = "Name of each function in Lambda."
  value       = module.aws.function_names
}

output "bucket" {
  description = "S3 bucket of exports, ledger and configuration."
  value       = module.aws.bucket
}

output "alerts_topic_arn" {
  description = "SNS topic that every alarm is sent to."
  value       = module.aws.alerts_topic_arn
}

output "token_key_arn" {
  description = "Secret that holds the key of tokens; null if there is none."
  value       = module.aws.token_key_arn
}

output "datasets" {
  description = "The dataset of the tables and the one of the receipts."
  value       = module.gcp.datasets
}
