import pytest

from gate.core.expectations import Pattern
from gate.kinds.websocket import Await, Send
from tests.unit.policy_files import probe, probes, problems

TALK = """\
talk:
  websocket:
    path: /ws
    subprotocols: [jwt-auth, "jwt.${alice|base64url}"]
    headers: {X-A: "1"}
    script: [{send: {type: ping}}, {expect: {json: {type: pong}}}]
"""
SCRIPT = (Send({"type": "ping"}), Await(Pattern({"type": "pong"})))


def test_a_named_script_brings_its_subprotocols_and_headers(tmp_path):
    spec = probe(tmp_path, TALK + "x: {websocket: {path: /x, script: talk}}", "x").spec
    assert (spec.path, spec.script) == ("/x", SCRIPT)
    assert spec.subprotocols == ("jwt-auth", "jwt.${alice|base64url}")
    assert spec.headers == (("X-A", "1"),)


@pytest.mark.parametrize("kind", ["http", "websocket", "soak"])
@pytest.mark.parametrize("path", ["/chat?room=${nonce}", "/u/${alice|base64url}/ws"])
def test_a_path_may_hold_templates(tmp_path, kind, path):
    text = f'x: {{{kind}: {{path: "{path}"}}}}'
    assert probe(tmp_path, text, "x").spec.path == path


def test_a_sequence_may_be_wanted_once_and_nothing_else(tmp_path):
    text = "x: {{websocket: {{path: /ws, script: [{{expect: {{{0}, once: true}}}}]}}}}"
    (step,) = probe(tmp_path, text.format("sequence: [a, b]"), "x").spec.script
    assert step == Await(sequence=("a", "b"), once=True)
    (said,) = problems(tmp_path, probes(text.format("json: {type: a}")))
    assert "once: says nothing without a sequence" in str(said)


def test_a_duration_that_is_too_long_is_said_to_be(tmp_path):
    text = "x: {http: {path: /, timeout: 99999999999999h}}"
    (said,) = problems(tmp_path, probes(text))
    assert "expected a duration of at most 24h" in str(said)


def test_own_subprotocols_and_headers_come_first_even_empty(tmp_path):
    own = "x: {websocket: {path: /ws, script: talk, subprotocols: [], headers: {X-B: c}}}"
    spec = probe(tmp_path, TALK + own, "x").spec
    assert (spec.script, spec.subprotocols, spec.headers) == (SCRIPT, (), (("X-B", "c"),))


def test_nothing_else_is_taken_over(tmp_path):
    text = """\
    talk: {websocket: {path: /ws, users: [alice], connections: 3, hold: 1s, repeat: 2,
      open_within: 1s, script: [{send: a}]}, expect: {close: 1000, foreign_messages: 1}}
    x: {websocket: {path: /ws, script: talk}}
    """
    spec = probe(tmp_path, text, "x").spec
    assert (spec.users, spec.connections, spec.hold_s, spec.repeat) == ((), 1, 0, 1)
    assert (spec.open_within_s, spec.close_code, spec.foreign_messages) == (10, None, 0)


def test_references_chain_in_any_order(tmp_path):
    first = "x: {websocket: {path: /ws, script: y}}\ny: {websocket: {path: /ws, script: talk}}\n"
    spec = probe(tmp_path, first + TALK, "x").spec
    assert (spec.script, spec.headers) == (SCRIPT, (("X-A", "1"),))


def test_circles_are_refused_once(tmp_path):
    found = problems(
        tmp_path,
        probes(
            """\
            x: {websocket: {path: /ws, script: y}}
            y: {websocket: {path: /ws, script: z}}
            z: {websocket: {path: /ws, script: y}}
            self: {websocket: {path: /ws, script: self}}
            """
        ),
    )
    assert found == [
        "8:38 probes.z.websocket.script: goes in a circle (y -> z -> y) | ",
        "9:41 probes.self.websocket.script: goes in a circle (self -> self) | ",
    ]


def test_references_to_what_has_no_script_are_refused(tmp_path):
    found = problems(
        tmp_path,
        probes(
            """\
            talk: {websocket: {path: /ws}}
            web: {http: {path: /}}
            a: {websocket: {path: /ws, script: tlak}}
            b: {websocket: {path: /ws, script: web}}
            c: {websocket: {path: /ws, script: talk}}
            """
        ),
    )
    assert found == [
        "8:38 probes.a.websocket.script: names an unknown probe (got 'tlak') | did you mean talk?",
        "9:38 probes.b.websocket.script: names a probe that is no websocket probe (got 'web') | ",
        "10:38 probes.c.websocket.script: names a probe without a script (got 'talk') | ",
    ]


def test_a_reference_to_a_probe_with_problems_adds_none(tmp_path):
    found = problems(
        tmp_path,
        probes(
            """\
            bad: {websocket: 5}
            worse: 5
            steps: {websocket: {path: /ws, script: [{sned: a}]}}
            a: {websocket: {path: /ws, script: bad}}
            b: {websocket: {path: /ws, script: worse}}
            c: {websocket: {path: /ws, script: steps}}
            """
        ),
    )
    assert [one.split(" ")[0] for one in found] == ["6:20", "7:10", "8:43", "8:44"]


def test_the_user_needs_users_own_or_taken_over(tmp_path):
    found = problems(
        tmp_path,
        probes(
            """\
            a: {websocket: {path: /ws, script: [{send: "${user}"}]}}
            b: {websocket: {path: /ws, subprotocols: ["jwt.${user}"]}}
            c: {websocket: {path: /ws, users: [alice], script: a}}
            d: {websocket: {path: /ws, script: b}}
            e: {websocket: {path: /ws, script: a}}
            """
        ),
    )
    without = "uses ${user}, its own or taken over, but has no users"
    assert [one.split(" | ")[0] for one in found] == [
        f"6:18 probes.a.websocket: {without}",
        f"7:18 probes.b.websocket: {without}",
        "9:38 probes.d.websocket.script: names a probe without a script (got 'b')",
        f"10:18 probes.e.websocket: {without}",
    ]


def test_templates_are_looked_at_wherever_they_are_rendered_and_nowhere_else(tmp_path):
    found = problems(
        tmp_path,
        probes(
            """\
            a:
              websocket:
                path: /ws
                script:
                  - send: [{x: "${bad1}"}]
                  - expect: {json: {x: "${bad2}"}, never: {json: "${bad3}"}}
                  - expect: {sequence: ["${alice}"], where: {x: {y: "${bad4}"}}}
            """
        ),
    )
    assert [one.split(" | ")[0].split(" ", 1)[1] for one in found] == [
        "probes.a.websocket.script[0].send[0].x: names an unknown secret (got 'bad1')",
        "probes.a.websocket.script[1].expect.json.x: names an unknown secret (got 'bad2')",
        "probes.a.websocket.script[1].expect.never.json: names an unknown secret (got 'bad3')",
        (
            "probes.a.websocket.script[2].expect.sequence[0]: holds a template where none is "
            "rendered (got '${alice}', expected plain text)"
        ),
        "probes.a.websocket.script[2].expect.where.x.y: names an unknown secret (got 'bad4')",
    ]
