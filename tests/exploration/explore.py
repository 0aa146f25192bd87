"""Walks every state that `step` can reach in a scene, and every arrow between them.

Two states are one where nothing that follows can tell them apart: time counts as far as a wait is
over, looks as far as patience is, and the counter of conflicts by its two ends. An increment of
that counter leads to both ends, so that every real number of conflicts is covered.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gate.core.annotation import UnreadableAnnotation
from gate.core.commands import command_of
from gate.core.lease import moved, wrote_last
from gate.core.messages import (
    Accepted,
    Command,
    Deploy,
    Event,
    Interrupted,
    Look,
    Seen,
    SetTraffic,
)
from gate.core.rollout import begin, step
from gate.core.service import ConditionState, Service
from gate.core.state import Kind, Phase, Rollout
from gate.core.traffic import Split
from gate.core.transitions import CONFLICTS_MAX, PATIENT_LOOKS
from tests.exploration import people
from tests.exploration.answers import DEADLINED, GUARDED, LIMITED, TIDYING, Moment, answers
from tests.exploration.scenes import START, TAG, Scene

_PATIENT = frozenset({Phase.RECOVERED, Phase.VERIFYING, Phase.PROVING, Phase.SETTLING})
_WRITES = frozenset(
    {
        Phase.RECOVERING,
        Phase.DEPLOYING,
        Phase.TAGGING,
        Phase.MOVING,
        Phase.REVERTING,
        Phase.UNTAGGING,
    }
)
JUST_WRITTEN = _PATIENT | {Phase.WAITING}
"""Phases that ask whether anybody wrote between our last read and our last write."""
_OVER = frozenset({Phase.RECORDING, Phase.ENDED})
_GOING_BACK = frozenset({Phase.BACKING_OUT, Phase.REVERTING, Phase.PROVING})
"""No phase from here on asks how far a rollout had come."""
_LEAVING = _GOING_BACK | TIDYING


@dataclass(frozen=True, slots=True)
class Arrow:
    """One step: where it began, what came, what `step` made of it, what it asks for next."""

    scene: Scene
    before: Moment
    event: Event
    after: Moment
    command: Command | None

    @property
    def write(self) -> Deploy | SetTraffic | None:
        """The write that follows, if one does."""
        return self.command if isinstance(self.command, Deploy | SetTraffic) else None

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
        """Whether the answer came when every wait that this phase asks about was over."""
        r, now = self.before.rollout, self.after.now
        over = now >= r.limit_at or r.phase not in LIMITED
        last = now >= r.deadline_at or r.phase not in DEADLINED
        turn = (
            now >= r.started_at + timedelta(seconds=r.plan.wait_s) or r.phase is not Phase.READING
        )
        return over and last and turn and not isinstance(self.event, Interrupted)

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
    instant: set[tuple[Hashable, Hashable]] = field(default_factory=set)
    late: set[tuple[Hashable, Hashable]] = field(default_factory=set)

    def remember(self, arrow: Arrow, start: Hashable, end: Hashable) -> None:
        """Keeps one arrow between these states, of each sort."""
        if not (arrow.takes_time or arrow.looks_again):
            self.instant.add((start, end))
        if arrow.late:
            self.late.add((start, end))


def explore(scene: Scene) -> Iterator[Arrow | Graph]:
    """Yields every arrow once, and the whole graph at the end."""
    rollout, _ = begin(scene.plan, "r1", START)
    first = Moment(rollout, START)
    graph = Graph(scene, {key(first): first})
    queue = deque(graph.states.items())
    while queue:
        start, moment = queue.popleft()
        for event in answers(scene, moment):
            arrow = follow(scene, moment, event)
            yield arrow
            for after in _ends(moment, arrow.after):
                name = key(after)
                if name not in graph.states:
                    graph.states[name] = after
                    queue.append((name, after))
                if not arrow.counts:
                    graph.remember(arrow, start, name)
    yield graph


def follow(scene: Scene, moment: Moment, event: Event) -> Arrow:
    """One step, and what the world remembers of it."""
    after, commands = step(moment.rollout, event)
    remembered = Moment(
        after,
        event.at,
        _guarded(moment, after),
        moment.interrupted or isinstance(event, Interrupted),
        _rival(moment, event),
        _leased(moment, event),
    )
    return Arrow(scene, moment, event, remembered, commands[0] if commands else None)


def _guarded(moment: Moment, after: Rollout) -> Service | None:
    if moment.rollout.phase in _WRITES and after.phase not in _WRITES:
        return after.service
    return moment.guarded


def _rival(moment: Moment, event: Event) -> int:
    """The greatest number of anybody else; what cannot be read is as great as any of ours.

    Where a mark is gone, or begins anew, the generations of the service go on: not shown here.
    """
    r = moment.rollout
    if not isinstance(event, Seen):
        return moment.rival
    try:
        mark = event.service.rollout_annotation
    except UnreadableAnnotation:
        return 0 if r.phase is Phase.READING else max(moment.rival, r.fence)
    if not mark.fence:
        return 0
    return max(moment.rival, mark.fence) if mark.writer != r.id else moment.rival


def _leased(moment: Moment, event: Event) -> bool:
    r = moment.rollout
    if isinstance(event, Seen):
        return wrote_last(r, event.service) and event.service.rollout_annotation.holder == r.id
    if isinstance(event, Accepted):
        (command,) = command_of(r)
        assert isinstance(command, Deploy | SetTraffic)
        return command.annotation.holder == r.id
    return moment.leased


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
        0 if r.phase in _LEAVING else r.stepped,
        r.first,
        r.back_to,
        r.counting,
        r.unseen,
        r.listening,
        min(r.looks, PATIENT_LOOKS) if r.phase in _PATIENT or _takes_off(r) else 0,
        moment.rival >= r.fence,
        moment.leased,
        _answered(r),
        _lists(moment),
        _candidate(r),
        _waits_over(moment),
        _rules(moment),
    )


def _rules(moment: Moment) -> Hashable:
    """What the rules for people say by themselves, as far as anybody still asks them."""
    r, now = moment.rollout, moment.now
    if r.phase in _LEAVING:
        return None
    over = tuple(now >= edge for edge in people.edges(r))
    return r.awaiting_since is not None, over, bool(r.approved), r.overrode


def _takes_off(r: Rollout) -> bool:
    """Whether users are on their way off the candidate: waited for as long as that may help."""
    return r.phase is Phase.WAITING and bool(r.back_to)


def _answered(r: Rollout) -> Hashable:
    """What the answer to the last write said of others' writes, as far as anybody still asks."""
    told = bool(r.given) if r.phase in JUST_WRITTEN else None
    asks = r.phase in JUST_WRITTEN or r.phase is Phase.CLEANING
    between = r.given > r.guard + 1 if asks else None
    return r.clashed if r.phase in TIDYING else None, told, between


