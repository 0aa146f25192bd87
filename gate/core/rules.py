"""Rules for people: what holds a rollout or a promotion whatever the probes say.

A way to safety (rollback, recovery, the first write of a quarantine) is held by none of them.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from gate.core.approvals import ApprovalRule, Candidacy, Counted, count
from gate.core.denylist import digest_in, image_of
from gate.core.freeze import frozen
from gate.core.lease import stopped_on
from gate.core.order import HINT as IN_ORDER
from gate.core.order import why_stale
from gate.core.permits import Who
from gate.core.proof import HINT as PROVE
from gate.core.service import Service
from gate.core.state import Kind, Phase, Rollout
from gate.core.texts import moment_text
from gate.core.transitions import noted
from gate.core.verdict import Verdict

CLOCKS = timedelta(minutes=1)
"""Clocks disagree: approvals are read so much further back."""


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


def overtaken_by(r: Rollout, service: Service) -> tuple[Rollout, Verdict | None]:
    """Why it is held as stale, None if it is not; where a person overrides that, with a note."""
    why = why_stale(r, service, service.traffic.pinned(service.latest_ready).shares)
    if not why:
        return r, None
    if not r.plan.again:
        return r, Verdict.hold("stale", why, IN_ORDER)
    note = f"overridden by --again: a newer build has users ({why})"
    return noted(r, note), None


def held_by_people(r: Rollout, service: Service) -> tuple[Rollout, Verdict | None]:
    """Why it is held whatever its probes say: a newer build has users, or a rule for people."""
    r, stale = overtaken_by(r, service)
    return (r, stale) if stale else against_rules(r, service)


def against_rules(r: Rollout, service: Service) -> tuple[Rollout, Verdict | None]:
    """What holds it, None where nothing does; what is set aside is noted.

    Args:
        r: the rollout, with the time of its last event.
        service: as read.
    """
    counted = _counted(r, service)
    r = replace(r, approved=counted.given if counted else r.approved)
    for broken in _broken(r, service, counted):
        why = _still_holds(r, broken.rule)
        if why is not None:
            text = f"{broken.text}; {why}" if why else broken.text
            return r, Verdict.hold(broken.rule, text, broken.hint)
        r = noted(r, f"OVERRIDDEN: {broken.rule} ({broken.text})")
        r = replace(r, overrode=tuple(dict.fromkeys((*r.overrode, broken.rule))))
    return r, None


def approvals_since(r: Rollout) -> datetime | None:
    """Since when approvals are read with the next look; None where none are asked for now.

    They count when users are first moved; there is nobody to protect at a service's first revision.
    """
    rule, now = r.plan.approve, r.at or r.started_at
    moving = {Kind.ROLLOUT: Phase.CONFIRMING, Kind.PROMOTE: Phase.READING}.get(r.plan.kind)
    if rule is None or r.phase is not moving or r.stepped or r.first:
        return None
    return now - timedelta(seconds=rule.within_s) - CLOCKS


def waits_for_approval(r: Rollout, verdict: Verdict, at: datetime) -> bool:
    """Whether it goes on waiting: approvals are all that is lacking, and there is time."""
    only = all(reason.subject == "approve" for reason in verdict.reasons)
    return only and at < _waits_until(r, at) and not r.interrupted


def still_waits(r: Rollout, at: datetime) -> bool:
    """Whether it waits for approvals by now, and there is time."""
    return r.awaiting_since is not None and at < _waits_until(r, at)


def _waits_until(r: Rollout, at: datetime) -> datetime:
    since = r.awaiting_since or at
    return min(since + timedelta(seconds=r.plan.approval_wait_s), r.deadline_at)


def _still_holds(r: Rollout, rule: str) -> str | None:
    """Why a rule holds although it was to be set aside, "" if it was not; None if it is set aside.

    Whoever is kept from rolling back may always set that aside.
    """
    asked = r.plan.override
    if asked is None or rule not in asked.rules:
        return ""
    refused = "" if r.plan.kind is Kind.ROLLBACK else r.plan.allow.refuses("override", r.plan.who)
    return asked.lapsed(r.at or r.started_at) or (
        f"it is not overridden: the caller {refused}" if refused else None
    )


def _broken(r: Rollout, service: Service, counted: Counted | None) -> Iterator[Broken]:
    if r.plan.kind is Kind.ROLLBACK:
        yield from _not_allowed(r, "`--override allow` rolls back all the same, and is recorded")
    if r.plan.kind not in {Kind.ROLLOUT, Kind.PROMOTE}:
        return
    yield from _stopped(service)
    yield from _not_allowed(r, "let somebody run it who may: `allow` in the policy says who")
    yield from _frozen(r)
    yield from _unproven(r)
    yield from _unsigned(r)
    yield from _unapproved(r, counted)


def _stopped(service: Service) -> Iterator[Broken]:
    if stopped := stopped_on(service):
        hint = "rollouts go on once somebody resumes the line (`next` has the whole command)"
        yield Broken("stop", f"the line is {stopped}", hint)


def _not_allowed(r: Rollout, hint: str) -> Iterator[Broken]:
    if refused := r.plan.allow.refuses(r.plan.kind.value, r.plan.who):
        yield Broken("allow", f"the caller {refused}", hint)


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


def _unsigned(r: Rollout) -> Iterator[Broken]:
    """No pass at the stage before, or one of another image than the revision's."""
    earlier = r.plan.earlier
    if earlier is None or r.plan.kind is not Kind.ROLLOUT:
        return
    if earlier.problem:
        yield Broken("require_signed", earlier.problem, earlier.hint)
        return
    revision = r.revisions.get(r.candidate)
    if not r.plan.revision or revision is None:
        return  # not read yet: it is, before anything is asked
    image = digest_in(revision.digest or revision.image)
    if image != earlier.digest:
        told = f"{r.candidate} is of another image than the one that was looked for (got {image})"
        yield Broken("require_signed", told, "run it again")


def _counted(r: Rollout, service: Service) -> Counted | None:
    """Which approvals count; None where none are asked for now."""
    rule = r.plan.approve
    if rule is None or approvals_since(r) is None:
        return None
    image = image_of(r.candidate, service, r.known)
    asks = (r.plan.who, Who(r.plan.actor))
    candidacy = Candidacy(
        r.candidate,
        image if digest_in(image) else "",
        r.plan.policy_digest,
        asks if r.plan.kind is Kind.ROLLOUT else (),
    )
    at = r.at or r.started_at
    return count(rule, r.plan.allow, candidacy, r.approvals or (), at)


def _unapproved(r: Rollout, counted: Counted | None) -> Iterator[Broken]:
    rule = r.plan.approve
    if counted is None or rule is None:
        return
    if r.approvals is None:
        text = f"nobody can tell who has approved {r.candidate}: {r.unread or 'not asked'}"
        yield Broken("approve", text, "run it again once the ledger can be read")
    elif counted.lacking:
        yield Broken("approve", _lacking(rule, counted), _ASK)


_ASK = (
    "let somebody who may approve it (`gate approve ID --reason`), then run it again with "
    "--revision; an approval takes some seconds to be seen"
)


def _lacking(rule: ApprovalRule, counted: Counted) -> str:
    noun = "approval" if counted.lacking == 1 else "approvals"
    given = f" ({len(counted.by)} of {rule.count}: {', '.join(counted.by)})" if counted.by else ""
    others = "; ".join(f"that of {name or 'nobody'} {why}" for name, why in counted.not_counted)
    return f"waits for {counted.lacking} {noun}{given}" + (f"; {others}" if others else "")
