# Two databases with one deployment, configured by landbridge.yaml and contracts/ in this folder.

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
  config_file = "${path.module}/landbridge.yaml"
  config      = yamldecode(file(local.config_file))
  # This database's instance creates what all share. It stays the same when databases are added.
  first = "shop"
  contracts = {
    for name, it in local.config.databases : name => "${path.module}/${try(it.contract, "contracts/${name}.yaml")}"
  }
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

data "aws_caller_identity" "current" {}

module "gcp" {
  source         = "../../modules/gcp"
  config_file    = local.config_file
  aws_account_id = data.aws_caller_identity.current.account_id
}

module "aws" {
  source             = "../../modules/aws"
  config_file        = local.config_file
  database           = local.first
  contract_file      = local.contracts[local.first]
  package_dir        = var.package_dir
  release            = var.release
  google_credentials = module.gcp.credentials
  policy_tags        = module.gcp.policy_tags
  alert_emails       = var.alert_emails
  enabled            = var.enabled
}

# Each of the other databases has functions, roles, schedules and alarms of its own.
module "database" {
  for_each           = { for name, file in local.contracts : name => file if name != local.first }
  source             = "../../modules/aws"
  config_file        = local.config_file
  database           = each.key
  shared             = module.aws.shared
  contract_file      = each.value
  package_dir        = var.package_dir
  release            = var.release
  google_credentials = module.gcp.credentials
  policy_tags        = module.gcp.policy_tags
  alert_emails       = var.alert_emails
  enabled            = var.enabled
}
