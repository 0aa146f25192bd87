import pytest

from tests.unit.policy_files import PLAIN, checked
from tests.unit.policy_files import advice as all_advice
from tests.unit.policy_files import probes as nameless

IDENTITY = "candidate: {identity: {header: x-revision}}\n"


def named(text):
    """The same policy, whose answers name the revision that gave them."""
    return text.replace("probes:\n", f"{IDENTITY}probes:\n", 1)


def probes(text):
    return named(nameless(text))


def advice(folder, text):
    return all_advice(folder, text if IDENTITY in text else named(text))


GOOD = """\
together:
  websocket:
    path: /ws
    users: [alice, bob]
    connections: 2
    repeat: 60
    script: [{send: "${nonce}"}]
  capability: chat
strangers: {websocket: {path: /ws}, expect: {refused: 403}}
"""


def test_a_good_policy_gets_no_advice(tmp_path):
    assert advice(tmp_path, probes(GOOD)) == []


def test_a_policy_whose_answers_name_nobody_is_told_so(tmp_path):
    (said,) = all_advice(tmp_path, nameless(GOOD))
    assert said.startswith("1:1 candidate.identity: is missing")
    assert "candidate-abc" in said
    own = nameless(GOOD).replace("probes:", "candidate: {tag: next}\nprobes:", 1)
    (said,) = all_advice(tmp_path, own)
    assert said.startswith("5:1 candidate.identity")
    assert "next-abc" in said


@pytest.mark.parametrize("path", ["/readyz", "/livez?x=1", "/status%7A"])
@pytest.mark.parametrize("kind", ["http", "websocket", "startup", "soak", "stream", "routes"])
@pytest.mark.parametrize("rate", ["", ", rate: 20/s"])
def test_paths_that_end_in_z_may_never_arrive(tmp_path, kind, path, rate):
    rate = rate if kind == "http" else ""
    said = advice(tmp_path, probes(f"x: {{{kind}: {{path: {path}{rate}}}}}"))
    message = f"probes.x.{kind}.path: {path} ends in z: Cloud Run's front end keeps some such paths"
    (line,) = (line for line in said if message in line)
    assert "/health" in line


def test_the_path_of_an_identity_may_never_arrive_either(tmp_path):
    policy = PLAIN + "candidate: {identity: {json: {path: /whoz, field: f}}}\n"
    assert any(
        "identity.json.path: /whoz ends in z" in line for line in all_advice(tmp_path, policy)
    )


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("[{request_log: true}, {header: x}]", "identity: has rules after request_log, which"),
        ("{message: revision}", "probes.x: gets no message, and so nothing that names its"),
        ("[{json: {path: /whoz, field: f}}, {header: x}]", "json.path: /whoz ends in z"),
    ],
)
def test_rules_that_cannot_count_are_told(tmp_path, rules, says):
    text = probes("x: {http: {path: /health}}")
    for written in (rules, "[{header: x}, {message: revision}, {request_log: true}]"):
        policy = text.replace("{header: x-revision}", written)
        assert any(says in line for line in all_advice(tmp_path, policy)) == (written == rules)


