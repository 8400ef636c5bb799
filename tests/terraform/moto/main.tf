# The aws module over moto: every endpoint is one server on loopback.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100, < 6.0" }
  }
}

variable "endpoint" { type = string }
variable "config_file" { type = string }
variable "contract_file" { type = string }
variable "package_dir" { type = string }

provider "aws" {
  region                      = "ap-northeast-2"
  access_key                  = "tests"
  secret_key                  = "of-no-value"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  max_retries                 = 2
  endpoints {
    cloudwatch     = var.endpoint
    iam            = var.endpoint
    kms            = var.endpoint
    lambda         = var.endpoint
    logs           = var.endpoint
    s3             = var.endpoint
    scheduler      = var.endpoint
    secretsmanager = var.endpoint
    sns            = var.endpoint
    sqs            = var.endpoint
    sts            = var.endpoint
  }
}

module "aws" {
  source        = "../terraform/modules/aws"
  config_file   = var.config_file
  contract_file = var.contract_file
  package_dir   = var.package_dir
  alert_emails  = ["oncall@example.com"]
  google_credentials = jsonencode({
    type               = "external_account"
    audience           = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/landbridge-shop/providers/aws"
    subject_token_type = "urn:ietf:params:aws:token-type:aws4_request"
    token_url          = "https://sts.googleapis.com/v1/token"
    credential_source  = { environment_id = "aws1", regional_cred_verification_url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15" }
  })
  policy_tags = {
    for class in ["unclassified", "name", "email", "phone", "birth", "account", "ip"] :
    class => "projects/shop-analytics/locations/asia-northeast3/taxonomies/1/policyTags/${class}"
  }
}

output "module" {
  value = module.aws
}
