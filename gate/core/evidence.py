"""What a probe saw: outcomes, findings and bounded excerpts.

Values only; nothing here judges a rollout (core.verdict does).
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from gate.core.shapes import Shape

SERVICE = "service"
"""Evidence.address of what was asked at the URL that users have."""
STABLE = "stable"
"""Evidence.address of the same question asked of stable: a control, never a pass of its own."""


class Outcome(Enum):
    """How one probe ended. INCONCLUSIVE is never a pass."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Symptom(Enum):
    """What kind of thing was seen: the word that reports and attribution work with."""

    STATUS = "status"  # another HTTP status than expected
    REDIRECT = "redirect"  # a 3xx; the finding says what its Location means
    HEADER = "header"
    BODY = "body"  # an expected JSON value is missing or different
    SCHEMA = "schema"  # well-formed, but not of the contract's shape
    CONNECT = "connect"  # no connection at all: refused, DNS, TLS
    TIMEOUT = "timeout"
    TOO_LARGE = "too large"  # the answer exceeded the probe's bounds
    REFUSED = "refused"  # a WebSocket handshake answered with an HTTP status
    NOT_REFUSED = "not refused"  # a stranger was let in
    SUBPROTOCOL = "subprotocol"
    CLOSED = "closed"  # a close frame, with its code and reason
    ABNORMAL = "abnormal close"  # the connection broke off: no whole answer, no close frame (1006)
    PROTOCOL = "protocol"  # bytes that are not HTTP or WebSocket
    SEQUENCE = "sequence"  # awaited messages missing or out of order
    FORBIDDEN = "forbidden message"  # a `never` pattern matched
    FOREIGN = "foreign message"  # another connection's nonce was seen
    LOGS = "logs"
    SLOW = "slow"  # slower than its limit, or than stable
    CONFIGURATION = "configuration"  # the revision is not set up as stable is
    ROUTES = "routes"  # routes that stable has are gone
    TESTS = "tests"  # tests of a suite failed
    HOST = "host"  # the application lets nobody in at the tag's own host name
    NO_EVIDENCE = "no evidence"  # nothing was asked, as by a suite that skips, or to compare
    PLUGIN = "plug-in"  # what a kind that another package brings found wrong
    IDENTITY = "identity"  # another revision answered, or nobody says which one did
    PLATFORM = "platform"  # Cloud Run's front end answered, not the container
    CLIENT = "client fault"  # our own side could not ask: never the candidate's fault


class Attribution(Enum):
    """Whose fault a failure is (core.attribution decides). UNKNOWN is never an excuse."""

    REGRESSION = "regression"  # stable passes, the candidate fails
    ALREADY_THERE = "already there"  # both fail alike
    ENVIRONMENT = "environment"  # the network, a shared dependency or quota explains it
    PROBE_FAULT = "probe fault"  # our client, a stale expectation, bad credentials
    FLAKY = "flaky"  # differs between repeats
    CONTRACT_CHANGE = "contract change"  # well-formed, but not of stable's shape
    UNKNOWN = "unknown"


class Repeat(Enum):
    """What one of several tries of a probe came to; no answer is counted apart from a wrong one."""

    RIGHT = "right"
    WRONG = "wrong"
    SILENT = "no answer"  # no connection, or nothing in time
    UNCLEAR = "inconclusive"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was not as expected.

    Attributes:
        count: how many sessions or entries showed it.
        hint: what it means or what to do, or "".
    """

    symptom: Symptom
    expected: str
    seen: str
    count: int = 1
    hint: str = ""

    def __str__(self) -> str:
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.symptom.value}: got {self.seen}, expected {self.expected}{times}"


class Asked(NamedTuple):
    """What a test was seen asking: a method and a path without its query, or a WebSocket."""

    method: str
    path: str
    websocket: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a suite.

    Attributes:
        name: its node id, or how its runner calls it.
        outcome: PASSED only at its first try and having asked; FAILED by what it asserts, having
            asked; INCONCLUSIVE for all else: it was skipped, never asked, or could not be set up.
        asked: what it was seen asking; empty where nobody can tell which test asked.
        took_s: how long it ran, 0 where that is not known.
        idle: whether it passed without having asked.
    """

    name: str
    outcome: Outcome
    asked: frozenset[Asked] = frozenset()
    took_s: float = 0.0
    idle: bool = False


