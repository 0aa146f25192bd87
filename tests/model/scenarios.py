"""Who meets whom, with which bad luck: each scenario is small, together they cover each pair."""

from dataclasses import replace

from gate.core.policy import OnHold
from gate.core.state import Kind, Plan
from gate.core.traffic import Split, Target
from tests.model.cloud_run import READY, REF, Cloud, Lock
from tests.model.people import (
    DEPLOYS,
    FILES,
    MOVES_BACK,
    MOVES_OLD,
    OLD,
    RIVAL,
    STABLE,
    TAG,
    TAGS,
    TAKES,
    TO_LATEST,
)
from tests.model.world import PROBE, Budget, Scenario


def _plan(kind: Kind, suffix: str = "xyz", **more: object) -> Plan:
    plan = Plan(
        kind,
        REF,
        TAG,
        actor="a",
        reason="b",
        suffix=suffix,
        probes=(PROBE,) if kind is Kind.ROLLOUT else (),
        ready_within_s=120,
        verify_within_s=60,
        deadline_s=1e6,
        dwell_s=0,
        lease_s=60,
    )
    return replace(plan, **more)  # type: ignore[arg-type]


_REVISIONS = ((OLD, READY), (STABLE, READY))


def _cloud(split: Split) -> Cloud:
    return Cloud(split, split.pinned(STABLE), _REVISIONS)


PINNED = _cloud(Split.all_to(STABLE, {"blue": OLD}))
LATEST = _cloud(Split.of([Target(None, 100), Target(OLD, 0, "blue")]))
_DEPLOYED = Split.of([Target(None, 100), Target(OLD, 0, "blue")])
DEPLOYED = Cloud(_DEPLOYED, _DEPLOYED.pinned(RIVAL), (*_REVISIONS, (RIVAL, READY)))
"""Somebody has just deployed, and all users follow."""
SHARED = _cloud(Split.of([Target(STABLE, 60), Target(OLD, 40)]))

ROLLOUT = _plan(Kind.ROLLOUT, image="img-a")
CANARY = replace(ROLLOUT, steps=(10, 100))
WATCHED = replace(ROLLOUT, steps=(10, 100), watch_s=1e-9)
OTHER = _plan(Kind.ROLLOUT, "abc", image="img-b", on_hold=OnHold.DROP)
WAITS = replace(OTHER, wait_s=5000.0)
ADOPTS = _plan(Kind.ROLLOUT, revision=OLD, steps=(10, 100))
OLDER, NEWER = replace(WAITS, order=1), replace(ROLLOUT, order=2)
TAKES_BACK = _plan(Kind.ROLLOUT, revision=RIVAL, quarantine=True, stable=STABLE)
RECOVER = _plan(Kind.RECOVER)
UNLOCK = _plan(Kind.RECOVER, force=True)
BACK = _plan(Kind.ROLLBACK, revision=OLD)
ASKS = _plan(Kind.ROLLBACK, revision=OLD, probes=(PROBE,))
BACK_STABLE = _plan(Kind.ROLLBACK, revision=STABLE)
PROMOTE = _plan(Kind.PROMOTE, revision=OLD)

