variable "config_file" {
  description = "Path of `landbridge.yaml`. The module reads names, schedule, bucket, role and key from it; the functions read the same file."
  type        = string
  validation {
    condition     = fileexists(var.config_file)
    error_message = "The file does not exist. `landbridge init` writes a first one, and `landbridge check --config FILE` validates it."
  }
}

variable "contract_file" {
  description = "Path of `contract.yaml`. The functions read it unchanged."
  type        = string
  validation {
    condition     = fileexists(var.contract_file)
    error_message = "The file does not exist. `landbridge contract propose --source URL` writes a first one."
  }
}

variable "database" {
  description = "Name of the database in `databases` of `landbridge.yaml`, if the file has several: one instance of this module for each. `null`: the file has one database."
  type        = string
  default     = null
  validation {
    condition     = var.database == null ? !can(yamldecode(file(var.config_file)).databases) : contains(try(keys(yamldecode(file(var.config_file)).databases), []), var.database)
    error_message = "database must name an entry of `databases` in landbridge.yaml; null if the file has no `databases`."
  }
}

variable "shared" {
  description = "Output `shared` of the instance of this module that creates what all databases share: bucket, keys, secrets and the export role. `null`: this instance creates it."
  type        = object({ bucket = string, key_arn = string, token_key_arn = string, proof_key_arn = string, sign_key_arn = string, export_role_arn = string, alert_secret_arns = map(string) })
  default     = null
  validation {
    condition     = var.shared == null || var.database != null
    error_message = "shared is only for further databases of a landbridge.yaml with `databases`: set database as well."
  }
}

variable "package_dir" {
  description = "Folder that contains the functions' packages, of a release or from `make package`: `snapshot.zip`, `export.zip`, `transfer.zip`, `load.zip`, `protect.zip`, `views.zip` if `landbridge.yaml` has `warehouse.views`, and `notify.zip` if it has `alerts`."
  type        = string
}

variable "release" {
  description = "Release that the packages are of, such as `v0.2.0`. The plan fails unless `package_dir` contains the packages of this release for `architecture`, each with the checksum in its `SHA256SUMS`. `null`: packages from `make package`, which are not compared with anything."
  type        = string
  default     = null
  validation {
    condition     = var.release == null ? true : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$", var.release))
    error_message = "release must be the tag of a release, such as v0.2.0."
  }
}

