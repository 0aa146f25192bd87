"""What acts do to HTTP answers."""

import gzip
import json

import pytest

from gate.saboteurs import acts
from gate.saboteurs.answers import BODY_MAX, Answer, sabotaged
from gate.saboteurs.edits import Edit, How

BODY = {"status": "healthy", "data": [1]}
HEADERS = ((b"Content-Type", b"application/json"), (b"Content-Length", b"99"), (b"X-Rev", b"r1"))
HEALTHY = Answer(200, HEADERS, json.dumps(BODY).encode())


def after(act, answer=HEALTHY):
    return sabotaged(answer, act, "/a?q=1")


@pytest.mark.parametrize(
    "act",
    [acts.Status(500), acts.Redirect(), acts.Blank(), acts.Html(), acts.Wrapped("data"),
     acts.Unwrapped("data"), acts.Field(Edit(("status",), How.DROPPED))],
)  # fmt: skip
def test_what_is_replaced_keeps_who_answered_and_has_its_own_length(act):
    changed = after(act)
    assert changed != HEALTHY
    assert changed.header("x-rev") == "r1"
    assert changed.header("content-length") == str(len(changed.body))
    assert [key.lower() for key, _ in changed.headers].count(b"content-length") == 1


def test_each_act_does_what_it_says():
    assert after(acts.Status(503)).status == 503
    assert after(acts.Blank()).body == b""
    assert after(acts.Blank()).status == 200
    assert after(acts.Html()).header("content-type") == "text/html"
    assert after(acts.Redirect()).header("location").endswith("/a/")
    assert after(acts.Wrapped("data")).json == {"data": BODY}
    assert after(acts.Unwrapped("data")).json == [1]
    assert after(acts.Field(Edit(("status",), How.CHANGED))).json == {**BODY, "status": "sabotaged"}
    assert after(acts.HeaderGone("x-rev")).header("X-Rev") is None
    assert after(acts.HeaderSet("X-REV", "r0")).headers.count((b"X-REV", b"r0")) == 1
    assert after(acts.HeaderSet("X-REV", "r0")).header("x-rev") == "r0"


def test_a_refusal_becomes_a_welcome_and_a_welcome_stays():
    refusal = Answer(401, HEADERS, b"{}")
    assert after(acts.LetIn(b"[]"), refusal).status == 200
    assert after(acts.LetIn(b"[]"), refusal).body == b"[]"
    assert after(acts.LetIn(b"[]")) == HEALTHY


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (acts.Status(200), HEALTHY),
        (acts.Unwrapped("other"), HEALTHY),
        (acts.Field(Edit(("other",), How.DROPPED)), HEALTHY),
        (acts.Wrapped("data"), Answer(200, HEADERS, b"no json")),
        (acts.Wrapped("data"), Answer(200, HEADERS, b"[" * 100_000)),
        (acts.Blank(), Answer(204, (), b"")),
    ],
)
def test_where_there_is_nothing_to_do_the_answer_is_equal(act, answer):
    assert after(act, answer) == answer


def test_gzip_is_undone_but_never_past_a_bound():
    packed = ((b"content-encoding", b"gzip"), *HEADERS)
    small = Answer(200, packed, gzip.compress(HEALTHY.body))
    assert after(acts.Wrapped("data"), small).json == {"data": BODY}
    half = len(HEALTHY.body) // 2
    members = (gzip.compress(HEALTHY.body[:half]), gzip.compress(HEALTHY.body[half:]))
    several = Answer(200, packed, b"".join(members))
    assert after(acts.Wrapped("data"), several).json == {"data": BODY}
    bomb = Answer(200, packed, gzip.compress(b" " * (BODY_MAX + 1) + b"{}"))
    assert after(acts.Wrapped("data"), bomb) == bomb
