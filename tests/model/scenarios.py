"""Who meets whom, with which bad luck: each scenario is small, together they cover each pair."""

from dataclasses import replace

from gate.core.policy import OnHold
from gate.core.state import Kind, Plan
from gate.core.traffic import Split, Target
from tests.model.cloud_run import READY, REF, Cloud
from tests.model.people import (
    DEPLOYS,
    FILES,
    MOVES_BACK,
    MOVES_OLD,
    OLD,
    STABLE,
    TAG,
    TAGS,
    TAKES,
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
SHARED = _cloud(Split.of([Target(STABLE, 60), Target(OLD, 40)]))

ROLLOUT = _plan(Kind.ROLLOUT, image="img-a")
CANARY = replace(ROLLOUT, steps=(10, 100))
WATCHED = replace(ROLLOUT, steps=(10, 100), watch_s=1e-9)
OTHER = _plan(Kind.ROLLOUT, "abc", image="img-b", on_hold=OnHold.DROP)
AGAIN_A = _plan(Kind.ROLLOUT, revision=OLD, steps=(10, 100))
AGAIN = _plan(Kind.ROLLOUT, revision=OLD, steps=(10, 100), again=True)
RECOVER = _plan(Kind.RECOVER)
UNLOCK = _plan(Kind.RECOVER, force=True)
BACK = _plan(Kind.ROLLBACK, revision=OLD)
ASKS = _plan(Kind.ROLLBACK, revision=OLD, probes=(PROBE,))
BACK_STABLE = _plan(Kind.ROLLBACK, revision=STABLE)
PROMOTE = _plan(Kind.PROMOTE, revision=OLD)

B = Budget
SCENARIOS = (
    Scenario("alone, killed, replies lost", PINNED, (WATCHED,), (), B(crashes=1, lost=1, late=1)),
    Scenario(
        "alone, killed or stopped", LATEST, (WATCHED,), (), B(crashes=1, interrupts=1, breaks=1)
    ),
    Scenario(
        "alone, refused", SHARED, (CANARY,), (), B(refused=1, unrecorded=1, interrupts=1, breaks=1)
    ),
    Scenario(
        "alone, stopped, replies late", PINNED, (CANARY,), (), B(interrupts=1, late=1, lost=1)
    ),
    Scenario("people interfere", PINNED, (CANARY,), (MOVES_OLD, TAGS), B(crashes=1, late=1)),
    Scenario("people go back", PINNED, (WATCHED,), (MOVES_OLD, MOVES_BACK), B(lost=1)),
    Scenario("people deploy", LATEST, (CANARY,), (DEPLOYS, TAKES), B(crashes=1, interrupts=1)),
    Scenario("people write files", PINNED, (CANARY,), (FILES,), B(crashes=1, late=1)),
    Scenario("two rollouts", PINNED, (CANARY, OTHER), (), B(crashes=1, jumps=1)),
    Scenario("two rollouts, a late write", PINNED, (CANARY, OTHER), (), B(late=1, jumps=1)),
    Scenario("two rollouts and a person", PINNED, (ROLLOUT, OTHER), (MOVES_OLD,), B(jumps=1)),
    Scenario("the same revision twice", PINNED, (AGAIN_A, AGAIN), (), B(late=1, jumps=1)),
    Scenario(
        "a recovery of the living", PINNED, (CANARY, RECOVER), (MOVES_OLD,), B(jumps=1, late=1)
    ),
    Scenario(
        "a recovery after a death", PINNED, (WATCHED, RECOVER), (TAGS,), B(jumps=1, crashes=2)
    ),
    Scenario("unlocked under its feet", PINNED, (CANARY, UNLOCK), (MOVES_BACK,), B(late=1)),
    Scenario("rolled back", PINNED, (CANARY, BACK), (TAGS,), B(crashes=1, late=1)),
    Scenario("rolled back, asked first", PINNED, (CANARY, ASKS), (), B(crashes=2, jumps=1)),
    Scenario("rolled back, asked, late", PINNED, (ROLLOUT, ASKS), (), B(late=1, interrupts=1)),
    Scenario("promoted by hand", PINNED, (CANARY, PROMOTE), (), B(crashes=1, jumps=1, lost=1)),
    Scenario(
        "promoted and rolled back", PINNED, (PROMOTE, BACK_STABLE), (MOVES_OLD,), B(late=1, lost=1)
    ),
    Scenario("three", PINNED, (ROLLOUT, RECOVER, OTHER), (), B(crashes=1, jumps=1)),
)
