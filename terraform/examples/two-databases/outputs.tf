output "functions" {
  description = "Names of the functions in Lambda, by database."
  value       = merge({ (local.first) = module.aws.function_names }, { for name, it in module.database : name => it.function_names })
}

output "bucket" {
  description = "S3 bucket of exports, ledger and configuration."
  value       = module.aws.bucket
}

output "alerts_topic_arns" {
  description = "SNS topic of the alarms of each database."
  value       = merge({ (local.first) = module.aws.alerts_topic_arn }, { for name, it in module.database : name => it.alerts_topic_arn })
}

output "token_key_arn" {
  description = "Secret for the token key; null if none is configured."
  value       = module.aws.token_key_arn
}

output "datasets" {
  description = "Datasets of the tables and of the receipts."
  value       = module.gcp.datasets
}
