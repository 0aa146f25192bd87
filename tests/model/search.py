"""Breadth first through every world that can come to be; the shortest way to what must not be."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from gate.core.messages import (
    Accepted,
    Deploy,
    Look,
    Record,
    Recorded,
    Seen,
    SetTraffic,
)
from gate.core.state import Kind, Plan
from tests.model import checks
from tests.model.checks import Violation
from tests.model.cloud_run import REF, Cloud, applied, revisions_of, service_of
from tests.model.players import JUMP, START, Life, born, outdated, stepped
from tests.model.world import TAG, Scenario, World, successors


@dataclass(slots=True)
class Search:
    """What was found.

    Attributes:
        worlds: how many states.
        steps: how many arrows.
        whole: whether every state was visited (no bound was hit).
        violation: what went wrong, "" if nothing did.
        trace: how it came to that, one label a step.
        endings: every way in which a player ended.
    """

    worlds: int = 0
    steps: int = 0
    whole: bool = True
    violation: str = ""
    trace: list[str] = field(default_factory=list)
    endings: set[object] = field(default_factory=set)


def search(scenario: Scenario, most: int) -> Search:
    """Visits every world, at most so many; stops at the first violation, which is the shortest."""
    found = Search()
    first = scenario.beginning()
    came: dict[World, tuple[World, str] | None] = {first: None}
    queue = deque([first])
    world = first
    try:
        while queue:
            world = queue.popleft()
            for label, after in _next(scenario, world, found):
                found.steps += 1
                if after in came:
                    continue
                if len(came) >= most:
                    found.whole = False
                    continue
                came[after] = (world, label)
                queue.append(after)
    except Violation as error:
        found.violation = str(error)
        found.trace = _way(came, world) + [str(error)]
    found.worlds = len(came)
    return found


def _next(scenario: Scenario, world: World, found: Search):
    if world.over:
        found.endings |= {p.rollout.ending for p in world.players if p.life is Life.ENDED}
        in_the_end(world)
    yield from successors(scenario, world)


def in_the_end(world: World) -> None:
    """Everybody has come to an end: once a recovery has run, all must be well."""
    cloud = recovered(world.cloud, world.jumps)
    checks.in_the_end(world.ghost_after_recovery(cloud), cloud, world.players, TAG)


def _way(came: dict, world: World) -> list[str]:
    labels: list[str] = []
    step = came[world]
    while step is not None:
        world, label = step
        labels.append(label)
        step = came[world]
    return labels[::-1]


_RECOVERED: dict[tuple[Cloud, int], Cloud] = {}


def recovered(cloud: Cloud, jumps: int) -> Cloud:
    """The service after `gate recover`, long after, with nobody in the way."""
    if (cloud, jumps) not in _RECOVERED:
        _RECOVERED[cloud, jumps] = _recovered(cloud, jumps)
    return _RECOVERED[cloud, jumps]


def _recovered(cloud: Cloud, jumps: int) -> Cloud:
    now = START + (jumps + 5) * JUMP
    plan = Plan(Kind.RECOVER, REF, TAG, actor="cron", reason="recover")
    player = born(9, plan, now)
    if cloud.reconciling:
        cloud = cloud.settled(well=True)
    for _ in range(50):
        if player.life is Life.ENDED:
            return cloud
        command = player.command
        match command:
            case Look():
                seen = Seen(now, service_of(cloud), revisions_of(cloud, command.revisions))
                player = stepped(player, seen)
            case SetTraffic() | Deploy():
                cloud = applied(cloud, command).settled(well=True)
                player = stepped(outdated(player), Accepted(now))
            case Record():
                player = stepped(player, Recorded(now, kept=True))
            case _:
                raise AssertionError(command)
    raise Violation("a recovery does not come to an end")


def play(scenario: Scenario, labels: Sequence[str]) -> World:
    """The world that these steps lead to; checks the end, too, if it is one.

    Raises:
        Violation: a property does not hold on the way.
        KeyError: there is no such step there.
    """
    world = scenario.beginning()
    for label in labels:
        world = dict(successors(scenario, world))[label]
    if world.over:
        in_the_end(world)
    return world
