"""Journeys as policies write them: what is read, and each mistake with its place."""

import textwrap

import pytest

from gate.core.expectations import Content, Found, Pattern
from gate.errors import ValueProblem
from gate.kinds.journey import JourneyProbe
from gate.kinds.steps import Capture, Redirect, Step, Wanted
from tests.unit.policy_files import advice, probe, probes, problems

WHOLE = """\
shop:
  journey:
    timeout: 3s
    users: [alice, bob]
    times: 2
    steps:
      - get: /login
        capture: {csrf: {css: "input[name=_csrf]@value"}}
      - post: /login
        name: sign in
        form: {token: "${user}", _csrf: "${csrf}", remember: true}
        timeout: 500ms
        expect: {redirect: /notes}
        capture: {where: {header: Location}}
      - get: ${where}
        headers: {X-Run: "${nonce}"}
        shared: true
        expect:
          status: [200, 203]
          json: {a: "${where}"}
          headers: {A: b}
          text: x
          path: {$.id: {type: number}}
          redirect: {matches: "/x.*"}
    always:
      - delete: /notes/${where|base64url}
"""
NOTES = "x:\n  journey:\n    steps:\n"


def test_a_whole_one_is_read(tmp_path):
    text = WHOLE.replace('          redirect: {matches: "/x.*"}\n', "")
    spec = probe(tmp_path, text, "shop").spec
    assert (spec.users, spec.times, spec.timeout_s, spec.journeys) == (("alice", "bob"), 2, 3.0, 4)
    assert spec.steps[1] == Step(
        "POST",
        "/login",
        "sign in",
        form=(("token", "${user}"), ("_csrf", "${csrf}"), ("remember", True)),
        timeout_s=0.5,
        expect=Wanted(redirect=Redirect("/notes")),
        capture={"where": Capture(header="Location")},
    )
    assert spec.steps[2].expect == Wanted(
        (200, 203),
        answer=Pattern({"a": "${where}"}),
        headers=(("A", "b"),),
        content=Content(("x",), path=(("$.id", Found(kind="number")),)),
    )
    assert [one.label for one in spec.steps] == ["GET /login", "sign in", "GET ${where}"]
    assert spec.names == {"user", "alice", "bob", "nonce"}
    assert spec.writes


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("- get: /x/${id}", "9:16 probes.x.journey.steps[0].get: uses ${id}, which is neither"),
        (
            "- get: /x\n  headers: {A: '${idd}'}\n- get: /y\n  capture: {id: {json: $.id}}",
            "headers: uses ${idd}, which is neither captured nor a secret | did you mean id?",
        ),
        (
            "- get: /x/${id}\n- get: /y\n  capture: {id: {json: $.id}}",
            "steps[0].get: uses ${id}, which is captured by no step before this one | capture it",
        ),
        ("- get: /x\n  headers: {A: '${user}'}", "steps[0].headers: uses ${user}, but the journey"),
        ("- get: /x\n  form: {a: '${b}'}", "steps[0].form: uses ${b}"),
        ("- get: /x\n  expect: {text: '${b}'}", "steps[0].expect: uses ${b}"),
        ("- get: /x\n  expect: {redirect: '/${b}'}", "steps[0].expect: uses ${b}"),
        ("- get: /x\n  capture: {alice: {json: $.a}}", "steps[0].capture.alice: is the name of"),
        ("- get: /x\n  capture: {nonce: {json: $.a}}", "steps[0].capture.nonce: is the name of"),
        ("- get: /x\n  capture: {a: {json: $.a, css: b}}", "needs exactly one of json, css"),
        ("- get: /x\n  capture: {a: {json: a}}", "capture.a.json: is no JSONPath query"),
        ("- get: /x\n  capture: {a: {regex: a}}", "needs exactly one of json, css"),
        ("- get: /x\n  capture: {a: $.id}", "expected a mapping with json, css, header"),
        ("- get: /x\n  post: /y", "step needs exactly one of get, post"),
        ("- name: x", "step needs exactly one of get, post, put, patch, delete, head, options"),
        ("- get: x", "expected a path such as /login"),
        ("- get: https://evil.example/", "a policy cannot name another host"),
        ("- get: //evil.example/", "expected a path"),
        ("- get: /healthz", "never reaches a container"),
        ("- post: /x\n  body: a\n  form: {a: b}", "excludes a body"),
        ("- head: /x\n  expect: {text: a}", "an answer to HEAD never has"),
        ("- get: /x\n  headers: {Cookie: a=b}", "the journey's own jar sends"),
        ("- get: /x\n  headers: {Host: a}", "is for the client itself to send"),
        ("- get: /x\n  expect: {status: 200, redirect: /y}", "is none that leads anywhere"),
        (
            "- get: /x\n  expect: {redirect: y}",
            "expected a path such as /login, or a whole address",
        ),
        ("- get: /x\n  expect: {redirect: {}}", "needs exactly one of to, matches"),
        ("[]", "has the wrong length (got 0 items"),
    ],
)
def test_each_mistake_is_told_once_with_its_place_and_a_guess(tmp_path, steps, said):
    found = problems(tmp_path, probes(NOTES + textwrap.indent(steps, "      ")))
    assert len(found) == 1, found
    assert said in found[0], found


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("users: [carol]", "is not a secret of this policy (got 'carol')"),
        ("times: 0", "expected a whole number, 1 to 100"),
        ("users: [alice, bob]\n    times: 51", "makes too many journeys (got 102"),
    ],
)
def test_what_may_not_be_said_of_all_journeys(tmp_path, keys, said):
    steps = "      - {get: /x, headers: {A: '${nonce}'}}"
    assert said in problems(tmp_path, probes(f"x:\n  journey:\n    {keys}\n    steps:\n{steps}"))[0]


def test_advice(tmp_path):
    text = "  - {get: /x, capture: {a: {json: $.a}}}"
    told = advice(
        tmp_path, probes(f"x:\n  journey:\n    users: [alice, bob]\n    steps:\n    {text}")
    )
    assert any("sends no ${nonce}" in one for one in told)
    assert any("no step uses ${user}" in one for one in told)
    assert any("captures a, which no step uses" in one for one in told)


@pytest.mark.parametrize("stable_writes", [False, True])
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_changes_something_is_told_before_it_is_asked_of_stable(
    tmp_path, method, stable_writes
):
    flag = f"  stable_writes: {str(stable_writes).lower()}\n"
    for kind in ("journey: {steps: [{%s: /x}]}", "http: {path: /, method: %s}"):
        asks = kind % (method if "steps" in kind else method.upper())
        text = f"x:\n  {asks}\n{flag}"
        told = advice(tmp_path, probes(text).replace("probes:", "baseline: stable\nprobes:"))
        spared = [one for one in told if "so that stable is not asked" in one]
        assert bool(spared) is (method == "post" and not stable_writes)
        assert any("has no meaning" in one for one in told) is (method == "get" and stable_writes)


def test_values_made_by_hand_are_checked_too():
    with pytest.raises(ValueProblem):
        JourneyProbe((Step("GET", "/"),), times=1000)
    with pytest.raises(ValueProblem):
        Step("POST", "/", body="a", form=(("a", "b"),))


def test_paths_that_end_in_z_are_advised_against_in_steps_too(tmp_path):
    text = "x: {journey: {steps: [{get: /a}], always: [{delete: /readyz}]}}"
    told = advice(tmp_path, probes(text))
    assert any("probes.x.journey.always: /readyz ends in z" in one for one in told)
