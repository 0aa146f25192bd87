"""What must hold, whatever happens in whatever order; kept as a ghost that watches every write.

Nobody in the model can read the ghost: it knows who moved users last, what each candidate's
evidence has earned, and which fencing numbers were written by whom.
"""

import functools
from dataclasses import dataclass, replace

from gate.core.annotation import RolloutAnnotation, parse_annotation
from gate.core.messages import Deploy, Event, Probed, SetTraffic
from gate.core.policy import OnHold
from gate.core.state import Ending, Kind, Phase, Rollout
from tests.model.cloud_run import CLOUDS, GENERATION, Cloud
from tests.model.players import PLAYERS, Life, Player
from tests.model.tables import Table

BEFORE = "before"


class Violation(AssertionError):  # noqa: N818 - reads as what it is
    """A property does not hold."""


Shares = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Base:
    """What a player found when it first wrote: who had moved users last, and where they were."""

    owner: str
    shares: Shares
    wanted: Shares


@dataclass(frozen=True, slots=True)
class Ghost:
    """What is true, as nobody in the model knows it.

    Attributes:
        owner: who moved users to where they are asked to be: `before`, a person, or a player.
        people: how often people moved users.
        wanted: where users were before anybody's rollout, or where a person last wanted them.
        bases: per player.
        earned: per player, the percent that its evidence has earned its candidate.
        moved: per player, whether it has ever moved users.
        fence, writer: of the last write of a player.
        newest: the order of what was promoted last; 0 where nobody gave one, or people went on.
        done: per player, whether its promotion was carried out, probed to its end, and closed by a
            write.
        blind: per player, whether a write of it was accepted that was decided on an older one.
        said: whether that need only be said: what was overwritten is gone, and nobody's any more.
    """

    owner: str
    people: int
    wanted: Shares
    bases: tuple[Base | None, ...]
    earned: tuple[int, ...]
    moved: tuple[bool, ...]
    done: tuple[bool, ...]
    blind: tuple[bool, ...]
    said: bool
    fence: int = 0
    writer: str = ""
    newest: int = 0

    @classmethod
    def of(cls, cloud: Cloud, players: int, *, said: bool = False) -> "Ghost":
        """At the beginning."""
        no = (False,) * players
        wanted, nobody, nothing = _shares(cloud.shares), (None,) * players, (0,) * players
        return cls(BEFORE, 0, wanted, nobody, nothing, no, no, no, said)


GHOSTS: Table[Ghost] = Table()


def _shares(shares: dict[str, int]) -> Shares:
    return tuple(sorted(shares.items()))


@functools.cache
def _mark(text: str) -> RolloutAnnotation:
    return parse_annotation(text)


def _set(items: tuple, number: int, item: object) -> tuple:
    return (*items[:number], item, *items[number + 1 :])


def _name(number: int) -> str:
    return f"rollout-{number}"


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise Violation(what)


# --- what happens


def heard(number: int, player: int, event: Event) -> int:
    """A player heard something: evidence earns, or loses, a share."""
    ghost, p = GHOSTS[number], PLAYERS[player]
    if not isinstance(event, Probed):
        return number
    r = p.rollout
    earned = 0
    if all(item.passed for item in event.evidence):
        earned = r.plan.steps[min(r.stepped, len(r.plan.steps) - 1)]
    return GHOSTS.keep(replace(ghost, earned=_set(ghost.earned, p.number, earned)))


def people_did(number: int, before: Cloud, after: Cloud) -> int:
    """A person wrote."""
    ghost = GHOSTS[number]
    if before.desired.shares == after.desired.shares:
        return number
    people = ghost.people + 1
    wanted = _shares(after.shares)
    owner = f"person-{people}"
    return GHOSTS.keep(replace(ghost, owner=owner, people=people, wanted=wanted, newest=0))


def settled(number: int, cloud: int) -> int:
    """A reconcile ended; users who follow LATEST go where it leads, as whoever chose it wants."""
    after = CLOUDS[cloud]
    if not after.desired.follows_latest:
        return number
    return GHOSTS.keep(replace(GHOSTS[number], wanted=_shares(after.shares)))


_WROTE: dict[tuple[int, int, int, int], int] = {}


def wrote(number: int, cloud: int, player: int, command: Deploy | SetTraffic) -> int:
    """A write of a player is accepted: it must be one that may happen.

    Raises:
        Violation: it must not.
    """
    known = (number, cloud, player, id(command))
    if known not in _WROTE:
        after = _wrote(GHOSTS[number], CLOUDS[cloud], PLAYERS[player], command)
        _WROTE[known] = GHOSTS.keep(after)
    return _WROTE[known]


