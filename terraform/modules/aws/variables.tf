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

variable "package_dir" {
  description = "Folder that contains the functions' packages from `make package`: `snapshot.zip`, `export.zip`, `transfer.zip`, `load.zip`, `protect.zip`."
  type        = string
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
  description = "Memory of each function in MB. Transfer needs `transfer.memory_mib` in `landbridge.yaml` plus about 100 MB. More memory also gives more CPU and network."
  type        = object({ snapshot = optional(number, 128), export = optional(number, 128), transfer = optional(number, 1024), load = optional(number, 256), protect = optional(number, 128) })
  default     = {}
  validation {
    condition     = alltrue([for mb in values(var.memory_mb) : mb >= 128 && mb <= 10240])
    error_message = "Lambda accepts 128 to 10240 MB."
  }
}

variable "timeout_seconds" {
  description = "Seconds that one start of a function may take. Keep it below the time between two starts, so that they do not overlap; the next start continues unfinished work. If it is longer, events wait, are throttled, and end in the queue of failed events."
  type        = object({ snapshot = optional(number, 120), export = optional(number, 120), transfer = optional(number, 285), load = optional(number, 285), protect = optional(number, 285) })
  default     = {}
  validation {
    condition     = alltrue([for seconds in values(var.timeout_seconds) : seconds >= 10 && seconds <= 900])
    error_message = "timeout_seconds must be 10 to 900: Lambda allows at most 900, and in less than 10 no function can finish its work."
  }
}

variable "reserved_concurrency" {
  description = "How many instances of each function may run at the same time. With 1, ticks never overlap. -1 reserves nothing, for accounts with a small concurrency quota; two concurrent ticks do no harm."
  type        = number
  default     = 1
  validation {
    condition     = contains([-1, 1], var.reserved_concurrency)
    error_message = "reserved_concurrency must be 1 or -1."
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
