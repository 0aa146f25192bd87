import re
from pathlib import Path

import pytest

from gate.core.control import Baseline, Contract, Repeats
from gate.core.expectations import Pattern
from gate.core.policy import (
    Bodies,
    CandidateRule,
    Capability,
    IdentityRule,
    OnHold,
    SecretRef,
    ServiceName,
)
from gate.core.severity import Severity
from gate.errors import ExitCode, PolicyError
from gate.kinds.http import HttpProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.kinds.registry import keys_of_kinds
from gate.kinds.websocket import Await, Send, WebSocketProbe
from gate.policyfile import load_policy, load_service
from tests.unit.policy_files import HEAD, PLAIN, loaded, probe, probes, problems, write

KINDS = ", ".join(keys_of_kinds())


def test_a_whole_policy_becomes_values(tmp_path):
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/a.json").write_text('{"type": "object"}')
    policy = loaded(
        tmp_path,
        """\
version: 1
service: {project: p-1, region: europe-west1, name: api}
candidate: {tag: next, ready_within: 90s}
traffic: [100]
deadline: 1h
on_hold: drop
first_deploy: allow
secrets: {alice: {env: TOKEN}}
capabilities: {chat: {priority: P2, impact: "$5"}}
probes:
  one:
    http:
      path: /a?b=c
      method: POST
      headers: {Authorization: "Bearer ${alice}"}
      body: {text: "${nonce}"}
      timeout: 250ms
    expect: {status: [200, 201], json: {ok: true}, schema: schemas/a.json, headers: {x-a: b}}
    capability: chat
    required: false
  two:
    logs: {settle: 2.5s, within: rollout}
    expect: {none: [{severity: ERROR}, {text: boom, severity: INFO}]}
""",
    )
    assert policy.service == ServiceName("p-1", "europe-west1", "api")
    assert (policy.candidate.tag, policy.candidate.ready_within_s) == ("next", 90)
    assert (policy.traffic, policy.deadline_s, policy.on_hold) == ((100,), 3600, OnHold.DROP)
    assert policy.first_deploy
    assert policy.secrets == {"alice": SecretRef("TOKEN")}
    assert policy.capabilities == {"chat": Capability("P2", "$5")}
    assert policy.source == "policy.yaml"
    one, two = policy.probes
    assert (one.name, one.capability, one.required) == ("one", "chat", False)
    spec = one.spec
    assert isinstance(spec, HttpProbe)
    assert (spec.path, spec.method, spec.timeout_s) == ("/a?b=c", "POST", 0.25)
    assert spec.headers == (("Authorization", "Bearer ${alice}"),)
    assert spec.body == {"text": "${nonce}"}
    assert spec.status == (200, 201)
    assert spec.answer.json == {"ok": True}
    assert spec.answer.schema is not None
    assert spec.answer.schema.document == {"type": "object"}
    assert spec.answer_headers == (("x-a", "b"),)
    assert two.spec == LogsProbe(
        (LogPattern(Severity.ERROR), LogPattern(Severity.INFO, "boom")), 2.5
    )


def test_a_websocket_probe_becomes_values(tmp_path):
    spec = probe(
        tmp_path,
        """\
        chat:
          websocket:
            path: /ws
            subprotocols: [jwt-auth, "jwt.${user|base64url}"]
            headers: {X-Run: "${nonce}"}
            users: [alice, bob]
            connections: 7
            hold: 5s
            repeat: 2
            open_within: 3s
            script:
              - send: hello
              - expect: {json: {type: pong}, within: 3s}
              - expect:
                  sequence: [started, done]
                  where: {thread: "${nonce}"}
                  never: {json: {type: error}}
          expect: {success: 99.5%, foreign_messages: 1, close: 1000, subprotocol: jwt-auth}
        """,
        "chat",
    ).spec
    assert spec == WebSocketProbe(
        path="/ws",
        subprotocols=("jwt-auth", "jwt.${user|base64url}"),
        headers=(("X-Run", "${nonce}"),),
        users=("alice", "bob"),
        connections=7,
        hold_s=5,
        repeat=2,
        open_within_s=3,
        script=(
            Send("hello"),
            Await(Pattern({"type": "pong"}), within_s=3),
            Await(
                sequence=("started", "done"),
                where=(("thread", "${nonce}"),),
                never=Pattern({"type": "error"}),
            ),
        ),
        success_percent=99.5,
        foreign_messages=1,
        close_code=1000,
        subprotocol="jwt-auth",
    )


