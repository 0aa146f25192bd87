"""Which mutants a service has, and which probes can meet them."""

import json
from dataclasses import replace

import pytest

from gate.core.policy import IdentityRule
from gate.mutation import faults
from gate.mutation.catalogue import catalogue, touches
from gate.mutation.faults import Family
from gate.mutation.http_faults import Answer
from gate.mutation.service_profile import Page, ServiceProfile

HEADERS = ((b"content-type", b"application/json"), (b"x-revision", b"r1"), (b"API-Version", b"1"))


def page(target="/health", status=200, body=None, method="GET"):
    answer = Answer(
        status, HEADERS, json.dumps({"status": "ok"} if body is None else body).encode()
    )
    return Page(method, target, answer)


def asked(*pages):
    profile = ServiceProfile()
    for one in pages:
        profile.page(one)
    return profile


def talked(*texts, path="/ws", opened=1, most_open=1, selected="", dismissed=0):
    profile = ServiceProfile()
    known = profile.sessions(path)
    known.opened, known.most_open, known.selected, known.dismissed = (
        opened,
        most_open,
        selected,
        dismissed,
    )
    known.asked = 1
    for number, text in enumerate(texts, 1):
        known.heard(text, number)
    return profile


NOBODY = "no answer says which revision gave it"


def found(*profiles, identity=None):
    named = {f"probe{n}": profile for n, profile in enumerate(profiles)}
    return {one.name: one for one in catalogue(named, identity).mutants}


def test_every_field_that_was_answered_has_its_mutants():
    mutants = found(asked(page("/a?q=1")))
    for name in ("status dropped", "status renamed", "status retyped", "status changed"):
        assert mutants[f"GET /a: field {name}"].family is Family.CONTRACT
    for what in ("status 500", "a redirect (307)", "an empty body", "a body cut off"):
        assert f"GET /a: {what}" in mutants
    assert "GET /a: no header api-version" in mutants
    assert not [name for name in mutants if "content-type" in name]


def test_an_answer_without_a_body_is_not_cut_off():
    gone = Page("DELETE", "/a", Answer(204, (), b""))
    mutants = found(asked(gone), asked(page("/b")))
    assert "DELETE /a: status 500" in mutants
    assert "DELETE /a: a body cut off" not in mutants
    assert not touches(
        mutants["GET /b: a body cut off"], asked(replace(gone, method="GET", target="/b"))
    )


@pytest.mark.parametrize(
    ("status", "step", "by"),
    [
        (302, "step 1, GET /a", "expect: {redirect: …}"),
        (
            201,
            "step 1, GET /a",
            "a later step that goes there: capture: {where: {header: Location}}",
        ),
        (302, "", "headers: {location: …}"),
    ],
)
def test_what_would_catch_a_lost_location_is_something_that_the_probe_can_say(status, step, by):
    moved = Page("GET", "/a", Answer(status, ((b"Location", b"/b"),), b""), step=step)
    mutants = found(asked(moved))
    assert mutants[f"{step or 'GET /a'}: no header location"].caught_by == by


def test_who_answered_is_a_family_of_its_own():
    with_rule = found(asked(page()), identity=IdentityRule(header="x-revision"))
    assert with_rule["everywhere: another revision answers"].family is Family.IDENTITY
    assert "GET /health: no header x-revision" not in with_rule
    assert "GET /health: no header x-revision" in found(asked(page()))
    by_field = found(
        asked(page("/v", body={"revision": "r1-2"})),
        identity=IdentityRule(path="/v", field="revision"),
    )
    assert by_field["GET /v: another revision answers"].fault.edit.path == ("revision",)


def test_a_name_that_is_missing_is_no_fault_where_another_rule_is_tried():
    header, log = IdentityRule(header="x-revision"), IdentityRule(request_log=True)
    for rules, expected in (
        ((header,), {"everywhere: another revision answers", f"everywhere: {NOBODY}"}),
        ((header, log), {"everywhere: another revision answers"}),
        ((log,), set()),
    ):
        mutants = found(asked(page()), identity=IdentityRule.first_of(rules))
        assert {n for n, one in mutants.items() if one.family is Family.IDENTITY} == expected
    assert "GET /health: no header x-revision" not in found(
        asked(page()), identity=IdentityRule.first_of([log, header])
    )


