import pytest

from gate.local.access.claims import Claims
from gate.local.access.door import LocalDoor
from gate.local.ports import Access, Pass

URL, ME = "http://127.0.0.1:1", "me@example.com"
AUTHORIZATION, SERVERLESS = b"authorization", b"x-serverless-authorization"
PRIVATE = Access(invokers=frozenset({f"user:{ME}"}), audiences=frozenset({URL}))


KNOWN = {
    b"a.b.mine": Claims(ME, URL, 0),
    b"a.b.slash": Claims(ME, f"{URL}/", 0),
    b"a.b.elsewhere": Claims(ME, "http://127.0.0.1:2", 0),
    b"a.b.strangers": Claims("you@example.com", URL, 0),
    b"a.b.owners": Claims("owner@example.com", URL, 0),
}


class Tokens:
    def read(self, token):
        return KNOWN.get(token)


DOOR = LocalDoor(Tokens(), "owner@example.com")


def judged(found, access=PRIVATE):
    return DOOR.judge(b"/", found, access)


def test_a_member_gets_in_and_the_container_gets_no_signature():
    assert judged({AUTHORIZATION: b"Bearer a.b.mine"}) == Pass(b"a.b.mine")
    assert judged({SERVERLESS: b"bearer  a.b.mine"}) == Pass(b"a.b.mine")
    assert judged({AUTHORIZATION: b"Bearer a.b.slash"}) == Pass(b"a.b.slash")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (None, 403),
        (b"Bearer a.b.strangers", 403),
        (b"Bearer a.b.forged", 401),
        (b"Bearer a.b.elsewhere", 401),
        (b"Basic a.b.mine", 401),
        (b"Bearer", 401),
        (b"", 401),
        (b"Bearer a.b.mine, Bearer a.b.mine", 401),
    ],
)
def test_who_is_not_let_in(said, status):
    answer = judged({} if said is None else {AUTHORIZATION: said})
    assert answer.status == status
    assert (b"WWW-Authenticate" in answer.fields) == (status == 401)


def test_the_serverless_header_alone_counts_where_there_are_both():
    assert judged({SERVERLESS: b"Bearer a.b.mine", AUTHORIZATION: b"Bearer app"}) == Pass(
        b"a.b.mine"
    )
    answer = judged({SERVERLESS: b"Bearer app", AUTHORIZATION: b"Bearer a.b.mine"})
    assert answer.status == 401


@pytest.mark.parametrize(
    "member",
    [
        "user:you@example.com",
        "serviceAccount:you@example.com",
        "domain:example.com",
        "allAuthenticatedUsers",
    ],
)
def test_members_are_known_by_their_email(member):
    access = Access(invokers=frozenset({member}), audiences=frozenset({URL}))
    assert judged({AUTHORIZATION: b"Bearer a.b.strangers"}, access) == Pass(b"a.b.strangers")
    assert judged({}, access).status == 403


@pytest.mark.parametrize("member", ["group:you@example.com", "user:YOU@other.example", "you"])
def test_others_are_not(member):
    access = Access(invokers=frozenset({member}), audiences=frozenset({URL}))
    assert judged({AUTHORIZATION: b"Bearer a.b.strangers"}, access).status == 403


def test_the_owner_may_call_every_service_with_a_token():
    access = Access(invokers=frozenset(), audiences=frozenset({URL}))
    assert judged({AUTHORIZATION: b"Bearer a.b.owners"}, access) == Pass(b"a.b.owners")
    assert judged({}, access).status == 403


def test_a_service_that_everybody_may_call_asks_for_nothing():
    assert judged({AUTHORIZATION: b"Bearer a.b.forged"}, Access(invokers=None)) == Pass()


def test_without_tokens_everybody_may_call():
    assert LocalDoor().judge(b"/", {}, PRIVATE) == Pass()


def test_internal_ingress_is_judged_before_the_token():
    inside = Access(inside_only=True, invokers=None)
    for found in ({}, {b"x-gate-local-inside": b"0"}, {AUTHORIZATION: b"Bearer a.b.mine"}):
        assert LocalDoor().judge(b"/", found, inside).status == 404
        assert judged(found, inside).status == 404
    assert judged({b"x-gate-local-inside": b"1"}, inside) == Pass()