def test_what_is_left_out_has_its_default(tmp_path):
    policy = loaded(tmp_path, "version: 1\nprobes: {a: {http: {path: /a}}}\n")
    assert policy.service == ServiceName()
    assert policy.candidate == CandidateRule("candidate", 240, identity=None)
    assert (policy.traffic, policy.deadline_s, policy.on_hold) == ((100,), 1200, OnHold.KEEP)
    assert not policy.first_deploy
    assert policy.probes[0].spec == HttpProbe("/a")
    assert policy.probes[0].required


def test_an_expected_refusal_may_be_one_number_or_several(tmp_path):
    one = "x: {websocket: {path: /ws}, expect: {refused: 403}}"
    more = "x: {websocket: {path: /ws}, expect: {refused: [401, 1008]}}"
    assert probe(tmp_path, one, "x").spec == WebSocketProbe("/ws", refused=(403,))
    assert probe(tmp_path, more, "x").spec == WebSocketProbe("/ws", refused=(401, 1008))


def test_values_mean_what_they_mean_in_json(tmp_path):
    spec = probe(
        tmp_path,
        "x: {http: {path: /a}, expect: {json: {a: on, b: 1:30, c: 2024-01-01, d: 012, e: 1e3, f: ~,"
        ' g: "5", h: TRUE, i: -1.5}}}',
        "x",
    ).spec
    assert isinstance(spec, HttpProbe)
    assert spec.answer.json == {
        "a": "on",
        "b": "1:30",
        "c": "2024-01-01",
        "d": 12,
        "e": 1000.0,
        "f": None,
        "g": "5",
        "h": True,
        "i": -1.5,
    }


def test_every_problem_is_found_at_once_in_the_order_of_their_places(tmp_path):
    found = problems(
        tmp_path,
        """\
version: 2
service: {name: Backend}
candidate: {tag: -x, ready_within: 4}
deadline: 20
baseline: stabel
secrets: {nonce: {env: A}}
probes:
  a: {http: {path: /a, metod: GET, timeout: 0s}, expect: {status: 99}}
  b: {websocket: {path: b, connections: 0}}
  b: {http: {path: /b}}
  c: {ftp: {path: /c}}
  d: {http: {path: /healthz, timeout: 0s}, capability: chat}
""",
    )
    places = [re.match(r"(\d+):(\d+)", one) for one in found]
    lines = [int(place[1]) for place in places if place]
    assert lines == sorted(lines)
    assert [line.split(" | ")[0] for line in found] == [
        "1:10 version: has the wrong form (got the number 2, expected 1)",
        "2:17 service.name: has the wrong form (got 'Backend', expected a Cloud Run service name)",
        (
            "3:18 candidate.tag: has the wrong form (got '-x', "
            "expected lowercase letters, digits and hyphens, first a letter)"
        ),
        (
            "3:36 candidate.ready_within: has the wrong form (got the number 4, "
            "expected a duration such as 500ms, 15s, 4m or 1h)"
        ),
        (
            "4:11 deadline: has the wrong form (got the number 20, "
            "expected a duration such as 500ms, 15s, 4m or 1h)"
        ),
        "5:11 baseline: has the wrong form (got 'stabel', expected stable or none)",
        "6:11 secrets.nonce: is a name that templates use themselves",
        "8:24 probes.a.http: has an unknown key (got 'metod')",
        "8:45 probes.a.http.timeout: must be more than 0 (got 0 s)",
        (
            "8:67 probes.a.expect.status: has the wrong form (got the number 99, "
            "expected an HTTP status, 200 to 599)"
        ),
        (
            "9:25 probes.b.websocket.path: has the wrong form (got 'b', "
            "expected a path such as /health that starts with one /)"
        ),
        (
            "9:41 probes.b.websocket.connections: has the wrong form (got the number 0, "
            "expected a whole number, 1 to 10000)"
        ),
        "10:3 probes.b: is given twice (first in line 9)",
        (f"11:7 probes.c: has an unknown probe kind (got 'ftp', expected one of {KINDS})"),
        (
            "12:20 probes.d.http.path: /healthz never reaches a container: "
            "Cloud Run's front end keeps it for itself"
        ),
        "12:39 probes.d.http.timeout: must be more than 0 (got 0 s)",
        "12:56 probes.d.capability: is not defined (got 'chat')",
    ]


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("deadlin: 5m", "deadline"),
        ("candidates: {tag: a}", "candidate"),
        ("probs: {}", "probes"),
    ],
)
def test_an_unknown_key_gets_a_guess(tmp_path, key, near):
    found = problems(tmp_path, PLAIN + key + "\n")
    assert any(one.endswith(f"| did you mean {near}?") for one in found)


