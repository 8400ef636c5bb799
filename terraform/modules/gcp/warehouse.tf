# The two datasets and what the load may do with them.

# Creates tables, sets their schema with its tags, writes rows. It cannot read a row, delete a
# table, or change who may read one.
resource "google_project_iam_custom_role" "loader" {
  count       = var.loader_role == null ? 1 : 0
  project     = local.project
  role_id     = "${local.slug}_loader"
  title       = "Landbridge loader (${local.source})"
  description = "Create tables, attach policy tags, load rows; neither read nor delete"
  permissions = [
    "bigquery.datasets.get",
    "bigquery.tables.create",
    "bigquery.tables.get",
    "bigquery.tables.list",
    "bigquery.tables.setCategory",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
  ]
}

resource "google_project_iam_custom_role" "runner" {
  project     = local.project
  role_id     = "${local.slug}_runner"
  title       = "Landbridge job runner (${local.source})"
  description = "Start jobs and look at its own"
  permissions = ["bigquery.jobs.create"]
}

resource "google_project_iam_custom_role" "tagger" {
  project     = local.project
  role_id     = "${local.slug}_tagger"
  title       = "Landbridge tagger (${local.source})"
  description = "See the taxonomy whose tags are attached"
  permissions = ["datacatalog.taxonomies.get"]
}

resource "google_project_iam_member" "runner" {
  project = local.project
  role    = google_project_iam_custom_role.runner.name
  member  = local.principals["load"]
}

locals {
  loader_role = var.loader_role == null ? google_project_iam_custom_role.loader[0].name : var.loader_role
  datasets = {
    (local.warehouse.dataset)     = { description = "Tables of ${local.source}, as of one instant a day. Landbridge writes them; changes by hand are undone.", readers = local.dataset_readers }
    (local.warehouse.ops_dataset) = { description = "Receipts: what came, what landed, what proves it.", readers = local.ops_readers }
  }
}

# The whole list of who may do what; what BigQuery would add by itself (every reader of the
# project) is left out.
resource "google_bigquery_dataset" "this" {
  for_each                   = local.datasets
  project                    = local.project
  dataset_id                 = each.key
  location                   = local.location
  description                = each.value.description
  delete_contents_on_destroy = !var.deletion_protection
  labels                     = local.labels
  depends_on                 = [google_project_service.this]

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }
  access {
    role       = local.loader_role
    iam_member = local.principals["load"]
  }
  dynamic "access" {
    for_each = toset(each.value.readers)
    content {
      role           = "READER"
      group_by_email = startswith(access.key, "group:") ? trimprefix(access.key, "group:") : null
      user_by_email  = length(regexall("^(user|serviceAccount):", access.key)) > 0 ? regex("^[^:]+:(.+)$", access.key)[0] : null
      domain         = startswith(access.key, "domain:") ? trimprefix(access.key, "domain:") : null
      iam_member     = startswith(access.key, "principal") ? access.key : null
    }
  }

  lifecycle {
    precondition {
      condition     = local.warehouse.dataset != local.warehouse.ops_dataset
      error_message = "warehouse.dataset and warehouse.ops_dataset are the same: a table of the source could replace the receipts."
    }
  }
}
