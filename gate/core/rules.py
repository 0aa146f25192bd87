"""Rules for people: what holds a rollout or a promotion whatever the probes say.

A way to safety (rollback, recovery, the first write of a quarantine) is held by none of them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from gate.core.freeze import frozen
from gate.core.lease import stopped_on
from gate.core.proof import HINT as PROVE
from gate.core.service import Service
from gate.core.state import Kind, Rollout
from gate.core.texts import moment_text
from gate.core.verdict import Verdict


class Broken(NamedTuple):
    """A rule that is not kept.

    Attributes:
        rule: its name: that of the policy's key, where it has one.
        text: what holds.
        hint: what leads on.
    """

    rule: str
    text: str
    hint: str


def against_rules(r: Rollout, service: Service) -> tuple[Rollout, Verdict | None]:
    """What holds it, None where nothing does.

    Args:
        r: the rollout, with the time of its last event.
        service: as read.
    """
    for broken in _broken(r, service):
        return r, Verdict.hold(broken.rule, broken.text, broken.hint)
    return r, None


def _broken(r: Rollout, service: Service) -> Iterator[Broken]:
    if r.plan.kind not in {Kind.ROLLOUT, Kind.PROMOTE}:
        return
    yield from _stopped(service)
    yield from _frozen(r)
    yield from _unproven(r)


def _stopped(service: Service) -> Iterator[Broken]:
    if stopped := stopped_on(service):
        yield Broken("stop", f"the line is {stopped}", "`gate resume --reason` lets rollouts go on")


def _frozen(r: Rollout) -> Iterator[Broken]:
    found = frozen(r.plan.freeze, r.at or r.started_at)
    if found is None:
        return
    window, until = found
    why = f": {window.reason}" if window.reason else ""
    text = f"frozen until {moment_text(until)} ({window}){why}"
    yield Broken("freeze", text, "run it again then; rollbacks are never frozen")


def _unproven(r: Rollout) -> Iterator[Broken]:
    plan = r.plan
    asked = plan.kind is Kind.ROLLOUT and plan.proof is not None and plan.proof.required
    if asked and plan.unproven:
        yield Broken("proof", plan.unproven, PROVE)


def noted(r: Rollout, note: str) -> Rollout:
    """With a note that is told once."""
    return replace(r, notes=tuple(dict.fromkeys((*r.notes, note))))
