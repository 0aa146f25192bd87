"""Who may call a service of a local Cloud Run: `--require-auth`, tokens, policies, ingress."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import jwt
import pytest
from google.api_core.exceptions import BadRequest, Conflict
from google.cloud import run_v2
from google.iam.v1 import iam_policy_pb2, policy_pb2

from gate.core.evidence import Outcome, Symptom
from gate.kinds.http import HttpProbe
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Target
from tests.contract.local_admin import HTTP, Api, short, to
from tests.contract.probe_servers import ask_all
from tests.e2e.stage import eventually
from tests.local_cloud_run import CALM, start_local_cloud_run

pytestmark = pytest.mark.xdist_group("local_access")
ECHO = Path(__file__).parent.parent / "fakes" / "local_app.py"
OWNER, STRANGER = "owner@example.com", "stranger@example.com"
FLAVOR = {"Metadata-Flavor": "Google"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    path = tmp_path_factory.mktemp("images") / "images.yaml"
    path.write_text(f'images: {{echo: {{command: ["{{python}}", "-ISu", "{ECHO}", "--echo"]}}}}\n')
    return path


@pytest.fixture(scope="module")
def cloud(images):
    running = start_local_cloud_run(images, (*CALM, "--require-auth", "--caller", OWNER))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def api(cloud):
    return Api("grpc", cloud)


@pytest.fixture(scope="module")
def private(api):
    """A service that no test changes."""
    return api.create("echo")


@pytest.fixture
def service(api):
    return api.create("echo")


@pytest.fixture(scope="module")
def token_of(cloud):
    """ID tokens of the metadata server."""

    def get(audience, account="default"):
        path = f"/computeMetadata/v1/instance/service-accounts/{account}/identity"
        answer = HTTP.get(cloud.rest + path, params={"audience": audience}, headers=FLAVOR)
        assert answer.headers["Metadata-Flavor"] == "Google"
        return answer.raise_for_status().text

    return get


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def let_in(api, service, *members):
    binding = policy_pb2.Binding(role="roles/run.invoker", members=members)
    request = iam_policy_pb2.SetIamPolicyRequest(
        resource=service.name, policy=policy_pb2.Policy(bindings=[binding])
    )
    return api.services.set_iam_policy(request)


def issuer_of(cloud):
    """What the greeting says to export for ID tokens."""
    (line,) = [each for each in cloud.greeting.splitlines() if "GCE_METADATA_HOST=" in each]
    return dict(pair.split("=", 1) for pair in line.removeprefix("export ").split())


def finished(api, service):
    """Waits for the last write's end: a change of nothing comes after it."""
    current = api.get(service.name)
    api.update(run_v2.Service(name=current.name, labels={"done": "yes"}), "labels")


def run_probes(probes, url, **more):
    return asyncio.run(ask_all(probes, Target(url, "", **more)))


# Tokens


def test_without_a_token_a_private_service_answers_403_with_googles_page(private):
    answer = HTTP.get(f"{private.uri}/a")
    assert answer.status_code == 403
    assert "does not have permission to get URL <code>/a</code> from this server" in answer.text
    assert answer.headers["Server"] == "Google Frontend"


def test_a_bad_token_is_401_with_googles_words(private, token_of):
    elsewhere = token_of("http://127.0.0.1:1")
    for token in ("ya29.none", elsewhere, token_of(private.uri)[:-9] + "AAAAAAAAA"):
        answer = HTTP.get(private.uri, headers=bearer(token))
        assert answer.status_code == 401, token
        assert "<title>401 Unauthorized</title>" in answer.text
        assert answer.headers["WWW-Authenticate"] == (
            'Bearer error="invalid_token" '
            'error_description="The access token could not be verified"'
        )


def test_the_owners_token_opens_and_arrives_without_its_signature(private, token_of):
    token = token_of(private.uri)
    answer = HTTP.get(private.uri, headers=bearer(token)).raise_for_status()
    said = token.rpartition(".")[0]
    assert f"Authorization: Bearer {said}.SIGNATURE_REMOVED_BY_GOOGLE" in answer.text
    assert token not in answer.text


def test_the_serverless_header_leaves_the_applications_own_alone(private, token_of):
    token = token_of(private.uri)
    own = {"Authorization": "Bearer own.application.token"}
    both = own | {"X-Serverless-Authorization": f"Bearer {token}"}
    answer = HTTP.get(private.uri, headers=both).raise_for_status()
    assert "Authorization: Bearer own.application.token" in answer.text
    assert token not in answer.text
    swapped = bearer(token) | {"X-Serverless-Authorization": "Bearer own.application.token"}
    assert HTTP.get(private.uri, headers=swapped).status_code == 401