variable "architecture" {
  description = "Processor that the packages were built for: `arm64` (20 % cheaper) or `x86_64`."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "google_credentials" {
  description = "`external_account` JSON with which transfer, load and protect authenticate to Google: output `credentials` of the gcp module. It contains no secret."
  type        = string
  validation {
    condition     = try(jsondecode(var.google_credentials).type == "external_account", false)
    error_message = "google_credentials must be `external_account` JSON. A service account key is not accepted: Landbridge stores no key."
  }
  validation {
    condition     = !strcontains(var.google_credentials, "imdsv2_session_token_url")
    error_message = "google_credentials must not contain imdsv2_session_token_url: Lambda has no metadata service."
  }
}

variable "policy_tags" {
  description = "Resource name of the policy tag of each class of personal data: output `policy_tags` of the gcp module."
  type        = map(string)
  validation {
    condition     = alltrue([for tag in values(var.policy_tags) : can(regex("^projects/[^/]+/locations/[^/]+/taxonomies/[^/]+/policyTags/[^/]+$", tag))])
    error_message = "A policy tag must have the form projects/P/locations/L/taxonomies/T/policyTags/N."
  }
}

variable "alert_emails" {
  description = "Email addresses that receive alarms. Each recipient must confirm once, by email."
  type        = list(string)
  default     = []
}

variable "memory_mb" {
  description = "Memory of each function in MB. Transfer, load, protect and views read the whole contract: about 80 MB, 3 KB per table and 5 KB per column, so 128 MB hold some 600 tables of 15 columns, 256 MB 2,300, 512 MB 5,600; `landbridge doctor` compares. Transfer needs `transfer.memory_mib` in `landbridge.yaml` in addition; more memory also gives more CPU and network, and 1,769 MB is one whole processor, which transfer uses."
  type        = object({ snapshot = optional(number, 128), export = optional(number, 128), transfer = optional(number, 1769), transfer-item = optional(number, 1769), load = optional(number, 256), protect = optional(number, 128), views = optional(number, 128), notify = optional(number, 128) })
  default     = {}
  validation {
    condition     = alltrue([for mb in values(var.memory_mb) : mb >= 128 && mb <= 10240])
    error_message = "Lambda accepts 128 to 10240 MB."
  }
}

variable "timeout_seconds" {
  description = "Seconds that one start of a function may take. Keep it below the time between two starts, so that they do not overlap; the next start continues unfinished work. If it is longer, two starts do the same work at once, which costs but does no harm."
  type        = object({ snapshot = optional(number, 120), export = optional(number, 120), transfer = optional(number, 285), transfer-item = optional(number, 285), load = optional(number, 285), protect = optional(number, 285), views = optional(number, 285), notify = optional(number, 120) })
  default     = {}
  validation {
    condition     = alltrue([for seconds in values(var.timeout_seconds) : seconds >= 10 && seconds <= 900])
    error_message = "timeout_seconds must be 10 to 900: Lambda allows at most 900, and in less than 10 no function can finish its work."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent executions that are reserved for each function. By default none are: a new AWS account has a quota of ten, of which none can be reserved. Two concurrent ticks of a function do no harm, because every write is conditional. With 1, a tick that starts while another is running is throttled instead; this needs an account quota of at least 105."
  type        = number
  default     = null
  validation {
    condition     = var.reserved_concurrency == null || var.reserved_concurrency == 1
    error_message = "reserved_concurrency must be 1 or null. 0 would stop the functions: to pause them, set enabled = false."
  }
}

variable "source_kms_key_arn" {
  description = "ARN of the customer-managed KMS key that encrypts the source, if it has one. `snapshot` and `export` may then use it through RDS. Not needed for the key `aws/rds`. `aws rds describe-db-instances --query 'DBInstances[].[DBInstanceIdentifier,KmsKeyId]'` shows the key. If the key belongs to another account, its key policy must allow these two roles too."
  type        = string
  default     = null
  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[^:]+:[0-9]{12}:key/[0-9A-Za-z-]+$", var.source_kms_key_arn))
    error_message = "source_kms_key_arn must be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>, not of an alias: IAM policies cannot name aliases."
  }
}

variable "token_kms_key_arn" {
  description = "ARN of the customer-managed KMS key that encrypts the secret `transfer.token_key`, if that is an existing secret (an ARN) with a key other than `export.kms_key`. Not needed for the key `aws/secretsmanager`."
  type        = string
  default     = null
  validation {
    condition     = var.token_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[^:]+:[0-9]{12}:key/[0-9A-Za-z-]+$", var.token_kms_key_arn))
    error_message = "token_kms_key_arn must be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>, not of an alias: IAM policies cannot name aliases."
  }
}

variable "proof_kms_key_arn" {
  description = "ARN of the customer-managed KMS key that encrypts the secret `proof.key`, if that is an existing secret (an ARN) with a key other than `export.kms_key`. Not needed for the key `aws/secretsmanager`."
  type        = string
  default     = null
  validation {
    condition     = var.proof_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[^:]+:[0-9]{12}:key/[0-9A-Za-z-]+$", var.proof_kms_key_arn))
    error_message = "proof_kms_key_arn must be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>, not of an alias: IAM policies cannot name aliases."
  }
}

variable "log_retention_days" {
  description = "Days after which logs are deleted. Logs contain no cell values."
  type        = number
  default     = 90
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs accepts 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400 … days."
  }
}

variable "export_retention_days" {
  description = "Days after which exported files, which contain plain personal data, are deleted from S3."
  type        = number
  default     = 7
  validation {
    condition     = var.export_retention_days >= 1
    error_message = "export_retention_days must be at least 1: the files of a day are needed until the day is loaded."
  }
}

variable "audit_retention_days" {
  description = "Days for which a bucket of its own keeps who read and wrote the exported files (CloudTrail data events, about 0.15 US dollars a month for 600 files a day). `null`: no trail and no bucket, for accounts that already record these events."
  type        = number
  default     = 730
  validation {
    condition     = var.audit_retention_days == null ? true : var.audit_retention_days >= 1 && var.audit_retention_days <= 3650
    error_message = "audit_retention_days must be a number from 1 to 3650, or null."
  }
}

variable "ledger_retention_days" {
  description = "Days after which records of the ledger are deleted. Receipts stay in BigQuery."
  type        = number
  default     = 400
  validation {
    condition     = var.ledger_retention_days >= 30
    error_message = "ledger_retention_days must be at least 30: notices and claims are read again on later days."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete the bucket while it still contains exports and the ledger."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags for all resources, in addition to `landbridge:source`."
  type        = map(string)
  default     = {}
}

variable "enabled" {
  description = "Whether the schedules are enabled. `false` deploys everything but starts no function; on an existing deployment it pauses it."
  type        = bool
  default     = true
}
