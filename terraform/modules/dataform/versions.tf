# Both resources exist only in the beta edition of Google's provider (its documentation, version 8.7), so they are a
# module of their own: a deployment without it does not install that provider.
terraform {
  required_version = ">= 1.9"
  required_providers {
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 8.7, < 9.0"
    }
  }
}
