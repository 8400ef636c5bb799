# Who read and wrote the exports, which contain plain personal data: CloudTrail data events, in a bucket of
# their own. docs/personal-information-protection-act.md says what they are for.

locals {
  audit        = var.audit_retention_days == null ? toset([]) : toset(["exports"])
  audit_bucket = "${local.name}-audit-${local.account}"
}

resource "aws_s3_bucket" "audit" {
  for_each      = local.audit
  bucket        = local.audit_bucket
  force_destroy = var.force_destroy
  tags          = local.tags
}

resource "aws_s3_bucket_public_access_block" "audit" {
  for_each                = local.audit
  bucket                  = aws_s3_bucket.audit[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "audit" {
  for_each = local.audit
  bucket   = aws_s3_bucket.audit[each.key].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "audit" {
  for_each = local.audit
  bucket   = aws_s3_bucket.audit[each.key].id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# A record that is deleted or replaced stays as an older version.
resource "aws_s3_bucket_versioning" "audit" {
  for_each = local.audit
  bucket   = aws_s3_bucket.audit[each.key].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "audit" {
  for_each   = local.audit
  bucket     = aws_s3_bucket.audit[each.key].id
  depends_on = [aws_s3_bucket_versioning.audit]

  rule {
    id     = "records"
    status = "Enabled"
    filter {}
    expiration {
      days = var.audit_retention_days
    }
    noncurrent_version_expiration {
      noncurrent_days = var.audit_retention_days
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_policy" "audit" {
  for_each   = local.audit
  bucket     = aws_s3_bucket.audit[each.key].id
  policy     = templatefile("${local.infra}/policies/audit-bucket.json", local.policy)
  depends_on = [aws_s3_bucket_public_access_block.audit]
}

resource "aws_cloudtrail" "exports" {
  for_each                      = local.audit
  name                          = "${local.name}-exports"
  s3_bucket_name                = aws_s3_bucket.audit[each.key].id
  include_global_service_events = false
  enable_log_file_validation    = true
  tags                          = local.tags

  advanced_event_selector {
    name = "objects of the exports"
    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }
    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }
    field_selector {
      field       = "resources.ARN"
      starts_with = ["arn:${local.partition}:s3:::${local.export.bucket}/${local.policy.export_path}${local.name}-"]
    }
  }

  depends_on = [aws_s3_bucket_policy.audit]
}
