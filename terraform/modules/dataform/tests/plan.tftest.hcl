mock_provider "google-beta" {}

variables {
  config_file     = "../../examples/complete/landbridge.yaml"
  repository      = "landbridge-shop-models"
  service_account = "landbridge-shop-models@shop-analytics.iam.gserviceaccount.com"
}

run "the_models_run_every_day_as_the_account_that_sees_masks_only" {
  command = plan
  assert {
    condition     = google_dataform_repository_workflow_config.daily.invocation_config[0].service_account == var.service_account
    error_message = "The workflow must run as the account of the models."
  }
  assert {
    condition     = google_dataform_repository_workflow_config.daily.release_config == "projects/shop-analytics/locations/asia-northeast3/repositories/landbridge-shop-models/releaseConfigs/production"
    error_message = "The workflow must execute the release, by its complete name."
  }
  assert {
    condition     = google_dataform_repository_release_config.production.git_commitish == "main" && google_dataform_repository_release_config.production.cron_schedule == "0 4 * * *" && google_dataform_repository_workflow_config.daily.cron_schedule == "30 4 * * *"
    error_message = "The release must come before the run."
  }
  assert {
    condition     = google_dataform_repository_release_config.production.time_zone == "Asia/Seoul" && google_dataform_repository_workflow_config.daily.time_zone == "Asia/Seoul"
    error_message = "The schedules must have the time zone of landbridge.yaml."
  }
}

run "another_account_is_refused" {
  command = plan
  variables {
    service_account = "administrator@shop-analytics.iam.gserviceaccount.com"
  }
  expect_failures = [google_dataform_repository_workflow_config.daily]
}

run "a_repository_is_needed" {
  command = plan
  variables {
    repository = null
  }
  expect_failures = [var.repository]
}

run "a_configuration_without_models_is_refused" {
  command = plan
  variables {
    config_file = "../gcp/tests/plain.yaml"
  }
  expect_failures = [google_dataform_repository_workflow_config.daily]
}
