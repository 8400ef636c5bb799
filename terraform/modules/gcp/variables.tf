variable "config_file" {
  description = "Path of `landbridge.yaml`. Project, location, bucket, datasets, classes and readers are read from it."
  type        = string
  validation {
    condition     = fileexists(var.config_file)
    error_message = "There is no such file. `landbridge check --config FILE` tells whether one can be used."
  }
}

variable "aws_role_arns" {
  description = "AWS roles of the functions, output `role_arns` of the aws module. `transfer` and `load` are trusted, by their exact names and in this account only."
  type        = map(string)
  validation {
    condition     = alltrue([for function in ["transfer", "load"] : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@-]+$", var.aws_role_arns[function]))])
    error_message = "The ARNs of two roles without a path are needed, under `transfer` and `load`."
  }
}

variable "landing_retention_days" {
  description = "Days after which carried files, the plain personal data among them, are removed from Cloud Storage."
  type        = number
  default     = 7
  validation {
    condition     = var.landing_retention_days >= 2
    error_message = "At least two days: the day's own files must outlive the day."
  }
}

variable "dataset_readers" {
  description = "IAM members who may query the dataset at all; what they see of a class is decided by the class. Left out: everybody that a class of `landbridge.yaml` names."
  type        = list(string)
  default     = null
  validation {
    condition     = var.dataset_readers == null ? true : alltrue([for member in var.dataset_readers : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):", member))])
    error_message = "A member is written `group:analysts@example.com`; allUsers and allAuthenticatedUsers are not accepted."
  }
}

variable "ops_readers" {
  description = "IAM members who may query the receipts. Left out: as `dataset_readers`."
  type        = list(string)
  default     = null
  validation {
    condition     = var.ops_readers == null ? true : alltrue([for member in var.ops_readers : can(regex("^(user|group|serviceAccount|domain|principal|principalSet):", member))])
    error_message = "A member is written `group:analysts@example.com`; allUsers and allAuthenticatedUsers are not accepted."
  }
}

variable "loader_role" {
  description = "Role that the load has on both datasets. Left out: a custom one is made that can neither read rows nor delete a table. `roles/bigquery.dataOwner` is the predefined one that suffices."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether `terraform destroy` refuses to delete datasets that hold tables, and the landing bucket while it holds files."
  type        = bool
  default     = true
}

variable "enable_apis" {
  description = "Whether the APIs are enabled here. `false` where somebody else does; they are never disabled."
  type        = bool
  default     = true
}

variable "labels" {
  description = "Labels of buckets and datasets, besides `landbridge_source`."
  type        = map(string)
  default     = {}
}
