"""What three in one room, and one elsewhere, heard of each other, as questions with parties."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence

from gate.core.questions import Json
from gate.core.recording import (
    ELSEWHERE,
    FIRST,
    SECOND,
    THIRD,
    Gathering,
    Sample,
    Socket,
)
from gate.core.template import NONCE
from gate.drafting.question import Question, Way, name_for
from gate.drafting.schemas import fixed_word

WITHIN = "2s"
"""How soon others hear what one says."""
_NONCE = f"${{{NONCE}}}"
_PEOPLE = re.compile(r"(?i)user|name|from|sender|author|who|by$|you|me$|peer|member|participant")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._/-]{0,59}")
_OTHER = f"other-{_NONCE}"


def as_sent(say: str) -> Json:
    """What is said, as a policy writes it: JSON as it is, anything else as text."""
    try:
        value: Json = json.loads(say)
    except ValueError:
        return say
    return value if isinstance(value, dict | list) else say


def rooms_of(way: Way, socket: Socket, taken: Collection[str]) -> list[Question]:
    """What a room can be asked, as far as all gatherings went alike; none where nobody hears.

    Args:
        way: how it was asked.
        socket: what was heard.
        taken: names that other questions have.
    """
    several = socket.gatherings
    if not several:
        return []
    rooms = _Rooms(way, socket.path, several)
    made: list[tuple[str, Callable[[str], Question | None]]] = [
        ("room", rooms.speech),
        ("room-order", rooms.order),
        ("room-presence", rooms.presence),
        ("room-history", rooms.history),
    ]
    questions: list[Question] = []
    for called, make in made:
        name = name_for(called, {*taken, *(question.name for question in questions)})
        if question := make(name):
            questions.append(question)
    return questions


class _Rooms:
    """The questions of one room."""

    def __init__(self, way: Way, path: str, several: Sequence[Gathering]) -> None:
        self._way, self._path, self._several = way, path, several
        self._say = as_sent(way.asked.say)
        self._marks = _marks(self._say)
        self._apart = _NONCE in path
        self._said = {party: self._carried(party, answer=False) for party in (FIRST, SECOND)}
        self._answered = {party: self._carried(party, answer=True) for party in (FIRST, SECOND)}

    def _carried(self, party: str, *, answer: bool) -> dict[str, Json] | None:
        """What a party hears of what was said, None where it does not always."""
        turns = [one.answered if answer else one.said for one in self._several]
        return self._held([self._carrying(turn.get(party, ())) for turn in turns])

    def _carrying(self, samples: Sequence[Sample]) -> Sample | None:
        """The first message that carries what was said."""
        told = ((one, json.dumps(one.value)) for one in samples)
        return next((one for one, text in told if any(mark in text for mark in self._marks)), None)

    def _held(self, samples: Sequence[Sample | None]) -> dict[str, Json] | None:
        """What is the same in all of these messages; None where one is not there."""
        values = [one.value for one in samples if one is not None and isinstance(one.value, dict)]
        if not values or len(values) < len(samples):
            return None
        found = {
            name: values[0][name]
            for name in values[0]
            if self._same(name, [value.get(name) for value in values])
        }
        return found or None

    def _same(self, name: str, values: Sequence[Json]) -> bool:
        first = values[0]
        if any(type(one) is not type(first) or one != first for one in values):
            return False
        if isinstance(first, str) and _NONCE in first:
            return True
        if isinstance(first, list):  # in a room that nobody else is in
            words = all(isinstance(one, str) and _WORD.fullmatch(one) for one in first)
            return self._apart and len(first) == 1 and words
        known = isinstance(first, str) and _PEOPLE.search(name) and _WORD.fullmatch(first)
        return bool(known) or fixed_word(name, values) is not None

    def speech(self, name: str) -> Question | None:
        """What one says reaches all in the room, and nobody elsewhere."""
        if not self._said[SECOND] and not self._answered[FIRST]:
            return None
        third = all(self._carrying(one.answered.get(THIRD, ())) for one in self._several)
        parties = (FIRST, SECOND, THIRD) if third else (FIRST, SECOND)
        steps: list[Json] = []
        for sender, heard in ((FIRST, self._said), (SECOND, self._answered)):
            reached: dict[str, Json] = {
                party: {"json": value} for party, value in heard.items() if value
            }
            if third and reached:
                reached[THIRD] = next(iter(reached.values()))
            if reached:
                steps.append(
                    {"from": sender, "send": self._say, "reaches": reached, "within": WITHIN}
                    | self._silence()
                )
        remark = f"{len(parties)} in one room hear what one of them says; one elsewhere does not."
        return self._question(name, remark, steps, parties)

    def _silence(self) -> dict[str, Json]:
        """Who must not hear it: whoever is elsewhere, if nobody there ever did."""
        turns = [turn for one in self._several for turn in (one.said, one.answered)]
        heard = any(self._carrying(turn.get(ELSEWHERE, ())) for turn in turns)
        return {} if heard or not self._apart else {"silent": ELSEWHERE}

    def order(self, name: str) -> Question | None:
        """Two things that one says are heard in their order."""
        heard = self._said[SECOND]
        if not heard:
            return None
        steps: list[Json] = [
            {"from": FIRST, "send": _numbered(self._say, number)} for number in (1, 2)
        ]
        told = [_numbered_in(heard, self._say, number) for number in (1, 2)]
        for one, silence in zip(told, ({}, self._silence()), strict=True):
            reached: dict[str, Json] = {"reaches": {SECOND: {"json": one}}, "within": WITHIN}
            steps.append(reached | silence)
        remark = "Two things that one says come in their order."
        return self._question(name, remark, steps, (FIRST, SECOND))

    def presence(self, name: str) -> Question | None:
        """Who comes and who goes is told."""
        came = self._held([_first(one.second_came) for one in self._several])
        left = self._held([_first(one.left) for one in self._several])
        welcome = self._held([_first(one.welcome) for one in self._several])
        if not came and not left:
            return None
        reached: dict[str, Json] = {FIRST: {"json": came}} if came else {}
        reached |= {SECOND: {"json": welcome}} if welcome else {}
        join: dict[str, Json] = {"join": SECOND} | ({"reaches": reached} if reached else {})
        if came and self._apart and not any(one.came_elsewhere for one in self._several):
            join |= {"silent": ELSEWHERE, "matching": {"json": came}}
        steps: list[Json] = [join]
        if left:
            steps.append({"leave": SECOND, "reaches": {FIRST: {"json": left}}})
        remark = "Who comes into a room and who goes is told to whoever is there."
        return self._question(name, remark, steps, (FIRST, SECOND))

    def history(self, name: str) -> Question | None:
        """Whoever comes late hears what was said before."""
        hearer = next((party for party in (FIRST, SECOND) if self._said[party]), "")
        if not hearer or not all(self._carrying(one.late) for one in self._several):
            return None
        early: Json = {"from": FIRST, "send": self._say, "reaches": hearer}
        steps: list[Json] = [early, {"join": THIRD, "reaches": THIRD}]
        parties = [FIRST, SECOND, THIRD]
        if self._apart and not any(self._carrying(one.late_elsewhere) for one in self._several):
            steps.append({"join": ELSEWHERE, "silent": ELSEWHERE})
            parties.append(ELSEWHERE)
        remark = "Whoever comes late hears what was said in this room, and nowhere else."
        return self._question(name, remark, steps, parties)

    def _question(
        self, name: str, remark: str, steps: Sequence[Json], parties: Sequence[str]
    ) -> Question:
        asked = self._way.asked
        named = json.dumps([*steps])
        there = [*parties, *([ELSEWHERE] if f'"{ELSEWHERE}"' in named else [])]
        ask: dict[str, Json] = {"path": self._path, **self._way.limit("open_within")}
        ask |= {"subprotocols": [*asked.subprotocols]} if asked.subprotocols else {}
        ask |= {"headers": dict(asked.headers)} if asked.headers else {}
        ask["parties"] = {party: self._party(party) for party in dict.fromkeys(there)}
        ask["steps"] = [*steps]
        return Question(name, (remark,), {"websocket": ask})

    def _party(self, party: str) -> Json:
        users = self._way.asked.users
        number = min(1, len(users) - 1) if party == SECOND else 0
        own: dict[str, Json] = {"user": users[number]} if users else {}
        if party == ELSEWHERE:
            own["path"] = self._path.replace(_NONCE, _OTHER)
        return own


def _first(samples: Sequence[Sample]) -> Sample | None:
    return samples[0] if samples else None


def _marks(say: Json) -> list[str]:
    """The texts of what is said that were new in each gathering."""
    match say:
        case str():
            return [say] if _NONCE in say else []
        case dict():
            return [text for one in say.values() for text in _marks(one)]
        case list():
            return [text for one in say for text in _marks(one)]
        case _:
            return []


def _numbered(value: Json, number: int) -> Json:
    """What is said, with a number that tells it from what is said next."""
    match value:
        case str():
            return value.replace(_NONCE, f"{number}-{_NONCE}")
        case dict():
            return {key: _numbered(one, number) for key, one in value.items()}
        case list():
            return [_numbered(one, number) for one in value]
        case _:
            return value


def _numbered_in(heard: Mapping[str, Json], say: Json, number: int) -> dict[str, Json]:
    """What is heard of it: only texts that were said change."""
    said = json.dumps(say)
    return {
        key: _numbered(one, number) if isinstance(one, str) and json.dumps(one) in said else one
        for key, one in heard.items()
    }
