"""Where the exploration starts: a plan, and a service as it stands.

A scene is as small as it can be and still reach every arm that its kind of plan has.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gate.core.approvals import ApprovalRule
from gate.core.evidence import Evidence, Finding, Outcome, Symptom
from gate.core.freeze import Freeze
from gate.core.overrides import Override
from gate.core.permits import Permits, Who
from gate.core.policy import OnHold, Probe
from gate.core.service import Condition, ConditionState, ServiceRef
from gate.core.state import Kind, Past, PastMove, Plan
from gate.core.traffic import Split, Target
from gate.kinds.http import HttpProbe
from gate.kinds.logs import LogPattern, LogsProbe

START = datetime(2026, 1, 1, tzinfo=UTC)
REF = ServiceRef("demo", "us-central1", "backend")
OLD, STABLE, CANDIDATE, RIVAL = (
    "backend-00000-old",
    "backend-00001-aaa",
    "backend-00002-xyz",
    "backend-00009-rival",
)
TAG = "candidate"
USERS = {"blue": OLD, "nightly": None}
"""Tags that people have made: on a revision, and following LATEST."""

PROBES = (
    Probe("health", HttpProbe("/health")),
    Probe("logs", LogsProbe((LogPattern(text="ERROR"),))),
    Probe("nice", HttpProbe("/nice"), required=False),
)
READY = Condition(ConditionState.SUCCEEDED)
CONDITIONS = (
    READY,
    Condition(ConditionState.RECONCILING),
    Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "did not start"),
    Condition(ConditionState.FAILED, "INTERNAL", "not its fault"),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A plan, and traffic as it is found.

    Attributes:
        missing: whether there is no service yet.
        narrow: whether traffic is found as it is here and in no other way.
        calm: whether hardly anybody moves traffic beside the gate, all starts and comes into
            effect at once and probes pass or fail: what is left is what people say, the time, and
            calls that fail.
        stops: whether people may have stopped the line.
    """

    name: str
    plan: Plan
    traffic: Split
    missing: bool = False
    narrow: bool = False
    calm: bool = False
    stops: bool = False


def _plan(kind: Kind, **more: object) -> Plan:
    plan = Plan(kind, REF, TAG, actor="a", reason="b", suffix="xyz", probes=PROBES)
    if kind is not Kind.ROLLOUT:
        plan = replace(plan, probes=())
    return replace(plan, **more)  # type: ignore[arg-type]


def _freeze(start_s: int, end_s: int) -> Freeze:
    """A window, in seconds from the start."""
    wall = START.replace(tzinfo=None)
    return Freeze(wall + timedelta(seconds=start_s), wall + timedelta(seconds=end_s))


PINNED = Split.all_to(STABLE, USERS)
_LATEST = Split.of([Target(None, 100), *(Target(USERS[tag], 0, tag) for tag in USERS)])
_SHARED = Split.of([Target(STABLE, 60), Target(OLD, 40), Target(OLD, 0, "blue")])
_TAGGED = PINNED.with_tag(TAG, CANDIDATE)
_PROMOTED = Split.all_to(CANDIDATE, USERS)
_HISTORY = (PastMove(((STABLE, 100),), ((CANDIDATE, 100),)),)

_IMAGE = _plan(Kind.ROLLOUT, image="img")
_STEPS = _plan(Kind.ROLLOUT, revision=CANDIDATE, steps=(10, 50, 100), watch_s=300.0)
_QUARANTINE = _plan(Kind.ROLLOUT, revision=CANDIDATE, quarantine=True, stable=STABLE)
_COUNTED = replace(_STEPS, steps=(10, 100), requests=(200, 200))


LEAD, AUTHOR = (Who(f"{name}@example.com", authenticated=True) for name in ("lead", "author"))
IMAGE = "img@sha256:" + "2" * 64
FREEZES = {
    _freeze(30, 90): (START + timedelta(seconds=30), START + timedelta(seconds=90)),
    _freeze(-60, 10**6): (START - timedelta(seconds=60), START + timedelta(seconds=10**6)),
}
"""Windows, and when they begin and end."""
_SOON, _ALWAYS = FREEZES
_APPROVED = {"approve": ApprovalRule(1), "approval_wait_s": 600.0, "who": AUTHOR}
_RULES_FOR_PEOPLE = {
    "freeze": (_ALWAYS,),
    "allow": Permits({"rollback": ("lead@example.com",), "override": ("nobody@example.com",)}),
    "override": Override(("allow",), START + timedelta(days=9)),
    **_APPROVED,
}

SCENES = (
    Scene("an image, hold keeps", _IMAGE, PINNED, narrow=True),
    Scene("an image, hold drops", replace(_IMAGE, on_hold=OnHold.DROP), _LATEST, narrow=True),
    Scene("in steps, watched", _STEPS, _SHARED, narrow=True),
    Scene("in steps, counted", _COUNTED, PINNED, narrow=True),
    Scene(
        "the first revision", replace(_IMAGE, first_deploy=True), PINNED, missing=True, narrow=True
    ),
    Scene(
        "in steps, approved",
        replace(_STEPS, steps=(50, 100), watch_s=0.0, **_APPROVED),
        PINNED,
        narrow=True,
        calm=True,
        stops=True,
    ),
    Scene(
        "an image, frozen or stopped",
        replace(
            _IMAGE,
            steps=(50, 100),
            freeze=(_SOON,),
            override=Override(("freeze",), START + timedelta(seconds=60)),
        ),
        PINNED,
        narrow=True,
        calm=True,
        stops=True,
    ),
    Scene(
        "promote, approved",
        _plan(
            Kind.PROMOTE,
            revision=CANDIDATE,
            freeze=(_SOON,),
            override=Override(("approve", "stop"), START + timedelta(seconds=30)),
            **_APPROVED,
        ),
        PINNED,
        narrow=True,
        calm=True,
        stops=True,
    ),
    Scene("promote the tagged", _plan(Kind.PROMOTE), _TAGGED),
    Scene("promote by name", _plan(Kind.PROMOTE, revision=CANDIDATE), _LATEST, narrow=True),
    Scene(
        "promote, wait for its turn",
        _plan(Kind.PROMOTE, revision=CANDIDATE, wait_s=600.0),
        PINNED,
        narrow=True,
    ),
    Scene("roll back by history", _plan(Kind.ROLLBACK, past=Past(_HISTORY)), _PROMOTED),
    Scene("roll back by name", _plan(Kind.ROLLBACK, revision=STABLE), _PROMOTED, narrow=True),
    Scene(
        "roll back against all rules",
        _plan(Kind.ROLLBACK, revision=STABLE, **_RULES_FOR_PEOPLE),
        _PROMOTED,
        narrow=True,
        calm=True,
        stops=True,
    ),
    Scene(
        "roll back, ask first",
        _plan(Kind.ROLLBACK, revision=STABLE, probes=PROBES),
        _PROMOTED,
        narrow=True,
    ),
    Scene("quarantine", _QUARANTINE, _PROMOTED, narrow=True),
    Scene("recover", _plan(Kind.RECOVER), _TAGGED, narrow=True),
    Scene("unlock", _plan(Kind.RECOVER, force=True), _TAGGED, narrow=True),
)


# --- evidence


def evidence(probe: str, outcome: Outcome, address: str = "", *, found: bool = False) -> Evidence:
    """What a probe saw; a finding beside a pass makes it none."""
    findings = (Finding(Symptom.STATUS, "200", "500"),) if found else ()
    return Evidence(
        probe, "http", outcome, "GET", "200", "?", START, 0.1, findings, address=address
    )
