# How AWS roles authenticate to Google without a key: they sign a request to AWS that proves their
# identity; Google's token service forwards it to AWS and trusts the answer.

resource "google_iam_workload_identity_pool" "this" {
  project                   = local.project
  workload_identity_pool_id = local.name
  display_name              = local.name
  description               = "Landbridge's functions in AWS account ${local.aws_account}"
  depends_on                = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  project                   = local.project
  workload_identity_pool_id = google_iam_workload_identity_pool.this.workload_identity_pool_id
  # 4 to 32 characters, so not "aws" (IAM v1 REST reference, workloadIdentityPools.providers).
  workload_identity_pool_provider_id = "aws-lambda"
  display_name                       = "aws"
  description                        = "The roles ${join(", ", values(local.roles))}, no others"

  aws {
    account_id = local.aws_account
  }
  # Only the role's name: google.subject may have at most 127 characters.
  attribute_mapping = {
    "google.subject"     = "assertion.arn.extract('assumed-role/{role}/')"
    "attribute.aws_role" = "assertion.arn.extract('assumed-role/{role}/')"
  }
  # An assumed role is arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
  attribute_condition = join(" || ", [
    for role in values(local.roles) : "assertion.arn.startsWith('arn:${local.partition}:sts::${local.aws_account}:assumed-role/${role}/')"
  ])

  lifecycle {
    precondition {
      condition     = alltrue([for function in local.functions : regex("::([0-9]{12}):", var.aws_role_arns[function])[0] == local.aws_account if var.aws_account_id == null])
      error_message = "aws_role_arns: the roles of transfer, load and protect belong to different AWS accounts."
    }
  }
}
