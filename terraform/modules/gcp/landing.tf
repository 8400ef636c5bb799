# The landing bucket for Parquet files, and the rights on it.

resource "google_storage_bucket" "landing" {
  project                     = local.project
  name                        = local.transfer.bucket
  location                    = local.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  labels                      = local.labels

  lifecycle_rule {
    condition {
      age = var.landing_retention_days
    }
    action {
      type = "Delete"
    }
  }
  # No soft delete: the files contain plain values, and the export in S3 still has them.
  soft_delete_policy {
    retention_duration_seconds = 0
  }
  versioning {
    enabled = false
  }
  depends_on = [google_project_service.this]

  lifecycle {
    precondition {
      condition     = can(regex("^(us|eu|[a-z]+-[a-z]+[0-9]+)$", local.location))
      error_message = "warehouse.location in landbridge.yaml must be a region such as asia-northeast3 or one of the multi-regions us and eu. Masking requires bucket, datasets and taxonomy in the same location."
    }
    precondition {
      condition     = alltrue([for tag in values(local.existing) : can(regex("^projects/[^/]+/locations/${local.location}/taxonomies/", lower(tag)))])
      error_message = "A policy_tag in landbridge.yaml is not in ${local.location}: a tag can be attached only to tables in its own location."
    }
  }
}

# The transfer creates files and checks whether they exist; it cannot replace or delete them.
resource "google_storage_bucket_iam_member" "transfer" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])
  bucket   = google_storage_bucket.landing.name
  role     = each.key
  member   = local.principals["transfer"]
}

# A load job reads the files with the rights of its caller, and reads the bucket's metadata
# (storage.buckets.get; Google's documentation on loading from Cloud Storage).
resource "google_storage_bucket_iam_member" "load_reads" {
  for_each = toset(["roles/storage.objectViewer", "roles/storage.legacyBucketReader"])
  bucket   = google_storage_bucket.landing.name
  role     = each.key
  member   = local.principals["load"]
}

# A batch of receipts can be written again. Its objects are …/<source>/<day>/receipts/<n>.json.
resource "google_storage_bucket_iam_member" "load_writes_receipts" {
  bucket = google_storage_bucket.landing.name
  role   = "roles/storage.objectUser"
  member = local.principals["load"]
  condition {
    title       = "receipts of ${local.source}"
    description = "Only JSON below Landbridge's own prefix, no Parquet file"
    expression  = "resource.name.startsWith('projects/_/buckets/${local.transfer.bucket}/objects/${local.landing}${local.source}/') && resource.name.endsWith('.json')"
  }
}
