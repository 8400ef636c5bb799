# The bucket for exports, ledger and configuration: private, versioned, TLS only.

resource "aws_s3_bucket" "this" {
  count         = local.first ? 1 : 0
  bucket        = local.export.bucket
  force_destroy = var.force_destroy
  tags          = local.shared_tags

  lifecycle {
    precondition {
      condition     = data.aws_region.current.name == local.region
      error_message = "The AWS provider uses region ${data.aws_region.current.name}, but source.region in landbridge.yaml is ${local.region}. RDS exports only to a bucket in its own region: set the provider's region to ${local.region}."
    }
    precondition {
      condition     = local.export_role.account == local.account && local.key.account == local.account
      error_message = "export.role_arn and export.kms_key in landbridge.yaml must belong to account ${local.account}, which Terraform uses."
    }
    precondition {
      condition     = local.key.region == local.region
      error_message = "export.kms_key in landbridge.yaml must be in region ${local.region}: RDS encrypts an export only with a key in its own region."
    }
    precondition {
      condition     = !startswith("${local.config_prefix}/", local.policy.export_path) && !startswith("${local.config_prefix}/", "${local.policy.ledger_prefix}/")
      error_message = "export.prefix and ledger.prefix in landbridge.yaml must not contain landbridge-config/, which stores the functions' configuration."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  count                   = local.first ? 1 : 0
  bucket                  = aws_s3_bucket.this[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  count  = local.first ? 1 : 0
  bucket = aws_s3_bucket.this[0].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# S3's own key for ledger and configuration, so that functions without rights on our key can read and
# write them. RDS encrypts exports with our key, which each export task names. With the bucket key, S3 then asks KMS
# once in a while and not at every request on an exported file. KMS sees the bucket's ARN as encryption context
# instead of the file's; no policy here has a condition on it.
resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  count  = local.first ? 1 : 0
  bucket = aws_s3_bucket.this[0].id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
    bucket_key_enabled = true
  }
}

resource "aws_s3_bucket_versioning" "this" {
  count  = local.first ? 1 : 0
  bucket = aws_s3_bucket.this[0].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_policy" "this" {
  count      = local.first ? 1 : 0
  bucket     = aws_s3_bucket.this[0].id
  policy     = templatefile("${local.infra}/policies/bucket.json", local.policy)
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count      = local.first ? 1 : 0
  bucket     = aws_s3_bucket.this[0].id
  depends_on = [aws_s3_bucket_versioning.this]

  # Exports contain personal data in plain, so they and their older versions are deleted soon.
  dynamic "rule" {
    for_each = local.export_paths
    content {
      id     = rule.key == 0 ? "exports" : "exports-${rule.key}"
      status = "Enabled"
      filter {
        prefix = rule.value
      }
      expiration {
        days = var.export_retention_days
      }
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  rule {
    id     = "ledger"
    status = "Enabled"
    filter {
      prefix = "${local.policy.ledger_prefix}/"
    }
    expiration {
      days = var.ledger_retention_days
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

# The two configuration files, unchanged, so what is deployed and what runs cannot differ.
resource "aws_s3_object" "file" {
  for_each     = local.files
  bucket       = local.bucket
  key          = each.value.key
  source       = each.value.path
  source_hash  = filemd5(each.value.path)
  content_type = "application/yaml"
  depends_on   = [aws_s3_bucket_public_access_block.this, aws_s3_bucket_server_side_encryption_configuration.this, aws_s3_bucket_versioning.this]

  # The functions get the name of the new file before the old file is deleted.
  lifecycle {
    create_before_destroy = true
  }
}
