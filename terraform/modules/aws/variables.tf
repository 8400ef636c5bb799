variable "config_file" {
  description = "Path of `landbridge.yaml`. Names, schedule, bucket, role and key are read from it, and the functions are given the same file."
  type        = string
  validation {
    condition     = fileexists(var.config_file)
    error_message = "There is no such file. `landbridge check --config FILE` tells whether one can be used."
  }
}

variable "contract_file" {
  description = "Path of `contract.yaml`, given to the functions as it is."
  type        = string
  validation {
    condition     = fileexists(var.contract_file)
    error_message = "There is no such file. `landbridge contract propose` writes a first one."
  }
}

variable "package_dir" {
  description = "Folder of the functions' packages: `snapshot.zip`, `export.zip`, `transfer.zip`, `load.zip`, as `make package` leaves them."
  type        = string
}

variable "architecture" {
  description = "Processor that the packages were built for: `arm64` (a fifth cheaper) or `x86_64`."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Lambda has arm64 and x86_64."
  }
}

variable "google_credentials" {
  description = "`external_account` JSON by which transfer and load become known to Google, output `credentials` of the gcp module. It holds no secret."
  type        = string
  validation {
    condition     = try(jsondecode(var.google_credentials).type == "external_account", false)
    error_message = "Not the JSON of an external account. A key of a service account is not accepted: Landbridge stores no key."
  }
  validation {
    condition     = !strcontains(var.google_credentials, "imdsv2_session_token_url")
    error_message = "Lambda has no metadata service: leave imdsv2_session_token_url out."
  }
}

variable "policy_tags" {
  description = "Resource name of the policy tag of each class of personal data, output `policy_tags` of the gcp module."
  type        = map(string)
  validation {
    condition     = alltrue([for tag in values(var.policy_tags) : can(regex("^projects/[^/]+/locations/[^/]+/taxonomies/[^/]+/policyTags/[^/]+$", tag))])
    error_message = "A policy tag is written projects/P/locations/L/taxonomies/T/policyTags/N."
  }
}

variable "alert_emails" {
  description = "Addresses that alarms are sent to. Each is asked once, by mail, whether it wants them."
  type        = list(string)
  default     = []
}

variable "memory_mb" {
  description = "Memory of each function in MB. The transfer needs `transfer.memory_mib` of `landbridge.yaml` and about 100 MB; more memory is also more processor and network."
  type        = object({ snapshot = optional(number, 128), export = optional(number, 128), transfer = optional(number, 1024), load = optional(number, 256) })
  default     = {}
  validation {
    condition     = alltrue([for mb in values(var.memory_mb) : mb >= 128 && mb <= 10240])
    error_message = "Lambda has 128 to 10240 MB."
  }
}

variable "timeout_seconds" {
  description = "How long one start of a function may take. Below the time between two starts, so that none meets the one before: what is not done goes on at the next start. Above it, events wait, are throttled, and end in the queue of failures."
  type        = object({ snapshot = optional(number, 120), export = optional(number, 120), transfer = optional(number, 285), load = optional(number, 285) })
  default     = {}
  validation {
    condition     = alltrue([for seconds in values(var.timeout_seconds) : seconds >= 10 && seconds <= 900])
    error_message = "Lambda has at most 900 seconds; below 10 no function gets anything done."
  }
}

variable "reserved_concurrency" {
  description = "How many of each function may run at the same time. 1: ticks never race. -1 takes nothing from the account's quota, for accounts whose quota is too small; two ticks at once do no harm."
  type        = number
  default     = 1
  validation {
    condition     = contains([-1, 1], var.reserved_concurrency)
    error_message = "Either 1 or -1."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept. They hold no cell's value."
  type        = number
  default     = 90
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs keeps 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400 … days."
  }
}

variable "export_retention_days" {
  description = "Days after which exported files, the plain personal data among them, are removed from S3."
  type        = number
  default     = 7
  validation {
    condition     = var.export_retention_days >= 1
    error_message = "At least one day: the day's own files must outlive the day."
  }
}

variable "ledger_retention_days" {
  description = "Days after which records of the ledger are removed. Receipts stay in BigQuery."
  type        = number
  default     = 400
  validation {
    condition     = var.ledger_retention_days >= 30
    error_message = "At least 30 days: notices and claims are read again on later days."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete a bucket that still holds exports and the ledger."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of everything that is made, besides `landbridge:source`."
  type        = map(string)
  default     = {}
}

variable "enabled" {
  description = "Whether the schedules run. `false` deploys everything and starts nothing, or pauses what runs."
  type        = bool
  default     = true
}