def test_at_a_tags_address_the_audience_is_still_the_services(api, service, token_of):
    revision = short(service.latest_ready_revision)
    moved = api.move(service.name, to(revision, 100), to(revision, tag="blue"))
    (tagged,) = [status.uri for status in moved.traffic_statuses if status.tag]
    assert HTTP.get(tagged).status_code == 403
    assert HTTP.get(tagged, headers=bearer(token_of(moved.uri))).status_code == 200
    assert HTTP.get(tagged, headers=bearer(token_of(tagged))).status_code == 401


def test_a_custom_audience_is_one_of_the_services(api, service, token_of):
    service.custom_audiences = ["https://api.example.com"]
    api.update(service, "custom_audiences")
    for audience in ("https://api.example.com", service.uri, service.uri + "/"):
        answer = HTTP.get(service.uri, headers=bearer(token_of(audience)))
        assert answer.status_code == 200, audience


def test_http2_is_let_in_by_the_same_door(private, token_of):
    with httpx.Client(http1=False, http2=True, verify=False) as client:
        assert client.get(private.uri).status_code == 403
        answer = client.get(private.uri, headers=bearer(token_of(private.uri)))
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
    assert "SIGNATURE_REMOVED_BY_GOOGLE" in answer.text


def test_a_websocket_is_refused_like_any_request(private):
    (evidence,) = run_probes([WebSocketProbe("/ws")], private.uri)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert [finding.symptom for finding in evidence.findings] == [Symptom.PLATFORM]


# Policies


def test_a_stranger_is_403_until_the_policy_names_them(api, service, token_of):
    token = bearer(token_of(service.uri, STRANGER))
    assert HTTP.get(service.uri, headers=token).status_code == 403
    let_in(api, service, f"user:{STRANGER}")
    assert HTTP.get(service.uri, headers=token).status_code == 200
    let_in(api, service, "user:somebody@example.com")
    assert HTTP.get(service.uri, headers=token).status_code == 403


def test_all_users_need_no_token_and_nobody_looks_at_theirs(api, service):
    let_in(api, service, "allUsers")
    answer = HTTP.get(service.uri, headers=bearer("own.application.token"))
    assert "Authorization: Bearer own.application.token" in answer.text


def test_a_service_without_the_check_needs_no_token(api, service):
    service.invoker_iam_disabled = True
    api.update(service, "invoker_iam_disabled")
    assert HTTP.get(service.uri).status_code == 200
    service.invoker_iam_disabled = False
    api.update(service, "invoker_iam_disabled")
    assert HTTP.get(service.uri).status_code == 403


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_googles_client_reads_and_writes_policies(cloud, service, transport):
    client = cloud.services(transport)
    resource = {"resource": service.name}
    empty = client.get_iam_policy(resource)
    assert (empty.etag, list(empty.bindings)) == (b"\x00\x20\x01", [])
    empty.bindings.add(role="roles/run.invoker", members=[f"user:{STRANGER}"])
    made = client.set_iam_policy({**resource, "policy": empty})
    assert made == client.get_iam_policy(resource)
    with pytest.raises(Conflict, match="There were concurrent policy changes"):
        client.set_iam_policy({**resource, "policy": empty})
    with pytest.raises(BadRequest, match="of an unknown type"):
        let_in(Api(transport, cloud), service, STRANGER)
    asked = ["run.services.setIamPolicy"]
    held = client.test_iam_permissions({**resource, "permissions": asked})
    assert list(held.permissions) == asked


def test_v1_has_the_same_policy(cloud, api, service):
    let_in(api, service, f"user:{STRANGER}")
    url = f"{cloud.rest}/v1/{service.name}"
    policy = HTTP.get(f"{url}:getIamPolicy?options.requestedPolicyVersion=3&alt=json").json()
    assert policy["bindings"] == [{"role": "roles/run.invoker", "members": [f"user:{STRANGER}"]}]
    policy["bindings"] = []
    written = HTTP.post(f"{url}:setIamPolicy", json={"policy": policy}).json()
    assert "bindings" not in written
    assert written["etag"] != policy["etag"]
    assert HTTP.post(f"{url}:setIamPolicy", json={"policy": policy}).status_code == 409
    assert not api.services.get_iam_policy({"resource": service.name}).bindings


