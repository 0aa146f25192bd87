"""`websocket` with `parties`: what a file may say, and where what it may not is told."""

import jsonschema
import pytest

from gate.core.expectations import Pattern
from gate.kinds.room_parties import Party
from gate.kinds.room_steps import Step, marks
from gate.kinds.rooms import RoomsProbe
from gate.kinds.websocket import Await, WebSocketProbe
from gate.policyfile import policy_schema
from tests.unit.policy_files import advice, probe, probes, problems

HEAD = 'room: {websocket: {path: "/chat?room=${nonce}", parties: {ann: {}, ben: {}, '
OTHERS = 'eve: {path: "/chat?room=other-${nonce}"}}, steps: ['
HELLO = '{from: ann, send: {text: "hello ${nonce}"}, reaches: [ann, ben], silent: eve}'


def room(*steps, head=HEAD + OTHERS):
    return head + ", ".join(steps) + "]}}"


def told(tmp_path, *steps, **more):
    """Every problem, without the place of the probe."""
    found = problems(tmp_path, probes(room(*steps, **more)))
    return [one.split("probes.room.websocket.", 1)[1] for one in found]


def test_parties_make_it_another_kind_under_the_same_key(tmp_path):
    spec = probe(tmp_path, room(HELLO), "room").spec
    assert spec == RoomsProbe(
        "/chat?room=${nonce}",
        (
            ("ann", Party()),
            ("ben", Party()),
            ("eve", Party("/chat?room=other-${nonce}")),
        ),
        (
            Step(
                "ann",
                {"text": "hello ${nonce}"},
                reaches=(("ann", None), ("ben", None)),
                silent=("eve",),
            ),
        ),
    )
    alone = probe(tmp_path, "x: {websocket: {path: /ws}}", "x").spec
    assert isinstance(alone, WebSocketProbe)


@pytest.mark.parametrize(
    ("asks", "valid"),
    [
        ({"path": "/", "parties": {"ann": {}}, "steps": [{"join": "ann"}]}, True),
        ({"path": "/", "parties": {"ann": {}}, "steps": [{"reaches": {"ann": {"json": 1}}}]}, True),
        ({"path": "/", "parties": {"ann": {}}, "steps": [{"reaches": ["ann"]}]}, True),
        ({"path": "/", "parties": {"ann": {}}, "steps": [{"reaches": {"ann": {}}}]}, False),
        ({"path": "/", "parties": {"ann": {}}}, False),
        ({"path": "/", "connections": 2}, True),
    ],
)
def test_the_json_schema_knows_both_kinds(asks, valid):
    policy = {"version": 1, "probes": {"room": {"websocket": asks}}}
    assert jsonschema.Draft202012Validator(policy_schema()).is_valid(policy) is valid


def test_each_may_hear_something_of_its_own(tmp_path):
    text = (
        "{from: ann, send: hi, within: 3s, reaches: "
        "{ann: {json: {type: ack}}, ben: {sequence: [a, b], once: true}}}"
    )
    (step,) = probe(tmp_path, room(text), "room").spec.steps
    assert step.within_s == 3
    assert step.reaches == (
        ("ann", Await(Pattern({"type": "ack"}))),
        ("ben", Await(sequence=("a", "b"), once=True)),
    )


