import pytest

from gate.core.evidence import Symptom
from gate.core.expectations import Pattern, Schema
from gate.kinds.websocket import Await, Send
from gate.probes.sockets.message import type_of
from gate.probes.sockets.waiting import Listen, Message, Say
from tests.unit.probes.plain import plain

VALUES = {"nonce": "n1"}
EVENTS = ("started", "thinking", "completed")


def message(value, **more):
    return Message(str(value), value, kind=type_of(value), **more)


def waiting(**step):
    return Listen(Await(**step)).bind(VALUES)


def feed(one, *values):
    """Takes messages until one of them is a fault; returns it."""
    return next((fault for value in values if (fault := one.take(message(value)))), None)


def test_a_text_is_said_as_it_is_and_anything_else_as_json():
    assert Say(Send("hello ${nonce}")).text(VALUES) == "hello n1"
    assert Say(Send({"id": "${nonce}", "n": [1, None]})).text(VALUES) == '{"id":"n1","n":[1,null]}'
    assert Say(Send({"type": "ping"})).text({}) == '{"type":"ping"}'
    assert Say(Send("$${nonce}")).text({}) == "${nonce}"


def test_messages_before_the_awaited_one_are_skipped():
    one = waiting(answer=Pattern(json={"type": "pong"}))
    assert feed(one, {"type": "hello"}, "text", [1], {"type": "pong", "more": 1}) is None
    assert one.done


def test_templates_in_the_answer_are_the_connections_own():
    one = waiting(answer=Pattern(json={"id": "${nonce}"}))
    feed(one, {"id": "n2"})
    assert not one.done
    feed(one, {"id": "n1"})
    assert one.done


def test_too_late_with_nothing_at_all_is_a_timeout():
    fault = waiting(answer=Pattern(json={"type": "pong"}), within_s=3).late()
    assert (fault.symptom, fault.seen) == (Symptom.TIMEOUT, "no message within 3 s")
    assert fault.expected == '{"type":"pong"}'


def test_too_late_with_others_tells_of_the_nearest():
    one = waiting(answer=Pattern(json={"type": "pong", "a": 1, "b": 2}), within_s=3)
    feed(one, {"type": "x"}, {"type": "pong", "a": 1, "b": 3}, {"type": "y"})
    fault = one.late()
    assert fault.symptom is Symptom.BODY
    assert plain(fault.seen) == "/b = 3 (nearest of 3 messages in 3 s)"
    assert fault.expected == "/b = 2"


def test_pings_are_not_the_nearest():
    one = waiting(answer=Pattern(json={"type": "pong"}))
    one.take(message({"type": "ping"}, ping=True))
    assert one.late().symptom is Symptom.TIMEOUT


def test_a_foreign_message_is_no_answer_but_may_be_forbidden():
    one = waiting(answer=Pattern(json={"a": 1}), never=Pattern(json={"bad": 1}))
    assert one.take(message({"a": 1}, foreign=True)) is None
    assert not one.done
    assert one.take(message({"bad": 1}, foreign=True)).symptom is Symptom.FORBIDDEN


def test_a_forbidden_message_wins_over_a_match():
    one = waiting(answer=Pattern(json={"a": 1}), never=Pattern(json={"bad": 1}))
    assert feed(one, {"a": 1, "bad": 1}).symptom is Symptom.FORBIDDEN
    assert not one.done


def test_what_cannot_be_checked_may_be_forbidden():
    slow = Schema("a.json", {"properties": {"x": {"pattern": "^(a|a)*$"}}})
    one = waiting(answer=Pattern(json={"a": 1}), never=Pattern(schema=slow))
    assert feed(one, {"a": 1, "x": "a" * 60 + "!"}).symptom is Symptom.FORBIDDEN


def test_a_pattern_that_takes_too_long_is_named_to_the_reader():
    slow = Schema("a.json", {"properties": {"x": {"pattern": "^(a|a)*$"}}})
    hint = "write the pattern at a.json#/properties/x/pattern without a repeat inside a repeat"
    hostile = {"type": "started", "x": "a" * 60 + "!"}
    one = waiting(answer=Pattern(schema=slow))
    assert feed(one, hostile) is None
    assert one.late().hint == hint
    assert feed(waiting(answer=Pattern(schema=slow), sequence=("started",)), hostile).hint == hint


def test_a_sequence_in_order_is_done():
    one = waiting(sequence=EVENTS)
    assert (
        feed(one, *({"type": kind} for kind in ("x", "started", "thinking", "x", "thinking")))
        is None
    )
    assert not one.done
    feed(one, {"type": "completed"})
    assert one.done


@pytest.mark.parametrize(
    ("kinds", "seen"),
    [
        (("completed",), "completed after none of them"),
        (("started", "completed"), "completed after started"),
        (("thinking",), "thinking after none of them"),
    ],
)
def test_a_sequence_out_of_order_fails(kinds, seen):
    fault = feed(waiting(sequence=EVENTS), *({"type": kind} for kind in kinds))
    assert fault.symptom is Symptom.SEQUENCE
    assert fault.seen == seen


def test_a_sequence_may_name_a_type_twice():
    one = waiting(sequence=("a", "b", "a"))
    feed(one, *({"type": kind} for kind in "aab"))
    assert not one.done
    feed(one, {"type": "a"})
    assert one.done


@pytest.mark.parametrize(
    ("sequence", "kinds", "seen"),
    [
        (("a", "b", "c"), "aab", "a once more after a"),
        (("a", "b", "c"), "abxa", "a once more after a → b"),
        (("a", "b", "a"), "aa", "a once more after a"),
    ],
)
def test_a_type_that_comes_again_is_passed_over_unless_each_is_to_come_once(sequence, kinds, seen):
    messages = [{"type": kind} for kind in kinds]
    assert feed(waiting(sequence=sequence), *messages) is None
    fault = feed(waiting(sequence=sequence, once=True), *messages)
    assert (fault.symptom, fault.seen) == (Symptom.SEQUENCE, seen)
    assert fault.expected.endswith("each once")


def test_each_once_is_done_like_any_other_and_lets_strangers_pass():
    one = waiting(sequence=("a", "b", "a"), once=True)
    assert feed(one, *({"type": kind} for kind in "axxbxa")) is None
    assert one.done


def test_a_sequence_that_stops_says_what_came_and_what_did_not():
    one = waiting(sequence=EVENTS, within_s=30)
    feed(one, {"type": "started"}, {"type": "chunk"})
    fault = one.late()
    assert fault.symptom is Symptom.SEQUENCE
    assert fault.seen == "started and 1 other messages, then nothing more within 30 s"
    assert fault.expected == "thinking next in started → thinking → completed"


def test_only_messages_where_the_fields_are_equal_count():
    one = waiting(sequence=("a",), where=(("thread_id", "${nonce}"), ("n", 1)))
    feed(
        one,
        {"type": "a"},
        {"type": "a", "thread_id": "n1"},
        {"type": "a", "thread_id": "n2", "n": 1},
    )
    assert not one.done
    feed(one, {"type": "a", "thread_id": "n1", "n": 1})
    assert one.done


def test_types_that_are_no_texts_are_others():
    one = waiting(sequence=("a",))
    assert feed(one, {"type": ["a"]}, {"type": None}, {}, "a", None) is None
    assert not one.done


def test_a_step_names_itself():
    assert str(Listen(Await(Pattern(json={"a": 1}), sequence=EVENTS))) == (
        'started → thinking → completed with {"a":1}'
    )
