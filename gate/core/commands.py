"""What the shell must do next: a function of a rollout's state alone."""

from datetime import datetime, timedelta
from typing import assert_never

from gate.core.control import Baseline, Repeats
from gate.core.lease import annotation_of
from gate.core.messages import (
    Command,
    CountRequests,
    Deploy,
    Look,
    ReadLogs,
    Record,
    RunProbes,
    SetTraffic,
)
from gate.core.policy import Probe
from gate.core.probe_selection import without_comparison
from gate.core.rules import approvals_since
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.tagging import tidied
from gate.core.traffic import Split
from gate.core.user_requests import Source
from gate.core.verdict import asks_address

FIRST_LOOK_S = 0.05
LONGEST_LOOK_S = 2.0
BETWEEN_ROUNDS_S = 5.0
"""Pause between two rounds of probes while the candidate has traffic."""
BETWEEN_COUNTED_ROUNDS_S = 8.0
"""The same where users' requests are counted after each: reads of logs have a quota a minute."""
BETWEEN_COUNTS_S = {Source.LOGS: 0.0, Source.MONITORING: 15.0}
"""Pause before users' requests are counted again: with logs, rounds of probes come in between."""
BETWEEN_APPROVALS_S = 10.0
"""Pause before the ledger is asked again whether people have approved: reads have a quota."""
BEFORE_S = 600.0
"""So long before the rollout began, stable's requests say what is usual once it has none."""


def command_of(r: Rollout) -> tuple[Command, ...]:
    """The one command that the rollout waits for, or nothing once it has ended."""
    match r.phase:
        case Phase.ENDED:
            return ()
        case Phase.RECORDING:
            return (Record(),)
        case Phase.DEPLOYING:
            why = f"deploy {r.plan.image} as {r.candidate} at 0 %"
            placed = _split(r.placed)
            annotation = annotation_of(r, placed, working=True)
            return (Deploy(r.plan.image, r.candidate, placed, _etag(r), why, annotation, r.base),)
        case Phase.TAGGING | Phase.MOVING | Phase.REVERTING | Phase.UNTAGGING | Phase.RECOVERING:
            return (_set_traffic(r),)
        case Phase.EXPLAINING:
            return (_read_logs(r),)
        case Phase.PROBING | Phase.DWELLING | Phase.WATCHING:
            return (_count_requests(r) if r.counting else _run_probes(r),)
        case (
            Phase.READING
            | Phase.RECOVERED
            | Phase.WAITING
            | Phase.CONFIRMING
            | Phase.VERIFYING
            | Phase.BACKING_OUT
            | Phase.PROVING
            | Phase.CLEANING
            | Phase.SETTLING
        ):
            ask = r.service.uri if r.listening and r.service and not r.looks else ""
            return (Look(_to_read(r), _look_after_s(r), ask, approvals_since(r)),)
        case _ as never:
            assert_never(never)


def _look_after_s(r: Rollout) -> float:
    waits = r.awaiting_since and approvals_since(r)
    return BETWEEN_APPROVALS_S if waits else _pause_s(r.looks)


def _set_traffic(r: Rollout) -> SetTraffic:
    """The write of this phase: its traffic, why, and what it says of itself."""
    split, why, working, urgent = _write(r)
    annotation = annotation_of(r, split, working=working)
    return SetTraffic(split, _etag(r), why, even_unrecorded=urgent, annotation=annotation)


def _write(r: Rollout) -> tuple[Split, str, bool, bool]:
    """Traffic, why, whether the rollout goes on afterwards, whether it must happen unrecorded."""
    rollback = r.plan.kind is Kind.ROLLBACK
    match r.phase:
        case Phase.TAGGING:
            why = f"give {r.candidate} the tag {r.plan.tag} at 0 %"
            back = f"move all users from {r.candidate} back to {r.back_to}, and "
            return (
                _split(r.placed),
                (back if r.back_to else "") + why,
                True,
                rollback or bool(r.back_to),
            )
        case Phase.MOVING:
            why = f"{'roll back' if rollback else 'promote'} to {r.candidate}{_step_text(r)}"
            return _split(r.goal), why, r.plan.kind is Kind.ROLLOUT, rollback
        case Phase.REVERTING:
            return _split(r.goal), f"move traffic back: {_why_back(r)}", False, True
        case Phase.RECOVERING:
            return _split(r.goal), "take back what a dead rollout left", False, True
        case _:
            return _tidied(r), _why_tidy(r), False, True


def _step_text(r: Rollout) -> str:
    percent = r.goal.share_of(r.candidate) if r.goal else 100
    return "" if percent == 100 else f" with {percent} % of the traffic"


def _why_back(r: Rollout) -> str:
    if r.ending is Ending.REGRESSED:
        return f"{r.candidate} failed under users' traffic"
    if r.ending in {Ending.HELD, Ending.INTERRUPTED}:
        return "the rollout does not go on"
    return "the promotion did not come into effect"


def _tidied(r: Rollout) -> Split:
    """Traffic as it is, without our tag where it is still ours and nobody is to keep it."""
    assert r.service is not None
    return tidied(r, r.service.traffic)


def _why_tidy(r: Rollout) -> str:
    assert r.service is not None
    if _tidied(r) == r.service.traffic:
        return "give back the lease"
    if r.keeps_tag:
        return f"keep {r.candidate} at the tag {r.plan.kept_as}"
    return f"take the tag {r.plan.tag} from {r.candidate}"


