variable "package_dir" {
  description = "Folder that contains the functions' packages from `make package`."
  type        = string
  default     = "../../../target/lambda/arm64"
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