def test_who_first_joins_in_a_step_is_not_there_at_the_start(tmp_path):
    steps = ("{join: ben}", "{leave: ann}", "{join: ann}", "{closed: {ann: [4001, 4002]}}")
    spec = probe(tmp_path, room(*steps), "room").spec
    assert spec.latecomers == {"ben"}
    assert spec.steps[-1].closed == (("ann", (4001, 4002)),)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("{from: anne, send: hi}", "steps[0].from: names an unknown party (got 'anne') | did you"),
        ("{from: ann}", "steps[0]: has from and no send (expected both)"),
        ("{send: hi}", "steps[0]: has send and no from (expected both)"),
        ("{}", "steps[0]: does nothing"),
        ("{join: ann, leave: ben}", "steps[0]: does two things (got join and leave"),
        ("{join: ann}, {join: ann}", "steps[1].join: lets ann join, who is there already"),
        ("{leave: ann}, {leave: ann}", "steps[1].leave: lets ann leave, who is not there"),
        ("{leave: ann}, {from: ann, send: hi}", "steps[1].from: names ann, who is not there"),
        (
            "{closed: {ann: 4001}}, {from: ann, send: hi}",
            "steps[1].from: names ann, who is not there",
        ),
        ("{from: ann, send: hi, reaches: ben}", "steps[0].reaches: does not say what ben must"),
        ("{leave: ann, reaches: ben}", "steps[0].reaches: does not say what ben must hear"),
        ("{from: ann, send: hi, silent: eve}", "steps[0].silent: could not tell what eve must"),
        ('{from: ann, send: "${nonce}", silent: eve}', "steps[0].silent: could not tell what eve"),
        ('{from: eve, send: "x ${nonce}"}, {from: ann, send: "x ${nonce}", silent: eve}', "steps"),
        ("{from: ann, send: hi, matching: {json: 1}}", "steps[0].matching: says nothing without"),
        (
            '{from: ann, send: "hi ${nonce}", reaches: ben, silent: ben}',
            "steps[0].silent: names ben, whom it must reach as well",
        ),
        ("{reaches: {ann: {}}}", "steps[0].reaches.ann: what must be heard needs at least one"),
        ("{reaches: {ann: {json: 1, within: 1s}}}", "steps[0].reaches.ann: has an unknown key"),
        ('{from: ann, send: "${nobody}"}', "steps[0].send: names an unknown secret"),
    ],
)
def test_a_step_that_cannot_be_asked_is_refused_at_its_place(tmp_path, step, expected):
    (problem,) = told(tmp_path, step)
    assert problem.startswith(expected), problem


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("room: {websocket: {path: /, parties: {}, steps: [", "parties: has the wrong length"),
        ("room: {websocket: {path: /, parties: {ann: {user: eve}}, steps: [", "parties.ann.user:"),
        (
            'room: {websocket: {path: "/${user}", parties: {ann: {user: bob}, ben: {}}, steps: [',
            "parties.ben: uses ${user}, its own or the probe's, but has no user",
        ),
        (
            "room: {websocket: {path: /, connections: 2, parties: {ann: {}}, steps: [",
            "connections: has no meaning where parties are given",
        ),
        (
            "room: {websocket: {path: /, parties: {ann: {}, "
            + ", ".join(f"p{n}: {{connections: 1000}}" for n in range(10))
            + "}, steps: [",
            "parties: have too many connections (got 10001, expected at most 10000)",
        ),
        (
            "room: {websocket: {path: /, parties: {ann: {connections: 2}}, steps: [",
            "steps[0].from: names ann, who has 2 connections",
        ),
    ],
)
def test_parties_that_cannot_be_are_refused(tmp_path, head, expected):
    found = told(tmp_path, "{from: ann, send: hi}", head=head)
    assert found[0].startswith(expected), found


def test_steps_need_parties(tmp_path):
    (found,) = problems(tmp_path, probes("x: {websocket: {path: /, steps: []}}"))
    assert "websocket.steps: has no meaning without parties" in found


def test_what_such_a_probe_should_say_and_does_not_is_advised(tmp_path):
    text = "room: {websocket: {path: /, parties: {ann: {}}, steps: [{from: ann, send: hi}]}}"
    said = [one for one in advice(tmp_path, probes(text)) if "probes.room" in one]
    assert any("let nobody be silent" in one for one in said)
    assert any("has no ${nonce}" in one for one in said)
    assert not [one for one in advice(tmp_path, probes(room(HELLO))) if "probes.room" in one]


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("hi ${nonce}", ("hi ${nonce}",)),
        ({"a": ["x", "y ${nonce}"], "${nonce}": 1}, ("y ${nonce}",)),
        ('{"text": "hi ${nonce}", "n": 1}', ("hi ${nonce}",)),
        ("$${nonce}", ()),
        (None, ()),
    ],
)
def test_a_message_is_known_again_by_its_texts_with_the_nonce(message, found):
    assert marks(message) == found
