"""What all sessions of a probe say together."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gate.core.evidence import Evidence, Outcome, Symptom
from gate.core.shapes import Shape, together
from gate.probes.inquiry import Draft, Tally
from gate.probes.outcome import Fault
from gate.probes.sockets.record import Record
from gate.probes.words import LINES_MAX, Words

GIVE_UP_ROUNDS = 3
"""After so many rounds in a row without one right session, a probe that cannot pass ends."""
_FAULTS_MAX = 50
_SHOWN_MAX = 3
_NAMES_MAX = 3


def _silent() -> str:
    return ""


class Session(Protocol):
    """One session that is over."""

    @property
    def told(self) -> Fault | None:
        """What was wrong with it, without what differs from session to session."""
        ...

    @property
    def foreign(self) -> int:
        """How many messages carried another connection's nonce."""
        ...

    @property
    def refused_with(self) -> int:
        """The expected status or close code that it was refused with, else 0."""
        ...

    @property
    def answered_by(self) -> str:
        """The revision that answered, by its own word."""
        ...

    @property
    def label(self) -> str:
        """How excerpts name it."""
        ...

    @property
    def shape(self) -> Shape | None:
        """The shape of its messages."""
        ...

    @property
    def began_s(self) -> float:
        """When it began."""
        ...

    @property
    def record(self) -> Record:
        """Its first and last messages."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of all sessions together.

    Attributes:
        total: how many sessions there are to be.
        success_percent: the share of them that must go right.
        foreign_max: how many messages may carry another connection's nonce.
        question: what was asked, as the policy writes it.
        trace: trace id that was sent.
        seen: what is told of sessions that all went right, "" for nothing more.
    """

    words: Words
    total: int
    success_percent: float
    foreign_max: int
    question: str
    trace: str
    seen: Callable[[], str] = _silent


class Results:
    """Adds sessions up, round by round.

    Args:
        wanted: what is asked of them.

    Attributes:
        total: sessions that the probe asks for.
        asked: sessions counted so far.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.total = wanted.total
        self.asked = 0
        self._right = 0
        self._foreign = 0
        self._overhearing: list[Session] = []
        self._faults: Counter[Fault] = Counter()
        self._refusals: Counter[int] = Counter()
        self._shown: dict[Fault | None, Session] = {}
        self._names: set[str] = set()
        self._barren = 0
        self._shapes: list[Shape] = []

    def add(self, sessions: Sequence[Session]) -> None:
        """Counts one round."""
        right = 0
        for session in sessions:
            fault = session.told
            if (shape := session.shape) is not None:
                self._shapes.append(shape)
            self._foreign += session.foreign
            if session.foreign and fault is None:
                self._overhearing.append(session)
            right += fault is None
            self._refusals[session.refused_with] += 1
            if fault is not None:
                fault = fault if fault in self._faults else self._grouped(fault)
                self._faults[fault] += 1
            self._shown.setdefault(fault, session)
            if session.answered_by and len(self._names) < _NAMES_MAX:
                self._names.add(session.answered_by)
        self.asked += len(sessions)
        self._right += right
        self._barren = 0 if right else self._barren + 1

    @property
    def hopeless(self) -> bool:
        """Whether nothing goes right and the probe can no longer pass."""
        best = self._right + self.total - self.asked
        return self._barren >= GIVE_UP_ROUNDS and not self._enough(best)

    def evidence(self, draft: Draft) -> Evidence:
        """What all sessions say together."""
        faults = dict(self._faults)
        right = self._right
        limit = self._wanted.foreign_max
        if self._foreign > limit:
            right -= len(self._overhearing)
            faults = {_overheard(self._foreign, limit): self._foreign, **faults}
        outcome = self._outcome(right, faults)
        return draft.end(
            self._seen(right, faults),
            faults,
            self._excerpts(),
            trace=self._wanted.trace,
            answered_by=", ".join(sorted(self._names)),
            tally=Tally(self.asked, right, outcome),
            shape=together(self._shapes),
        )

    def _seen(self, right: int, faults: dict[Fault, int]) -> str:
        """One line: how many went right, and what the others showed, the most frequent first."""
        worst = sorted(faults.items(), key=lambda item: -item[1])[:_SHOWN_MAX]
        told = [f"{one.symptom.value}: {one.seen}{_times(count)}" for one, count in worst]
        ways = [(code, count) for code, count in self._refusals.items() if code]
        told += [f"refused with {code}{_times(count)}" for code, count in ways]
        told += [] if told else [text for text in [self._wanted.seen()] if text]
        if self.total == 1:
            return "; ".join(told) or "as expected"
        share = f"{right} of {self.asked} sessions right"
        if self.asked < self.total:
            share += f", {self.total - self.asked} more not tried"
        return f"{share}: {'; '.join(told)}" if told else share

    def _outcome(self, right: int, faults: dict[Fault, int]) -> Outcome:
        """Sessions that say nothing of the candidate count neither for it nor against it.

        FAILED if it fails even if they had gone right; PASSED if it passes as if they had gone
        wrong.
        """
        if self._foreign > self._wanted.foreign_max:
            return Outcome.FAILED
        if self._enough(right):
            return Outcome.PASSED
        failed = sum(count for one, count in faults.items() if one.outcome is Outcome.FAILED)
        return Outcome.INCONCLUSIVE if self._enough(self.total - failed) else Outcome.FAILED

    def _enough(self, right: int) -> bool:
        return right * 100 >= self._wanted.success_percent * self.total - 1e-6

    def _grouped(self, fault: Fault) -> Fault:
        """The fault, or only its kind once there are too many different ones."""
        if len(self._faults) < _FAULTS_MAX:
            return fault
        return Fault(fault.symptom, "something else each time", fault.expected, "", fault.because)

    def _excerpts(self) -> Iterator[str]:
        words = self._wanted.words
        yield words.line(f"> {self._wanted.question}")
        shown = self._telling()
        for session in shown:
            count = (LINES_MAX - 1) // len(shown)
            yield from session.record.lines(words, session.began_s, session.label, count)

    def _telling(self) -> list[Session]:
        """Sessions worth showing: one for each of the most frequent faults, else any."""
        faults = sorted(
            (fault for fault in self._shown if fault is not None),
            key=lambda fault: -self._faults[fault],
        )
        overhearing = self._overhearing[:1] if self._foreign else []
        telling = overhearing + [self._shown[fault] for fault in faults]
        return telling[:_SHOWN_MAX] or list(self._shown.values())[:1]


def _times(count: int) -> str:
    return f" ({count})" if count > 1 else ""


def _overheard(count: int, limit: int) -> Fault:
    return Fault(
        Symptom.FOREIGN,
        f"{count} messages with another connection's nonce",
        f"at most {limit}" if limit else "none",
        "messages reach connections that they are not meant for: look at how they are routed",
    )