@dataclass(frozen=True, slots=True)
class OneTest:
    """One test of a suite, fit to show.

    Attributes:
        name: its node id, or how its runner calls it.
        outcome: in its runner's words: passed, failed, errored, skipped, expected to fail,
            deselected or not run.
        counts: whether it is evidence: for the candidate by a pass, or against it.
        why: why it is none, or what failed; "" for a pass that counts.
    """

    name: str
    outcome: str
    counts: bool
    why: str = ""


class Answered(NamedTuple):
    """What one place was answered while a suite ran.

    Attributes:
        asked: the place.
        codes: HTTP statuses; of a WebSocket that was let in, close codes; 0 for no whole answer.
        aside: whether it was asked outside of the tests that count, e.g. while they were collected.
    """

    asked: Asked
    codes: frozenset[int]
    aside: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one probe saw.

    Attributes:
        probe: its name in the policy.
        kind: http, websocket, logs, latency, suite ...
        asked: the question in one line, e.g. `GET /api/health`.
        expected, seen: one line each for the table; `seen` names what was seen in a pass, too.
        findings: empty for a pass, at least one otherwise.
        excerpts: bounded, redacted lines: requests, answers, frames, closes.
        asked_times, right_times: e.g. sessions opened and sessions that went right.
        trace: trace id (32 hex) sent with the requests, or "".
        address: "" for the candidate's own address, `service` for the one that users have,
            `stable` for what the same probe saw at stable.
        answered_by: the revision that answered, by its own word, or "" where that is not known;
            several are joined by a comma.
        named: whether every answer named that revision itself, so that nobody else need be asked.
        log_lines: of a failure, the candidate's own log lines that belong to it.
        took: how long answers took in seconds, each with what it answers ("" where there is one);
            not recorded.
        repeats: what each try of a repeated probe came to, the first one included.
        shape: of the JSON answers, as far as they were understood; None where there were none.
        cases: the tests of a suite, each for itself, as a proof needs them.
        tests: the same, as a report shows them.
        answers: what a suite was answered, place by place.
        attribution: whose fault it is that this is no pass; None for a pass, and unless judged.
        not_yet: whether the answer says by its own words that it is too early to ask.
        percentiles: of how long right answers took: percent and microseconds, the least first;
            empty where that was not measured.
    """

    probe: str
    kind: str
    outcome: Outcome
    asked: str
    expected: str
    seen: str
    started_at: datetime
    duration_s: float
    findings: tuple[Finding, ...] = ()
    excerpts: tuple[str, ...] = ()
    asked_times: int = 1
    right_times: int = 0
    trace: str = ""
    address: str = ""
    answered_by: str = ""
    named: bool = False
    log_lines: tuple[str, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    shape: Shape | None = field(default=None, repr=False, hash=False)
    cases: tuple[Case, ...] = field(default=(), repr=False)
    tests: tuple[OneTest, ...] = field(default=(), repr=False)
    answers: tuple[Answered, ...] = field(default=(), repr=False)
    took: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    attribution: Attribution | None = None
    not_yet: bool = field(default=False, repr=False)
    percentiles: tuple[tuple[int, int], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether this is a pass: only then does it speak for the candidate."""
        return self.outcome is Outcome.PASSED and not self.findings

    @property
    def tried(self) -> Repeat:
        """What this try came to, among others of the same probe."""
        if self.passed:
            return Repeat.RIGHT
        if self.findings and self.findings[0].symptom in _SILENT:
            return Repeat.SILENT
        return Repeat.WRONG if self.outcome is Outcome.FAILED else Repeat.UNCLEAR

    @property
    def control(self) -> bool:
        """Whether it tells of stable, not of the candidate."""
        return self.address == STABLE


_SILENT = frozenset({Symptom.CONNECT, Symptom.TIMEOUT})


def span_of(trace: str) -> str:
    """The id (16 hex) of the span at the root of a probe's own trace: its requests' parent."""
    return trace[16:]
