"""What a probe is given, and how its evidence is put together."""

import asyncio
import re
import secrets
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from gate.core.evidence import Evidence, Finding, Outcome
from gate.core.secret import Named, revealed
from gate.core.shapes import Shape
from gate.core.template import NONCE, URL, USER, WS_URL
from gate.kinds.keys import Keys
from gate.ports import Clock, Configurations, Logs, Target
from gate.probes.frontend import Arrival, Patience
from gate.probes.identity import Identity
from gate.probes.outcome import CannotAskError, Fault, worst
from gate.probes.readiness import Readiness
from gate.probes.words import LINES_MAX, TEXT_MAX, Words

FINDINGS_MAX = 12
"""Most findings of one Evidence: those that failed first, then the most frequent."""
TOLD_BEFORE_MAX = 3

Spec = TypeVar("Spec", bound=Keys)


class Nonces:
    """Tokens that tell one connection's messages from another's, all of one run.

    Every token begins with the run's own prefix, so that a message is searched for any of them in
    one pass, whichever connection or round they belong to.
    """

    def __init__(self) -> None:
        self._prefix = f"gate{secrets.token_hex(6)}"
        self._token = re.compile(self._prefix + "[0-9a-f]{8}")
        self._issued = 0

    def new(self) -> str:
        """A token that no other connection of this run has: letters and digits only."""
        self._issued += 1
        return f"{self._prefix}{self._issued:08x}"

    def foreign(self, text: str, own: str) -> bool:
        """Whether the text carries a token of this run that is not `own`."""
        if self._prefix not in text:
            return False
        return any(found != own for found in self._token.findall(text))

    def tokens(self, text: str) -> frozenset[str]:
        """Every token of this run that the text carries."""
        return frozenset(self._token.findall(text)) if self._prefix in text else frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What programs that a probe starts are given beside what the policy names.

    Attributes:
        folder: where the policy lies; they run there or below.
        environment: the few variables that any program needs; never the gate's whole environment.
    """

    folder: Path = Path()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """What all probes of one run share.

    Attributes:
        secrets: name to value.
        tls: the one TLS context, made when it is first needed.
        since: logs before it are not looked at.
        arrival: how long the front end may still be waited for.
        identity: whose answers count.
        waiting: told at once what is waited for, and for how long at most.
        configurations: reads how revisions are set up; None where nothing can.
        surroundings: what programs that a probe starts are given.
        readiness: how long an answer that says that it is too early is asked for again.
    """

    target: Target
    secrets: Named = field(repr=False)
    nonces: Nonces
    words: Words
    clock: Clock
    logs: Logs | None
    tls: Callable[[], ssl.SSLContext]
    since: datetime
    arrival: Arrival = field(default_factory=Arrival)
    identity: Identity = field(default_factory=Identity)
    configurations: Configurations | None = None
    surroundings: Surroundings = field(default_factory=Surroundings)
    readiness: Readiness = field(default_factory=Readiness)
    waiting: Callable[[str, str], None] = lambda *_: None

    def patience(self) -> Patience:
        """For one question of this run."""
        return Patience(self.arrival, self.clock, self.waiting)

    def values(self, nonce: str, user: str = "", url: str = "") -> Mapping[str, str]:
        """What templates are rendered with, for one connection.

        Args:
            nonce: the connection's token.
            user: the name of the secret that its user has, "" without one.
            url: what stands for the target's address, "" for that address itself.
        """
        values = _Values({name: revealed(one) for name, one in self.secrets.items()})
        url = url or self.target.url
        values |= {NONCE: nonce, URL: url, WS_URL: ws_url(url)}
        if user:
            values[USER] = values[user]
        return values


@dataclass(frozen=True, slots=True)
class Inquiry(Generic[Spec]):
    """One probe to be asked.

    Attributes:
        name: its name in the policy.
        report: shows how far it is: text, done, of.
        control: takes what stable showed, from a kind that asks it in between by itself.
    """

    name: str
    spec: Spec
    run: Run
    report: Callable[[str, int, int], None]
    control: Callable[[Evidence], None] = lambda _: None

    def begin(self, kind: str, asked: str, expected: str) -> "Draft":
        """Starts the evidence, and its time."""
        began_s = asyncio.get_running_loop().time()
        return Draft(self.name, self.run, kind, asked, expected, self.run.clock.now(), began_s)


@dataclass(frozen=True, slots=True)
class Draft:
    """Evidence in the making: what was asked and when it began."""

    name: str
    run: Run
    kind: str
    asked: str
    expected: str
    started_at: datetime
    began_s: float

    def end(
        self,
        seen: str,
        faults: Mapping[Fault, int] | Iterable[Fault] = (),
        excerpts: Iterable[str] = (),
        *,
        trace: str = "",
        answered_by: str = "",
        tally: "Tally | None" = None,
        shape: Shape | None = None,
    ) -> Evidence:
        """Puts the evidence together; every text in it is redacted, made visible and cut here.

        Args:
            seen: one line for the table.
            faults: what was not as expected, with counts where there are any.
            excerpts: lines, already made fit by Words.
            trace: trace id that was sent.
            answered_by: the revision that answered, by its own word.
            tally: how many of how many went right, and what follows where shares decide.
            shape: of the answers.
        """
        words = self.run.words
        counted = faults if isinstance(faults, Mapping) else dict.fromkeys(faults, 1)
        tally = tally or Tally(1, 0 if counted else 1, worst(counted))
        return Evidence(
            probe=self.name,
            kind=self.kind,
            outcome=tally.outcome,
            asked=words.line(self.asked, TEXT_MAX),
            expected=words.line(self.expected, TEXT_MAX),
            seen=words.line(seen, TEXT_MAX),
            started_at=self.started_at,
            duration_s=asyncio.get_running_loop().time() - self.began_s,
            findings=() if tally.outcome is Outcome.PASSED else _findings(counted, words),
            excerpts=tuple(excerpts)[:LINES_MAX],
            asked_times=tally.asked,
            right_times=tally.right,
            trace=trace,
            answered_by=words.line(answered_by, TEXT_MAX),
            named=self.run.identity.proven,
            shape=shape,
            not_yet=any(fault.not_yet for fault in counted),
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """How many were asked, how many went right, and what follows."""

    asked: int
    right: int
    outcome: Outcome


def told_before(before: Counter[str], words: Words) -> tuple[str, ...]:
    """Excerpts for what was seen before a question was asked again, the most frequent ones."""
    return tuple(
        words.line(f"= {count} times before: {told}")
        for told, count in before.most_common(TOLD_BEFORE_MAX)
    )


def ws_url(url: str) -> str:
    """An http(s) URL as ws(s)."""
    return "ws" + url.removeprefix("http") if url.startswith("http") else url


class _Values(dict[str, str]):
    """Says which name is missing, as a fault of our side."""

    def __missing__(self, name: str) -> str:
        raise CannotAskError(
            f"no value for ${{{name}}}", "a value for every name", f"give `{name}` under `secrets`"
        )


def _findings(faults: Mapping[Fault, int], words: Words) -> tuple[Finding, ...]:
    """What failed first, then what was seen most often."""
    ordered = sorted(
        faults.items(), key=lambda item: (item[0].outcome is not Outcome.FAILED, -item[1])
    )
    return tuple(
        Finding(
            fault.symptom,
            words.line(fault.expected, TEXT_MAX),
            words.line(fault.seen, TEXT_MAX),
            count,
            words.line(fault.hint, TEXT_MAX * 2),
        )
        for fault, count in ordered[:FINDINGS_MAX]
    )
