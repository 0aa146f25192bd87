"""What faults do to HTTP answers."""

import gzip
import json

import pytest

from gate.mutation import faults
from gate.mutation.edits import Edit, How
from gate.mutation.http_faults import BODY_MAX, Answer, faulty

BODY = {"status": "healthy", "data": [1]}
HEADERS = ((b"Content-Type", b"application/json"), (b"Content-Length", b"99"), (b"X-Rev", b"r1"))
HEALTHY = Answer(200, HEADERS, json.dumps(BODY).encode())


def after(fault, answer=HEALTHY):
    return faulty(answer, fault, "/a?q=1")


@pytest.mark.parametrize(
    "fault",
    [faults.Status(500), faults.Redirect(), faults.Blank(), faults.Html(), faults.Wrapped("data"),
     faults.Unwrapped("data"), faults.Field(Edit(("status",), How.DROPPED))],
)  # fmt: skip
def test_what_is_replaced_keeps_who_answered_and_has_its_own_length(fault):
    changed = after(fault)
    assert changed != HEALTHY
    assert changed.header("x-rev") == "r1"
    assert changed.header("content-length") == str(len(changed.body))
    assert [key.lower() for key, _ in changed.headers].count(b"content-length") == 1


def test_each_act_does_what_it_says():
    assert after(faults.Status(503)).status == 503
    assert after(faults.Blank()).body == b""
    assert after(faults.Blank()).status == 200
    assert after(faults.Html()).header("content-type") == "text/html"
    assert after(faults.Redirect()).header("location").endswith("/a/")
    assert after(faults.Wrapped("data")).json == {"data": BODY}
    assert after(faults.Unwrapped("data")).json == [1]
    assert after(faults.Field(Edit(("status",), How.CHANGED))).json == {
        **BODY,
        "status": "sabotaged",
    }
    assert after(faults.HeaderGone("x-rev")).header("X-Rev") is None
    assert after(faults.HeaderSet("X-REV", "r0")).headers.count((b"X-REV", b"r0")) == 1
    assert after(faults.HeaderSet("X-REV", "r0")).header("x-rev") == "r0"


def test_a_refusal_becomes_a_welcome_and_a_welcome_stays():
    refusal = Answer(401, HEADERS, b"{}")
    assert after(faults.LetIn(b"[]"), refusal).status == 200
    assert after(faults.LetIn(b"[]"), refusal).body == b"[]"
    assert after(faults.LetIn(b"[]")) == HEALTHY


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (faults.Status(200), HEALTHY),
        (faults.Unwrapped("other"), HEALTHY),
        (faults.Field(Edit(("other",), How.DROPPED)), HEALTHY),
        (faults.Wrapped("data"), Answer(200, HEADERS, b"no json")),
        (faults.Wrapped("data"), Answer(200, HEADERS, b"[" * 100_000)),
        (faults.Blank(), Answer(204, (), b"")),
    ],
)
def test_where_there_is_nothing_to_do_the_answer_is_equal(fault, answer):
    assert after(fault, answer) == answer


def test_gzip_is_undone_but_never_past_a_bound():
    packed = ((b"content-encoding", b"gzip"), *HEADERS)
    small = Answer(200, packed, gzip.compress(HEALTHY.body))
    assert after(faults.Wrapped("data"), small).json == {"data": BODY}
    half = len(HEALTHY.body) // 2
    members = (gzip.compress(HEALTHY.body[:half]), gzip.compress(HEALTHY.body[half:]))
    several = Answer(200, packed, b"".join(members))
    assert after(faults.Wrapped("data"), several).json == {"data": BODY}
    bomb = Answer(200, packed, gzip.compress(b" " * (BODY_MAX + 1) + b"{}"))
    assert after(faults.Wrapped("data"), bomb) == bomb