def test_a_baseline_is_stable_or_none(tmp_path):
    plain = loaded(tmp_path, PLAIN)
    assert (plain.baseline, plain.repeats) == (Baseline.NONE, Repeats())
    assert plain.probes[0].contract is Contract.STABLE
    compared = loaded(
        tmp_path,
        PLAIN
        + "  b: {http: {path: /}, contract: declared}\nbaseline: stable\n"
        + "repeats: {alpha: 1%, beta: 2%, flaky: 3%, broken: 40%, at_most: 0}\n",
    )
    assert compared.baseline is Baseline.STABLE
    assert compared.repeats == Repeats(1, 2, 3, 40, 0)
    assert compared.probes[1].contract is Contract.DECLARED
    assert compared.digest != plain.digest


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("repeats: {at_most: 3}\n", "repeats: has no meaning without a baseline"),
        ("baseline: none\nrepeats: {}\n", "repeats: has no meaning without a baseline"),
        (
            "baseline: stable\nrepeats: {flaky: 50%}\n",
            "repeats.broken: must be more than flaky (got 50%, expected more than 50%)",
        ),
        ("baseline: stable\nrepeats: {alpha: 60%}\n", "repeats.alpha: is out of range (got 60"),
    ],
)
def test_repeats_that_cannot_be_are_refused(tmp_path, lines, problem):
    (found,) = problems(tmp_path, PLAIN + lines)
    assert problem in found


@pytest.mark.parametrize(
    ("identity", "rule"),
    [
        ("{header: X-Revision}", IdentityRule(header="X-Revision")),
        (
            "{json: {path: /version?a=1, field: revision}}",
            IdentityRule(path="/version?a=1", field="revision"),
        ),
        ("{json: meta.revision}", IdentityRule(json="meta.revision")),
        ("[{message: revision}]", IdentityRule(message="revision")),
        (
            "[{header: X}, {json: {path: /v, field: f}}, {message: m}, {request_log: true}]",
            IdentityRule(
                header="X",
                otherwise=(
                    IdentityRule(path="/v", field="f"),
                    IdentityRule(message="m"),
                    IdentityRule(request_log=True),
                ),
            ),
        ),
    ],
)
def test_a_candidate_may_have_to_prove_who_it_is(tmp_path, identity, rule):
    policy = loaded(tmp_path, PLAIN + f"candidate: {{tag: next, identity: {identity}}}\n")
    assert policy.candidate == CandidateRule("next", identity=rule)


@pytest.mark.parametrize(
    ("identity", "wrong"),
    [
        (
            "{}",
            "7:23 candidate.identity: identity needs exactly one of header, json, message, ",
        ),
        (
            "{header: x, json: {path: /v, field: f}}",
            "7:23 candidate.identity: identity needs exactly one of header, json, message, ",
        ),
        ("x-revision", "7:23 candidate.identity: has the wrong form"),
        ("{header: 'x revision'}", "7:32 candidate.identity.header: has the wrong form"),
        ("{header: ''}", "7:32 candidate.identity.header: has the wrong form"),
        ("{json: {path: /version}}", "7:30 candidate.identity.json: field is missing"),
        ("{json: {field: revision}}", "7:30 candidate.identity.json: path is missing"),
        ("{json: {path: v, field: f}}", "7:37 candidate.identity.json.path: has the wrong form"),
        (
            "{json: {path: /healthz, field: f}}",
            "7:37 candidate.identity.json.path: /healthz never reaches a container",
        ),
        (
            "{json: {path: '/${alice}', field: f}}",
            "7:37 candidate.identity.json.path: holds a template where none is rendered",
        ),
        (
            "{json: {path: /v, field: '${alice}'}}",
            "7:48 candidate.identity.json.field: holds a template where none is rendered",
        ),
        ("[]", "7:23 candidate.identity: has the wrong length (got 0 items, expected 1 to 10)"),
        ("[{header: x}, y]", "7:37 candidate.identity[1]: has the wrong form"),
        ("[{header: x}, {}]", "7:37 candidate.identity[1]: identity needs exactly one of"),
        ("[{header: x, message: y}]", "7:24 candidate.identity[0]: identity needs exactly one of"),
        ("{json: 3}", "7:30 candidate.identity.json: has the wrong form (got the number 3"),
        ("{json: ''}", "7:30 candidate.identity.json: has the wrong form"),
        ("{message: '${alice}'}", "7:33 candidate.identity.message: holds a template where"),
        ("{header: x, heeder: y}", "7:35 candidate.identity: has an unknown key (got 'heeder')"),
    ],
)
def test_a_rule_that_proves_nothing_is_refused(tmp_path, identity, wrong):
    found = problems(tmp_path, PLAIN + f"candidate: {{identity: {identity}}}\n")
    assert found[0].startswith(wrong), found
    assert len(found) == 1


