"""What acts do to conversations."""

import json

import pytest

from gate.saboteurs import acts
from gate.saboteurs.edits import Edit, How
from gate.saboteurs.talk import CANNED, Crowd, End, ToClient, ToOther, ToServer, Wait, talk_of

STARTED, ENDED = '{"type": "started", "n": 1}', '{"type": "ended", "final_response": "42"}'


def heard(act, said=(STARTED, ENDED), crowd=None):
    """What the probe hears when the service says this, an end included."""
    talk = talk_of(act, crowd or Crowd(1, 1))
    effects = [*talk.opened()]
    for text in said:
        effects += talk.said(text)
    return effects


def texts(*several):
    return [ToClient(text) for text in several]


def test_without_an_act_everything_passes():
    assert heard(None) == texts(STARTED, ENDED)
    assert talk_of(None, Crowd()).asked("x") == (ToServer("x"),)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (acts.Muted(), []),
        (acts.Lost("started"), texts(ENDED)),
        (acts.Doubled(), texts(STARTED, STARTED, ENDED, ENDED)),
        (acts.Swapped("started"), texts(ENDED, STARTED)),
        (acts.Swapped("ended"), texts(STARTED)),
        (acts.Late(5), [Wait(5), *texts(STARTED, ENDED)]),
        (acts.Dying(20), [Wait(20), End(1006), *texts(STARTED, ENDED)]),
        (acts.Ended(1011), [End(1011), *texts(STARTED, ENDED)]),
        (acts.Ended(1006, 1), [*texts(STARTED), End(1006), *texts(ENDED)]),
        (
            acts.MessageField("started", Edit(("n",), How.DROPPED)),
            texts('{"type": "started"}', ENDED),
        ),
    ],
)
def test_each_act_does_what_it_says(act, expected):
    assert heard(act) == expected


def test_an_error_frame_comes_before_the_close():
    error, end, *_ = heard(acts.Ended(1011, error=True))
    assert json.loads(error.text)["type"] == "error_message"
    assert end == End(1011)


def test_a_stand_in_says_the_same_to_everybody():
    assert json.loads(heard(acts.Fallback())[1].text)["final_response"] == CANNED
    assert heard(acts.Fallback())[0] == ToClient(STARTED)
    assert json.loads(heard(acts.Degraded())[0].text)["fallback_active"] is True


def test_a_wrapper_holds_the_whole_message():
    wrapped = heard(acts.MessageWrapped("started"))[0].text
    assert json.loads(wrapped) == {"payload": json.loads(STARTED)}


def test_what_a_message_holds_stands_beside_it():
    act = acts.MessageFlat("welcome", "data")
    (flat,) = heard(act, ['{"type": "welcome", "data": {"user": "u"}}'])
    assert json.loads(flat.text) == {"type": "welcome", "user": "u"}
    odd = '{"type":"welcome","data":1}'
    assert heard(act, [odd]) == texts(odd)


def test_only_who_is_frozen_answers_no_ping():
    assert talk_of(acts.Muted(), Crowd()).keeps_pings
    assert not talk_of(acts.Muted(frozen=True), Crowd()).keeps_pings


def test_a_parrot_asks_nobody():
    assert talk_of(acts.Parrot(), Crowd()).asked("x") == (ToClient("x"),)


def test_an_answer_is_late_once_for_each_question():
    talk = talk_of(acts.Late(5), Crowd())
    assert Wait(5) in talk.said(STARTED)
    assert Wait(5) not in talk.said(ENDED)
    talk.asked("again")
    assert Wait(5) in talk.said(STARTED)


@pytest.mark.parametrize(
    ("act", "crowd", "closed"),
    [
        (acts.Crowded(6), Crowd(open=5, ever=99), False),
        (acts.Crowded(6), Crowd(open=6, ever=6), True),
        (acts.Crowded(6), Crowd(open=7, ever=7), True),
        (acts.Worn(6), Crowd(open=1, ever=5), False),
        (acts.Worn(6), Crowd(open=1, ever=6), True),
    ],
)
def test_only_the_nth_session_is_closed(act, crowd, closed):
    assert (End(1011) in talk_of(act, crowd).opened()) is closed


def test_messages_cross_only_where_there_is_another_session():
    assert heard(acts.Crossed(instead=True), [STARTED], Crowd(open=1)) == texts(STARTED)
    assert heard(acts.Crossed(instead=True), [STARTED], Crowd(open=2)) == [ToOther(STARTED)]
    both = heard(acts.Crossed(instead=False), [STARTED], Crowd(open=2))
    assert both == [ToClient(STARTED), ToOther(STARTED)]


def test_whoever_is_let_in_never_hears_of_the_close():
    assert talk_of(acts.Welcomed(""), Crowd()).keeps_close is False


@pytest.mark.parametrize("text", ["", "no json", "[1]", "[" * 50_000, '{"type": 7}'])
def test_odd_messages_pass_as_they_are(text):
    assert heard(acts.MessageField("", Edit(("n",), How.DROPPED)), [text]) == texts(text)
    assert heard(acts.Fallback(), [text]) == texts(text)
