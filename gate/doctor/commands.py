"""The commands that mend: whole, with the service's own names, to be pasted as they are."""

from shlex import quote

from gate.core.service import ServiceRef

ME = '"user:$(gcloud config get-value account)"'
"""Stands for a caller whose name is not known: the one that gcloud has."""


def of_service(ref: ServiceRef, verb: str, *flags: str) -> str:
    """`gcloud run services VERB NAME FLAGS --region R --project P`."""
    words = ["gcloud run services", verb, quote(ref.name), *flags, _place(ref)]
    return " ".join(words)


def of_revision(ref: ServiceRef, verb: str, revision: str) -> str:
    """`gcloud run revisions VERB NAME --region R --project P`."""
    return f"gcloud run revisions {verb} {quote(revision)} {_place(ref)}"


def on_service(ref: ServiceRef, member: str, role: str) -> str:
    """Grants a role on the service."""
    return of_service(ref, "add-iam-policy-binding", *_binding(member, role))


def on_project(ref: ServiceRef, member: str, role: str) -> str:
    """Grants a role on the project."""
    words = ["gcloud projects add-iam-policy-binding", quote(ref.project)]
    return " ".join([*words, *_binding(member, role), "--condition=None"])


def on_account(ref: ServiceRef, account: str, member: str, role: str) -> str:
    """Grants a role on a service account."""
    words = ["gcloud iam service-accounts add-iam-policy-binding", quote(account)]
    return " ".join([*words, *_binding(member, role), f"--project {quote(ref.project)}"])


def on_secret(ref: ServiceRef, secret: str, member: str, role: str) -> str:
    """Grants a role on a secret: its id, or `projects/P/secrets/S`."""
    parts = secret.split("/")
    project, name = (parts[1], parts[3]) if len(parts) >= 4 else (ref.project, secret)
    words = ["gcloud secrets add-iam-policy-binding", quote(name)]
    return " ".join([*words, *_binding(member, role), f"--project {quote(project)}"])


def on_key(key: str, member: str, role: str) -> str:
    """Grants a role on a key of Cloud KMS: `projects/P/locations/L/keyRings/R/cryptoKeys/K`."""
    _, project, _, location, _, ring, _, name = key.split("/")[:8]
    words = ["gcloud kms keys add-iam-policy-binding", quote(name), *_binding(member, role)]
    place = f"--keyring {quote(ring)} --location {quote(location)} --project {quote(project)}"
    return " ".join([*words, place])


def on_bucket(bucket: str, member: str, role: str) -> str:
    """Grants a role on a bucket of Cloud Storage."""
    words = ["gcloud storage buckets add-iam-policy-binding", quote(f"gs://{bucket}")]
    return " ".join([*words, *_binding(member, role)])


def past_iap(ref: ServiceRef, member: str) -> str:
    """Lets a member past Identity-Aware Proxy."""
    words = ["gcloud beta iap web add-iam-policy-binding"]
    words += _binding(member, "roles/iap.httpsResourceAccessor")
    return " ".join([*words, f"--resource-type=cloud-run --service {quote(ref.name)}", _place(ref)])


def pools(ref: ServiceRef) -> str:
    """Lists the private pools of Cloud Build in the service's region."""
    return f"gcloud builds worker-pools list {_place(ref)}"


def enable(ref: ServiceRef, api: str) -> str:
    """Switches an API on."""
    return f"gcloud services enable {api} --project {quote(ref.project)}"


def _binding(member: str, role: str) -> list[str]:
    return [f"--member={quote(member) if member else ME}", f"--role={role}"]


def _place(ref: ServiceRef) -> str:
    return f"--region {quote(ref.region)} --project {quote(ref.project)}"