def _wrote(ghost: Ghost, cloud: Cloud, player: Player, command: Deploy | SetTraffic) -> Ghost:
    r, n = player.rollout, player.number
    if ghost.said and (any(ghost.blind) or r.service.generation < GENERATION):
        return _blindly(ghost, player, command)
    ghost = _fenced(ghost, player, command)
    if r.ending is Ending.PROMOTED:
        ghost = replace(ghost, done=_set(ghost.done, n, item=True), newest=r.plan.order or 0)
    _tags(cloud, player, command)
    if r.phase is Phase.TAGGING and r.back_to:
        ghost = _quarantined(ghost, cloud, r)
    if r.phase in {Phase.DEPLOYING, Phase.TAGGING} or (not r.asks_first and not ghost.bases[n]):
        base = Base(ghost.owner, _shares(cloud.shares), ghost.wanted)
        if r.back_to:
            base = Base(ghost.owner, ghost.wanted, ghost.wanted)
        ghost = replace(ghost, bases=_set(ghost.bases, n, base))
    return _moves(ghost, cloud, player, command)


def _quarantined(ghost: Ghost, cloud: Cloud, r: Rollout) -> Ghost:
    """Whoever asked for it wants users off the candidate, and on stable, from here on."""
    _check(bool(cloud.shares.get(r.candidate)), "users are taken off who has none")
    mark = _mark(cloud.mark)
    gives = mark.candidate == r.candidate and dict(mark.wrote) == cloud.shares
    earned = mark.promoted == r.candidate or (mark.holder and gives)
    _check(not earned, f"what {ghost.owner} has earned is taken away")
    return replace(ghost, owner="quarantine", wanted=((r.back_to, 100),))


def _blindly(ghost: Ghost, player: Player, command: Deploy | SetTraffic) -> Ghost:
    """A write over what its writer had not seen, or one that comes after such a write."""
    n, read = player.number, player.rollout.service
    still = command.traffic.shares == read.traffic.shares
    _check(still or not ghost.blind[n], "users are moved after something was overwritten")
    if read.generation < GENERATION:
        return replace(ghost, blind=_set(ghost.blind, n, item=True))
    return ghost


def _fenced(ghost: Ghost, player: Player, command: Deploy | SetTraffic) -> Ghost:
    me, mark = _name(player.number), command.annotation
    _check(mark.fence == player.rollout.fence, "a write carries another fence than its rollout")
    _check(mark.holder in {"", me}, "a write names another holder")
    if me == ghost.writer:
        _check(mark.fence >= ghost.fence, "a fence shrinks")
    else:
        _check(mark.fence > ghost.fence, f"{me} writes although {ghost.writer} has taken over")
    return replace(ghost, fence=mark.fence, writer=me)


def _tags(cloud: Cloud, player: Player, command: Deploy | SetTraffic) -> None:
    """People's tags stay; ours is put on, and taken from, our own candidates only."""
    r = player.rollout
    had, has, tag = cloud.desired.tags, command.traffic.tags, r.plan.tag
    theirs = {name: to for name, to in had.items() if name != tag}
    _check({n: to for n, to in has.items() if n != tag} == theirs, "a person's tag is changed")
    if had.get(tag) == has.get(tag):
        return
    if tag in has:
        _check(has[tag] == r.candidate, "our tag is put on another revision")
    else:
        ours = {r.candidate, _mark(cloud.mark).candidate}
        _check(had[tag] in ours, "our tag is taken from a revision where it is not ours")


def _moves(ghost: Ghost, cloud: Cloud, player: Player, command: Deploy | SetTraffic) -> Ghost:
    r, n = player.rollout, player.number
    new = {name or "LATEST": p for name, p in command.traffic.shares.items()}
    _check("LATEST" not in new or cloud.desired.follows_latest, "a pinned service is unpinned")
    if new == cloud.shares or "LATEST" in new:
        return ghost
    match r.phase:
        case Phase.MOVING if r.plan.kind in {Kind.PROMOTE, Kind.ROLLBACK}:
            wanted = _shares(new)  # a person said so
            return replace(ghost, owner=_name(n), wanted=wanted, newest=0)
        case Phase.MOVING:
            return _moves_on(ghost, cloud, player, new)
        case Phase.REVERTING:
            return _goes_back(ghost, _name(n), new)
        case Phase.RECOVERING:
            return _goes_back(ghost, _mark(cloud.mark).holder, new)
        case Phase.TAGGING if r.back_to:
            _check(_shares(new) == ghost.wanted, "a quarantine leads elsewhere")
            return ghost
        case _:
            raise Violation(f"users are moved while {r.phase.value}")