def _lists(moment: Moment) -> Hashable:
    """The traffic lists that still matter."""
    r = moment.rollout
    if r.phase is Phase.READING:
        return (_shares(r.goal) if r.unseen else None, frozenset(r.wanted), _kept_in_mind(r))
    if r.phase in _WRITES:
        written = r.service.traffic if r.service else None
        if r.phase in TIDYING:
            return (_shares(r.placed), written)
        reached = None if r.phase in _GOING_BACK else _shares(r.reached)
        return (_shares(r.placed), reached, r.goal, written)
    if r.phase in TIDYING:
        return (_shares(r.placed), r.reached is None)
    reached = None if r.phase in _GOING_BACK else _shares(r.reached)
    return (_shares(r.placed), reached, _shares(r.goal), _unwritten(moment))


def _kept_in_mind(r: Rollout) -> Hashable:
    """What a way to safety goes on with where looking once more fails."""
    if not r.wanted or r.service is None or r.plan.kind not in {Kind.ROLLBACK, Kind.RECOVER}:
        return None
    return (r.service.traffic, r.service.annotations)


def _unwritten(moment: Moment) -> Hashable:
    """What the service looks like if nobody has written since our last write was decided on."""
    r, guarded = moment.rollout, moment.guarded
    if r.phase not in GUARDED or guarded is None:
        return None
    tagged = guarded.traffic.tags.get(TAG) == r.candidate
    return _shares(guarded.traffic), tagged, wrote_last(r, guarded), moved(r, guarded)


def _shares(split: Split | None) -> Hashable:
    """Percents alone: while it looks, the gate minds no tag but its own."""
    return tuple(split.shares.items()) if split else None


def _candidate(r: Rollout) -> Hashable:
    """How the candidate is, as far as anybody still asks."""
    revision = r.revisions.get(r.candidate)
    if r.phase in _LEAVING:
        return None
    if revision is None or r.phase is Phase.EXPLAINING:
        return revision
    return revision.ready.state is ConditionState.SUCCEEDED


def _waits_over(moment: Moment) -> tuple[bool, ...]:
    r, now = moment.rollout, moment.now
    over = [r.asks_first and r.phase not in _LEAVING and now >= r.deadline_at]
    if r.phase in LIMITED:
        over.append(now >= r.limit_at)
    if r.phase in DEADLINED:
        over.append(r.limit_at > r.deadline_at)
    if r.phase is Phase.WAITING:
        over.append(now >= r.limit_at - timedelta(seconds=r.plan.ready_within_s - 30))
    if r.plan.wait_s:
        over.append(now >= r.started_at + timedelta(seconds=r.plan.wait_s))
    return tuple(over)