@pytest.mark.parametrize(("written", "read_s"), [("0s", 0), ("90s", 90), ("10m", 600)])
def test_how_long_an_address_is_waited_for_is_the_policys(tmp_path, written, read_s):
    policy = loaded(tmp_path, PLAIN + f"candidate: {{arrival_within: {written}}}\n")
    assert policy.candidate == CandidateRule(arrival_within_s=read_s)
    (found,) = problems(tmp_path, PLAIN + "candidate: {arrival_within: 601s}\n")
    assert "arrival_within: is out of range (got 601, expected 0 to 600)" in found


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        ("[]", "has the wrong length"),
        ("[50]", "must rise to 100 (got [50], expected percents that end at 100"),
        ("[100, 50]", "must rise to 100"),
        ("[100, 100]", "must rise to 100"),
        ("[50, 50, 100]", "must rise to 100"),
        ("[0, 100]", "has the wrong form (got the number 0"),
        ("[50, 150]", "has the wrong form (got the number 150"),
        ("[12.5, 100]", "has the wrong form"),
        ("[5%, 100%]", "has the wrong form"),
        ("100", "has the wrong form"),
    ],
)
def test_steps_that_do_not_rise_to_100_are_refused(tmp_path, steps, wrong):
    found = problems(tmp_path, PLAIN + f"traffic: {steps}\n")
    assert all(re.match(r"7:\d+ traffic", one) for one in found)
    assert wrong in found[0]


def test_steps_with_a_dwell_and_a_watch_become_values(tmp_path):
    policy = loaded(
        tmp_path,
        PLAIN + "traffic: [5, 25, 100]\ndwell: 90s\nwatch: 2m\nlease: 30s\ndeadline: 1h\n",
    )
    assert policy.traffic == (5, 25, 100)
    assert (policy.dwell_s, policy.watch_s, policy.lease_s) == (90, 120, 30)


def test_without_steps_there_is_no_dwell(tmp_path):
    for steps in ("", "traffic: [100]\n"):
        (found,) = problems(tmp_path, PLAIN + steps + "dwell: 1m\n")
        assert "dwell: has no meaning without steps" in found
        assert found.startswith(f"{7 if not steps else 8}:8 ")
    (found,) = problems(tmp_path, PLAIN + "traffic: [100%]\ndwell: 1m\n")
    assert "traffic[0]: has the wrong form" in found


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("deadline: 4m", "got 240 s, expected more than 240 s of candidate.ready_within)"),
        ("watch: 16m", "got 1200 s, expected more than 240 s of candidate.ready_within + 960 s"),
        (
            "traffic: [5, 25, 100]\ndeadline: 360s",
            "got 360 s, expected more than 240 s of candidate.ready_within + 2 x 60 s of dwell)",
        ),
        (
            "traffic: [5, 100]\ndwell: 10m\nwatch: 10m\ncandidate: {ready_within: 10s}",
            "more than 10 s of candidate.ready_within + 1 x 600 s of dwell + 600 s of watch)",
        ),
    ],
)
def test_the_deadline_leaves_room_for_all_that_takes_time(tmp_path, keys, expected):
    (found,) = problems(tmp_path, PLAIN + keys + "\n")
    assert "deadline: leaves no time to probe" in found
    assert expected in found


def test_a_deadline_just_above_that_will_do(tmp_path):
    assert not problems(tmp_path, PLAIN + "traffic: [5, 25, 100]\ndeadline: 361s\n")
    assert not problems(tmp_path, PLAIN + "watch: 0s\n")


