import random

from gate.local.frontend.address import Address, defused
from gate.local.frontend.heads import parse_request
from gate.local.frontend.split import Split
from gate.local.ports import Access, Denial, Pass, Share
from tests.fakes.local_data_plane import revision

SHARE = Share(revision(), 100)
ASKED = b"GET /a HTTP/1.1\r\nHost: 127.0.0.1:1\r\nAuthorization: Bearer a.b.c\r\n%b\r\n"


class Door:
    def __init__(self, answer):
        self.answer = answer
        self.seen = []

    def judge(self, target, found, access):
        self.seen.append((target, dict(found), access))
        return self.answer


def judged(door, more=b""):
    head = parse_request(ASKED % more)
    address = Address("http://127.0.0.1:1", Split((SHARE,), random.Random(1)), door=door)
    address.access = Access(inside_only=True)
    return address.judge(head), head


def test_the_door_sees_the_head_before_a_revision_is_chosen():
    door = Door(Denial(403, b"no"))
    answer, _ = judged(door, b"X-Gate-Local-Inside: 1\r\nX-Serverless-Authorization: Bearer d\r\n")
    assert answer == Denial(403, b"no")
    ((target, found, access),) = door.seen
    assert (target, access) == (b"/a", Access(inside_only=True))
    assert found[b"authorization"] == b"Bearer a.b.c"
    assert found[b"x-serverless-authorization"] == b"Bearer d"
    assert found[b"x-gate-local-inside"] == b"1"


def test_the_container_gets_the_token_without_its_signature():
    answer, head = judged(Door(Pass(b"a.b.c")), b"X-Gate-Local-Inside: 1\r\n")
    assert answer == SHARE
    assert b"Authorization: Bearer a.b.SIGNATURE_REMOVED_BY_GOOGLE\r\n" in head.fields
    assert b"inside" not in head.fields.lower()


def test_a_token_that_nobody_looked_at_stays():
    for door in (Door(Pass()), None):
        answer, head = judged(door)
        assert answer == SHARE
        assert b"Authorization: Bearer a.b.c\r\n" in head.fields


def test_no_header_can_take_the_tokens_away():
    _, head = judged(None, b"Connection: authorization\r\n")
    assert b"Authorization: Bearer a.b.c\r\n" in head.fields


def test_a_defused_token_keeps_what_it_says():
    assert defused(b"head.claims.signature") == b"head.claims.SIGNATURE_REMOVED_BY_GOOGLE"
