"""No secret shows in what the gate prints or keeps, however loudly a candidate tells it."""

import base64
import json
import secrets
import urllib.parse

import grpc
import pytest
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import (
    LoggingServiceV2GrpcTransport,
)
from google.cloud.logging_v2.types import ListLogEntriesRequest, LogEntry

from examples.backend.tokens import mint
from tests.local_cloud_run import PROJECT

WINDOW = 24
"""So many characters of a token in a row are a part of it; its header is no secret."""

PROBES = """\
  body: {http: {path: /echo, headers: {Authorization: "Bearer ${alice}", X-Token: "${bob}"}}, \
expect: {json: {status: healthy}}}
  header: {http: {path: /echo, headers: {X-Token: "${alice}"}}, expect: {headers: {X-Heard-0: "a"}}}
  cookie: {http: {path: /echo, headers: {Cookie: "s=${alice|base64url}; t=${bob}"}}, \
expect: {status: 418}}
  location: {http: {path: /redirect, headers: {Authorization: "Bearer ${alice}"}}}
  sent-body: {http: {path: /echo, method: POST, body: {token: "${alice}", other: "${bob}"}}}
  refused: {websocket: {path: /refuse, subprotocols: ["jwt.${alice|base64url}"]}}
  frames:
    websocket:
      path: /ws
      subprotocols: [jwt-auth, "jwt.${alice|base64url}"]
      headers: {X-Token: "${bob}"}
      script:
        - send: {type: hello, token: "${alice}", other: "${bob}"}
        - expect: {json: {type: never}, within: 1s}
  reason:
    websocket:
      path: /close
      headers: {Authorization: "Bearer ${alice}"}
      script: [{expect: {json: {type: never}, within: 2s}}]
  reason-base64url:
    websocket:
      path: /close
      subprotocols: ["jwt.${alice|base64url}"]
      script: [{expect: {json: {type: never}, within: 2s}}]
  selected:
    websocket: {path: /select, subprotocols: [jwt-auth, "jwt.${alice|base64url}"]}
    expect: {subprotocol: jwt-auth}
  users:
    websocket:
      path: /ws
      users: [alice, bob]
      connections: 2
      script: [{expect: {json: {type: never}, within: 1s}}]
  logs:
    logs: {settle: 1s, within: rollout}
    expect: {none: [{severity: ERROR}, {text: heard}]}
"""
HEAD = "secrets: {alice: {env: TOKEN_A}, bob: {env: TOKEN_B}}\n"


def forms(secret):
    """A secret as it may be written; parts of what is long and nowhere else to be found."""
    raw = secret.encode()
    plain = {
        secret,
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        raw.hex(),
    }
    plain |= {
        encode(raw).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode)
    }
    payload = secret.partition(".")[2]
    parts = {payload[i : i + WINDOW] for i in range(max(len(payload) - WINDOW, 0))}
    return plain | {part for part in parts if len(part) == WINDOW}


class Ears:
    """Takes everything that was said, and listens for secrets in it."""

    def __init__(self, *values):
        self._forms = {form for value in values for form in forms(value)}
        self.heard = []

    def take(self, text):
        self.heard.append(text)
        found = sorted(form for form in self._forms if form in text)
        assert not found, [text[max(text.find(form) - 80, 0) :][:200] for form in found[:3]]
        return text

    def gate(self, stage, *arguments, **more):
        done = stage.gate(*arguments, **more)
        self.take(done.out)
        self.take(done.err)
        return done


def log_entries(stage, log):
    """All entries of a log about this service, as JSON."""
    with grpc.insecure_channel(stage.cloud.grpc) as channel:
        client = LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=channel))
        request = ListLogEntriesRequest(
            resource_names=[f"projects/{PROJECT}"],
            filter=f'logName="projects/{PROJECT}/logs/{log}" '
            f'AND resource.labels.service_name="{stage.name}"',
            page_size=1000,
        )
        return [LogEntry.to_json(entry) for entry in client.list_log_entries(request)]


