output "credentials" {
  description = "`external_account` JSON for the functions: input `google_credentials` of the aws module. It contains no secret and no metadata service URL, because Lambda has no metadata service."
  # The pool's name contains the project's number, which the audience needs.
  value = jsonencode({
    type               = "external_account"
    audience           = "//iam.googleapis.com/${google_iam_workload_identity_pool.this.name}/providers/${google_iam_workload_identity_pool_provider.aws.workload_identity_pool_provider_id}"
    subject_token_type = "urn:ietf:params:aws:token-type:aws4_request"
    token_url          = "https://sts.googleapis.com/v1/token"
    credential_source = {
      environment_id                 = "aws1"
      regional_cred_verification_url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    }
  })
}

output "policy_tags" {
  description = "Resource names of the policy tags that this module created, by class: input `policy_tags` of the aws module."
  value       = { for name in keys(local.made) : name => google_data_catalog_policy_tag.class[name].name }
}

output "principals" {
  description = "IAM members of transfer, load, protect and views on Google Cloud, for your own grants."
  value       = local.principals
}

output "models_service_account" {
  description = "E-mail address of the service account that models run as; `null` without `warehouse.models`."
  value       = one(google_service_account.models[*].email)
}

output "gemini_statement" {
  description = "Statement that makes the remote model `gemini` with the regional endpoint, to be run once by a person with `roles/bigquery.connectionAdmin`; `null` without `gemini_model`."
  value       = local.gemini == null ? null : "CREATE OR REPLACE MODEL `${local.project}.${local.models.dataset}.gemini` REMOTE WITH CONNECTION `${local.project}.${local.location}.${local.name}-gemini` OPTIONS (ENDPOINT = 'https://${local.location}-aiplatform.googleapis.com/v1/projects/${local.project}/locations/${local.location}/publishers/google/models/${var.gemini_model}')"
}

output "dataform_repository" {
  description = "Dataform repository of the models; `null` without `dataform`."
  value       = one(google_dataform_repository.models[*].name)
}

output "landing_bucket" {
  description = "Landing bucket for Parquet files."
  value       = google_storage_bucket.landing.name
}

output "datasets" {
  description = "Datasets of the tables and of the receipts."
  value       = { tables = join(" ", [for it in local.of : it.dataset]), receipts = local.warehouse.ops_dataset }
}

output "taxonomy" {
  description = "Taxonomy of the classes' policy tags."
  value       = google_data_catalog_taxonomy.this.name
}
