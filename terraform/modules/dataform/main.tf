# When the models run: Dataform compiles the repository's files (release), and later executes what it compiled
# (workflow) as the account of the models, which sees masks only.

locals {
  config    = yamldecode(file(var.config_file))
  warehouse = local.config.warehouse
  zone      = coalesce(var.time_zone, try(local.config.schedule.zone, null), "UTC")
}

resource "google_dataform_repository_release_config" "production" {
  provider      = google-beta
  project       = local.warehouse.project
  region        = local.warehouse.location
  repository    = var.repository
  name          = "production"
  git_commitish = "main"
  cron_schedule = var.release_schedule
  time_zone     = local.zone
}

resource "google_dataform_repository_workflow_config" "daily" {
  provider       = google-beta
  project        = local.warehouse.project
  region         = local.warehouse.location
  repository     = var.repository
  name           = "daily"
  release_config = "projects/${local.warehouse.project}/locations/${local.warehouse.location}/repositories/${var.repository}/releaseConfigs/${google_dataform_repository_release_config.production.name}"
  cron_schedule  = var.run_schedule
  time_zone      = local.zone

  invocation_config {
    service_account = var.service_account
  }

  lifecycle {
    precondition {
      condition     = try(local.warehouse.models.dataset, null) != null
      error_message = "landbridge.yaml has no warehouse.models: there is no dataset that the models may write."
    }
    # An account of another kind could see plain values, and a table that it makes has no policy tags.
    precondition {
      condition     = can(regex("^landbridge-[a-z0-9-]*models@${local.warehouse.project}\\.iam\\.gserviceaccount\\.com$", var.service_account))
      error_message = "service_account must be the account that sees masks only: pass the output models_service_account of the gcp module."
    }
  }
}
