"""`gate doctor` against Google's hosts, behind TLS: which API is asked what, and by whose clock.

The APIs are one server of ours, which every CONNECT leads to.
"""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from tests.contract.credentials_stage import ACCESS_TOKEN, proxy, run

DOCTOR = """
import sys
from gate.cli.main import run
named = ["--project", "demo", "--region", "us-central1", "--service", "backend"]
code = run(["doctor", *named, *sys.argv[1:], "--output", "json"])
sys.exit(0 if code == 5 else "not held")
"""
NUMBER = "123456789012"
RUNTIME = f"{NUMBER}-compute@developer.gserviceaccount.com"
REVISION = {
    "metadata": {
        "name": "backend-00001-abc",
        "labels": {"serving.knative.dev/service": "backend"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
    },
    "spec": {"containers": [{"image": "app:1"}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}
SERVICE = {
    "metadata": {"name": "backend", "namespace": NUMBER, "resourceVersion": "v", "generation": 1},
    "spec": {
        "template": {"spec": {"containers": [{"image": "app:1"}]}},
        "traffic": [{"revisionName": "backend-00001-abc", "percent": 100}],
    },
    "status": {
        "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "True"}],
        "latestReadyRevisionName": "backend-00001-abc",
        "latestCreatedRevisionName": "backend-00001-abc",
        "traffic": [{"revisionName": "backend-00001-abc", "percent": 100}],
    },
}
V1 = "/apis/serving.knative.dev/v1/namespaces/demo"
ONE = "/v1/projects/demo/locations/us-central1/services/backend"
RUN = "us-central1-run.googleapis.com"
ASKED = {
    (RUN, f"{V1}/services/backend"),
    (RUN, f"{V1}/revisions"),
    (RUN, f"{V1}/revisions/backend-00001-abc"),
    (RUN, f"{ONE}:getIamPolicy"),
    (RUN, f"{ONE}:testIamPermissions"),
    ("cloudresourcemanager.googleapis.com", "/v1/projects/demo:testIamPermissions"),
    ("logging.googleapis.com", "/v2/entries:write"),
    ("logging.googleapis.com", "/v2/entries:list"),
    (
        "iam.googleapis.com",
        f"/v1/projects/-/serviceAccounts/{RUNTIME.replace('@', '%40')}:testIamPermissions",
    ),
}
KEYS = "projects/acme/locations/global/keyRings/gate/cryptoKeys"
SIGNS = f"sign: {{key: {{kms: {KEYS}/decisions/cryptoKeyVersions/1}}}}\n"
OTHERS = f"require_signed: {{key: {{kms: {KEYS}/staging/cryptoKeyVersions/2}}}}\n"
OWN = "require_signed: true\n"
PROBES = "probes: {health: {http: {path: /health}}}\n"
USE, VIEW = (f"cloudkms.cryptoKeyVersions.{one}" for one in ("useToSign", "viewPublicKey"))
DISABLED = {
    "error": {
        "code": 403,
        "status": "PERMISSION_DENIED",
        "message": "Identity and Access Management (IAM) API has not been used in project 1 before "
        "or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/"
        "iam.googleapis.com/overview?project=1 then retry.",
    }
}


class Google:
    """Google's APIs, whose clock is two minutes late.

    Attributes:
        asked: host and path of each question, and what it brought.
        switched_off: hosts of APIs that the project does not use.
        lacking: permissions that the caller has not.
    """

    def __init__(self):
        self.asked = {}
        self.switched_off = set()
        self.lacking = {"run.services.update"}

    def answer(self, host, path, body):
        if host in self.switched_off:
            return 403, DISABLED
        if path.endswith((":testIamPermissions", "/iam/testPermissions")):
            held = [one for one in body["permissions"] if one not in self.lacking]
            return 200, {"permissions": held}
        ends = {"/services/backend": SERVICE, "/revisions": {"items": [REVISION]}}
        ends |= {"/revisions/backend-00001-abc": REVISION}
        everybody = {"role": "roles/run.invoker", "members": ["allUsers"]}
        ends |= {":getIamPolicy": {"bindings": [everybody]}, ":write": {}, ":list": {}}
        return 200, next(ends[one] for one in ends if path.endswith(one))

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {key.lower(): value for key, _, value in (line.partition(": ") for line in head)}
        size = int(fields.get("content-length", 0))
        body = json.loads(await reader.readexactly(size)) if size else {}
        host, (path, _, query) = fields["host"], head[0].split()[1].partition("?")
        body = body or parse_qs(query)
        self.asked[host, path] = fields.get("authorization", ""), body
        status, answer = self.answer(host, path, body)
        raw = json.dumps(answer).encode()
        date = format_datetime(datetime.now(UTC) - timedelta(minutes=2), usegmt=True)
        lines = f"HTTP/1.1 {status} X\r\nDate: {date}\r\nContent-Length: {len(raw)}\r\n"
        writer.write(f"{lines}Connection: close\r\n\r\n".encode() + raw)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def google(certificate, tmp_path):
    """Yields the APIs, and the environment that leads to them."""
    pair = tmp_path / "server.pem"
    pair.write_bytes(certificate[0] + certificate[1])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    apis = Google()
    server = await asyncio.start_server(apis.serve, "127.0.0.1", 0, ssl=context)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, proxy(to=address) as (way, _):
        yield apis, {"HTTPS_PROXY": f"http://{way}"}


@pytest.fixture
async def doctor(certificate, metadata, tmp_path):
    """The APIs, and what it finds there by check, without what is well."""
    async with google(certificate, tmp_path) as (apis, environment):

        async def findings(*arguments, **more):
            where = {"metadata": metadata, "roots": certificate[1], "tmp_path": tmp_path}
            told = json.loads(await run(DOCTOR, *arguments, **where, **environment, **more))
            listed = told["findings"]
            assert listed[-1]["result"] == "ok"
            return {one["check"]: one for one in listed if one["result"] != "ok"}, listed

        yield apis, findings


async def test_each_api_is_asked_at_its_host_with_the_callers_token(doctor):
    apis, findings = doctor
    found, listed = await findings()
    assert set(apis.asked) == ASKED
    assert {bearer for bearer, _ in apis.asked.values()} == {f"Bearer {ACCESS_TOKEN}"}
    _, written = apis.asked["logging.googleapis.com", "/v2/entries:write"]
    assert written["dryRun"] is True
    assert set(found) == {"permission", "clock"}
    assert "run.services.update is missing" in found["permission"]["what"]
    assert found["clock"]["result"] == "problem"
    assert "ahead of Google's" in found["clock"]["what"]
    (whose,) = [one for one in listed if one["check"] == "credentials"]
    assert whose["where"] == "build@demo"
    assert whose["what"].startswith("the metadata server, its token runs until ")
    (acts,) = [one["where"] for one in listed if "iam.serviceAccounts.actAs" in one["what"]]
    assert acts == RUNTIME


async def test_an_api_that_is_switched_off_is_no_missing_permission(doctor):
    apis, findings = doctor
    apis.switched_off = {"iam.googleapis.com", "cloudresourcemanager.googleapis.com"}
    _, listed = await findings()
    (told,) = [one for one in listed if "iam.serviceAccounts.actAs" in one["what"]]
    assert told["result"] == "unknown"
    assert told["command"] == "gcloud services enable iam.googleapis.com --project demo"
    logs = [one for one in listed if "logging.logEntries" in one["what"]]
    assert [one["result"] for one in logs] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("rules", "bundles", "asked"),
    [
        (SIGNS, "", {f"{KEYS}/decisions": {USE, VIEW}}),
        (OTHERS, "", {f"{KEYS}/staging": {VIEW}}),
        (SIGNS + OTHERS, "", {f"{KEYS}/decisions": {USE, VIEW}, f"{KEYS}/staging": {VIEW}}),
        ("", "gs://acme-evidence/gate", {"b/acme-evidence/iam": {"storage.objects.create"}}),
    ],
)
async def test_keys_and_a_bucket_are_asked_about_where_they_are_named(
    doctor, tmp_path, rules, bundles, asked
):
    apis, findings = doctor
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\n{rules}{PROBES}")
    more = {"GATE_BUNDLES": bundles} if bundles else {}
    _, listed = await findings("--policy", str(policy), **more)
    beside = {key: body for key, (_, body) in apis.asked.items() if key not in ASKED}
    paths = {path: set(body["permissions"]) for (_, path), body in beside.items()}
    assert len(paths) == len(asked)
    for name, permissions in asked.items():
        assert [found for path, found in paths.items() if name in path] == [permissions]
    hosts = {host for host, _ in beside}
    assert hosts == {"storage.googleapis.com" if bundles else "cloudkms.googleapis.com"}
    told = {one["what"] for one in listed if one["result"] == "ok"}
    assert {f"has {one}" for names in asked.values() for one in names} <= told


async def test_what_is_only_signed_or_kept_whole_holds_nothing_and_what_is_required_does(
    doctor, tmp_path
):
    apis, findings = doctor
    apis.lacking |= {USE, VIEW, "storage.objects.create"}
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"version: 1\n{SIGNS}{OWN}{PROBES}")
    _, listed = await findings("--policy", str(policy), GATE_BUNDLES="gs://acme-evidence")
    told = {(one["what"].partition(" ")[0], one["result"]) for one in listed}
    assert {(USE, "warning"), (VIEW, "warning"), (VIEW, "problem")} <= told
    assert ("storage.objects.create", "warning") in told
    (command,) = {one["command"] for one in listed if one["what"].startswith(USE)}
    assert command.startswith("gcloud kms keys add-iam-policy-binding decisions --member=")
    apis.switched_off = {"cloudkms.googleapis.com"}
    _, listed = await findings("--policy", str(policy))
    off = [one for one in listed if "is switched off" in one["what"]]
    assert sorted(one["result"] for one in off) == ["unknown", "warning", "warning"]
