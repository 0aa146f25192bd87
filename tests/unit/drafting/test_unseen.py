"""What a draft says that it cannot see."""

import pytest

from gate.core.policy import ServiceName
from gate.core.recording import Asked, Form, Heard, Look, Page, Recording, Sample, Socket
from gate.drafting.draft import draft
from gate.drafting.writing import policy_text

BEARER = (("Authorization", "Bearer ${user}"),)


def page(path, status=200, **look):
    return Page(path, (Sample(status, (), Form.TEXT, look=Look(**look) if look else None),))


def unseen(recording, **asked):
    return draft(recording, Asked((), **asked), ServiceName(), {}, folder="it", logs=False).unseen


@pytest.mark.parametrize(
    ("recording", "asked", "told"),
    [
        (Recording((page("/", sent=("/login", "")),)), {}, "forms that are sent (/login, /)"),
        (Recording((page("/"),), writes=("POST /orders",)), {}, "changed (POST /orders)"),
        (Recording((page("/"),)), {}, "what POST, PUT and DELETE do"),
        (Recording((page("/"), page("/me", 401))), {}, "behind the sign-in (/me)"),
        (Recording((page("/"),)), {"headers": BEARER}, "of one user's data another one sees"),
        (
            Recording((), Socket("/ws", (Heard(),))),
            {"headers": BEARER, "websocket": "/ws", "users": ("alice",)},
            "a second user of the WebSocket",
        ),
        (
            Recording((), Socket("/ws", (Heard(),))),
            {"websocket": "/ws", "say": "hi"},
            "who hears what one says (--say with ${nonce} in it)",
        ),
        (Recording((page("/"),)), {}, "speed under load: a `rate` would: docs/policy/latency.md"),
    ],
)
def test_what_is_not_asked_is_told_with_what_would(recording, asked, told):
    assert any(told in one for one in unseen(recording, **asked))


def test_what_is_asked_is_not_told():
    recording = Recording((page("/"),), Socket("/ws", (Heard(),)))
    asked = {"headers": BEARER, "users": ("alice", "bob"), "websocket": "/ws"}
    assert not any("second user" in one for one in unseen(recording, **asked))
    assert not any("sign-in" in one for one in unseen(recording, **asked))


def test_it_stands_at_the_top_of_the_policy():
    drawn = draft(Recording((page("/"),)), Asked(()), ServiceName(), {}, folder="it", logs=False)
    head = policy_text(drawn).partition("version:")[0]
    assert "It cannot see:" in head
    assert "docs/policy/journey.md" in head
