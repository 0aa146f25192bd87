from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from gate.local.frontend.affinity import Session, session_field, session_of
from gate.local.ports import Lease, RevisionKey, ServiceKey

LEASE = Lease(RevisionKey(ServiceKey("p", "l", "s"), "s-00001-abc"), "instance-1", "127.0.0.1", 1)


def cookie():
    return session_field(LEASE).removeprefix(b"Set-Cookie: ").partition(b";")[0]


@pytest.mark.parametrize("before", [b"", b"a=1; ", b"a=1;", b"a=1, "])
def test_a_session_is_found_wherever_its_cookie_stands(before):
    found = {b"cookie": before + cookie() + b"; z=2"}
    assert session_of(found) == Session("s-00001-abc", "instance-1")


@pytest.mark.parametrize("found", [{}, {b"cookie": b"X" + cookie()}, {b"cookie": b"GAESA=_w=="}])
def test_what_is_no_session_is_none(found):
    assert session_of(found) is None


def test_a_session_lives_thirty_days():
    expires = session_field(LEASE).decode().partition("expires=")[2].partition(";")[0]
    left = parsedate_to_datetime(expires) - datetime.now(UTC)
    assert timedelta(days=29.9) < left <= timedelta(days=30)
