"""Changes of HTML pages, and of values that later steps need."""

import json

import pytest

from gate.mutation import faults
from gate.mutation.carried import carried
from gate.mutation.catalogue import catalogue
from gate.mutation.edits import edited
from gate.mutation.http_faults import Answer, faulty
from gate.mutation.service_profile import Page, ServiceProfile

FORM = b"<!doctype html><h1 class=a>Hi</h1><INPUT name='x' value='tok'><input value=y> <p>z</p>"
HTML = ((b"content-type", b"text/html; charset=utf-8"), (b"x-own", b"1"))
MOVED = Answer(302, ((b"location", b"/a"),), b"")


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        (faults.Fieldless(), b"<!doctype html><h1 class=a>Hi</h1> <p>z</p>"),
        (
            faults.OtherValues(),
            FORM.replace(b"'tok'", b'"sabotaged"').replace(b"=y>", b'="sabotaged">'),
        ),
        (
            faults.Unrendered(),
            FORM.replace(b"=a>Hi", b"=a>{{ sabotaged }}Hi").replace(b"<p>", b"<p>{{ sabotaged }}"),
        ),
    ],
)
def test_a_page_is_changed_and_all_else_stays(fault, body):
    whole = faulty(Answer(200, HTML, FORM), fault, "/")
    assert whole.body == body
    assert whole.header("x-own") == "1"
    assert whole.header("content-type") == "text/html; charset=utf-8"
    for other in (Answer(200, HTML, b"plain"), Answer(200, ((b"content-type", b"a/b"),), b"{}")):
        assert faulty(other, fault, "/") == other


def step(number, value, sent=""):
    answer = Answer(200, ((b"content-type", b"application/json"),), json.dumps(value).encode())
    return Page("POST", f"/{number}", answer, step=f"step {number}, s", sent=sent)


def test_only_what_a_later_request_holds_is_replaced():
    value = {"token": "a+b/c==", "id": 7, "at": 17, "no": None, "on": True, "in": {"key": "k-1"}}
    first = step(1, value)
    later = [step(2, {}, "/notes/7?x\nBearer a+b/c==\n"), step(3, {}, '{"key": "k-1", "a": 170}')]
    found = [*carried(first, value, later)]
    assert [str(one) for one in found] == ["token replaced", "id replaced", "in.key replaced"]
    assert [edited(value, one) for one in found] == [
        {**value, "token": "sabotaged"},
        {**value, "id": 1_000_007},
        {**value, "in": {"key": "sabotaged"}},
    ]
    assert not [*carried(first, value, [])]
    assert not [*carried(Page("POST", "/1", first.answer), value, later)]


def test_mutants_of_a_step_are_named_by_it_whatever_its_path_is():
    profile = ServiceProfile()
    for number, target in ((1, "/notes/1"), (2, "/notes/1")):
        profile.page(Page("GET", target, MOVED, step=f"step {number}, x"))
    mutants = {one.name: one for one in catalogue({"p": profile}, None).mutants}
    for number in (1, 2):
        place = mutants[f"step {number}, x: a redirect to another page"].place
        assert place.covers("GET", "/notes/2", websocket=False, step=f"step {number}, x")
        assert not place.covers("GET", "/notes/1", websocket=False, step="step 3, x")
        assert not place.covers("GET", "/notes/1", websocket=False)
    assert not [name for name in mutants if name.startswith("GET")]
