"""Rollouts played through gate.core.rollout.step, for the reports to tell of.

A scene is a Cloud Run reduced to what the core asks of it, with a clock that moves a little with
each answer, so that every duration in a report is known.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.evidence import SERVICE, Evidence, Finding, Outcome, Symptom
from gate.core.messages import (
    Accepted,
    CallFailed,
    Command,
    Deploy,
    Event,
    Failure,
    LogsRead,
    Look,
    Probed,
    ReadLogs,
    Record,
    Recorded,
    RunProbes,
    Seen,
    SetTraffic,
)
from gate.core.policy import Json, Probe
from gate.core.rollout import begin, step
from gate.core.service import (
    Condition,
    ConditionState,
    Effective,
    Revision,
    Service,
    ServiceRef,
)
from gate.core.state import Kind, Past, PastMove, Plan, Rollout
from gate.core.traffic import Split, Target
from gate.kinds.http import HttpProbe
from gate.kinds.websocket import WebSocketProbe
from gate.ledger.entry import intention, outcome
from gate.ports import Narrator, Progress
from gate.report.lines import plain
from gate.report.outcome import outcome_lines

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
REF = ServiceRef("demo", "us-central1", "backend")
STABLE = "backend-00001-aaa"
CANDIDATE = "backend-00002-abc"
READY = Condition(ConditionState.SUCCEEDED)
STAKES = (("chat", "P1, $120K MRR"), ("discovery", "P2, $80K MRR"))
PROBES = (
    Probe("health", HttpProbe("/health/ready"), capability="chat"),
    Probe("api-health", HttpProbe("/api/health")),
    Probe("discovery", HttpProbe("/api/discovery/services"), capability="discovery"),
    Probe("same-user-concurrency", WebSocketProbe("/ws", connections=7), capability="chat"),
    Probe("strangers", WebSocketProbe("/ws"), required=False),
)


RECORDED = [
    "recorded as 20260101-120000-abc123",
    (
        "  gate audit show 20260101-120000-abc123 --project demo --region us-central1 "
        "--service backend --verbose"
    ),
]


def plan(**changes: object) -> Plan:
    """A rollout of an image, or what the changes make of it."""
    usual = Plan(
        Kind.ROLLOUT,
        REF,
        "candidate",
        actor="alice@example.com",
        reason="ship the new agents",
        image="backend:v2",
        suffix="abc",
        probes=PROBES,
        policy_digest="3fa9" * 16,
        policy_source="policies/backend.yaml",
        stakes=STAKES,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def rollback_plan(**changes: object) -> Plan:
    """A rollback to what served before."""
    history = (PastMove(((STABLE, 100),), ((CANDIDATE, 100),)),)
    usual = plan(kind=Kind.ROLLBACK, image="", probes=(), policy_source="", policy_digest="")
    return replace(usual, past=Past(history), reason="errors since noon", **changes)  # type: ignore[arg-type]


def passed(probe: str = "health", **changes: object) -> Evidence:
    """A pass."""
    usual = Evidence(
        probe,
        "http",
        Outcome.PASSED,
        "GET /health/ready",
        'status 200, JSON {"status":"ready"}',
        "200 in 12 ms",
        START,
        0.1,
        right_times=1,
        excerpts=("> GET /health/ready", "< 200 OK"),
        trace="ab" * 16,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def failed(probe: str = "api-health", **changes: object) -> Evidence:
    """A failure: a redirect where 200 was expected."""
    finding = Finding(
        Symptom.REDIRECT,
        "status 200",
        "307 to /api/health/",
        hint="a slash is added: the route is registered as /api/health/",
    )
    usual = passed(
        probe,
        outcome=Outcome.FAILED,
        asked="GET /api/health",
        expected="status 200",
        seen="307 to /api/health/",
        findings=(finding,),
        right_times=0,
        excerpts=("> GET /api/health", "< 307 Temporary Redirect", "< location: /api/health/"),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def inconclusive(probe: str, seen: str) -> Evidence:
    """A probe that could not tell."""
    finding = Finding(Symptom.CLIENT, "an answer", seen)
    return failed(probe, outcome=Outcome.INCONCLUSIVE, seen=seen, findings=(finding,))


ALL_PASSED = tuple(passed(probe.name) for probe in PROBES)
SESSIONS_FAILED = failed(
    "same-user-concurrency",
    kind="websocket",
    asked="7 sessions at once on /ws",
    expected="7 of 7 sessions go right, close 1000",
    seen="5 of 7 sessions went right",
    findings=(
        Finding(Symptom.CLOSED, "close 1000", "close 1011 (Internal error)", count=2),
        Finding(Symptom.SEQUENCE, "pong", "an error frame", count=2),
    ),
    duration_s=2.3,
    asked_times=7,
    right_times=5,
)
V2_EVIDENCE = (
    passed("health"),
    failed("api-health"),
    failed(
        "discovery",
        seen="500",
        findings=(Finding(Symptom.STATUS, "status 200", "status 500"),),
    ),
    SESSIONS_FAILED,
    passed("strangers"),
)


@dataclass
class Scene:
    """A service that answers the core's commands.

    Attributes:
        evidence: what the probes will have seen at the candidate's own address.
        at_service: what they will have seen at the service's; None: the same.
        logs: the candidate's last log lines.
        candidate_ready: what becomes of the candidate.
        looks_until_ready: how often the candidate is seen still starting.
        after: called before each answer; may change the scene or give another event instead.
    """

    traffic: Split = field(default_factory=lambda: Split.all_to(STABLE))
    evidence: tuple[Evidence, ...] = ALL_PASSED
    logs: tuple[str, ...] = ()
    candidate_ready: Condition = READY
    looks_until_ready: int = 2
    looks_until_effective: int = 1
    kept: bool = True
    after: Callable[["Scene", Rollout, Command], Event | None] = lambda *_: None
    now: datetime = START
    effective: Split | None = None
    modifier: str = "alice@example.com"
    revisions: dict[str, Revision] = field(default_factory=dict)
    lag: int = 0
    mark: str = ""
    writes: int = 0
    at_service: tuple[Evidence, ...] | None = None

    def play(self, wanted: Plan, narrator: Narrator | None = None) -> Rollout:
        """Plays a rollout to its end."""
        return self.states(wanted, narrator)[-1]

    def states(self, wanted: Plan, narrator: Narrator | None = None) -> list[Rollout]:
        """Every state of a rollout, from its first to its last."""
        self.revisions.setdefault(STABLE, Revision(STABLE, READY, "backend:v1", START))
        self.effective = self.effective or self.traffic
        rollout, commands = begin(wanted, "20260101-120000-abc123", self.now)
        states = [rollout]
        while commands:
            if narrator is not None:
                narrator.doing(rollout, commands[0])
            event = self._answer(rollout, commands[0], narrator)
            rollout, commands = step(rollout, event)
            states.append(rollout)
            if narrator is not None:
                narrator.happened(rollout, event)
        return states

    def wait(self, seconds: float) -> datetime:
        """Moves the clock."""
        self.now += timedelta(seconds=seconds)
        return self.now

    def service(self) -> Service:
        """The service as it is now."""
        return service(
            self.traffic,
            self.effective or self.traffic,
            reconciling=self.lag > 0,
            latest_created=max(self.revisions),
            last_modifier=self.modifier,
            etag=f'"{self.writes}: {self.traffic}"',
            annotations=((KEY, self.mark),) if self.mark else (),
        )

    def _answer(self, rollout: Rollout, command: Command, narrator: Narrator | None) -> Event:
        instead = self.after(self, rollout, command)
        if instead is not None:
            return instead
        match command:
            case Look():
                return self._look(command)
            case Deploy():
                self._deploy(command)
                return Accepted(self.wait(0.2))
            case SetTraffic():
                self._move(command.traffic, command.annotation)
                return Accepted(self.wait(0.2))
            case RunProbes():
                seen = (*self.evidence, *self._at_service(command))
                tell(narrator, seen)
                return Probed(self.wait(command.after_s + 12.3), seen)
            case ReadLogs():
                return LogsRead(self.wait(0.1), self.logs)
            case Record():
                return Recorded(
                    self.wait(0.1), kept=self.kept, message="" if self.kept else "quota"
                )

    def _at_service(self, command: RunProbes) -> Iterable[Evidence]:
        asked = {probe.name for probe in command.service_probes}
        seen = self.evidence if self.at_service is None else self.at_service
        return (replace(item, address=SERVICE) for item in seen if item.probe in asked)

    def _look(self, command: Look) -> Seen:
        at = self.wait(max(command.after_s, 0.5))
        if CANDIDATE in self.revisions and self.looks_until_ready:
            self.looks_until_ready -= 1
        elif CANDIDATE in self.revisions:
            ready = replace(self.revisions[CANDIDATE], ready=self.candidate_ready)
            self.revisions[CANDIDATE] = ready
        if self.lag:
            self.lag -= 1
        if not self.lag:
            self.effective = self.traffic
        found = {name: self.revisions[name] for name in command.revisions if name in self.revisions}
        return Seen(at, self.service(), found)

    def _deploy(self, command: Deploy) -> None:
        starting = Condition(ConditionState.RECONCILING, "", "Deploying revision")
        self.revisions[command.revision] = Revision(
            command.revision, starting, command.image, self.now
        )
        self._move(command.traffic, command.annotation)

    def _move(self, traffic: Split, mark: RolloutAnnotation) -> None:
        self.mark = mark.text()
        self.writes += 1
        self.effective, self.traffic = self.traffic, traffic
        self.lag = self.looks_until_effective


def service(
    traffic: Split,
    effective: Iterable[Target] | None = None,
    *,
    reconciling: bool = False,
    **changes: object,
) -> Service:
    """A service with this traffic."""
    lines = tuple(
        Effective(
            target.revision,
            target.percent,
            target.tag,
            f"http://127.0.0.1:41{len(target.tag):03d}" if target.tag else "",
        )
        for target in (traffic if effective is None else effective)
    )
    usual = Service(
        REF,
        '"1"',
        1,
        1,
        reconciling,
        READY,
        traffic,
        lines,
        latest_ready=STABLE,
        latest_created=STABLE,
        uri="http://127.0.0.1:41000",
        last_modifier="alice@example.com",
        updated_at=START,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def tell(narrator: Narrator | None, evidence: Iterable[Evidence]) -> None:
    """Tells a narrator of the probes as a runner does."""
    if narrator is None:
        return
    for item in evidence:
        at = item.address
        for done in range(item.asked_times):
            of = item.asked_times
            what = "" if of == 1 else "sessions"
            narrator.progress(Progress(item.probe, what, done, of, address=at))
        narrator.progress(Progress(item.probe, evidence=item, address=at))


def fail_once(kind: type[object], failure: Failure, message: str, hint: str = "") -> object:
    """An `after` that lets the first command of this kind fail."""
    left = [1]

    def after(scene: Scene, rollout: Rollout, command: Command) -> Event | None:
        if isinstance(command, kind) and left:
            left.pop()
            return CallFailed(scene.wait(0.3), failure, message, hint)
        return None

    return after


HOSTILE = "\x1b[31mred\x1b[0m [bold]loud[/bold] \u202eevil \x00:smile:\r\n\u2028next"
SHOWN = "\\x1b[31mred\\x1b[0m [bold]loud[/bold] \\u202eevil \\x00:smile:\\r\\n\\u2028next"
"""The same made safe."""


def hostile_evidence(probe: str = "health") -> Evidence:
    """A failure with hostile text wherever text may come from outside."""
    finding = Finding(Symptom.BODY, HOSTILE, HOSTILE, hint=HOSTILE)
    return failed(
        probe,
        asked=HOSTILE,
        expected=HOSTILE,
        seen=HOSTILE,
        findings=(finding,),
        excerpts=(HOSTILE,),
        trace=HOSTILE,
    )


def assert_safe(lines: Iterable[str]) -> None:
    """Nothing in these lines acts on a terminal."""
    for line in lines:
        assert line.isprintable(), repr(line)


class Scribe:
    """Implements gate.ports.Narrator: writes the entries that the controller would append."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.entries: list[dict[str, Json]] = []

    def doing(self, rollout: Rollout, command: Command) -> None:
        """An intention before each write, the outcome at the end."""
        if isinstance(command, Deploy | SetTraffic):
            self.entries.append(intention(rollout, command, self._scene.now))
        elif isinstance(command, Record):
            self.entries.append(outcome(rollout, self._scene.now))

    def happened(self, rollout: Rollout, event: Event) -> None:
        """Nothing to write."""

    def progress(self, progress: Progress) -> None:
        """Nothing to write."""


def entries_of(scene: Scene, wanted: Plan) -> tuple[dict[str, Json], ...]:
    """What the ledger keeps of a rollout, newest first."""
    scribe = Scribe(scene)
    scene.play(wanted, scribe)
    return tuple(reversed(scribe.entries))


def shown(rollout: Rollout, width: int = 100) -> list[str]:
    """How a rollout ended, as it is told at its end."""
    entry = outcome(rollout, rollout.at or START)
    return plain(outcome_lines(entry, recorded=rollout.recorded), width)
