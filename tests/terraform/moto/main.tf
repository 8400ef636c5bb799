# The aws module for moto: every endpoint is one server on the loopback interface.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100, < 6.0" }
  }
}

variable "endpoint" { type = string }
variable "config_file" { type = string }
variable "contract_file" { type = string }
variable "package_dir" { type = string }
variable "release" {
  type    = string
  default = null
}
variable "google_credentials" { type = string }
variable "policy_tags" { type = map(string) }
variable "source_kms_key_arn" { type = string }

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
    cloudtrail     = var.endpoint
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
  source             = "../terraform/modules/aws"
  config_file        = var.config_file
  contract_file      = var.contract_file
  package_dir        = var.package_dir
  release            = var.release
  alert_emails       = ["oncall@example.com"]
  google_credentials = var.google_credentials
  policy_tags        = var.policy_tags
  source_kms_key_arn = var.source_kms_key_arn
}

output "module" {
  value = module.aws
}
