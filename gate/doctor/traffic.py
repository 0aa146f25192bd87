"""How the service stands: its traffic, its newest revision, its lease, its tags, its revisions."""

import re
from collections.abc import Iterator, Sequence
from shlex import quote

from gate.core.access import Exposure
from gate.core.lease import LeaseState, lease_state, taker
from gate.core.policy import CandidateRule
from gate.core.rescue import by_hand, flags, mend
from gate.core.service import ConditionState, Revision, Service
from gate.core.traffic import shares_text
from gate.doctor import commands
from gate.doctor.facts import Facts, Unknown
from gate.doctor.finding import Finding, Result

REVISIONS_MAX = 1_000
"""How many Cloud Run keeps of a service (cloud.google.com/run/quotas)."""
REVISIONS_TOLD = 900
IGNORED = (
    "traffic",
    "client",
    "client_version",
    "template[0].revision",
    "template[0].containers[0].image",
)
"""What a google_cloud_run_v2_service must leave to the gate (lifecycle.ignore_changes)."""
_ROLLBACK_TAG = "rollback"


def of_traffic(facts: Facts) -> Iterator[Finding]:
    """How the service stands; nothing where it cannot be read, which is told elsewhere."""
    service, where = facts.service, f"service {facts.ref.name}"
    if isinstance(service, Unknown):
        if facts.closed:
            return
        what = f"it cannot be read: {service.why}"
        yield Finding("service", Result.UNKNOWN, where, what, service.hint)
        return
    revisions = () if isinstance(facts.revisions, Unknown) else facts.revisions
    yield _followed(service, where)
    yield _effective(service, revisions, where)
    yield from _newest(service, revisions, where)
    yield _lease(facts, service, where)
    yield from _tags(facts, service, where)
    yield from _limit(facts, service, where)
    yield from _terraform(facts, service, where)


def _followed(service: Service, where: str) -> Finding:
    """Whether a plain deploy gets users."""
    if not service.traffic.follows_latest:
        text = shares_text(service.traffic.shares)
        return Finding("traffic", Result.OK, where, f"pinned to {text}")
    share = service.traffic.shares[None]
    what = f"{share} % follow LATEST: a plain `gcloud run deploy` has users as soon as it is ready"
    shares = service.traffic.pinned(service.latest_ready).shares
    listed = ",".join(f"{name}={percent}" for name, percent in shares.items() if name)
    if not listed:
        return Finding("traffic", Result.WARNING, where, what, "the next rollout pins it")
    command = commands.of_service(service.ref, "update-traffic", f"--to-revisions={quote(listed)}")
    hint = "the next rollout pins it; at once, this does"
    return Finding("traffic", Result.WARNING, where, what, hint, command)


def _effective(service: Service, revisions: Sequence[Revision], where: str) -> Finding:
    """Whether users are where they should be."""
    if service.in_effect:
        return Finding("in effect", Result.OK, where, "desired and effective traffic agree")
    if service.reconciling:
        what = "a change of it is under way"
        return Finding("in effect", Result.WARNING, where, what, "look again once it has ended")
    step = mend(service, revisions)
    what = service.disagreement.partition(": ")[2]
    return Finding("in effect", Result.PROBLEM, where, what, step.why, step.command)


def _newest(service: Service, revisions: Sequence[Revision], where: str) -> Iterator[Finding]:
    """The newest revision, where it is not ready while an older one serves."""
    name = service.latest_created
    newest = next((one for one in revisions if one.name == name), None)
    if newest is None or newest.ready.state is ConditionState.SUCCEEDED:
        return
    failed = newest.ready.state is ConditionState.FAILED
    state = "failed" if failed else "is not ready yet"
    serves = "; an older one serves" if service.effective_shares else ""
    what = f"the newest revision, {name}, {state} ({newest.ready}){serves}"
    hint = "a rollout builds on what serves, unless its policy says `template: service`"
    command = commands.of_revision(service.ref, "describe", name)
    yield Finding("newest revision", Result.WARNING, where, what, hint, command)


def _lease(facts: Facts, service: Service, where: str) -> Finding:
    match lease_state(service, facts.at):
        case LeaseState.FREE:
            return Finding("lease", Result.OK, where, "no rollout is at work")
        case LeaseState.HELD:
            what = f"{taker(service)} is at work"
            hint = "another rollout ends as busy, or waits for it with --wait"
            return Finding("lease", Result.WARNING, where, what, hint)
        case LeaseState.LAPSED:
            what = f"{taker(service)} died, and what it left is still there"
            hint = "the next rollout takes it back; at once, this does"
            command = f"gate recover {flags(service.ref)}"
            return Finding("lease", Result.WARNING, where, what, hint, command)
        case LeaseState.UNREADABLE:
            what = "its annotation of the gate cannot be read, so that no rollout starts"
            hint = "once somebody has looked who wrote it"
            command = by_hand("unlock", service.ref)
            return Finding("lease", Result.PROBLEM, where, what, hint, command)


def _tags(facts: Facts, service: Service, where: str) -> Iterator[Finding]:
    """Tags of candidates that nobody is at work on: left by the dead, or kept by the held."""
    if lease_state(service, facts.at) is not LeaseState.FREE:
        return
    rule = facts.policy.policy.candidate if facts.policy else CandidateRule()
    ours = re.compile(rf"(?:{re.escape(rule.tag)}|{_ROLLBACK_TAG})(?:-[a-z]{{3}})?")
    left = [tag for tag in service.traffic.tags if ours.fullmatch(tag)]
    if left:
        what = f"tags of candidates are left on it: {', '.join(left)}"
        hint = "a held candidate keeps its tag until it is promoted by hand, or another one comes"
        command = commands.of_service(
            service.ref, "update-traffic", f"--remove-tags={quote(','.join(left))}"
        )
        yield Finding("tags", Result.WARNING, where, what, hint, command)


def _limit(facts: Facts, service: Service, where: str) -> Iterator[Finding]:
    """Whether Cloud Run is about to delete revisions by itself."""
    if isinstance(facts.revisions, Unknown):
        what = f"its revisions cannot be listed: {facts.revisions.why}"
        yield Finding("revisions", Result.UNKNOWN, where, what, facts.revisions.hint)
        return
    count = len(facts.revisions)
    if count < REVISIONS_TOLD:
        yield Finding("revisions", Result.OK, where, f"{count} of {REVISIONS_MAX} revisions")
        return
    used = {*service.effective_shares, *service.traffic.tags.values(), *service.traffic.shares}
    oldest = next((one.name for one in reversed(facts.revisions) if one.name not in used), "")
    what = f"{count} of {REVISIONS_MAX} revisions: beyond that Cloud Run deletes the oldest unused"
    hint = "what is deleted cannot be rolled back to"
    command = commands.of_revision(service.ref, "delete", oldest) if oldest else ""
    yield Finding("revisions", Result.WARNING, where, what, hint, command)


def _terraform(facts: Facts, service: Service, where: str) -> Iterator[Finding]:
    """What Terraform would take back with its next apply, where it made the service."""
    if not isinstance(facts.exposure, Exposure) or not facts.exposure.terraform:
        return
    drift = [
        "traffic, which names revisions" if not service.traffic.follows_latest else "",
        "the template's image and revision, once a candidate was deployed",
    ]
    what = f"Terraform made it, and sees drift: {'; '.join(filter(None, drift))}"
    hint = f"lifecycle {{ ignore_changes = [{', '.join(IGNORED)}] }}; this shows what is left"
    yield Finding("terraform", Result.WARNING, where, what, hint, "terraform plan")