def test_a_missing_service_has_no_policy_and_may_be_given_one(cloud):
    url = f"{cloud.rest}/v1/projects/demo/locations/us-central1/services/nope"
    answer = HTTP.get(f"{url}:getIamPolicy")
    assert answer.status_code == 404
    assert "Resource 'nope' of kind 'SERVICE'" in answer.json()["error"]["message"]
    body = {"permissions": ["run.services.setIamPolicy"]}
    assert HTTP.post(f"{url}:testIamPermissions", json=body).json() == body


# The issuer, as Google's own library finds it

_FETCH = """
import sys, google.auth, google.auth.transport.requests as transport
from google.oauth2 import id_token
request = transport.Request()
token = id_token.fetch_id_token(request, sys.argv[1])
print(google.auth.default()[0].service_account_email)
print(token)
"""


def test_googles_library_finds_the_issuer_by_the_greetings_lines(cloud, private, tmp_path):
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **issuer_of(cloud)}
    command = [sys.executable, "-c", _FETCH, private.uri]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60)
    email, token = done.stdout.split()
    assert email == "default"
    assert HTTP.get(private.uri, headers=bearer(token)).status_code == 200


def test_its_public_key_checks_its_tokens(cloud, token_of):
    keys = jwt.PyJWKSet.from_dict(HTTP.get(f"{cloud.rest}/oauth2/v3/certs").json())
    token = token_of("http://a", STRANGER)
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="http://a")
    assert claims["email"] == STRANGER


def test_the_metadata_server_answers_only_those_who_mean_it(cloud):
    url = f"{cloud.rest}/computeMetadata/v1/instance/service-accounts/default/email"
    assert HTTP.get(url).status_code == 403
    assert HTTP.get(url, headers=FLAVOR).text == OWNER
    identity = url.replace("email", "identity")
    assert HTTP.get(identity, headers=FLAVOR).status_code == 400


# The request log


def test_refusals_are_in_the_request_log_of_the_service(cloud, service):
    HTTP.get(f"{service.uri}/refused")
    name = service.name.rpartition("/")[2]
    wanted = f'resource.labels.service_name="{name}" AND httpRequest.status=403'
    body = {"resourceNames": ["projects/demo"], "filter": wanted}
    found = eventually(
        lambda: HTTP.post(f"{cloud.rest}/v2/entries:list", json=body).json().get("entries")
    )
    (entry,) = found
    assert entry["severity"] == "WARNING"
    assert entry["textPayload"].startswith("The request was not authenticated.")
    assert entry["httpRequest"]["requestUrl"] == f"{service.uri}/refused"
    assert not entry["resource"]["labels"].get("revision_name")


# Ingress


def test_internal_ingress_is_404_from_outside_and_lifts_again(api, service, token_of):
    token = bearer(token_of(service.uri))
    service.ingress = run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY
    api.update(service, "ingress")
    answer = HTTP.get(service.uri, headers=token)
    assert answer.status_code == 404
    assert "The requested URL was not found on this server." in answer.text
    inside = token | {"X-Gate-Local-Inside": "1"}
    assert HTTP.get(service.uri, headers=inside).status_code == 200
    service.ingress = run_v2.IngressTraffic.INGRESS_TRAFFIC_ALL
    api.update(service, "ingress")
    assert HTTP.get(service.uri, headers=token).status_code == 200


def test_v1_sets_the_same_ingress(cloud, api, service, token_of):
    url = f"{cloud.rest}/v1/{service.name}"
    body = HTTP.get(url).json()
    body["metadata"]["annotations"]["run.googleapis.com/ingress"] = "internal"
    HTTP.put(url, json=body).raise_for_status()
    finished(api, service)
    assert HTTP.get(service.uri, headers=bearer(token_of(service.uri))).status_code == 404


@pytest.mark.parametrize("probe", [HttpProbe("/"), WebSocketProbe("/ws")])
def test_the_gates_probes_tell_the_platforms_answer_from_the_candidates(api, service, probe):
    service.ingress = run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY
    api.update(service, "ingress")
    (evidence,) = run_probes([probe], service.uri, ingress="internal")
    assert evidence.outcome is Outcome.INCONCLUSIVE
    (finding,) = evidence.findings
    assert finding.symptom is Symptom.PLATFORM
    assert "ingress is internal" in finding.hint
