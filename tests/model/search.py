"""Breadth first through every world that can come to be; the shortest way to what must not be."""

import functools
import random
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
from tests.model.cloud_run import CLOUDS, GENERATION, REF, applied, revisions_of, service_of
from tests.model.people import TAG
from tests.model.players import JUMP, PLAYERS, START, Life, born, command, outdated, stepped
from tests.model.world import Scenario, World, successors


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
            if world.over:
                found.endings |= {PLAYERS[p].rollout.ending for p in world.players}
                in_the_end(world)
            for label, after in successors(scenario, world):
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
        found.trace = [*_way(came, world), str(error)]
    found.worlds = len(came)
    return found


def walk(scenario: Scenario, luck: random.Random) -> list[str]:
    """One way through a scenario to its end, chosen by luck; returns how it went.

    Raises:
        Violation: a property does not hold on the way; the message tells the way.
    """
    world, labels = scenario.beginning(), []
    try:
        while not world.over:
            label, world = luck.choice(list(successors(scenario, world)))
            labels.append(label)
        in_the_end(world)
    except Violation as error:
        raise Violation("\n".join([str(error), *labels])) from None
    return labels


def in_the_end(world: World) -> None:
    """Everybody has come to an end: once a recovery has run, all must be well."""
    cloud = CLOUDS[recovered(world.cloud, world.jumps)]
    players = tuple(PLAYERS[p] for p in world.players)
    checks.in_the_end(world.ghost, CLOUDS[world.cloud], cloud, players, TAG)


def _way(came: dict, world: World) -> list[str]:
    labels: list[str] = []
    step = came[world]
    while step is not None:
        world, label = step
        labels.append(label)
        step = came[world]
    return labels[::-1]


@functools.cache
def recovered(cloud: int, jumps: int) -> int:
    """The service after `gate recover`, long after, with nobody in the way."""
    now = START + (jumps + 5) * JUMP
    player = born(9, Plan(Kind.RECOVER, REF, TAG, actor="cron", reason="recover"), now)
    cloud = _quiet(cloud)
    for _ in range(50):
        if PLAYERS[player].life is Life.ENDED:
            return cloud
        asked = command(player)
        match asked:
            case Look():
                revisions = revisions_of(cloud, asked.revisions)
                player = stepped(player, Seen(now, service_of(cloud), revisions))
            case SetTraffic() | Deploy():
                cloud = _quiet(applied(cloud, asked))
                player = stepped(outdated(player), Accepted(now, GENERATION))
            case Record():
                player = stepped(player, Recorded(now, kept=True))
            case _:
                raise AssertionError(asked)
    raise Violation("a recovery does not come to an end")


def _quiet(cloud: int) -> int:
    now = CLOUDS[cloud]
    return CLOUDS.keep(now.settled(well=True)) if now.reconciling else cloud


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
