"""docs/permissions.md and the Terraform beside it grant what gate doctor asks for, and no more."""

import io
import re
import shlex
from pathlib import Path

import hcl2
import pytest

from docs.tables import filled
from gate.doctor.permissions import NEEDED, Resource, User, When
from gate.doctor.traffic import IGNORED

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/permissions.md").read_text(encoding="utf-8")
MAIN = (ROOT / "examples/terraform/main.tf").read_text(encoding="utf-8")
ROLES = {
    "roles/run.developer": {
        *("run.services.get", "run.services.list", "run.services.update"),
        *("run.services.getIamPolicy", "run.revisions.get", "run.revisions.list"),
    },
    "roles/run.viewer": {
        *("run.services.get", "run.services.list", "run.services.getIamPolicy"),
        *("run.revisions.get", "run.revisions.list"),
    },
    "roles/run.invoker": {"run.routes.invoke"},
    "roles/iam.serviceAccountUser": {"iam.serviceAccounts.actAs"},
    "roles/iam.serviceAccountOpenIdTokenCreator": {"iam.serviceAccounts.getOpenIdToken"},
    "roles/iam.serviceAccountTokenCreator": {"iam.serviceAccounts.signJwt"},
    "roles/logging.logWriter": {"logging.logEntries.create"},
    "roles/logging.viewer": {"logging.logEntries.list"},
    "roles/secretmanager.secretAccessor": {"secretmanager.versions.access"},
    "roles/monitoring.viewer": {"monitoring.timeSeries.list"},
    "roles/cloudkms.signerVerifier": {
        *("cloudkms.cryptoKeyVersions.useToSign", "cloudkms.cryptoKeyVersions.viewPublicKey"),
    },
    "roles/cloudkms.publicKeyViewer": {"cloudkms.cryptoKeyVersions.viewPublicKey"},
    "roles/storage.objectCreator": {"storage.objects.create"},
    "roles/storage.objectViewer": {"storage.objects.get", "storage.objects.list"},
}
"""What these of Google's roles have, as far as it matters here.

Source: cloud.google.com/iam/docs/roles-permissions, its pages run, iam, logging, secretmanager,
monitoring, cloudkms and storage (2026-11).
"""


def needed(user):
    """Each grant that this user needs: on what, which role, and whether in some cases only."""
    return {
        (one.on, one.role_of(user), one.when is not When.ALWAYS)
        for one in NEEDED
        if user in one.users
    }


@pytest.mark.parametrize("user", User)
def test_each_permission_is_in_a_role_that_is_granted_where_it_is_needed(user):
    for one in NEEDED:
        if user in one.users:
            assert one.name in ROLES[one.role_of(user)]


def test_no_role_is_granted_of_which_nothing_is_needed():
    """On call and in the pipeline one role has what only looks, too: it is not granted twice."""
    granted = {role for user in User for _, role, _ in needed(user)}
    assert granted == set(ROLES)


def test_the_table_is_made_of_the_list():
    assert filled(PAGE) == PAGE, "run python -m docs.tables"
    assert "| `run.services.update` | service | `roles/run.developer` |" in PAGE


# Terraform

KINDS = {
    "google_cloud_run_v2_service_iam_member": Resource.SERVICE,
    "google_project_iam_member": Resource.PROJECT,
    "google_secret_manager_secret_iam_member": Resource.SECRET,
    "google_storage_bucket_iam_member": Resource.BUCKET,
}
KEYS = {"${var.sign_key}": Resource.KEY, "${var.stage_key}": Resource.STAGE_KEY}
ACCOUNTS = {
    "${google_service_account.runtime.name}": Resource.RUNTIME_ACCOUNT,
    "${google_service_account.gate.name}": Resource.OWN_ACCOUNT,
}
MEMBERS = {
    "${google_service_account.gate.member}": User.PIPELINE,
    "${var.on_call}": User.BY_HAND,
    "${var.reviewers}": User.REVIEW,
}


def plain(value):
    """A text without the quotes that the parser may keep around it."""
    return value.strip('"') if isinstance(value, str) else value


def blocks(text):
    """Each resource of a file, as its type and its arguments."""
    for one in hcl2.load(io.StringIO(text))["resource"]:
        for kind, named in one.items():
            for body in named.values():
                yield plain(kind), body


def in_terraform(text):
    """The grants of a file, by user."""
    found = {user: set() for user in User}
    for kind, body in blocks(text):
        if not kind.endswith("_iam_member"):
            continue
        if kind == "google_kms_crypto_key_iam_member":
            on = KEYS[plain(body["crypto_key_id"])]
        else:
            on = KINDS.get(kind) or ACCOUNTS[plain(body["service_account_id"])]
        sometimes = "count" in body or "for_each" in body
        found[MEMBERS[plain(body["member"])]].add((on, plain(body["role"]), sometimes))
    return found


def ignored(text):
    """What the service's lifecycle leaves to others."""
    (found,) = [
        lifecycle["ignore_changes"]
        for kind, body in blocks(text)
        if kind == "google_cloud_run_v2_service"
        for lifecycle in body["lifecycle"]
    ]
    return tuple(re.sub(r"^\$\{(.*)\}$", r"\1", plain(one)) for one in found)


@pytest.mark.parametrize("user", User)
def test_terraform_grants_what_is_asked_for_and_no_more(user):
    assert in_terraform(MAIN)[user] == needed(user)


def test_terraform_leaves_to_the_gate_what_the_gate_sets():
    (fenced,) = re.findall(r"```hcl\n(.*?)```", PAGE, re.DOTALL)
    assert ignored(MAIN) == IGNORED
    assert ignored(fenced) == IGNORED


def test_this_test_sees_a_grant_that_is_missing_and_one_too_many():
    without = MAIN.replace('"roles/logging.logWriter"', '"roles/logging.admin"')
    missing = needed(User.PIPELINE) ^ in_terraform(without)[User.PIPELINE]
    assert {role for _, role, _ in missing} == {"roles/logging.logWriter", "roles/logging.admin"}


# gcloud

BINDING = "add-iam-policy-binding"
COMMANDS = {
    ("run", "services"): lambda name: Resource.SERVICE,
    ("projects",): lambda name: Resource.PROJECT,
    ("secrets",): lambda name: Resource.SECRET,
    ("storage", "buckets"): lambda name: Resource.BUCKET,
    ("kms", "keys"): {"$KEY": Resource.KEY, "$STAGE_KEY": Resource.STAGE_KEY}.__getitem__,
    ("iam", "service-accounts"): {
        "$RUNTIME": Resource.RUNTIME_ACCOUNT,
        "$GATE": Resource.OWN_ACCOUNT,
    }.__getitem__,
}


def in_gcloud(block):
    """The grants of a fenced block; what follows a remark is for some cases only."""
    found, sometimes = set(), False
    for line in block.splitlines():
        words = shlex.split(line, comments=True)
        sometimes |= line.startswith("#")
        if BINDING not in words:
            continue
        at = words.index(BINDING)
        (role,) = [word.removeprefix("--role=") for word in words if word.startswith("--role=")]
        assert "--member=$WHO" in words
        found.add((COMMANDS[tuple(words[1:at])](words[at + 1]), role, sometimes))
    return found


@pytest.mark.parametrize(("place", "user"), list(enumerate(User)))
def test_gcloud_grants_what_is_asked_for_and_no_more(place, user):
    section = PAGE.partition("## With gcloud")[2]
    assert in_gcloud(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[place]) == needed(user)
