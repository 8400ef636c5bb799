# The landing bucket for Parquet files, and who may use it.

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
  dynamic "encryption" {
    for_each = var.kms_key_name == null ? [] : [var.kms_key_name]
    content {
      default_kms_key_name = encryption.value
    }
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
    precondition {
      # The multi-region EU of BigQuery and Cloud Storage is `europe` in Cloud KMS (Google's documentation,
      # "Customer-managed Cloud KMS keys" of BigQuery).
      condition     = var.kms_key_name == null ? true : split("/", var.kms_key_name)[3] == (local.location == "eu" ? "europe" : local.location)
      error_message = "kms_key_name is not in ${local.location}: datasets and bucket can use only a key in their own location."
    }
  }
}

locals {
  landing_rights = concat([
    # The transfer and its workers create files and checks whether they exist; they cannot replace or delete them.
    { role = "roles/storage.objectCreator", functions = local.carriers, condition = null },
    # A load job reads the files with the rights of its caller, and reads the bucket's metadata
    # (storage.buckets.get; Google's documentation on loading from Cloud Storage).
    { role = "roles/storage.objectViewer", functions = concat(local.carriers, local.loads), condition = null },
    { role = "roles/storage.legacyBucketReader", functions = local.loads, condition = null },
    ], [
    # A batch of receipts can be written again. Its objects are …/<source>/<day>/receipts/<n>.json.
    for key, it in local.of : { role = "roles/storage.objectUser", functions = ["${it.prefix}load"], condition = {
      title       = "receipts of ${it.source}"
      description = "Only JSON below Landbridge's own prefix, no Parquet file"
      expression  = "resource.name.startsWith('projects/_/buckets/${local.transfer.bucket}/objects/${it.landing}${it.source}/') && resource.name.endsWith('.json')"
    } }
  ])
}

data "google_iam_policy" "landing" {
  dynamic "binding" {
    for_each = local.landing_rights
    content {
      role    = binding.value.role
      members = [for function in binding.value.functions : local.principals[function]]
      dynamic "condition" {
        for_each = binding.value.condition == null ? [] : [binding.value.condition]
        content {
          title       = condition.value.title
          description = condition.value.description
          expression  = condition.value.expression
        }
      }
    }
  }
}

# The complete policy: it also removes the bindings that Google adds to every new bucket, with which each
# viewer and editor of the project reads all objects (Google's documentation, "IAM roles for Cloud
# Storage", basic roles). Roles granted on the project or above still apply: docs/security.md.
resource "google_storage_bucket_iam_policy" "landing" {
  bucket      = google_storage_bucket.landing.name
  policy_data = data.google_iam_policy.landing.policy_data
}

# Earlier versions granted each role separately. Forgotten, not destroyed: destroying one after the policy
# is set would remove our own members from the policy.
removed {
  from = google_storage_bucket_iam_member.transfer
  lifecycle {
    destroy = false
  }
}

removed {
  from = google_storage_bucket_iam_member.load_reads
  lifecycle {
    destroy = false
  }
}

removed {
  from = google_storage_bucket_iam_member.load_writes_receipts
  lifecycle {
    destroy = false
  }
}
