# Tests the module's plan, with a mocked provider. `terraform test` needs no account.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { name = "ap-northeast-2" }
  }
}

variables {
  package_dir        = "./tests/packages"
  google_credentials = "{\"type\": \"external_account\"}"
  policy_tags = {
    for class in ["unclassified", "name", "email"] :
    class => "projects/p/locations/l/taxonomies/1/policyTags/${class}"
  }
}

run "one_database_creates_all_and_its_events_name_none" {
  command = plan
  variables {
    config_file   = "./tests/one.yaml"
    contract_file = "./tests/contracts/shop.yaml"
  }

  assert {
    condition     = length(aws_s3_bucket.this) == 1 && length(aws_iam_role.export) == 1 && aws_iam_role_policy.export.name == "write-exports"
    error_message = "The only instance creates the bucket and the role of the exports."
  }
  assert {
    condition     = alltrue([for it in aws_scheduler_schedule.this : it.target[0].input == "{\"scheduled_time\":\"<aws.scheduler.scheduled-time>\"}"])
    error_message = "The event of a deployment with one database must stay as it is."
  }
  assert {
    condition     = alltrue([for it in aws_lambda_function.this : !contains(keys(it.environment[0].variables), "LANDBRIDGE_DATABASE")])
    error_message = "A function of the only database has no LANDBRIDGE_DATABASE."
  }
  assert {
    condition     = join(" ", aws_s3_bucket_lifecycle_configuration.this[0].rule[*].id) == "exports ledger unfinished-uploads" && join(" ", local.export_paths) == "exports/"
    error_message = "The life cycle of the bucket must stay as it is."
  }
  assert {
    condition     = local.files["contract.yaml"].key == "landbridge-config/shop/${substr(filesha256("./tests/contracts/shop.yaml"), 0, 16)}/contract.yaml"
    error_message = "The contract must keep its name in the bucket."
  }
}

run "the_first_of_several_creates_what_all_share" {
  command = plan
  variables {
    config_file   = "./tests/two.yaml"
    contract_file = "./tests/contracts/shop.yaml"
    database      = "shop"
  }

  assert {
    condition     = length(aws_s3_bucket.this) == 1 && length(aws_secretsmanager_secret.token_key) == 1 && length(aws_iam_role.export) == 1
    error_message = "The first instance creates bucket, secret and role."
  }
  assert {
    condition     = alltrue([for it in aws_lambda_function.this : it.environment[0].variables["LANDBRIDGE_DATABASE"] == "shop" && !contains(keys(it.environment[0].variables), "LANDBRIDGE_CONTRACT")])
    error_message = "Each function works for one database, whose contract is beside the configuration."
  }
  assert {
    condition     = alltrue([for it in aws_scheduler_schedule.this : it.target[0].input == "{\"database\":\"shop\",\"scheduled_time\":\"<aws.scheduler.scheduled-time>\"}"])
    error_message = "Each event names its database."
  }
  assert {
    condition     = join(" ", aws_s3_bucket_lifecycle_configuration.this[0].rule[*].id) == "exports exports-1 ledger unfinished-uploads" && join(" ", local.export_paths) == "exports/ more/exports/"
    error_message = "The exports of every database must expire."
  }
}

run "another_database_has_functions_and_rights_of_its_own" {
  command = plan
  variables {
    config_file   = "./tests/two.yaml"
    contract_file = "./tests/contracts/billing.yaml"
    database      = "billing"
    shared = {
      bucket            = "company-exports"
      key_arn           = "arn:aws:kms:ap-northeast-2:123456789012:key/1"
      token_key_arn     = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:token"
      proof_key_arn     = null
      sign_key_arn      = null
      export_role_arn   = "arn:aws:iam::123456789012:role/company-rds-export"
      alert_secret_arns = {}
    }
  }

  assert {
    condition     = length(aws_s3_bucket.this) + length(aws_s3_bucket_policy.this) + length(aws_kms_key.this) + length(aws_secretsmanager_secret.token_key) + length(aws_iam_role.export) == 0
    error_message = "What all databases share is created once."
  }
  assert {
    condition     = aws_iam_role_policy.export.role == "company-rds-export" && aws_iam_role_policy.export.name == "write-exports-billing"
    error_message = "The shared role gets the right to write these exports."
  }
  assert {
    condition     = alltrue([for name, it in aws_lambda_function.this : it.function_name == "landbridge-billing-${name}"])
    error_message = "A database has functions of its own."
  }
  assert {
    condition     = aws_scheduler_schedule.this["export"].schedule_expression == "cron(0/10 2-5 * * ? *)"
    error_message = "A database has its own hours."
  }
  assert {
    # Least privilege: no policy of one database names another one, and every path of the ledger is its own.
    condition     = alltrue([for it in aws_iam_role_policy.function : !strcontains(it.policy, "shop") && (!strcontains(it.policy, "/ledger/") || strcontains(it.policy, "/ledger/billing/"))])
    error_message = "A role reaches the objects of its own database only."
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.function["transfer"].policy, "company-exports/more/exports/landbridge-billing-*")
    error_message = "The transfer reads the exports of its database."
  }
  assert {
    condition     = local.files["contract.yaml"].key == "landbridge-config/billing/${local.hash_of_both}/contracts/billing.yaml" && local.files["landbridge.yaml"].key == "landbridge-config/billing/${local.hash_of_both}/landbridge.yaml"
    error_message = "A contract is beside its configuration, where the functions look for it."
  }
}

run "a_file_with_databases_needs_a_name" {
  command = plan
  variables {
    config_file   = "./tests/two.yaml"
    contract_file = "./tests/contracts/shop.yaml"
  }
  expect_failures = [var.database]
}
