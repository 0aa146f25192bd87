"""Walks every state that `step` can reach in a scene, and every arrow between them.

Two states are one where nothing that follows can tell them apart: time counts as far as a wait is
over, looks as far as patience is, and the counter of conflicts by its two ends. An increment of
that counter leads to both ends, so that every real number of conflicts is covered.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gate.core.commands import command_of
from gate.core.messages import Event, Interrupted, Look
from gate.core.moving import PATIENT_LOOKS
from gate.core.rollout import begin, step
from gate.core.service import ConditionState
from gate.core.state import Kind, Phase, Rollout
from gate.core.traffic import Split
from gate.core.transitions import CONFLICTS_MAX
from tests.exploration.scenes import START, TAG, TIDYING, Moment, Scene, answers

_PATIENT = frozenset({Phase.VERIFYING, Phase.PROVING})
_WRITES = frozenset(
    {Phase.DEPLOYING, Phase.TAGGING, Phase.MOVING, Phase.REVERTING, Phase.UNTAGGING}
)
_OVER = frozenset({Phase.RECORDING, Phase.ENDED})
_GUARDED = frozenset({Phase.WAITING, Phase.VERIFYING, Phase.SETTLING})
_LIMITED = frozenset(
    {
        Phase.READING,
        Phase.WAITING,
        Phase.VERIFYING,
        Phase.BACKING_OUT,
        Phase.PROVING,
        Phase.CLEANING,
        Phase.SETTLING,
    }
)


@dataclass(frozen=True, slots=True)
class Arrow:
    """One step: where it began, what came, what `step` made of it."""

    scene: Scene
    before: Moment
    event: Event
    after: Moment

    @property
    def takes_time(self) -> bool:
        """Whether time passes: between the events, or because the command was to wait first."""
        (command,) = command_of(self.before.rollout)
        waits = isinstance(command, Look) and command.after_s > 0
        return waits or self.after.now > self.before.now

    @property
    def looks_again(self) -> bool:
        """Whether it leads to another look of the same phase, which waits first."""
        before, after = self.before.rollout, self.after.rollout
        return after.phase is before.phase and after.looks > before.looks

    @property
    def late(self) -> bool:
        """Whether the answer came when every wait that was running was over."""
        r = self.before.rollout
        over = self.after.now >= max(r.limit_at, r.deadline_at)
        return over and not isinstance(self.event, Interrupted)

    @property
    def counts(self) -> bool:
        """Whether something was used up that has an end: conflicts, or a person's patience."""
        before, after = self.before.rollout, self.after.rollout
        return after.conflicts > before.conflicts or isinstance(self.event, Interrupted)


@dataclass(frozen=True, slots=True)
class Graph:
    """All states of a scene by their keys, and which of them follow one another.

    Attributes:
        instant: arrows on which no time passes and no counter is used up.
        late: arrows on which the answer comes when every wait is over.
    """

    scene: Scene
    states: dict[Hashable, Moment]
    instant: dict[tuple[Hashable, Hashable], Arrow] = field(default_factory=dict)
    late: dict[tuple[Hashable, Hashable], Arrow] = field(default_factory=dict)

    def remember(self, arrow: Arrow, start: Hashable, end: Hashable) -> None:
        """Keeps one arrow between these states, of each sort."""
        if not (arrow.takes_time or arrow.looks_again):
            self.instant.setdefault((start, end), arrow)
        if arrow.late:
            self.late.setdefault((start, end), arrow)


def explore(scene: Scene) -> Iterator[Arrow | Graph]:
    """Yields every arrow once, and the whole graph at the end."""
    rollout, _ = begin(scene.plan, "r1", START)
    first = Moment(rollout, START)
    graph = Graph(scene, {key(first): first})
    queue = deque(graph.states.values())
    while queue:
        moment = queue.popleft()
        for event in answers(scene, moment):
            exact = follow(moment, event)
            arrow = Arrow(scene, moment, event, exact)
            yield arrow
            for after in _ends(moment, exact):
                name = key(after)
                if name not in graph.states:
                    graph.states[name] = after
                    queue.append(after)
                if not arrow.counts:
                    graph.remember(arrow, key(moment), name)
    yield graph


def follow(moment: Moment, event: Event) -> Moment:
    """One step, and what the world remembers of it."""
    after, _ = step(moment.rollout, event)
    guarded = moment.guarded
    if moment.rollout.phase in _WRITES and after.phase not in _WRITES and after.service:
        guarded = after.service.traffic
    interrupted = moment.interrupted or isinstance(event, Interrupted)
    return Moment(after, event.at, guarded, interrupted)


def _ends(before: Moment, after: Moment) -> Iterator[Moment]:
    """The same state with the conflict counter at the ends of its range."""
    r = after.rollout
    if r.conflicts == before.rollout.conflicts:
        yield after
        return
    for conflicts in (0, CONFLICTS_MAX):
        yield replace(after, rollout=replace(r, conflicts=conflicts))


def key(moment: Moment) -> Hashable:
    """Equal for states that nothing that follows can tell apart."""
    r = moment.rollout
    head = (r.phase, r.ending, r.interrupted)
    if r.phase in _OVER:
        return head
    return (
        *head,
        r.conflicts,
        r.candidate,
        min(r.looks, PATIENT_LOOKS) if r.phase in _PATIENT else 0,
        _lists(moment),
        _candidate(r),
        _waits_over(moment),
    )


def _lists(moment: Moment) -> Hashable:
    """The traffic lists that still matter."""
    r = moment.rollout
    if r.phase is Phase.READING:
        return None
    if r.phase in _WRITES:
        written = r.service.traffic if r.service else None
        return written if r.phase in TIDYING else (r.placed, r.goal, written)
    guarded = moment.guarded if r.phase in _GUARDED else None
    tagged = guarded is not None and guarded.tags.get(TAG) == r.candidate
    if r.phase in TIDYING:
        return (_shares(guarded), tagged)
    return (_shares(r.placed), _shares(r.goal), _shares(guarded), tagged)


def _shares(split: Split | None) -> Hashable:
    """Percents alone: while it looks, the gate minds no tag but its own."""
    return tuple(split.shares.items()) if split else None


def _candidate(r: Rollout) -> Hashable:
    """How the candidate is, as far as anybody still asks."""
    revision = r.revisions.get(r.candidate)
    if revision is None or r.phase is Phase.EXPLAINING:
        return revision
    return revision.ready.state is ConditionState.SUCCEEDED


def _waits_over(moment: Moment) -> tuple[bool, ...]:
    r, now = moment.rollout, moment.now
    over = [r.plan.kind is Kind.ROLLOUT and r.phase not in TIDYING and now >= r.deadline_at]
    if r.phase in _LIMITED:
        over.append(now >= r.limit_at)
    if r.phase in {Phase.WAITING, Phase.EXPLAINING}:
        over.append(r.limit_at > r.deadline_at)
        over.append(now >= r.limit_at - timedelta(seconds=r.plan.ready_within_s - 30))
    return tuple(over)