SMALL = (
    Scenario("alone, killed, replies lost", PINNED, (WATCHED,), (), Budget(1, lost=1, late=1)),
    Scenario("alone, killed or stopped", LATEST, (WATCHED,), (), Budget(1, interrupts=1, breaks=1)),
    Scenario(
        "alone, refused",
        SHARED,
        (CANARY,),
        (),
        Budget(refused=1, unrecorded=1, interrupts=1, breaks=1),
    ),
    Scenario(
        "alone, stopped, replies late", PINNED, (CANARY,), (), Budget(interrupts=1, late=1, lost=1)
    ),
    Scenario("people interfere", PINNED, (ROLLOUT,), (MOVES_OLD, TAGS), Budget(late=1)),
    Scenario("people interfere with steps", PINNED, (CANARY,), (MOVES_OLD, TAGS)),
    Scenario("people go back", PINNED, (WATCHED,), (MOVES_OLD, MOVES_BACK), Budget(lost=1)),
    Scenario("people deploy", LATEST, (ROLLOUT,), (DEPLOYS, TAKES), Budget(1)),
    Scenario("people write files", PINNED, (CANARY,), (FILES,), Budget(1, late=1)),
    Scenario("two rollouts", PINNED, (ROLLOUT, OTHER), (), Budget(jumps=1)),
    Scenario("two rollouts, a late write", PINNED, (ROLLOUT, OTHER), (), Budget(late=1)),
    Scenario("two rollouts and a person", PINNED, (ROLLOUT, OTHER), (MOVES_OLD,)),
    Scenario("two rollouts, one waits", PINNED, (ROLLOUT, WAITS), (), Budget(1)),
    Scenario("a recovery of the living", PINNED, (CANARY, RECOVER), (), Budget(jumps=1)),
    Scenario("a recovery after a death", PINNED, (CANARY, RECOVER), (), Budget(1, jumps=1)),
    Scenario("unlocked under its feet", PINNED, (CANARY, UNLOCK)),
    Scenario("rolled back", PINNED, (CANARY, BACK)),
    Scenario("rolled back, a late write", PINNED, (ROLLOUT, BACK), (), Budget(late=1)),
    Scenario("rolled back, asked first", PINNED, (CANARY, ASKS)),
    Scenario("promoted by hand", PINNED, (ROLLOUT, PROMOTE), (), Budget(lost=1)),
    Scenario(
        "promoted and rolled back", PINNED, (PROMOTE, BACK_STABLE), (MOVES_OLD,), Budget(late=1)
    ),
    Scenario("three", PINNED, (ROLLOUT, RECOVER, OTHER)),
    Scenario("the older build last", PINNED, (NEWER, OLDER), (), Budget(1, jumps=1)),
    Scenario("the older build last, and a person", PINNED, (NEWER, OLDER), (MOVES_OLD,)),
    Scenario("quarantined", DEPLOYED, (TAKES_BACK,), (), Budget(1, lost=1, late=1, interrupts=1)),
    Scenario(
        "quarantined, and people", DEPLOYED, (TAKES_BACK,), (MOVES_OLD, TAGS), Budget(breaks=1)
    ),
    Scenario("quarantined twice", DEPLOYED, (TAKES_BACK, TAKES_BACK), (TO_LATEST,)),
    Scenario(
        "quarantined twice, killed", DEPLOYED, (TAKES_BACK, TAKES_BACK), (), Budget(1, breaks=1)
    ),
    Scenario("quarantined beside a rollout", DEPLOYED, (CANARY, TAKES_BACK), (), Budget(1)),
    Scenario("quarantined, and recovered", DEPLOYED, (TAKES_BACK, RECOVER), (), Budget(1, jumps=1)),
)
"""Explored whole by every `make check`."""

STRICT = tuple(
    replace(scenario, name=f"{scenario.name}, every version counts", lock=Lock.STRICT)
    for scenario in (
        Scenario("alone", LATEST, (WATCHED,), (), Budget(lost=1, late=1)),
        Scenario("people interfere", PINNED, (CANARY,), (MOVES_OLD,), Budget(late=1)),
        Scenario("two rollouts", PINNED, (ROLLOUT, OTHER), (), Budget(late=1)),
        Scenario("a recovery", PINNED, (CANARY, RECOVER), (), Budget(1, jumps=1)),
        Scenario("rolled back", PINNED, (CANARY, BACK)),
    )
)
"""The same where the end of a reconcile, too, makes a write conflict that was decided before."""

UNLOCKED = (
    Scenario("a person moves users", PINNED, (ROLLOUT,), (MOVES_OLD,), lock=Lock.IGNORED),
    Scenario("a person moves back", PINNED, (WATCHED,), (MOVES_BACK,), lock=Lock.IGNORED),
    Scenario("two rollouts", PINNED, (ROLLOUT, OTHER), lock=Lock.IGNORED),
    Scenario("a rollback", PINNED, (CANARY, BACK), (), lock=Lock.IGNORED),
)
"""A Cloud Run that refuses nothing, as v2 was seen to do: nothing can be promised there."""

