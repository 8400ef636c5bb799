# What models may use beside BigQuery's SQL: Gemini by a connection, and Dataform as a service. Both are off by
# default, and both run as the account of the models, which sees masks only.

locals {
  gemini   = local.models == null ? null : var.gemini_model
  dataform = local.models != null && var.dataform
}

# A remote model calls Gemini as the account of its connection (Google's documentation, "Generate text by using the
# AI.GENERATE_TEXT function", section Required roles).
resource "google_bigquery_connection" "gemini" {
  count         = local.gemini == null ? 0 : 1
  project       = local.project
  location      = local.location
  connection_id = "${local.name}-gemini"
  friendly_name = "Landbridge Gemini (${local.source})"
  description   = "Models of ${local.source} send prompts to Gemini by this connection: columns of class none only."
  depends_on    = [google_project_service.this]
  cloud_resource {}

  lifecycle {
    precondition {
      condition     = !contains(["us", "eu"], local.location)
      error_message = "gemini_model needs a region as warehouse.location: a multi-region has no regional endpoint, and the global one computes anywhere."
    }
  }
}

resource "google_project_iam_member" "gemini_caller" {
  count   = local.gemini == null ? 0 : 1
  project = local.project
  role    = "roles/aiplatform.user"
  member  = "serviceAccount:${google_bigquery_connection.gemini[0].cloud_resource[0].service_account_id}"
}

resource "google_bigquery_connection_iam_member" "gemini_user" {
  count         = local.gemini == null ? 0 : 1
  project       = local.project
  location      = local.location
  connection_id = google_bigquery_connection.gemini[0].connection_id
  role          = "roles/bigquery.connectionUser"
  member        = google_service_account.models[0].member
}

# Without a Git server: files arrive by Dataform's method repositories.commit (models/README.md). Queries run as
# the account of the models; Dataform's service agent acts as it (`models_runners`).
resource "google_dataform_repository" "models" {
  count           = local.dataform ? 1 : 0
  project         = local.project
  region          = local.location
  name            = "${local.name}-models"
  display_name    = "Landbridge models (${local.source})"
  service_account = google_service_account.models[0].email
  labels          = local.labels
  depends_on      = [google_project_service.this]
}