def test_what_the_service_does_already_is_no_fault():
    alone = found(asked(page("/nothing", 404)), talked('{"type": "hello"}'))
    assert "GET /nothing: status 500" in alone
    for name in ("GET /nothing: status 404", "everywhere: status 404"):
        assert name not in alone
    friends = found(asked(page("/m", 401)), asked(page("/m")))
    assert "GET /m: status 401" in friends
    assert "everywhere: status 401" in friends
    assert not [name for name in alone if "subprotocol" in name]  # none was ever offered


def test_names_are_unique_and_their_order_is_always_the_same():
    profiles = [asked(page()), talked('{"type": "hello"}'), asked(page("/b"), page("/b", 401))]
    several = catalogue({str(n): one for n, one in enumerate(profiles)}, None).mutants
    assert len({one.name for one in several}) == len(several)
    assert list(found(*profiles)) == [one.name for one in several]


@pytest.mark.parametrize(
    ("name", "profile", "expected"),
    [
        ("GET /health: status 500", asked(page()), True),
        ("GET /health: status 500", asked(page("/other")), False),
        ("GET /health: status 500", asked(page(method="POST")), False),
        ("GET /health: status 401", asked(page(status=401)), False),  # as it is
        ("GET /health: field status dropped", asked(page(body={"other": 1})), False),
        ("everywhere: connections refused", asked(page()), True),
        ("WebSocket /ws: hello never comes", talked('{"type": "hello"}'), True),
        ("WebSocket /ws: hello never comes", talked('{"type": "bye"}'), False),
        ("WebSocket /ws: hello never comes", talked('{"type": "hello"}', path="/other"), False),
        ("WebSocket /ws: opens and is mute", talked(), False),
        ("WebSocket /ws: 1011 where 6 sessions are open", talked(most_open=6), True),
        ("WebSocket /ws: 1011 where 6 sessions are open", talked(opened=25, most_open=5), False),
        ("WebSocket /ws: 1011 from the session number 21 on", talked(opened=25), True),
        ("WebSocket /ws: 1011 from the session number 21 on", talked(opened=20), False),
        ("WebSocket /ws: subprotocol: none", talked(selected="a"), True),
        ("WebSocket /ws: subprotocol: none", talked(), False),
        ("WebSocket /ws: strangers let in", talked(dismissed=1), True),
        ("WebSocket /ws: strangers let in", talked(), False),
        ("WebSocket /ws: closed 1011 after 3 messages", talked("1", "2", "3"), True),
        ("WebSocket /ws: closed 1011 after 3 messages", talked("1", "2"), False),
        ("WebSocket /ws: messages reach another session instead", talked("1", most_open=2), True),
        ("WebSocket /ws: messages reach another session instead", talked("1"), False),
    ],
)
def test_a_probe_meets_what_it_was_told_of(name, profile, expected):
    mutant = found(asked(page()), talked('{"type": "hello"}', selected="a"))[name]
    assert touches(mutant, profile) is expected


def test_a_message_that_only_strangers_hear_is_said_to_be_out_of_reach():
    only = found(talked('{"type": "error_message"}', dismissed=1))
    assert "no script" in only["WebSocket /ws: error_message never comes"].caught_by
    also = found(
        talked('{"type": "error_message"}', dismissed=1), talked('{"type": "error_message"}')
    )
    assert "no script" not in also["WebSocket /ws: error_message never comes"].caught_by


def test_strangers_let_in_get_what_friends_get():
    mutants = found(asked(page("/m", 401)), asked(page("/m", body={"data": [1]})))
    fault = mutants["GET /m: strangers let in"].fault
    assert fault == faults.LetIn(b'{"data": [1]}')


def test_a_path_with_a_nonce_is_one_place_whatever_the_nonce():
    profile = ServiceProfile()
    for nonce in ("gate0123456789ab00000001", "gate0123456789ab00000002"):
        profile.sessions(f"/rooms/{nonce}/ws?a={nonce}").opened += 1
    assert [*profile.sockets] == ["/rooms/${nonce}/ws"]
    struck = [one.place for one in found(profile).values() if one.place.path]
    assert all(
        one.covers("GET", "/rooms/gatefedcba98765400000009/ws", websocket=True) for one in struck
    )
    assert struck
