# How two AWS roles become known to Google without a key: they sign a request to AWS that says
# who they are, Google's token service sends it on, and believes AWS's answer.

resource "google_iam_workload_identity_pool" "this" {
  project                   = local.project
  workload_identity_pool_id = local.name
  display_name              = local.name
  description               = "Landbridge's functions in AWS account ${local.aws_account}"
  depends_on                = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "aws" {
  project                            = local.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.this.workload_identity_pool_id
  workload_identity_pool_provider_id = "aws"
  display_name                       = "aws"
  description                        = "The roles ${join(" and ", values(local.roles))}, nobody else"

  aws {
    account_id = local.aws_account
  }
  # The role's name alone: google.subject may have at most 127 characters.
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
      condition     = regex("::([0-9]{12}):", var.aws_role_arns["transfer"])[0] == local.aws_account
      error_message = "The roles of transfer and load are of different AWS accounts."
    }
  }
}