_SAID = (
    Scenario("people interfere", PINNED, (WATCHED,), (MOVES_OLD, TAGS)),
    Scenario("people interfere, lost", PINNED, (ROLLOUT,), (MOVES_OLD, TAGS), Budget(lost=1)),
    Scenario("people go back, stopped", LATEST, (CANARY,), (MOVES_BACK,), Budget(interrupts=1)),
    Scenario("people write files", PINNED, (CANARY,), (FILES,), Budget(refused=1)),
    Scenario("people adopt", PINNED, (ADOPTS,), (MOVES_OLD,), Budget(breaks=1)),
    Scenario("by hand", PINNED, (PROMOTE,), (MOVES_BACK, TAGS), Budget(lost=1)),
    Scenario("rolled back", PINNED, (ASKS,), (MOVES_OLD, TAGS), Budget(lost=1)),
    Scenario("a recovery", PINNED, (ROLLOUT, RECOVER), (), Budget(1, jumps=1)),
    Scenario("two rollouts", PINNED, (ROLLOUT, OTHER)),
)
SAID = tuple(
    replace(scenario, name=f"{scenario.name}, unlocked", lock=Lock.IGNORED, said=True)
    for scenario in _SAID
)
"""There, too, whoever may have overwritten something says so, and does not end as a success."""

LARGE = (
    Scenario("all bad luck", PINNED, (WATCHED,), (), Budget(1, 1, 1, 1, 1, 1, 1, 1)),
    Scenario("people interfere, killed", PINNED, (CANARY,), (MOVES_OLD, TAGS), Budget(1, late=1)),
    Scenario(
        "people deploy, stopped", LATEST, (CANARY,), (DEPLOYS, TAKES), Budget(1, interrupts=1)
    ),
    Scenario("two rollouts, killed", PINNED, (CANARY, OTHER), (), Budget(1, jumps=1)),
    Scenario("two rollouts, late, slow", PINNED, (CANARY, OTHER), (), Budget(late=1, jumps=1)),
    Scenario(
        "two rollouts, a person, slow", PINNED, (ROLLOUT, OTHER), (MOVES_OLD,), Budget(jumps=1)
    ),
    Scenario("the same revision twice", PINNED, (ADOPTS, ADOPTS), (), Budget(late=1, jumps=1)),
    Scenario(
        "a recovery of the living, late",
        PINNED,
        (CANARY, RECOVER),
        (MOVES_OLD,),
        Budget(jumps=1, late=1),
    ),
    Scenario("two deaths", PINNED, (WATCHED, RECOVER), (TAGS,), Budget(2, jumps=1)),
    Scenario("unlocked, a late write", PINNED, (CANARY, UNLOCK), (MOVES_BACK,), Budget(late=1)),
    Scenario("rolled back, killed", PINNED, (CANARY, BACK), (), Budget(1, late=1)),
    Scenario("rolled back, tagged", PINNED, (ROLLOUT, BACK), (TAGS,), Budget(1)),
    Scenario("rolled back, asked, two deaths", PINNED, (CANARY, ASKS), (), Budget(2, jumps=1)),
    Scenario(
        "rolled back, asked, stopped", PINNED, (ROLLOUT, ASKS), (), Budget(late=1, interrupts=1)
    ),
    Scenario("promoted by hand, killed", PINNED, (CANARY, PROMOTE), (), Budget(1, jumps=1, lost=1)),
    Scenario(
        "promoted and rolled back, lost",
        PINNED,
        (PROMOTE, BACK_STABLE),
        (MOVES_OLD,),
        Budget(late=1, lost=1),
    ),
    Scenario("three, killed", PINNED, (ROLLOUT, RECOVER, OTHER), (), Budget(1)),
)
"""Walked by `make test`, farther by `make check`, explored whole by `GATE_MODEL=whole`."""