@pytest.mark.parametrize("lease", ["4s", "2h", "60"])
def test_a_lease_that_is_too_short_or_too_long_is_refused(tmp_path, lease):
    (found,) = problems(tmp_path, PLAIN + f"lease: {lease}\n")
    assert found.startswith("7:8 lease: ")


@pytest.mark.parametrize(
    ("probe_text", "message"),
    [
        ("{}", f"probes.x: asks nothing (expected one of {KINDS})"),
        ("{expect: {status: 200}}", "probes.x: asks nothing"),
        ("{http: {path: /}, logs: {}}", "probes.x: asks two things (got http and logs"),
        ("5", "probes.x: has the wrong form (got the number 5"),
        ("{logs: {}}", "probes.x: expect is missing"),
        ("{logs: {}, expect: {none: []}}", "probes.x.expect.none: has the wrong length"),
        ("{logs: {}, expect: {none: [{}]}}", "needs at least one of severity, text"),
        ('{logs: {}, expect: {none: [{text: "${alice}"}]}}', "holds a template where none is"),
        ("{logs: {within: hour}, expect: {none: [{text: a}]}}", "expected rollout"),
        ("{http: {path: //host/}}", "starts with one /"),
        ('{http: {path: "/a b"}}', "starts with one /"),
        ('{http: {path: "/${nonce}", rate: 20/s}}', "holds a template where none is rendered"),
        ('{http: {path: "/${nobody}"}}', "probes.x.http.path: names an unknown secret"),
        ('{soak: {path: "/${user}"}}', "uses ${user}, which only websocket, stream and journey"),
        ('{websocket: {path: "/?u=${user}"}}', "uses ${user}, its own or taken over, but has no"),
        ("{http: {path: /, method: get}}", "expected GET or HEAD"),
        ("{http: {path: /, method: HEAD}, expect: {json: {a: 1}}}", "an answer to HEAD never has"),
        ("{http: {path: /, headers: {Host: a}}}", "is for the client itself to send"),
        ("{http: {path: /, headers: {X-A: a, x-a: b}}}", "is given twice, in another case"),
        ('{http: {path: /, headers: {"a b": c}}}', "has a wrong name (got 'a b'"),
        ('{http: {path: /, headers: {a: "b\\nc"}}}', "expected text of printable ASCII"),
        ('{http: {path: /, headers: {a: "${user}"}}}', "uses ${user}, which only websocket"),
        ("{http: {path: /, body: }}", "has the wrong form (got nothing"),
        ("{http: {path: /, timeout: 5}}", "| give the unit, e.g. 5s"),
        ("{http: {path: /, timeout: 1h30m}}", "write 1h30m as 90m"),
        ("{http: {path: /, timeout: 25h}}", "a duration of at most 24h"),
        ('{http: {path: /}, expect: {status: "200"}}', "| leave out the quotes"),
        ("{http: {path: /}, expect: {status: true}}", "got true"),
        ("{http: {path: /}, required: no}", "expected true or false"),
        ("{websocket: {path: /ws}, expect: {success: 99}}", "| write 99%"),
        ("{websocket: {path: /ws}, expect: {success: 101%}}", "from 0% to 100%"),
        ("{websocket: {path: /ws}, expect: {success: 0%}}", "cannot fail (got 0%"),
        ("{websocket: {path: /ws}, expect: {close: 200}}", "a close code, 1000 to 4999"),
        ("{websocket: {path: /ws}, expect: {refused: 700}}", "200 to 599 or 1000 to 4999"),
        ('{websocket: {path: /ws, subprotocols: ["a b"]}}', "a subprotocol (a token"),
        ("{websocket: {path: /ws, subprotocols: [a, a]}}", "is offered twice (got 'a')"),
        ("{websocket: {path: /ws, users: [carol]}}", "is not a secret of this policy"),
        (
            "{websocket: {path: /ws}, expect: {subprotocol: a}}",
            "is not offered (got 'a') | add it to",
        ),
        (
            "{websocket: {path: /ws, subprotocols: [b, jwt-auth]}, expect: {subprotocol: jwtauth}}",
            "is not offered (got 'jwtauth') | did you mean jwt-auth?",
        ),
        ("{websocket: {path: /ws, users: []}}", "has the wrong length (got 0 items"),
        ("{websocket: {path: /ws, hold: 24h, repeat: 0}}", "a whole number, 1 to 100000"),
        (
            "{websocket: {path: /ws, headers: {Sec-WebSocket-Protocol: a}}}",
            "is for the client itself to send | use subprotocols",
        ),
        (
            "{websocket: {path: /ws, script: [{send: a}]}, expect: {refused: 403}}",
            "probes.x.expect.refused: excludes a script",
        ),
        (
            "{websocket: {path: /ws, script: [{send: a, expect: {json: {}}}]}}",
            "step needs exactly one of send, expect (got send and expect)",
        ),
        ("{websocket: {path: /ws, script: [{expect: {}}]}}", "at least one of json, schema, seq"),
        ("{websocket: {path: /ws, script: [{expect: {json: a, never: {}}}]}}", "pattern needs at"),
        ("{websocket: {path: /ws, script: []}}", "has the wrong length (got 0 items"),
        ("{websocket: {path: /ws, script: {send: a}}}", "or a list"),
    ],
)
def test_a_probe_that_cannot_be_asked_is_refused(tmp_path, probe_text, message):
    found = problems(tmp_path, probes(f"ok: {{http: {{path: /}}}}\nx: {probe_text}\n"))
    assert any(message in one for one in found), found
    assert all(re.match(r"[67]:\d+ ", one) for one in found)


