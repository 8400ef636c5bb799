output "credentials" {
  description = "`external_account` JSON for the functions, input `google_credentials` of the aws module. It holds no secret, and names no metadata service: Lambda has none."
  value = jsonencode({
    type               = "external_account"
    audience           = "//iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools/${google_iam_workload_identity_pool.this.workload_identity_pool_id}/providers/${google_iam_workload_identity_pool_provider.aws.workload_identity_pool_provider_id}"
    subject_token_type = "urn:ietf:params:aws:token-type:aws4_request"
    token_url          = "https://sts.googleapis.com/v1/token"
    credential_source = {
      environment_id                 = "aws1"
      regional_cred_verification_url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    }
  })
}

output "policy_tags" {
  description = "Resource name of the policy tag of each class that was made here, input `policy_tags` of the aws module."
  value       = { for name in keys(local.made) : name => google_data_catalog_policy_tag.class[name].name }
}

output "principals" {
  description = "What transfer and load are known by at Google, for grants of your own."
  value       = local.principals
}

output "landing_bucket" {
  description = "Bucket where Parquet files arrive."
  value       = google_storage_bucket.landing.name
}

output "datasets" {
  description = "The dataset of the tables and the one of the receipts."
  value       = { tables = local.warehouse.dataset, receipts = local.warehouse.ops_dataset }
}

output "taxonomy" {
  description = "Taxonomy that holds the classes' tags."
  value       = google_data_catalog_taxonomy.this.name
}
