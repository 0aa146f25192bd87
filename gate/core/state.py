"""A rollout as a value: what was asked for, how far it has come, how it ended."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from gate.core.annotation import Denied
from gate.core.approvals import Approval, ApprovalRule
from gate.core.canary import StepWord
from gate.core.control import Baseline, Repeats
from gate.core.earlier import Earlier
from gate.core.evidence import Evidence
from gate.core.fail_fast import NotAsked
from gate.core.freeze import Freeze
from gate.core.messages import Deploy, SetTraffic
from gate.core.origin import Origin
from gate.core.overrides import Override
from gate.core.permits import Permits, Who
from gate.core.policy import IdentityRule, MetricsRule, OnHold, Policy, Probe, TemplateSource
from gate.core.probe_selection import without_stable
from gate.core.proof import Proving
from gate.core.service import Revision, Service, ServiceRef
from gate.core.traffic import Split
from gate.core.user_requests import RequestCounts
from gate.core.verdict import Verdict
from gate.errors import ExitCode


class Kind(Enum):
    """What was asked for."""

    ROLLOUT = "rollout"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RECOVER = "recover"
    STOP = "stop"
    RESUME = "resume"


class Phase(Enum):
    """How far a rollout has come; each value names what the gate waits for."""

    READING = "reading"  # the service as it stands
    RECOVERING = "recovering"  # the update that takes back what a dead rollout left
    RECOVERED = "recovered"  # traffic is as desired after that
    DEPLOYING = "deploying"  # the update that creates the candidate at 0 %
    TAGGING = "tagging"  # the update that gives an existing revision its tag
    WAITING = "waiting"  # the candidate becomes ready and its URL is served
    EXPLAINING = "explaining"  # the log lines that say why it did not
    PROBING = "probing"  # evidence
    CONFIRMING = "confirming"  # nobody changed anything meanwhile
    MOVING = "moving"  # the update that moves traffic
    VERIFYING = "verifying"  # desired and effective traffic agree
    DWELLING = "dwelling"  # evidence while the candidate has some of the traffic
    WATCHING = "watching"  # evidence after it has all of it
    BACKING_OUT = "backing out"  # how the service stands after a move that failed
    REVERTING = "reverting"  # the update that undoes it
    PROVING = "proving"  # traffic is back
    CLEANING = "cleaning"  # how the service stands before our tag goes
    UNTAGGING = "untagging"  # the update that removes our tag and gives back the lease
    SETTLING = "settling"  # traffic is as desired after that
    RECORDING = "recording"  # the ledger keeps the outcome
    ENDED = "ended"


UNLOCK = "unlock"
"""What a recovery is called that takes the lease away from a rollout which is at work."""
MOVES = frozenset(
    {
        Phase.RECOVERING,
        Phase.RECOVERED,
        Phase.MOVING,
        Phase.VERIFYING,
        Phase.DWELLING,
        Phase.WATCHING,
        Phase.BACKING_OUT,
        Phase.REVERTING,
        Phase.PROVING,
    }
)
"""Phases in which users' requests may go elsewhere than they did before."""


class Ending(Enum):
    """How a rollout ended, with the exit code that says so."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"  # a person asked for it
    UNCHANGED = "unchanged"  # what was asked for is already so
    REJECTED = "rejected"
    REVERTED = "reverted"  # the move to the candidate failed and was undone
    REGRESSED = "regressed"  # it failed under users' traffic, and traffic is back
    RECOVERED = "recovered"  # what a dead rollout left was taken back
    BUSY = "busy"  # another rollout holds the lease
    HELD = "held"
    FAILED = "failed"
    REFUSED = "refused"
    STUCK = "stuck"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"  # people let nothing be rolled out nor promoted
    RESUMED = "resumed"  # rollouts go on

    @property
    def exit_code(self) -> ExitCode:
        """The exit code that this ending has everywhere."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Ending.PROMOTED: ExitCode.DONE,
    Ending.ROLLED_BACK: ExitCode.DONE,
    Ending.UNCHANGED: ExitCode.DONE,
    Ending.REJECTED: ExitCode.REJECTED,
    Ending.REVERTED: ExitCode.INFRASTRUCTURE,
    Ending.REGRESSED: ExitCode.REJECTED,
    Ending.RECOVERED: ExitCode.DONE,
    Ending.BUSY: ExitCode.HELD,
    Ending.HELD: ExitCode.HELD,
    Ending.FAILED: ExitCode.INFRASTRUCTURE,
    Ending.REFUSED: ExitCode.USAGE,
    Ending.STUCK: ExitCode.STUCK,
    Ending.INTERRUPTED: ExitCode.INTERRUPTED,
    Ending.STOPPED: ExitCode.DONE,
    Ending.RESUMED: ExitCode.DONE,
}


