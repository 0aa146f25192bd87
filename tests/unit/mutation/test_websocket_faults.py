"""What faults do to conversations."""

import json

import pytest

from gate.mutation import faults
from gate.mutation.edits import Edit, How
from gate.mutation.websocket_faults import (
    CANNED,
    Crowd,
    End,
    Seat,
    ToClient,
    ToOther,
    ToOthers,
    ToServer,
    Wait,
    conversation_of,
)

STARTED, ENDED = '{"type": "started", "n": 1}', '{"type": "ended", "final_response": "42"}'


def seat(crowd):
    return Seat(crowd, 1, len(crowd.said))


def heard(fault, said=(STARTED, ENDED), crowd=None):
    """What the probe hears when the service says this, an end included."""
    conversation = conversation_of(fault, seat(crowd or Crowd(1, 1)))
    effects = [*conversation.opened()]
    for text in said:
        effects += conversation.said(text)
    return effects


def texts(*several):
    return [ToClient(text) for text in several]


def test_without_an_act_everything_passes():
    assert heard(None) == texts(STARTED, ENDED)
    assert conversation_of(None, seat(Crowd())).asked("x") == (ToServer("x"),)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.Muted(), []),
        (faults.Lost("started"), texts(ENDED)),
        (faults.Doubled(), texts(STARTED, STARTED, ENDED, ENDED)),
        (faults.Swapped("started"), texts(ENDED, STARTED)),
        (faults.Swapped("ended"), texts(STARTED)),
        (faults.Late(5), [Wait(5), *texts(STARTED, ENDED)]),
        (faults.Dying(20), [Wait(20), End(1006), *texts(STARTED, ENDED)]),
        (faults.Ended(1011), [End(1011), *texts(STARTED, ENDED)]),
        (faults.Ended(1006, 1), [*texts(STARTED), End(1006), *texts(ENDED)]),
        (
            faults.MessageField("started", Edit(("n",), How.DROPPED)),
            texts('{"type": "started"}', ENDED),
        ),
    ],
)
def test_each_act_does_what_it_says(fault, expected):
    assert heard(fault) == expected


def test_an_error_frame_comes_before_the_close():
    error, end, *_ = heard(faults.Ended(1011, error=True))
    assert json.loads(error.text)["type"] == "error_message"
    assert end == End(1011)


def test_a_stand_in_says_the_same_to_everybody():
    assert json.loads(heard(faults.Fallback())[1].text)["final_response"] == CANNED
    assert heard(faults.Fallback())[0] == ToClient(STARTED)
    assert json.loads(heard(faults.Degraded())[0].text)["fallback_active"] is True


def test_a_wrapper_holds_the_whole_message():
    wrapped = heard(faults.MessageWrapped("started"))[0].text
    assert json.loads(wrapped) == {"payload": json.loads(STARTED)}


def test_what_a_message_holds_stands_beside_it():
    fault = faults.MessageFlat("welcome", "data")
    (flat,) = heard(fault, ['{"type": "welcome", "data": {"user": "u"}}'])
    assert json.loads(flat.text) == {"type": "welcome", "user": "u"}
    odd = '{"type":"welcome","data":1}'
    assert heard(fault, [odd]) == texts(odd)


def test_only_who_is_frozen_answers_no_ping():
    assert conversation_of(faults.Muted(), seat(Crowd())).keeps_pings
    assert not conversation_of(faults.Muted(frozen=True), seat(Crowd())).keeps_pings


def test_a_parrot_asks_nobody():
    assert conversation_of(faults.Parrot(), seat(Crowd())).asked("x") == (ToClient("x"),)


def test_an_answer_is_late_once_for_each_question():
    conversation = conversation_of(faults.Late(5), seat(Crowd()))
    assert Wait(5) in conversation.said(STARTED)
    assert Wait(5) not in conversation.said(ENDED)
    conversation.asked("again")
    assert Wait(5) in conversation.said(STARTED)


@pytest.mark.parametrize(
    ("fault", "crowd", "closed"),
    [
        (faults.Crowded(6), Crowd(open=5, ever=99), False),
        (faults.Crowded(6), Crowd(open=6, ever=6), True),
        (faults.Crowded(6), Crowd(open=7, ever=7), True),
        (faults.Worn(6), Crowd(open=1, ever=5), False),
        (faults.Worn(6), Crowd(open=1, ever=6), True),
    ],
)
def test_only_the_nth_session_is_closed(fault, crowd, closed):
    assert (End(1011) in conversation_of(fault, seat(crowd)).opened()) is closed


def test_messages_cross_only_where_there_is_another_session():
    assert heard(faults.Crossed(instead=True), [STARTED], Crowd(open=1)) == texts(STARTED)
    assert heard(faults.Crossed(instead=True), [STARTED], Crowd(open=2)) == [ToOther(STARTED)]
    both = heard(faults.Crossed(instead=False), [STARTED], Crowd(open=2))
    assert both == [ToClient(STARTED), ToOther(STARTED)]


def test_whoever_is_let_in_never_hears_of_the_close():
    assert conversation_of(faults.Welcomed(""), seat(Crowd())).keeps_close is False


@pytest.mark.parametrize("text", ["", "no json", "[1]", "[" * 50_000, '{"type": 7}'])
def test_odd_messages_pass_as_they_are(text):
    assert heard(faults.MessageField("", Edit(("n",), How.DROPPED)), [text]) == texts(text)
    assert heard(faults.Fallback(), [text]) == texts(text)


N = "gate0123456789ab00000001"
SAID = json.dumps({"room": N, "text": f"hello {N}", "note": "longer, but without a nonce in it"})
TOLD = json.dumps({"type": "said", "text": f"hello {N}"})
JOINED = json.dumps({"type": "joined", "room": N})


@pytest.mark.parametrize(
    ("fault", "own", "anothers", "later"),
    [
        (faults.Unheard(), texts(TOLD, JOINED), texts(JOINED), texts(JOINED)),
        (faults.Forgotten(), texts(TOLD, JOINED), texts(TOLD, JOINED), texts(JOINED)),
        (
            faults.Overheard(),
            *[[ToClient(TOLD), ToOthers(TOLD), ToClient(JOINED)]] * 3,
        ),
    ],
)
def test_sessions_hear_each_other_wrongly(fault, own, anothers, later):
    crowd = Crowd()
    speaker, listener = crowd.enter(), crowd.enter()
    speaker.says(SAID)
    latecomer = crowd.enter()
    for one, expected in ((speaker, own), (listener, anothers), (latecomer, later)):
        conversation = conversation_of(fault, one)
        found = [effect for text in (TOLD, JOINED) for effect in conversation.said(text)]
        assert found == expected, one.number


def test_who_has_heard_whom_shares_a_room():
    crowd = Crowd()
    speaker, listener, stranger = crowd.enter(), crowd.enter(), crowd.enter()
    speaker.says(SAID)
    assert not listener.knows(TOLD)
    listener.hears(TOLD)
    stranger.hears(JOINED)
    assert [one.knows(TOLD) for one in (speaker, listener, stranger)] == [True, True, False]


def test_what_is_too_short_to_be_known_again_is_no_mark():
    crowd = Crowd()
    crowd.enter().says('{"type": "ping"}')
    assert crowd.said == []
