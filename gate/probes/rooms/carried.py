"""Whether a message carries what somebody has said, however it is wrapped. Pure."""

import contextlib
from collections.abc import Iterator, Sequence

from gate.core.evidence import Symptom
from gate.core.questions import Json
from gate.kinds.templates import texts
from gate.probes.expect import read_json
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.sockets.message import Message

_WHAT = "a message that carries what was said"
_DEPTH_MAX = 3
"""So often JSON may be a text within JSON."""


def carries(message: Message, marks: Sequence[str]) -> bool:
    """Whether one of these texts is in the message: in its JSON, or as it came."""
    if not marks:
        return False
    inner = (message.text, *_texts(message.value, _DEPTH_MAX))
    return any(mark in text for text in inner for mark in marks)


def _texts(value: Json, depth: int) -> Iterator[str]:
    """Every text of a JSON value; one that is JSON itself is looked into."""
    for _, text in texts(value):
        yield text
        if depth and text[:1] in ("{", "["):
            with contextlib.suppress(ValueError):
                yield from _texts(read_json(text), depth - 1)


class Carried:
    """Waits for what somebody has said; stands where a Waiting does.

    Args:
        marks: texts of which the message must carry one.
        within_s: how long it may take.
    """

    def __init__(self, marks: Sequence[str], within_s: float) -> None:
        self._marks = marks
        self._others: list[Message] = []
        self.within_s = within_s
        self.done = False

    def __str__(self) -> str:
        return _WHAT

    def take(self, message: Message) -> Fault | None:
        """Looks at one message; sets `done` where it is the one."""
        if not message.foreign and carries(message, self._marks):
            self.done = True
        elif not message.ping:
            self._others.append(message)
        return None

    def late(self) -> Fault:
        """Why it has failed if nothing more comes within its time: silence, or other messages."""
        within = f"within {self.within_s:g} s"
        if not self._others:
            return Fault(Symptom.TIMEOUT, f"no message {within}", _WHAT)
        last = quoted(self._others[-1].text, "another one")
        count = len(self._others)
        others = f"the last of {count} others: {last}" if count > 1 else f"only {last}"
        return Fault(Symptom.BODY, f"nothing of what was said {within}, {others}", _WHAT)
