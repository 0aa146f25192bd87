"""What a WebSocket's reply is held to."""

import pytest

from gate.core.recording import Form, Heard, Sample
from gate.drafting.messages import reply_of, welcome_of

START, STEP, END = ({"type": name, "n": 1} for name in ("start", "step", "end"))


def heard(*sessions):
    return [
        Heard(replies=tuple(Sample(0, (), Form.JSON, one) for one in each)) for each in sessions
    ]


@pytest.mark.parametrize(
    ("sessions", "sequence"),
    [
        (([START, STEP, END], [START, STEP, END]), ["start", "step", "end"]),
        (([START, STEP, STEP, END], [START, STEP, END]), ["start", "step", "end"]),
        (([START, STEP, START], [START, STEP, START]), None),
        (([START, END], [END, START]), None),
        (([START, END], [START]), None),
        (([END], [END]), None),
        (([START, "text"], [START, "text"]), None),
    ],
)
def test_several_messages_are_held_by_their_order_where_it_is_always_the_same(sessions, sequence):
    expect = reply_of("it/a.json", heard(*sessions)).expect
    assert expect.get("sequence") == sequence
    assert not sequence or expect["json"] == {"type": "end"}


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ({"type": "a", "about": "${nonce}"}, {"type": "a", "about": "${nonce}"}),
        ({"type": "a", "about": "hello ${nonce}!"}, {"type": "a", "about": "hello ${nonce}!"}),
        ({"type": "a", "about": "${alice} ${nonce}"}, {"type": "a"}),
        ({"type": "a", "about": "other"}, {"type": "a"}),
    ],
)
def test_what_is_said_back_is_held(value, held):
    assert reply_of("it/a.json", heard([value], [value])).expect["json"] == held


def test_an_error_is_never_one_of_them_where_it_never_was():
    never = {"json": {"type": "error"}}
    assert reply_of("it/a.json", heard([START], [START])).expect["never"] == never
    error = {"type": "error"}
    assert "never" not in reply_of("it/a.json", heard([error], [error])).expect
    assert "never" not in reply_of("it/a.json", heard([{"a": 1}], [{"a": 1}])).expect


def test_what_does_not_always_come_is_not_held():
    assert reply_of("it/a.json", heard([START], [])).expect == {}
    assert welcome_of("it/a.json", [Heard(), Heard()]).expect == {}
