# One source on both clouds, configured by landbridge.yaml and contract.yaml in this folder.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws    = { source = "hashicorp/aws", version = ">= 5.100, < 6.0" }
    google = { source = "hashicorp/google", version = ">= 8.7, < 9.0" }
  }
  # Choose where Terraform stores its state. The state contains no secret, but anyone who can write it
  # can change what is deployed.
  # backend "s3" {}
}

locals {
  config_file   = "${path.module}/landbridge.yaml"
  contract_file = "${path.module}/contract.yaml"
  config        = yamldecode(file(local.config_file))
}

provider "aws" {
  region = local.config.source.region
}

provider "google" {
  project = local.config.warehouse.project
  region  = local.config.warehouse.location
  # API quotas are charged to this project, even if a person applies.
  user_project_override = true
  billing_project       = local.config.warehouse.project
}

module "aws" {
  source             = "../../modules/aws"
  config_file        = local.config_file
  contract_file      = local.contract_file
  package_dir        = var.package_dir
  release            = var.release
  google_credentials = module.gcp.credentials
  policy_tags        = module.gcp.policy_tags
  alert_emails       = var.alert_emails
  enabled            = var.enabled
}

module "gcp" {
  source        = "../../modules/gcp"
  config_file   = local.config_file
  aws_role_arns = module.aws.role_arns
}