def test_two_bad_values_of_one_probe_are_both_found(tmp_path):
    found = problems(
        tmp_path, probes("x: {websocket: {path: /healthz, hold: 0s}, expect: {success: 0%}}")
    )
    assert [one.split(" ")[1] for one in found] == [
        "probes.x.websocket.path:",
        "probes.x.expect.success:",
    ]


def test_a_policy_must_have_a_required_probe(tmp_path):
    none = problems(tmp_path, probes("x: {http: {path: /}, required: false}"))
    assert "probes: has no required probe" in none[0]
    for bad in ("x: {http: {path: 5}}", "x: 5", "x: {suite: {}}"):
        found = problems(tmp_path, probes(bad))
        assert len(found) == 1
        assert "no required probe" not in found[0]


def test_the_deadline_must_leave_time_to_probe(tmp_path):
    found = problems(tmp_path, PLAIN + "deadline: 3m\n")
    assert "7:11 deadline: leaves no time to probe (got 180 s" in found[0]


def test_the_tag_must_fit_the_service(tmp_path):
    text = PLAIN.replace("name: backend", f"name: {'s' * 30}")
    assert not problems(tmp_path, text + f"candidate: {{tag: {'t' * 16}}}\n")
    found = problems(tmp_path, text + f"candidate: {{tag: {'t' * 17}}}\n")
    assert "7:18 candidate.tag: tag" in found[0]
    assert "(got 47 characters, expected at most 46)" in found[0]


def test_the_default_tag_must_fit_the_service_too(tmp_path):
    found = problems(tmp_path, PLAIN.replace("name: backend", f"name: {'s' * 38}"))
    assert "2:10 candidate.tag: tag 'candidate' and service" in found[0]


def test_templates_name_secrets_or_what_the_gate_offers(tmp_path):
    found = problems(
        tmp_path,
        probes(
            """\
            x: {http: {path: /, headers: {a: "${alise}", b: "${alice|hex}", c: "${alice"}}}
            y: {http: {path: /, body: ["${url}", "${nonce}", {"${bobb}": 1}]}}
            z: {http: {path: /}, expect: {json: {a: "${zzzz}"}, headers: {b: "${zzzz}"}}}
            """
        ),
    )
    assert [one.split(" ", 1)[1] for one in found] == [
        "probes.x.http.headers.a: names an unknown secret (got 'alise') | did you mean alice?",
        "probes.x.http.headers.b: has an unknown filter (got 'hex', expected base64url) | ",
        (
            "probes.x.http.headers.c: an opening ${ has no closing } (got '${alice') "
            "| write $${ for a literal ${"
        ),
        "probes.y.http.body[2].${bobb}: names an unknown secret (got 'bobb') | did you mean bob?",
        (
            "probes.z.expect.json.a: names an unknown secret (got 'zzzz') "
            "| define it under secrets, or use one of nonce, url, user, ws_url"
        ),
        (
            "probes.z.expect.headers.b: names an unknown secret (got 'zzzz') "
            "| define it under secrets, or use one of nonce, url, user, ws_url"
        ),
    ]


