"""Whether a message is the awaited one, and what to say if it does not come. Pure."""

from collections.abc import Mapping

from gate.core.evidence import Symptom
from gate.core.policy import Json
from gate.core.template import JsonTemplate, parse_json
from gate.kinds.websocket import Await, Send
from gate.probes.expect import Bound, Expectation, Mismatch, compact
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.sockets.message import Message as Message  # noqa: PLC0414 - what it waits for


class Say:
    """A Send step, its templates parsed."""

    def __init__(self, step: Send) -> None:
        self._message: JsonTemplate = parse_json(step.message)
        self._constant = _text(step.message) if self._message.constant else None

    def text(self, values: Mapping[str, str]) -> str:
        """What is sent: a text as it is, anything else as JSON."""
        return self._constant or _text(self._message.render(values))


class Listen:
    """An Await step, its templates parsed and its schemas compiled.

    Args:
        step: what is awaited.
        event: the name that it must have, "" for any.
        noun: what is awaited is called so.
    """

    def __init__(self, step: Await, event: str = "", noun: str = "message") -> None:
        self.answer = Expectation(step.answer)
        self.never = Expectation(step.never)
        self.where = parse_json(dict(step.where)) if step.where else None
        self.sequence = step.sequence
        self.once = step.once
        self.within_s = step.within_s
        self.event = event
        self.noun = noun

    def bind(self, values: Mapping[str, str]) -> "Waiting":
        """The step for one connection."""
        never = self.never.bind(values)
        where = Bound(self.where.render(values), None, None) if self.where else None
        return Waiting(self, self.answer.bind(values), where, None if never.asks_nothing else never)

    def __str__(self) -> str:
        parts = [self.event] if self.event else []
        parts += [" → ".join(self.sequence)] if self.sequence else []
        return " with ".join(parts + [text for text in [str(self.answer)] if text])


class Waiting:
    """One Await of one connection: takes messages until one ends it.

    Args:
        step: what is awaited.
        answer: pattern of the awaited message, or of the last of the sequence.
        where: which messages count, None for all.
        never: what must not come, None for nothing.
    """

    def __init__(
        self, step: Listen, answer: Bound, where: Bound | None, never: Bound | None
    ) -> None:
        self._step = step
        self._answer = answer
        self._where = where
        self._never = never
        self._next = 0
        self._others = 0
        self._nearest: tuple[Mismatch, ...] = ()  # of the message that came closest
        self.within_s = step.within_s
        self.done = False

    def __str__(self) -> str:
        return str(self._step)

    def take(self, message: Message) -> Fault | None:
        """Looks at one message: sets `done`, or returns why the step has failed, or goes on.

        A foreign message is nobody's answer; it is counted elsewhere.
        """
        if self._never is not None and self._never.may_match(message.value):
            return Fault(
                Symptom.FORBIDDEN,
                quoted(message.text, "one"),
                f"no {self._step.noun} with {self._step.never}",
            )
        if message.foreign or not self._counts(message):
            return None
        if self._step.sequence:
            return self._in_sequence(message)
        if self._answer.matches(message.value):
            self.done = True
        elif not message.ping:
            self._others += 1
            self._compare(message.value)
        return None

    def late(self) -> Fault:
        """Why the step has failed if no more messages come within its time."""
        expected, within_s = str(self._step), f"{self._step.within_s:g} s"
        noun = self._step.noun
        if self._step.sequence and (self._next or self._others):
            return Fault(Symptom.SEQUENCE, f"{self._so_far()} within {within_s}", self._wanted())
        if not self._nearest:
            return Fault(Symptom.TIMEOUT, f"no {self._step.noun} within {within_s}", expected)
        first = self._nearest[0]
        of = f"nearest of {self._others} {noun}s" if self._others > 1 else f"only {noun}"
        wanted = first.expected if first.symptom is Symptom.BODY else expected
        return Fault(first.symptom, f"{first.seen} ({of} in {within_s})", wanted, first.hint)

    @property
    def begun(self) -> bool:
        """Whether what is awaited has come, or the first of it."""
        return self.done or self._next > 0

    @property
    def so_far(self) -> str:
        """What came closest to it, "" where nothing did."""
        if self._step.sequence:
            return f"{self._came()} came" if self._next else ""
        return f"the nearest with {self._nearest[0].seen}" if self._nearest else ""

    def _counts(self, message: Message) -> bool:
        if self._step.event and message.kind != self._step.event:
            return False
        return self._where is None or self._where.matches(message.value)

    def _compare(self, value: Json) -> None:
        if len(self._nearest) != 1:
            found = self._answer.mismatches(value)
            if not self._nearest or len(found) < len(self._nearest):
                self._nearest = found

    def _in_sequence(self, message: Message) -> Fault | None:
        """Types must come in order; others may come between, and, unless `once`, come again."""
        kind = message.kind
        came, rest = self._step.sequence[: self._next], self._step.sequence[self._next :]
        if kind == rest[0]:
            return self._came_next(message)
        if kind in came and self._step.once:
            seen = f"{kind} once more after {self._came()}"
            return Fault(Symptom.SEQUENCE, seen, f"{self._wanted()}, each once")
        if kind in rest and kind not in came:
            return Fault(Symptom.SEQUENCE, f"{kind} after {self._came()}", self._wanted())
        self._others += not message.ping
        return None

    def _came_next(self, message: Message) -> Fault | None:
        self._next += 1
        if self._next < len(self._step.sequence):
            return None
        if mismatches := self._answer.mismatches(message.value):
            first, kind = mismatches[0], self._step.sequence[-1]
            return Fault(first.symptom, f"{kind} with {first.seen}", first.expected, first.hint)
        self.done = True
        return None

    def _came(self) -> str:
        return " → ".join(self._step.sequence[: self._next]) or "none of them"

    def _so_far(self) -> str:
        others = f" and {self._others} other {self._step.noun}s" if self._others else ""
        return f"{self._came()}{others}, then nothing more"

    def _wanted(self) -> str:
        return f"{self._step.sequence[self._next]} next in {' → '.join(self._step.sequence)}"


def _text(value: Json) -> str:
    return value if isinstance(value, str) else compact(value)
