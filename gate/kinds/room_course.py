"""What no step of `websocket` with `parties` may say, given those before it."""

from collections.abc import Iterator, Mapping, Sequence

from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.forms import shown
from gate.kinds.room_parties import Party, unmistakable
from gate.kinds.room_steps import Step, latecomers, marks
from gate.kinds.templates import Reading

_SEND = 'send a text of its own that holds the nonce, such as "hello ${nonce}", or '


class Course:
    """Goes through the steps, and knows who is there and what was said last.

    Args:
        parties: by name, each with what it has from the probe.
        steps: in their order.
        reading: guesses names.
    """

    def __init__(
        self, parties: Mapping[str, Party], steps: Sequence[Step], reading: Reading
    ) -> None:
        self._parties = parties
        self._steps = steps
        self._reading = reading
        self._there = set(parties) - latecomers(steps)
        self._said: dict[str, tuple[Json, ...]] = {}
        self._last: Json = None

    def problems(self) -> Iterator[ValueProblem]:
        """What no step may say, given those before it."""
        for number, step in enumerate(self._steps):
            place = f"steps.{number}"
            unknown = [*self._unknown(step, place)]
            yield from unknown
            if not unknown:
                yield from self._moved(step, place)
                yield from self._absent(step, place)
                yield from self._unrecognised(step, place)
                self._done(step)

    def _unknown(self, step: Step, place: str) -> Iterator[ValueProblem]:
        known = frozenset(self._parties)
        for key, names in _named(step):
            for name in names:
                if name not in known:
                    hint = self._reading.guess(name, known, "name it under parties")
                    yield ValueProblem(
                        f"{place}.{key}", f"names an unknown party (got {shown(name)})", hint
                    )

    def _moved(self, step: Step, place: str) -> Iterator[ValueProblem]:
        for name in step.join:
            if name in self._there:
                yield ValueProblem(f"{place}.join", f"lets {name} join, who is there already")
        for name in step.leave:
            if name not in self._there:
                yield ValueProblem(f"{place}.leave", f"lets {name} leave, who is not there")
        self._there = (self._there | {*step.join}) - {*step.leave}

    def _absent(self, step: Step, place: str) -> Iterator[ValueProblem]:
        for key, names in _named(step):
            for name in names:
                if key not in {"join", "leave"} and name not in self._there:
                    hint = "let it join in a step before"
                    yield ValueProblem(f"{place}.{key}", f"names {name}, who is not there", hint)
        for name in sorted({*step.hearing} & {*step.silent}):
            yield ValueProblem(f"{place}.silent", f"names {name}, whom it must reach as well")
        sender = self._parties.get(step.sender)
        if sender is not None and sender.connections > 1:
            yield ValueProblem(
                f"{place}.from",
                f"names {step.sender}, who has {sender.connections} connections (expected one)",
                "let a party with one connection say it",
            )

    def _unrecognised(self, step: Step, place: str) -> Iterator[ValueProblem]:
        """Parties of which it is asked whether they hear what could not be told from the rest."""
        last = self._last if step.send is None else step.send
        moves = bool(step.join or step.leave)
        for name, heard in step.reaches:
            said = marks(last) if name in step.join or not moves else ()
            if heard is None and not said:
                yield ValueProblem(
                    f"{place}.reaches",
                    f"does not say what {name} must hear",
                    f"{'' if moves else _SEND}say it: reaches: {{{name}: {{json: ...}}}}",
                )
        for name in step.silent if step.matching.empty else ():
            before = self._said.get(name, ())
            said = unmistakable(last, self._parties[name], before)
            if not said or (moves and name not in step.join):
                yield ValueProblem(
                    f"{place}.silent",
                    f"could not tell what {name} must not hear from anything else that it hears",
                    f"{'' if moves else _SEND}say it under matching",
                )

    def _done(self, step: Step) -> None:
        if step.send is not None:
            self._last = step.send
            self._said[step.sender] = (*self._said.get(step.sender, ()), step.send)
        self._there -= {name for name, _ in step.closed}


def _named(step: Step) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "from", (step.sender,) if step.sender else ()
    yield "join", step.join
    yield "leave", step.leave
    yield "reaches", step.hearing
    yield "silent", step.silent
    yield "closed", tuple(name for name, _ in step.closed)