def test_a_secret_written_into_the_policy_is_never_shown(tmp_path):
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
    text = f"""\
version: 1
secrets: {{alice: hunter2hunter2, bob: {{env: {token}}}}}
probes:
  x: {{http: {{path: /, headers: {{a: [hunter2hunter2]}}}},
    expect: {{json: {{a: "${{{token}}}"}}}}}}
  y: {{http: {{path: /, method: {token}}}}}
"""
    found = problems(tmp_path, text)
    assert len(found) == 5
    assert "hunter2" not in "".join(found)
    assert "eyJ" not in "".join(found)


def test_what_is_shown_cannot_act_on_a_terminal(tmp_path):
    text = PLAIN + '"\\e[31mred": 1\nsecrets2: {"\\u202e": 1}\n'
    assert all(one.isprintable() for one in problems(tmp_path, text))


def test_a_hopeless_policy_is_bounded(tmp_path):
    lines = "".join(f"  p{i}: {{http: {{path: /, hst: 1}}}}\n" for i in range(190))
    found = problems(tmp_path, HEAD + "probes:\n" + lines)
    assert len(found) == 101
    assert "and 90 more problems" in found[-1]


def test_load_raises_every_problem_with_its_hint(tmp_path):
    path = write(tmp_path, PLAIN + "deadlin: 5m\nbaseline: 5\n")
    with pytest.raises(PolicyError) as raised:
        load_policy(path)
    assert raised.value.exit_code is ExitCode.USAGE
    assert [problem.where for problem in raised.value.problems] == [f"{path}:7:1", f"{path}:8:11"]
    assert (
        f"{path}:7:1: the policy has an unknown key (got 'deadlin')\n  hint: did you mean"
        in str(raised.value)
    )


def test_the_service_can_be_read_from_a_policy_with_broken_probes(tmp_path):
    path = write(tmp_path, HEAD + "probes: {x: {ftp: 1}}\nbaseline: 1\n")
    assert load_service(path) == ServiceName("demo", "us-central1", "backend")
    assert load_service(write(tmp_path, "version: 1\n")) == ServiceName()


@pytest.mark.parametrize("text", ["service: {name: 5}\n", "service: a: b\n", "- a\n", "a: *b\n"])
def test_a_service_that_cannot_be_read_is_an_error(tmp_path, text):
    with pytest.raises(PolicyError):
        load_service(write(tmp_path, text))


def test_a_policy_in_another_folder_finds_its_schemas(tmp_path, monkeypatch):
    folder = tmp_path / "policies"
    (folder / "schemas").mkdir(parents=True)
    (folder / "schemas/a.json").write_text("{}")
    write(folder, probes("x: {http: {path: /}, expect: {schema: schemas/a.json}}"))
    monkeypatch.chdir(tmp_path)
    assert load_policy(Path("policies/policy.yaml")).probes[0].name == "x"


@pytest.mark.parametrize("bodies", Bodies)
@pytest.mark.parametrize("kind", ["http: {path: /}", "websocket: {path: /}", "diff: {}"])
def test_a_probe_says_what_it_keeps_of_bodies(tmp_path, kind, bodies):
    text = f"x: {{{kind}, evidence: {{bodies: {bodies.value}}}}}"
    assert probe(tmp_path, text, "x").bodies is bodies
    assert probe(tmp_path, f"x: {{{kind}, evidence: {{}}}}", "x").bodies is Bodies.EXCERPT
    (problem,) = problems(tmp_path, probes(f"x: {{{kind}, evidence: {{bodies: some}}}}"))
    assert "probes.x.evidence.bodies" in problem


@pytest.mark.parametrize(
    "bad",
    [
        '{{http: {{path: /, headers: {{a: "${{{0}}}"}}}}}}',
        "{{websocket: {{path: /, subprotocols: [{0}, {0}]}}}}",
        "{{websocket: {{path: /, subprotocols: [b]}}, expect: {{subprotocol: {0}}}}}",
        "{{websocket: {{path: /, users: [{0}]}}}}",
        '{{http: {{path: "/${{{0}}}"}}}}',
    ],
)
def test_what_is_shown_of_a_value_is_bounded(tmp_path, bad):
    found = problems(tmp_path, probes(f"x: {bad.format('a' * 1500)}\n"))
    assert found
    assert all(len(one) < 400 for one in found)