def _moves_on(ghost: Ghost, cloud: Cloud, player: Player, new: dict[str, int]) -> Ghost:
    r, n = player.rollout, player.number
    base = ghost.bases[n]
    assert base is not None
    nothing_new = not ghost.moved[n] and _shares(cloud.shares) == base.shares
    _check(
        ghost.owner in {_name(n), base.owner} or nothing_new,
        f"a move overrides {ghost.owner}'s without a look",
    )
    _check(new.get(r.candidate, 0) <= ghost.earned[n], "a candidate gets more than it has earned")
    _check(not r.interrupted, "a candidate gets more after an interruption")
    _check((r.plan.order or ghost.newest) >= ghost.newest, "an older build replaces a newer one")
    others = set(new) - {r.candidate}
    _check(others <= {name for name, _ in base.shares}, "users are sent to a stranger")
    return replace(ghost, owner=_name(n), moved=_set(ghost.moved, n, item=True))


def _goes_back(ghost: Ghost, who: str, new: dict[str, int]) -> Ghost:
    """Who moved users goes back, or is taken back: only its own move, and to where it began."""
    _check(bool(who), "users are moved back although nobody was at work")
    _check(ghost.owner == who, f"a way back of {who} overrides {ghost.owner}'s move")
    base = ghost.bases[_number(who)]
    _check(base is not None and _shares(new) == base.shares, "a way back leads elsewhere")
    assert base is not None
    return replace(ghost, owner=base.owner, wanted=base.wanted)


# --- ends

JUMPS_MAX = 12


def waits(jumps: int) -> None:
    """Nothing but time can change anything.

    Raises:
        Violation: nor can time.
    """
    _check(jumps < JUMPS_MAX, "somebody waits for ever")


def _keeps(r: Rollout) -> bool:
    """Whether its tag may stay: held, as the policy says, also if a person is needed besides."""
    return r.keeps_tag or (r.ending is Ending.STUCK and r.plan.on_hold is OnHold.KEEP)


def ended(number: int, player: int) -> None:
    """A run has ended: users are where it says.

    Raises:
        Violation: its exit code says that traffic is where it was, and it is not.
    """
    ghost, p = GHOSTS[number], PLAYERS[player]
    r = p.rollout
    if any(ghost.blind):
        held = r.ending in {Ending.HELD, Ending.STUCK}
        _check(held or not ghost.blind[p.number], f"ends {r.ending} over what it has overwritten")
        return
    mine = ghost.owner == _name(p.number)
    moved = {Ending.PROMOTED, Ending.ROLLED_BACK, Ending.STUCK}
    if r.plan.kind is not Kind.ROLLOUT or ghost.done[p.number]:
        moved.add(Ending.HELD)  # somebody else has moved users after it was done, and may go back
    if r.plan.kind is not Kind.ROLLOUT:
        moved |= {Ending.UNCHANGED, Ending.INTERRUPTED, Ending.FAILED}  # over a late own write
    _check(r.ending in moved or not mine, f"ends {r.ending} and leaves users where it moved them")


def in_the_end(
    number: int, before: Cloud, cloud: Cloud, players: tuple[Player, ...], tag: str
) -> None:
    """Everybody has ended and a recovery has run: users and tags are where somebody wants them.

    Args:
        number: of the ghost.
        before: when everybody had ended.
        cloud: after the recovery.
        players: as they ended.
        tag: the gate's.

    Raises:
        Violation: they are not.
    """
    ghost = GHOSTS[number]
    if any(ghost.blind):
        return
    if before.desired.shares != cloud.desired.shares:
        new = {name: percent for name, percent in cloud.desired.shares.items() if name}
        ghost = _goes_back(ghost, _mark(before.mark).holder, new)
    mark = _mark(cloud.mark)
    _check(not mark.holder, f"the lease of {mark.holder} is left")
    kept = {p.rollout.candidate for p in players if p.rollout and _keeps(p.rollout)}
    _check(cloud.desired.tags.get(tag) in {None, *kept}, "our tag is left")
    if cloud.desired.follows_latest:
        return
    if not ghost.owner.startswith("rollout-"):
        _check(_shares(cloud.shares) == ghost.wanted, f"users are not at {ghost.wanted}")
        return
    mover = players[_number(ghost.owner)]
    r = mover.rollout
    if r.plan.kind is Kind.ROLLOUT:
        promoted = mover.life is Life.ENDED and r.ending is Ending.PROMOTED
        _check(promoted or ghost.done[mover.number], f"{ghost.owner} has moved users and is gone")
    _check(cloud.shares == {r.candidate: 100}, "a move is half done")
