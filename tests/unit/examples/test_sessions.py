import pytest

from examples.backend.sessions import Sessions, TooManySessionsError


def test_a_user_may_open_as_many_as_allowed_and_others_are_not_affected():
    sessions = Sessions(2)
    sessions.open("alice", "1")
    sessions.open("alice", "2")
    with pytest.raises(TooManySessionsError, match=r"maximum number of WebSocket managers \(2\)"):
        sessions.open("alice", "3")
    sessions.open("bob", "4")
    assert (sessions.active, sessions.total, sessions.refused) == (3, 4, 1)


def test_a_chat_that_ends_makes_room():
    sessions = Sessions(1)
    for n in range(10):
        sessions.close(sessions.open("alice", str(n)))
    assert sessions.active == 0


def test_the_defect_never_makes_room():
    sessions = Sessions(3, forgets=True)
    for n in range(3):
        sessions.close(sessions.open("alice", str(n)))
    with pytest.raises(TooManySessionsError):
        sessions.open("alice", "4")