@pytest.fixture
def tokens():
    return mint("alice", secrets.token_urlsafe(32)), f'{secrets.token_urlsafe(12)}/+&"%q='


def test_a_candidate_that_tells_everybody_what_it_hears(stage_of, tmp_path, tokens):
    stage, ears = stage_of("teller"), Ears(*tokens)
    stage.secrets |= dict(zip(("TOKEN_A", "TOKEN_B"), tokens, strict=True))
    policy = stage.policy(tmp_path, PROBES, HEAD)
    asked = ("rollout", "--policy", policy, "--image", "teller", "--reason", f"for {tokens[0]}")
    done = ears.gate(stage, *asked)
    assert done.code == 1
    assert "0 of 12 probes passed" in done.out
    ears.gate(stage, *asked, "--output", "json")
    ears.gate(stage, "probe", "--policy", policy, "--url", stage.read().uri)
    ears.gate(stage, "probe", "--policy", policy, "--url", stage.read().uri, "--output", "json")
    ears.gate(stage, "audit", "show", done.rollout)
    ears.gate(stage, "audit", "show", done.rollout, "--output", "json")
    ears.gate(stage, "audit", "list")
    ears.gate(stage, "status")
    kept = log_entries(stage, "gate-decisions")
    assert len(kept) >= 6
    for entry in kept:
        ears.take(entry)

    # It did tell, in its own logs, and the gate has seen and said so.
    told = "".join(log_entries(stage, "run.googleapis.com%2Fstdout"))
    assert all(json.dumps(token)[1:-1] in told for token in tokens[:1])
    everything = "".join(ears.heard)
    assert "[secret alice]" in everything
    assert "[secret bob]" in everything


def test_a_candidate_whose_last_words_are_a_token(stage_of, tmp_path, tokens):
    stage, ears = stage_of("small:v1", env={"LEAK": tokens[0]}), Ears(*tokens)
    stage.secrets |= dict(zip(("TOKEN_A", "TOKEN_B"), tokens, strict=True))
    policy = stage.policy(tmp_path, "  who: {http: {path: /}}\n", HEAD)
    done = ears.gate(stage, "rollout", "--policy", policy, "--image", "crasher")
    assert done.code == 1
    assert "KeyError: [secret alice]" in done.out
    ears.gate(stage, "audit", "show", done.rollout, "--output", "json")
    ears.gate(stage, "status", "--output", "json")
    for entry in log_entries(stage, "gate-decisions"):
        ears.take(entry)


def test_what_goes_wrong_on_our_own_side(stage_of, tmp_path, tokens):
    stage, ears = stage_of("small:v1"), Ears(*tokens)
    stage.secrets |= dict(zip(("TOKEN_A", "TOKEN_B"), tokens, strict=True))
    policy = stage.policy(tmp_path, PROBES, HEAD)
    asked = ("rollout", "--policy", policy, "--image", "small:v2")
    assert ears.gate(stage, *asked, TOKEN_B="").code == 2
    assert ears.gate(stage, *asked, TOKEN_B=f"{tokens[1]}\nand more").code == 2
    assert ears.gate(stage, *asked, LOGGING_EMULATOR_HOST="127.0.0.1:1").code == 3
    assert ears.gate(stage, *asked, CLOUD_RUN_EMULATOR_HOST="127.0.0.1:1").code == 3
    assert ears.gate(stage, *asked, GATE_ACTOR=f"somebody with {tokens[0]}").code == 1
    probe = ("probe", "--policy", policy, "--url")
    assert ears.gate(stage, *probe, f"http://{tokens[0]}@127.0.0.1:1").code == 2
    assert ears.gate(stage, *probe, "http://127.0.0.1:1").code == 5
    by_hand = ("rollback", "--yes", "--to", stage.first, "--reason", f"Bearer {tokens[0]}")
    assert ears.gate(stage, *by_hand).code == 0
    for entry in log_entries(stage, "gate-decisions"):
        ears.take(entry)
