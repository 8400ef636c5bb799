variable "package_dir" {
  description = "Folder that contains the functions' packages: of a release, or from `make package`."
  type        = string
  default     = "../../../target/lambda/arm64"
}

variable "release" {
  description = "Release that the packages must be of, such as `v0.2.0`; `null` for packages from `make package`."
  type        = string
  default     = null
}

variable "alert_emails" {
  description = "Email addresses that receive alarms."
  type        = list(string)
  default     = []
}

variable "enabled" {
  description = "Whether the schedules are enabled; `false` deploys everything but starts no function."
  type        = bool
  default     = true
}