def _run_probes(r: Rollout) -> RunProbes:
    assert r.service is not None
    live = r.phase is not Phase.PROBING
    control = _control(r) if not live else None
    return RunProbes(
        _questions(r, control),
        r.url,
        r.candidate,
        r.service.uri,
        r.started_at,
        r.deadline_at,
        live=live,
        service_probes=_users_probes(r) if live else (),
        after_s=_between_rounds_s(r) if live and r.looks else 0.0,
        identity=r.plan.identity,
        compare_with=_served_before(r),
        control=control,
        warm_s=r.plan.ready_within_s if r.plan.kind is Kind.ROLLBACK and not live else 0.0,
        ingress=r.service.ingress,
        fail_fast=r.plan.fail_fast,
        ready_until=None if live else _not_yet_until(r),
        again=r.plan.repeats if live else None,
        share=r.share if live else 100,
        stable_tag=_stable_tag(r) if control else "",
    )


def _not_yet_until(r: Rollout) -> datetime:
    """Until when the candidate may say that it is starting."""
    return min(r.limit_at, (r.at or r.started_at) + timedelta(seconds=r.plan.not_yet_s))


def _count_requests(r: Rollout) -> CountRequests:
    """Beside stable's of the same time; once it has none, beside those before the last move."""
    assert r.count_from is not None
    assert r.service is not None
    last = r.phase is Phase.WATCHING
    source = r.plan.metrics.source
    own = (r.url, *(line.uri for line in r.service.effective if line.tag and line.uri))
    return CountRequests(
        r.candidate,
        _served_before(r),
        source,
        r.count_from,
        r.started_at - timedelta(seconds=BEFORE_S) if last else r.count_from,
        r.arrived_at if last else None,
        tuple(dict.fromkeys(one.rstrip("/") for one in own if one)),
        BETWEEN_COUNTS_S[source] if r.looks else 0.0,
    )


def _stable_tag(r: Rollout) -> str:
    """An address of stable's that is a tag's, "" where no tag leads to it."""
    assert r.service is not None
    served = _served_before(r)
    return next(
        (
            line.uri.rstrip("/")
            for line in r.service.effective
            if line.tag and line.uri and (line.revision or r.service.latest_ready) in served
        ),
        "",
    )


def _questions(r: Rollout, control: Repeats | None) -> tuple[Probe, ...]:
    """What is asked now: nothing is compared with stable where nobody asks stable beside it.

    A policy without a baseline is taken at its word: what it cannot compare is not known.
    """
    compares = r.plan.baseline is Baseline.NONE or control is not None
    return r.questions if compares else without_comparison(r.questions)


def _read_logs(r: Rollout) -> ReadLogs:
    """The last log lines of one that does not start; stable is asked what is quick to answer."""
    if _control(r) is None or r.service is None:
        return ReadLogs(r.candidate, r.started_at)
    probes = tuple(
        probe for probe in r.questions if probe.spec.facts.quick and not probe.spares_stable
    )
    return ReadLogs(r.candidate, r.started_at, probes, r.service.uri, r.deadline_at)


def _control(r: Rollout) -> Repeats | None:
    """How stable is asked beside the candidate; None where nobody is.

    Not in a rollback: what serves then is what users are being moved away from. Not once the
    candidate has users: it shares the address of stable then.
    """
    asked = r.plan.kind is Kind.ROLLOUT and r.plan.baseline is Baseline.STABLE
    return r.plan.repeats if asked and _served_before(r) else None


def _served_before(r: Rollout) -> tuple[str, ...]:
    """The revisions that users had when the rollout began, the candidate itself left out."""
    shares = r.placed.shares if r.placed else {}
    return tuple(name for name in shares if name and name != r.candidate)


def _between_rounds_s(r: Rollout) -> float:
    """A pause, which does not last beyond the dwell or the watch that it is in."""
    if r.unsure:
        return BETWEEN_ROUNDS_S
    if r.least_requests:
        return BETWEEN_COUNTED_ROUNDS_S
    left = r.limit_at - (r.at or r.started_at)
    return min(BETWEEN_ROUNDS_S, max(left.total_seconds(), 0.0))


def _users_probes(r: Rollout) -> tuple[Probe, ...]:
    """Those that ask an address; logs belong to a revision."""
    return without_comparison(probe for probe in r.questions if asks_address(probe))


def _to_read(r: Rollout) -> tuple[str, ...]:
    """Revisions worth reading: the candidate while it matters, the stable ones once."""
    if r.phase is Phase.READING:
        once = tuple(name for name in r.wanted if name not in {r.candidate, *r.revisions})
        return (r.candidate, *once) if r.candidate else once
    if r.phase is Phase.RECOVERED:
        return tuple(name for name in _split(r.goal).shares if name)
    if r.phase is Phase.VERIFYING and r.plan.kind is Kind.ROLLBACK:
        return (r.candidate,)  # it may have been deleted since it was read
    if r.phase is not Phase.WAITING:
        return ()
    stable = tuple(name for name in _split(r.placed).shares if name and name not in r.revisions)
    return (r.candidate, *stable)


def _pause_s(looks: int) -> float:
    """0, 50 ms, then half as long again each time, up to 2 s."""
    return min(LONGEST_LOOK_S, FIRST_LOOK_S * 1.5 ** min(looks - 1, 20)) if looks else 0.0


def _split(split: Split | None) -> Split:
    assert split is not None
    return split


def _etag(r: Rollout) -> str:
    assert r.service is not None
    return r.service.etag