@dataclass(frozen=True, slots=True)
class PastMove:
    """A move of traffic that the ledger remembers: shares before and after it."""

    before: tuple[tuple[str, int], ...]
    after: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class PastOutcome:
    """An outcome that the ledger has: of which rollout, from when (RFC 3339), and its sha256."""

    rollout: str
    at: str
    digest: str


@dataclass(frozen=True, slots=True)
class Past:
    """What the ledger remembers of a service.

    Attributes:
        moves: promotions that were verified, newest first.
        served: revisions that users were seen on, newest word first.
        against: revision and what was decided against it, where that was the last word on it.
        outcomes: the newest outcomes; None where the ledger was not asked, or is silent.
        silent: why the ledger could not be asked, "" if it was, or nobody tried.
    """

    moves: tuple[PastMove, ...] = ()
    served: tuple[str, ...] = ()
    against: tuple[tuple[str, str], ...] = ()
    outcomes: tuple[PastOutcome, ...] | None = None
    silent: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for, by whom and why.

    Attributes:
        actor, reason: who asked and why, for the record.
        image: deploy this as a new revision (rollout).
        revision: adopt it (rollout), promote it, or roll back to it; "" lets the gate find it.
        suffix: three letters that end the name of a revision that the gate creates.
        past: what the ledger remembers, where it was asked before a move by hand.
        not_yet_s: how long of that the candidate may answer that it is starting.
        policy_file: the policy as the command line names it, for commands that are printed.
        verify_within_s: how long a traffic move may take to come into effect.
        steps: percents of the traffic that the candidate gets one after the other, ending at 100.
        requests: least number of users' own requests to it at each step, as the policy has it.
        metrics: how they are counted and judged.
        dwell_s: how long it is probed at each step before the next.
        watch_s: how long it is probed after the last step.
        wait_s: how long to wait for another rollout to end.
        lease_s: how long a lease runs without being renewed.
        again: promote a revision although a person moved users away from it.
        force: recover although the lease is still running.
        revisions: all revisions of the service, where they were listed before a rollback.
        cross: roll back across a revision that is marked as irreversible.
        identity: how an answer proves which revision gave it.
        baseline: what every probe is asked of as well while the candidate has no users.
        repeats: how often a failed probe is asked again then.
        fail_fast: once a required probe has failed beyond doubt, ask only what may explain it.
        stakes: what each capability is worth, in words, for the record.
        first_deploy: create the service if there is none, although its first revision then has
            users' requests before it has passed.
        proof: what is known of the proof that the probes can fail; None where nobody looked.
        template: what a new revision is built on.
        secret_versions: name of a secret, and the version of it that Secret Manager gave.
        kept_as: the tag that a candidate has once it is held and kept, "" for the one it has.
        origin: which build and which commit ask for it, for the record.
        overruled: what else was asked for against a rule, in the words of the command line, e.g.
            `no-probe`; for the record.
        newest: adopt the newest revision of the service; `revision` is its name once it is known.
        quarantine: take users off the candidate before it is asked, where it has some already.
        stable: where a quarantine takes them; "" lets the gate find it.
        order: a number that grows from build to build; None where nobody gave one.
        earlier: what is known of the image at the stage before; None where nobody asks.
        freeze: when nothing is rolled out nor promoted.
        approve: how many people must have approved the candidate before users are moved, None for
            none.
        allow: who may do what.
        who: who asks, as far as anybody vouches for it.
        override: rules for people that are to be set aside, None for none.
        approval_wait_s: how long a rollout waits for approvals before it is held.
    """

    kind: Kind
    service: ServiceRef
    tag: str
    actor: str = ""
    reason: str = ""
    image: str = ""
    revision: str = ""
    suffix: str = "aaa"
    probes: tuple[Probe, ...] = ()
    on_hold: OnHold = OnHold.KEEP
    ready_within_s: float = 240.0
    not_yet_s: float = 180.0
    deadline_s: float = 1200.0
    verify_within_s: float = 120.0
    policy_digest: str = ""
    policy_source: str = ""
    policy_file: str = ""
    past: Past = field(default_factory=Past)
    steps: tuple[int, ...] = (100,)
    requests: tuple[int, ...] = ()
    metrics: MetricsRule = field(default_factory=MetricsRule)
    dwell_s: float = 60.0
    watch_s: float = 0.0
    wait_s: float = 0.0
    lease_s: float = 60.0
    again: bool = False
    force: bool = False
    revisions: tuple[Revision, ...] = ()
    cross: bool = False
    identity: IdentityRule | None = None
    stakes: tuple[tuple[str, str], ...] = ()
    baseline: Baseline = Baseline.NONE
    repeats: Repeats = field(default_factory=Repeats)
    fail_fast: bool = False
    first_deploy: bool = False
    proof: Proving | None = None
    template: TemplateSource = TemplateSource.STABLE
    kept_as: str = ""
    origin: Origin = field(default_factory=Origin)
    overruled: tuple[str, ...] = ()
    secret_versions: tuple[tuple[str, str], ...] = ()
    newest: bool = False
    quarantine: bool = False
    stable: str = ""
    order: int | None = None
    earlier: Earlier | None = None
    freeze: tuple[Freeze, ...] = ()
    approve: ApprovalRule | None = None
    allow: Permits = field(default_factory=Permits)
    who: Who = field(default_factory=Who)
    override: Override | None = None
    approval_wait_s: float = 0.0

    @classmethod
    def from_policy(
        cls, kind: Kind, service: ServiceRef, policy: Policy, tag: str = "", **own: Any
    ) -> "Plan":
        """What the policy says of a rollout, a promotion or a rollback; `own` goes before it.

        A move by hand is one step without a watch. A promotion asks nothing; a rollback asks its
        target what can be asked without a stable one beside it.

        Args:
            kind: what was asked for.
            service: of which service.
            policy: whose keys count.
            tag: where the candidate is asked, "" for the policy's.
            own: fields that the policy does not know, or that the command line has.
        """
        by_hand = kind is not Kind.ROLLOUT
        probes = without_stable(policy.probes) if by_hand else policy.probes
        said: dict[str, Any] = {
            "tag": tag or policy.candidate.tag,
            "probes": () if kind is Kind.PROMOTE else probes,
            "on_hold": policy.on_hold,
            "ready_within_s": policy.candidate.ready_within_s,
            "not_yet_s": policy.candidate.not_yet_s,
            "deadline_s": policy.deadline_s,
            "steps": policy.traffic[-1:] if by_hand else policy.traffic,
            "requests": () if by_hand else policy.requests,
            "metrics": policy.metrics,
            "dwell_s": policy.dwell_s,
            "watch_s": 0.0 if by_hand else policy.watch_s,
            "lease_s": policy.lease_s,
            "first_deploy": policy.first_deploy,
            "template": policy.template,
            "baseline": policy.baseline,
            "repeats": policy.repeats,
            "fail_fast": policy.stops_early,
            "identity": policy.candidate.identity,
            "stakes": policy.stakes,
            "freeze": policy.freeze,
            "approve": policy.approve,
            "allow": policy.allow,
            "policy_digest": policy.digest,
            "policy_source": policy.source,
        }
        return cls(kind=kind, service=service, **{**said, **own})

    @property
    def overrides(self) -> tuple[str, ...]:
        """Every rule that was set aside by whoever asked, in the words of the command line."""
        recovery = self.kind is Kind.RECOVER
        said = {"again": self.again, "cross": self.cross, UNLOCK: recovery and self.force}
        rules = self.override.rules if self.override else ()
        return (*(name for name, given in said.items() if given), *self.overruled, *rules)

    @property
    def asks_who(self) -> bool:
        """Whether anything hangs on who asks."""
        overrides = self.override is not None and self.allow.names("override")
        return self.approve is not None or self.allow.names(self.kind.value) or overrides

    @property
    def unproven(self) -> str:
        """Why nothing fresh proves that the probes can fail; "" if it does, or nobody looked."""
        return self.proof.lacking(self.probes) if self.proof else ""

    @property
    def proof_notes(self) -> tuple[str, ...]:
        """What is to be said of the proof: why there is none, or how much it speaks of."""
        told = self.proof.told(self.probes) if self.proof else ""
        return (told,) if told else ()


@dataclass(frozen=True, slots=True)
class StepCount:
    """What users' own requests said of one step, as last counted.

    Attributes:
        percent: of the traffic, at this step.
        least: how many of the candidate's the policy asks for.
        counts: None where they could not be counted.
        said: what followed.
        thin: what is missing and how long that takes, "" where nothing is.
    """

    percent: int
    least: int
    counts: RequestCounts | None
    said: StepWord
    thin: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One attempt, so far.

    Attributes:
        limit_at: when the waiting of this phase ends.
        looks: how often this phase has looked, for its back-off.
        conflicts: how often somebody else wrote between our read and our write.
        service: as last seen.
        before: traffic as it was found.
        placed: `before` pinned to the revisions that it meant when it was read; in a rollout with
            our tag on the candidate: traffic while the candidate is probed.
        reached: the split that we know to be in effect by our own doing: `placed`, then each step;
            None once our tag is being taken back.
        goal: the split that is being moved to.
        at: time of the last event.
        fence: our fencing number, 0 before we have one.
        stepped: how many of the plan's steps have been reached and passed.
        took_back: ids of the rollouts that did not end themselves and whose traces it took back.
        waited_s: how long it waited for another rollout to end; the deadline does not count that.
        guard: generation of the read that the last write was decided on, 0 before there was one; a
            service that still has it has not been written since.
        given: generation that the last write made, by Cloud Run's answer; 0 where that is lost.
        sent: the last write, as it was sent.
        clashed: whether a write of ours came after somebody else's that it was not decided on;
            nothing is moved any more.
        unseen: whether a move of ours was sent and has not been seen to arrive.
        candidate: short name of the candidate (or of the target of a promotion or rollback).
        revisions: every revision read so far, by name.
        wanted: revisions that READING reads beside the candidate, before it decides.
        base: the revision whose template the candidate gets, "" for the service's.
        differences: in what the service's template differs from the revision that has users.
        denylist: what was denied on the service when the rollout began.
        ending: how it will end; final once the phase is ENDED.
        recorded: whether the ledger has kept the outcome.
        listening: whether the address of a move by hand that has arrived is asked, as users do.
        unanswered: what users got in place of an answer then, "" if nothing is known against it.
        unheard: why nobody can tell what they got, "" if somebody can.
        unsure: how many rounds in a row, under users' traffic, showed what may pass by itself.
        way_out: commands that lead on from a dead end, the best first.
        arrived_at: when the step that was reached came into effect.
        counting: whether users' own requests are counted next, before any probe is asked again.
        count_from: since when they are counted at this step; None before that.
        counted: what they said, step by step.
        found: traffic as it was found, with LATEST by the name that it meant then.
        approvals: what the ledger said of people's approvals when they were last read, None where
            it said nothing.
        unread: why it said nothing.
        approved: those that count.
        overrode: rules for people that were broken and set aside; `unlock` where a lease was.
        awaiting_since: since when it waits for approvals, None while it does not.
        back_to: the revision that a quarantine takes users back to before the candidate is asked;
            "" where they are where they were.
    """

    id: str
    plan: Plan
    started_at: datetime
    phase: Phase
    limit_at: datetime
    looks: int = 0
    conflicts: int = 0
    service: Service | None = None
    before: Split | None = None
    placed: Split | None = None
    reached: Split | None = None
    goal: Split | None = None
    guard: int = 0
    given: int = 0
    sent: Deploy | SetTraffic | None = None
    clashed: bool = False
    at: datetime | None = None
    fence: int = 0
    stepped: int = 0
    unseen: bool = False
    took_back: tuple[str, ...] = ()
    waited_s: float = 0.0
    candidate: str = ""
    url: str = ""
    revisions: dict[str, Revision] = field(default_factory=dict)
    wanted: tuple[str, ...] = ()
    base: str = ""
    differences: tuple[str, ...] = ()
    denylist: tuple[Denied, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    not_asked: NotAsked = field(default_factory=NotAsked)
    verdict: Verdict | None = None
    ending: Ending | None = None
    interrupted: bool = False
    recorded: bool = False
    notes: tuple[str, ...] = ()
    listening: bool = False
    unanswered: str = ""
    unheard: str = ""
    unsure: int = 0
    way_out: tuple[str, ...] = ()
    arrived_at: datetime | None = None
    counting: bool = False
    count_from: datetime | None = None
    counted: tuple[StepCount, ...] = ()
    found: Split | None = None
    back_to: str = ""
    approvals: tuple[Approval, ...] | None = None
    unread: str = ""
    approved: tuple[Approval, ...] = ()
    overrode: tuple[str, ...] = ()
    awaiting_since: datetime | None = None

    @property
    def deadline_at(self) -> datetime:
        """When the rollout must end in a decision."""
        return self.started_at + timedelta(seconds=self.waited_s + self.plan.deadline_s)

    @property
    def questions(self) -> tuple[Probe, ...]:
        """What a round of this phase asks: what the candidate is only before it has users."""
        again = tuple(one for one in self.plan.probes if not one.spec.facts.once)
        live = self.phase in {Phase.DWELLING, Phase.WATCHING}
        return again if live and any(one.required for one in again) else self.plan.probes

    @property
    def share(self) -> int:
        """Percent of users' requests that the candidate has, by the step that was reached."""
        return self.plan.steps[self.stepped - 1] if self.stepped else 100

    @property
    def least_requests(self) -> int:
        """How many of users' own requests this step asks for, 0 for none; a first one has none."""
        asks = self.plan.requests and self.stepped and not self.first
        return self.plan.requests[self.stepped - 1] if asks else 0

    @property
    def step_count(self) -> StepCount | None:
        """What users' requests said of this step, None before they were counted."""
        last = self.counted[-1] if self.counted else None
        return last if last and last.percent == self.share and self.count_from else None

    @property
    def known(self) -> dict[str, Revision]:
        """Every revision that was read, or listed before it began, by name."""
        return {one.name: one for one in self.plan.revisions} | self.revisions

    @property
    def first(self) -> bool:
        """Whether this rollout creates the service: there is nothing to go back to."""
        return self.placed is not None and self.before is None

    @property
    def asks_first(self) -> bool:
        """Whether the candidate is placed at 0 % and probed before it gets any traffic."""
        return self.plan.kind is Kind.ROLLOUT or bool(self.plan.probes)

    @property
    def keeps_tag(self) -> bool:
        """Whether a held candidate stays at 0 % with its tag, as the policy says."""
        return (
            self.plan.kind is Kind.ROLLOUT
            and self.ending is Ending.HELD
            and self.plan.on_hold is OnHold.KEEP
        )

    @property
    def moved_nothing(self) -> bool:
        """Whether users' requests go where they went before, and no write of ours may change it."""
        if self.sent is None and not self.guard:
            return True
        if self.plan.kind is Kind.ROLLOUT or self.service is None or self.placed is None:
            return False
        calm = self.ending not in {Ending.STUCK, Ending.REVERTED, Ending.RECOVERED}
        now = self.service.traffic.pinned(self.service.latest_ready)
        return calm and now.shares == self.placed.shares

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to do."""
        return self.phase is Phase.ENDED

    @property
    def exit_code(self) -> ExitCode:
        """The exit code; of a rollout that was abandoned half-way, by what it leaves behind."""
        quarantines = bool(self.back_to) and self.phase in {Phase.TAGGING, Phase.WAITING}
        stepped = self.phase is Phase.CONFIRMING and self.stepped
        if self.phase in MOVES or stepped or quarantines:
            return ExitCode.STUCK
        if self.ending is None:
            return ExitCode.INTERRUPTED
        if self.interrupted and self.ending is not Ending.STUCK:
            return ExitCode.INTERRUPTED
        return self.ending.exit_code
