# Who may do what with one service and its gate. docs/permissions.md tells why; a test holds this
# file to what `gate doctor` asks for.

variable "project" { type = string }
variable "region" { type = string }
variable "service" { type = string }

variable "on_call" {
  description = "Who rolls back by hand, e.g. group:on-call@example.com"
  type        = string
}

variable "reviewers" {
  description = "Who looks at decisions, e.g. group:reviewers@example.com"
  type        = string
}

variable "private" {
  description = "Whether callers of the service must say who they are"
  type        = bool
  default     = false
}

variable "iap" {
  description = "Whether Identity-Aware Proxy stands before the service"
  type        = bool
  default     = false
}

variable "metrics" {
  description = "Whether the policy judges by Cloud Monitoring"
  type        = bool
  default     = false
}

variable "secrets" {
  description = "Ids of the secrets of Secret Manager that the policy names"
  type        = set(string)
  default     = []
}

variable "sign_key" {
  description = "Id of the key of Cloud KMS that the policy signs with, if it does"
  type        = string
  default     = ""
}

variable "stage_key" {
  description = "Id of the key of Cloud KMS by which the policy requires signatures, if it does"
  type        = string
  default     = ""
}

variable "bundles" {
  description = "Name of the bucket of GATE_BUNDLES, if there is one"
  type        = string
  default     = ""
}

resource "google_service_account" "runtime" {
  project    = var.project
  account_id = "${var.service}-runtime"
}

resource "google_service_account" "gate" {
  project    = var.project
  account_id = "${var.service}-gate"
}

resource "google_cloud_run_v2_service" "service" {
  project  = var.project
  location = var.region
  name     = var.service

  template {
    service_account = google_service_account.runtime.email
    containers {
      image = "us-docker.pkg.dev/cloudrun/container/hello" # the first one only
    }
  }

  lifecycle {
    # What the gate and the pipeline set; without this an apply takes users off what was promoted.
    ignore_changes = [
      traffic,
      client,
      client_version,
      template[0].revision,
      template[0].containers[0].image,
    ]
  }
}

# The pipeline

resource "google_cloud_run_v2_service_iam_member" "gate_developer" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.service.name
  role     = "roles/run.developer"
  member   = google_service_account.gate.member
}

resource "google_project_iam_member" "gate_revisions" {
  project = var.project
  role    = "roles/run.viewer"
  member  = google_service_account.gate.member
}

resource "google_service_account_iam_member" "gate_acts_as_runtime" {
  service_account_id = google_service_account.runtime.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.gate.member
}

resource "google_project_iam_member" "gate_log_writer" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.gate.member
}

resource "google_project_iam_member" "gate_log_reader" {
  project = var.project
  role    = "roles/logging.viewer"
  member  = google_service_account.gate.member
}

resource "google_cloud_run_v2_service_iam_member" "gate_invoker" {
  count    = var.private ? 1 : 0
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.service.name
  role     = "roles/run.invoker"
  member   = google_service_account.gate.member
}

resource "google_service_account_iam_member" "gate_makes_tokens" {
  count              = var.private ? 1 : 0
  service_account_id = google_service_account.gate.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = google_service_account.gate.member
}

resource "google_service_account_iam_member" "gate_signs_for_iap" {
  count              = var.iap ? 1 : 0
  service_account_id = google_service_account.gate.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.gate.member
}

resource "google_secret_manager_secret_iam_member" "gate_secrets" {
  for_each  = var.secrets
  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.gate.member
}

resource "google_project_iam_member" "gate_metrics" {
  count   = var.metrics ? 1 : 0
  project = var.project
  role    = "roles/monitoring.viewer"
  member  = google_service_account.gate.member
}

resource "google_kms_crypto_key_iam_member" "gate_signs" {
  count         = var.sign_key == "" ? 0 : 1
  crypto_key_id = var.sign_key
  role          = "roles/cloudkms.signerVerifier"
  member        = google_service_account.gate.member
}

resource "google_kms_crypto_key_iam_member" "gate_verifies" {
  count         = var.stage_key == "" ? 0 : 1
  crypto_key_id = var.stage_key
  role          = "roles/cloudkms.publicKeyViewer"
  member        = google_service_account.gate.member
}

resource "google_storage_bucket_iam_member" "gate_bundles" {
  count  = var.bundles == "" ? 0 : 1
  bucket = var.bundles
  role   = "roles/storage.objectCreator"
  member = google_service_account.gate.member
}

# People on call

resource "google_cloud_run_v2_service_iam_member" "on_call_developer" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.service.name
  role     = "roles/run.developer"
  member   = var.on_call
}

resource "google_project_iam_member" "on_call_revisions" {
  project = var.project
  role    = "roles/run.viewer"
  member  = var.on_call
}

resource "google_service_account_iam_member" "on_call_acts_as_runtime" {
  service_account_id = google_service_account.runtime.name
  role               = "roles/iam.serviceAccountUser"
  member             = var.on_call
}

resource "google_project_iam_member" "on_call_log_writer" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = var.on_call
}

resource "google_project_iam_member" "on_call_log_reader" {
  project = var.project
  role    = "roles/logging.viewer"
  member  = var.on_call
}

resource "google_storage_bucket_iam_member" "on_call_bundles" {
  count  = var.bundles == "" ? 0 : 1
  bucket = var.bundles
  role   = "roles/storage.objectCreator"
  member = var.on_call
}

# Reviewers

resource "google_cloud_run_v2_service_iam_member" "reviewers_service" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.service.name
  role     = "roles/run.viewer"
  member   = var.reviewers
}

resource "google_project_iam_member" "reviewers_revisions" {
  project = var.project
  role    = "roles/run.viewer"
  member  = var.reviewers
}

resource "google_project_iam_member" "reviewers_log_reader" {
  project = var.project
  role    = "roles/logging.viewer"
  member  = var.reviewers
}

resource "google_storage_bucket_iam_member" "reviewers_bundles" {
  count  = var.bundles == "" ? 0 : 1
  bucket = var.bundles
  role   = "roles/storage.objectViewer"
  member = var.reviewers
}
