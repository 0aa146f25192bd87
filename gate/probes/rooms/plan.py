"""A rooms probe with everything parsed and compiled: shared by all its rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gate.core.questions import Json
from gate.core.template import NONCE, Template, names, parse
from gate.kinds.room_parties import Party, unmistakable
from gate.kinds.room_steps import Step, marks
from gate.kinds.rooms import RoomsProbe
from gate.kinds.websocket import Send, WebSocketProbe
from gate.probes import headers
from gate.probes.expect import Expectation
from gate.probes.inquiry import Run
from gate.probes.sockets.opening import Opening
from gate.probes.sockets.waiting import Listen, Say


@dataclass(frozen=True, slots=True)
class Part:
    """A party, and how its connections are asked for.

    Attributes:
        own_room: whether its path holds the nonce, so that nobody else's messages may come.
    """

    name: str
    party: Party
    opening: Opening
    own_room: bool


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step.

    Attributes:
        number: 1 for the first.
        say: what is said.
        speaker: who said what was said last, "" for nobody.
        said: the marks of what was said last.
        hears: what each of `reaches` must hear; None for what was said last.
        tells: for each silent party, the marks that nothing else can bring to it.
    """

    number: int
    step: Step
    say: Say | None
    speaker: str
    said: tuple[Template, ...]
    hears: Mapping[str, Listen | None]
    tells: Mapping[str, tuple[Template, ...]]
    matching: Expectation | None

    @property
    def act(self) -> str:
        """What is done, in a few words."""
        step = self.step
        if step.sender:
            return f"{step.sender} says it"
        if step.join:
            return f"{_names(step.join)} joins"
        return f"{_names(step.leave)} leaves" if step.leave else ""

    def __str__(self) -> str:
        """Step 2 (ann says it)."""
        return f"step {self.number}" + (f" ({self.act})" if self.act else "")

    @property
    def told(self) -> str:
        """The whole step in one line."""
        step = self.step
        closed = [name for name, _ in step.closed]
        parts = [f"reaches {_names([*self.hears])}"] if self.hears else []
        parts += [f"not {' nor '.join(step.silent)}"] if step.silent else []
        parts += [f"closes {_names(closed)}"] if closed else []
        told = ", ".join(parts)
        return f"{self.number} {self.act}{': ' if self.act and told else ''}{told}"


class Plan:
    """The probe, ready to be asked.

    Args:
        spec: the probe.
        run: what it runs in.

    Attributes:
        trace: the trace that all connections belong to.
        parts: by the party's name.

    Raises:
        CannotAskError: the policy or the target does not allow to ask.
        ValueProblem: a template is malformed.
    """

    def __init__(self, spec: RoomsProbe, run: Run) -> None:
        self.spec = spec
        self.run = run
        self.trace = headers.Trace()
        self.total = sum(party.connections for _, party in spec.parties)
        self.parts = {name: self._part(name) for name, _ in spec.parties}
        self.steps: Sequence[PlannedStep] = tuple(self._steps())

    def _part(self, name: str) -> Part:
        party = self.spec.party(name)
        asked = WebSocketProbe(
            party.path or self.spec.path,
            party.subprotocols or (),
            party.headers or (),
            users=(party.user,) if party.user else (),
            connections=self.total,
        )
        own_room = NONCE in names(asked.path)
        return Part(name, party, Opening(asked, self.run, self.trace), own_room)

    def _steps(self) -> "list[PlannedStep]":
        planned: list[PlannedStep] = []
        last: Json = None
        speaker = ""
        before: dict[str, tuple[Json, ...]] = {}
        for number, step in enumerate(self.spec.steps, 1):
            if step.send is not None:
                last, speaker = step.send, step.sender
            tells = {
                name: unmistakable(last, self.parts[name].party, before.get(name, ()))
                for name in step.silent
            }
            planned.append(
                PlannedStep(
                    number,
                    step,
                    Say(Send(step.send)) if step.send is not None else None,
                    speaker,
                    tuple(map(parse, marks(last))),
                    {
                        name: None if one is None else Listen(replace(one, within_s=step.within_s))
                        for name, one in step.reaches
                    },
                    {name: tuple(map(parse, told)) for name, told in tells.items()},
                    None if step.matching.empty else Expectation(step.matching),
                )
            )
            if step.send is not None:
                before[speaker] = (*before.get(speaker, ()), step.send)
        return planned


def _names(names: Sequence[str]) -> str:
    return " and ".join(names)