def test_advice_comes_in_the_order_of_its_places(tmp_path):
    assert advice(tmp_path, PLAIN) == [
        "3:11 secrets.alice: is used by no probe | ",
        "3:28 secrets.bob: is used by no probe | ",
        "4:16 capabilities.chat: no probe speaks for it | ",
    ]


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("  capability", "  required: false\n  capability", "only reported, it stops no promotion"),
        (
            "  capability",
            "  expect: {success: 90%}\n  capability",
            "10% of the sessions may fail and the probe still passes",
        ),
        (
            "repeat: 60",
            "repeat: 2",
            (
                "no websocket probe has enough sessions: the most are 4 sessions, which pass "
                "66% of the time where 10% of them fail (29 are enough)"
            ),
        ),
        ("  capability", "  contract: declared\n  capability", "has no meaning without a baseline"),
        ("connections: 2", "connections: 1", "no websocket probe holds several connections open"),
        ("${nonce}", "hello", "sends no ${nonce}"),
        (
            "connections: 2",
            'connections: 2\n    subprotocols: ["jwt.${alice}"]',
            "has users, and every connection still offers alice",
        ),
        ("refused: 403", "close: 1000", "no probe checks that strangers are refused"),
        ("{refused: 403}", "{refused: 403, close: 1000}", "leaves hold, close and subprotocol"),
        (
            "repeat: 60",
            "hold: 20s\n    repeat: 60",
            "holding and settling take 1200 s, past the deadline (1200 s)",
        ),
    ],
)
def test_what_is_seldom_meant_gets_advice(tmp_path, written, instead, said):
    assert written in GOOD
    found = advice(tmp_path, probes(GOOD.replace(written, instead)))
    assert len(found) == 1
    assert said in found[0]
    assert ":" in found[0].split(" ")[0]


def test_rounds_of_steps_and_watch_count_as_time(tmp_path):
    logs = "logs: {logs: {settle: 5m}, expect: {none: [{text: a}]}}\n"
    steps = "traffic: [5, 25, 100]\nwatch: 1s\nlease: 10s\n"
    found = advice(tmp_path, steps + probes("ok: {http: {path: /}}\n" + logs))
    assert any("dwelling and watching take 1200 s, past the deadline" in one for one in found)
    assert not [one for one in advice(tmp_path, probes(logs)) if "settling" in one]


def test_a_policy_with_problems_gets_no_advice(tmp_path):
    check = checked(tmp_path, PLAIN + "deadlin: 5m\n")
    assert check.problems
    assert not check.advice


def test_an_error_budget_needs_enough_sessions_to_mean_anything(tmp_path):
    few = GOOD.replace("  capability", "  expect: {success: 95%}\n  capability")
    assert len(advice(tmp_path, probes(few))) == 1
    _, said = advice(tmp_path, probes(few.replace("repeat: 60", "repeat: 15")))
    assert said == (
        "14:14 probes.together.expect.success: 30 sessions, which pass 18% of the time where 10% "
        "of them fail (103 sessions are enough) | raise repeat, or connections"
    )


SUITE = "tests: {suite: {run: [pytest]}, expect: {counted: 60%}}\n"
PAGE = "health: {http: {path: /health}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SUITE + PAGE, []),
        (SUITE.replace("60%", "26") + PAGE, []),
        (SUITE, ["probes: rest on suites alone"]),
        (SUITE + PAGE.replace("}}", "}, required: false}"), ["alone", "stops no promotion"]),
        (SUITE.replace(", expect: {counted: 60%}", "") + PAGE, ["expect.counted: is missing"]),
    ],
)
def test_a_suite_alone_and_one_that_may_dwindle_get_advice(tmp_path, text, said):
    whole = probes(text)
    found = [one for one in advice(tmp_path, whole) if "is used by no" not in one]
    found = [one for one in found if "no probe speaks for it" not in one]
    assert len(found) == len(said), found
    assert all(any(one in line for line in found) for one in said)


ROOM = """\
room:
  websocket:
    path: /ws
    parties: {ann: {}, ben: {}}
    steps: [{from: ann, send: "hello ${nonce}", reaches: ben}]
"""
JOURNEY = "room: {journey: {steps: [{get: /a}, {get: /b}]}}\n"


@pytest.mark.parametrize(
    ("asked", "steps", "told"),
    [
        (ROOM, "[5, 100]", True),
        (JOURNEY, "[5, 100]", True),
        (ROOM, "[100]", False),
        ("room: {http: {path: /a}}", "[5, 100]", False),
    ],
)
def test_what_two_revisions_must_have_in_common_is_advised_against_steps(
    tmp_path, asked, steps, told
):
    said = advice(tmp_path, probes(asked).replace("probes:", f"traffic: {steps}\nprobes:", 1))
    assert any("one probe (room) reach two revisions" in line for line in said) is told
