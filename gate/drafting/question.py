"""Questions of a first policy, before they are written."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gate.core.policy import IdentityRule, SecretRef, ServiceName
from gate.core.questions import Json
from gate.core.recording import Asked, Sample
from gate.drafting.expectations import SLOWER, limit_s, type_of


@dataclass(frozen=True, slots=True)
class Question:
    """One probe, before it is written.

    Attributes:
        remarks: what to say above it.
        ask, expect: as the policy has them.
        schemas: what the schema files that it names hold, by path.
    """

    name: str
    remarks: tuple[str, ...]
    ask: Mapping[str, Json]
    expect: Mapping[str, Json] = field(default_factory=dict)
    schemas: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A first policy.

    Attributes:
        times: how many samples there were of each answer.
        missing: paths that are not there.
        left_out: what is there and cannot be asked for, with the reason.
        unseen: what the policy cannot see, each with what would see it.
    """

    service: ServiceName
    identity: IdentityRule | None
    secrets: Mapping[str, SecretRef]
    questions: tuple[Question, ...]
    times: int
    missing: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether any question is about what the service does, not only whom it refuses."""
        return any(map(_is_alive, self.questions))

    @property
    def recalls(self) -> bool:
        """Whether some question relies on what another request left: a room, or a journey."""
        return any("journey" in one.ask or "parties" in _parts(one.ask) for one in self.questions)

    def without(self, reasons: Mapping[str, str]) -> "Draft":
        """The draft without these questions, whose names lead to why; and those that need them."""
        gone = dict(reasons)
        for question in self.questions:
            script = _parts(question.ask).get("script")
            if isinstance(script, str) and script in gone:
                gone.setdefault(question.name, f"it takes its script from {script}")
        kept = tuple(question for question in self.questions if question.name not in gone)
        return replace(self, questions=kept, left_out=(*self.left_out, *gone.items()))


def _is_alive(question: Question) -> bool:
    talks = "websocket" in question.ask or "journey" in question.ask
    status = question.expect.get("status", 200 if talks else 599)
    return isinstance(status, int) and status < 300 and "refused" not in question.expect


def _parts(ask: Mapping[str, Json]) -> Mapping[str, Json]:
    socket = ask.get("websocket")
    return socket if isinstance(socket, dict) else {}


def name_for(path: str, taken: Collection[str]) -> str:
    """A name for a probe that no other has.

    Args:
        path: what it asks, or another text.
        taken: the names of the others.
    """
    words = re.sub(r"[^a-z0-9]+", "-", path.partition("?")[0].lower()).strip("-")
    name = base = words[:40].strip("-") or "root"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


@dataclass(frozen=True, slots=True)
class Way:
    """How pages are asked.

    Attributes:
        asked: with what they were asked while recording.
        folder: of the schema files.
        start_s: how long an instance takes to start, None where that is not known.
    """

    asked: Asked
    folder: str
    start_s: float | None

    def page(self, path: str, samples: Sequence[Sample], *, stranger: bool) -> dict[str, Json]:
        """An `http` question of one page."""
        ask: dict[str, Json] = {"path": path, **self.limit("timeout", samples)}
        return ask | self.headers(stranger=stranger)

    def journey(self, steps: Sequence[Json], samples: Sequence[Sample]) -> dict[str, Json]:
        """A `journey` question."""
        return {"journey": {**self.limit("timeout", samples), **SLOWER, "steps": [*steps]}}

    def step(
        self,
        path: str,
        samples: Sequence[Sample],
        expect: Mapping[str, Json] | None = None,
        capture: Mapping[str, Json] | None = None,
        *,
        stranger: bool = False,
    ) -> dict[str, Json]:
        """One step of a journey: a GET.

        Args:
            path: of it, or what was captured.
            samples: of its answer, whose type it must have.
            expect: what else its answer must be.
            capture: as the policy has it.
            stranger: whether it is asked without credentials.
        """
        wanted = {**type_of(samples), **(expect or {})}
        given: dict[str, Json] = {"expect": wanted} if wanted else {}
        given |= {"capture": dict(capture)} if capture else {}
        return {"get": path, **self.headers(stranger=stranger), **given}

    def headers(self, *, stranger: bool) -> dict[str, Json]:
        """The headers that it is asked with, none for a stranger."""
        own = self.asked.own_headers
        return {} if stranger or not own else {"headers": dict(own)}

    def limit(self, key: str, samples: Sequence[Sample] = ()) -> dict[str, Json]:
        """How long it may take, where less or more than the default is to be said."""
        within_s = limit_s(samples, self.start_s)
        return {} if within_s is None else {key: f"{within_s}s"}
