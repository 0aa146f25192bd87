"""The ledger's entries: what the gate intends before each write, and what came of it.

Entries are JSON objects of strings, booleans and integers, so that they read the same wherever
they are kept. Secrets are taken out of every string before any is cut.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gate.core.afterwards import kept_tag, kept_tag_url, next_steps, still_open
from gate.core.annotation import RolloutAnnotation
from gate.core.denylist import digest_in
from gate.core.evidence import Evidence
from gate.core.messages import Deploy, SetTraffic
from gate.core.origin import Origin
from gate.core.policy import Json
from gate.core.state import UNLOCK, Kind, PastOutcome, Phase, Plan, Rollout
from gate.core.traffic import Split
from gate.core.verdict import Reason, Verdict
from gate.ledger.canonical import digest
from gate.ledger.events import in_entry
from gate.ledger.evidence import (
    did_not_run,
    evidence_values,
    not_asked_value,
    time_text,
    verdict_value,
)
from gate.ledger.fitting import cut, fitted, size_bytes
from gate.ledger.user_requests import user_requests_value

FORMAT = 2
"""Entries of format 1 are no chain: they say nothing of the entries before them."""
FINDINGS_MAX = 10
EXCERPTS_MAX = 20
REASONS_MAX = 50
NOTES_MAX = 50
TEXT_MAX = 500
ALONE_MAX = 10_000
"""Most characters of a text in a verdict with one reason only: Cloud Run's own message is long."""
SIZE_MAX_BYTES = 200_000
"""Cloud Logging takes entries of 256 KiB; this leaves room for what it adds."""
EVENTS_BRIEF_BYTES = 1000
"""Of that, for how many events there were and where they are."""

Entry = dict[str, Json]
Redact = Callable[[Json], Json]
"""Takes secrets out of a value."""


@dataclass(frozen=True, slots=True)
class Link:
    """What ties a rollout's entry to others, and to who writes it.

    Attributes:
        last: what the last write of the rollout that was accepted said of itself.
        principal: who Cloud Run says wrote then, "" where nobody has looked since.
        seen: the newest outcomes that the ledger had, None where it could not be asked.
        kept: digests of the rollout's intentions that the ledger has kept, in their order.
        unkept: the same of those of which nobody knows whether it has.
    """

    last: RolloutAnnotation = field(default_factory=RolloutAnnotation)
    principal: str = ""
    seen: tuple[PastOutcome, ...] | None = None
    kept: tuple[str, ...] = ()
    unkept: tuple[str, ...] = ()


NO_LINK = Link()


def _as_it_is(value: Json) -> Json:
    return value


def intention(
    rollout: Rollout,
    command: Deploy | SetTraffic,
    at: datetime,
    redact: Redact = _as_it_is,
    link: Link = NO_LINK,
) -> Entry:
    """What is about to be done, kept before it is done.

    Args:
        rollout: as it stands; the entry before this one is the one that explains the last write on
            the service, as the service was read for this write.
        command: the write.
        at: time of the entry.
        redact: takes secrets out.
        link: what is known beside the rollout.
    """
    before = _annotation_of(rollout)
    entry: Entry = {
        **_head(rollout, at, "intention", link),
        "sequence": before.sequence + 1,
        "previous": before.entry,
        "outcomes": None if link.seen is None else [_outcome_seen(one) for one in link.seen],
        "message": f"{rollout.plan.service.name}: about to {command.why}",
        "why": command.why,
        "traffic_now": _split(rollout.service.traffic if rollout.service else None),
        "traffic_wanted": _split(command.traffic),
        **_approvals(rollout),
        "fence": command.annotation.fence,
        "phase": rollout.phase.value,
        "decided": rollout.ending.value if rollout.ending else "",
        "evidence_digest": digest(_shortened(_judged(rollout), redact)),
    }
    return fitted(_shortened(entry, redact), SIZE_MAX_BYTES)


def outcome(
    rollout: Rollout,
    at: datetime,
    redact: Redact = _as_it_is,
    link: Link = NO_LINK,
    events: Entry | None = None,
) -> Entry:
    """How the rollout ended, on what evidence, with traffic before and after it.

    Args:
        rollout: as it stands; what could not be known is left empty.
        at: time of the entry.
        redact: takes secrets out before any text is cut, so that no half of one is left.
        link: what is known beside the rollout.
        events: what happened (EventLog.value), None where nobody kept that. Evidence goes first:
            where there is room for one of the two only, how many events there are is left.
    """
    over = rollout.phase in {Phase.RECORDING, Phase.ENDED}
    ending = rollout.ending.value if rollout.ending and over else "unknown"
    service, probes = rollout.service, rollout.plan.probes
    effective = service.effective_shares if service else {}
    before = max(link.last, _annotation_of(rollout), key=lambda one: one.sequence)
    entry: Entry = {
        **_head(rollout, at, "outcome", link),
        "sequence": before.sequence,
        "previous": before.entry,
        "intentions": list(link.kept),
        "intentions_unkept": list(link.unkept),
        "message": f"{rollout.plan.service.name}: {rollout.plan.kind.value} {ending}",
        "ending": ending,
        "exit_code": int(rollout.exit_code),
        "started_at": time_text(rollout.started_at),
        "duration_ms": _milliseconds(at - rollout.started_at),
        "candidate": _candidate(rollout),
        "stable": _stable(rollout),
        **_quarantine(rollout),
        **_earlier(rollout),
        "base": rollout.base,
        "template_differences": list(rollout.differences),
        "bars_added": _bars_added(rollout),
        "did_not_run": did_not_run(
            rollout.evidence, probes if rollout.asks_first else (), rollout.not_asked
        ),
        "not_asked": not_asked_value(rollout.not_asked),
        "user_requests": user_requests_value(rollout),
        "traffic_before": _split(rollout.before),
        "traffic_after": _split(service.traffic if service else None),
        "effective_after": dict(sorted(effective.items())),
        "in_effect": bool(service and service.obeyed),
        "reconciling": bool(service and service.reconciling),
        "still_open": [
            {"revision": name, "timeout_s": round(timeout_s)}
            for name, timeout_s in still_open(rollout)
        ],
        "last_modifier": service.last_modifier if service else "",
        "stakes": dict(rollout.plan.stakes),
        **_approvals(rollout),
        **_proof(rollout),
        "secret_versions": dict(rollout.plan.secret_versions),
        **_override(rollout),
        "took_back": list(rollout.took_back),
        "notes": list(rollout.notes[-NOTES_MAX:]),
        "next": _next(rollout),
    }
    judged = _shortened(_judged(rollout), redact)
    told = {**_shortened(entry, redact), **judged, "evidence_digest": digest(judged)}
    if events is None:
        return fitted(told, SIZE_MAX_BYTES)
    whole = fitted(told, SIZE_MAX_BYTES - EVENTS_BRIEF_BYTES)
    return {**whole, "events": in_entry(events, SIZE_MAX_BYTES - size_bytes(whole))}


def left_out(entry: Entry, rollout: Rollout, redact: Redact = _as_it_is) -> Entry | None:
    """The whole evidence and verdict of an outcome that holds a part only; None where it is whole.

    Args:
        entry: the outcome; its `evidence_digest` is the hash of what is returned.
        rollout: whose it is.
        redact: takes secrets out.
    """
    there = {"evidence": entry["evidence"], "verdict": entry["verdict"]}
    whole = digest(there) == entry["evidence_digest"]
    return None if whole else _shortened(_judged(rollout), redact)


def _judged(rollout: Rollout) -> Entry:
    """The evidence and what follows from it: what `evidence_digest` is the digest of."""
    kept = _worth_keeping(rollout.evidence)
    evidence = evidence_values(kept, rollout.plan.probes, FINDINGS_MAX)
    return {
        "verdict": verdict_value(_bounded_reasons(rollout.verdict)),
        "evidence": [*evidence],
    }


def _shortened(entry: Entry, redact: Redact) -> Entry:
    """Without secrets, and with every text within bounds."""
    clean = redact(entry)
    short = cut(clean, TEXT_MAX)
    assert isinstance(clean, dict)
    assert isinstance(short, dict)
    match clean:
        case {"verdict": {"reasons": [_]} as verdict}:
            short["verdict"] = cut(verdict, ALONE_MAX)
        case _:
            pass
    return short


def _head(rollout: Rollout, at: datetime, entry: str, link: Link) -> Entry:
    plan = rollout.plan
    origin, proof = plan.origin, plan.proof.proof if plan.proof else None
    return {
        "format": FORMAT,
        "entry": entry,
        "rollout": rollout.id,
        "at": time_text(at),
        "kind": "unlock" if plan.kind is Kind.RECOVER and plan.force else plan.kind.value,
        "project": plan.service.project,
        "region": plan.service.region,
        "service": plan.service.name,
        "actor": plan.actor,
        "principal": _principal(plan, link),
        "build": build_value(origin),
        "gate_version": origin.release,
        "reason": plan.reason,
        "overrides": _set_aside(rollout),
        **({} if plan.order is None else {"order": plan.order}),
        "policy": plan.policy_source,
        "policy_digest": plan.policy_digest,
        "proof_digest": proof.digest if proof else "",
    }


def _set_aside(rollout: Rollout) -> list[Json]:
    """What was asked for against a rule; an unlock only where there was a lease to break."""
    broke = UNLOCK in rollout.overrode
    return [name for name in rollout.plan.overrides if name != UNLOCK or broke]


def build_value(origin: Origin) -> Json:
    """The build that runs the gate, as entries have it."""
    return {
        "system": origin.system,
        "id": origin.build,
        "trigger": origin.trigger,
        "commit": origin.commit,
    }


def _principal(plan: Plan, link: Link) -> Json:
    """Who acts, and by whose word: Cloud Run's, that of the credentials, or a mere claim."""
    if link.principal:
        return {"name": link.principal, "authenticated": "cloud run"}
    if plan.who.authenticated:
        return {"name": plan.who.name, "authenticated": "credentials"}
    return {"name": plan.actor, "authenticated": "claimed"}


def _annotation_of(rollout: Rollout) -> RolloutAnnotation:
    """What the service says of the last write; an annotation that cannot be read says nothing."""
    return rollout.service.known_annotation if rollout.service else RolloutAnnotation()


def _outcome_seen(one: PastOutcome) -> Json:
    return {"rollout": one.rollout, "at": one.at, "digest": one.digest}


def _candidate(rollout: Rollout) -> dict[str, Json]:
    revision = rollout.revisions.get(rollout.candidate)
    image = revision.image if revision else rollout.plan.image
    return {
        "revision": rollout.candidate,
        "image": image,
        "digest": (revision.digest if revision else "") or (image if digest_in(image) else ""),
        "url": rollout.url,
        "condition": str(revision.ready) if revision else "",
        "tag": kept_tag(rollout),
        "tag_url": kept_tag_url(rollout),
    }


def _override(rollout: Rollout) -> dict[str, Json]:
    """Which rules were to be set aside and until when, and which really were."""
    asked = rollout.plan.override
    if asked is None:
        return {}
    said: Json = {
        "rules": list(asked.rules),
        "overrode": list(rollout.overrode),
        "until": time_text(asked.until),
    }
    return {"override": said}


def _approvals(rollout: Rollout) -> dict[str, Json]:
    """The approvals that the move rests on, by their hashes; nothing where none are asked for."""
    if rollout.plan.approve is None:
        return {}
    return {
        "approvals": [
            {"digest": one.digest, "name": one.who.name, "at": time_text(one.at)}
            for one in rollout.approved
        ]
    }


def _proof(rollout: Rollout) -> dict[str, Json]:
    """How many known faults the probes have noticed, by a proof that speaks of this policy."""
    proof = rollout.plan.proof.fresh if rollout.plan.proof else None
    if proof is None:
        return {}
    counts = {"mutants": proof.mutants, "killed": proof.killed, "reachable": proof.reachable}
    return {"proof": {**counts, "made_at": time_text(proof.made_at)}}


def _next(rollout: Rollout) -> Json:
    steps = next_steps(rollout)
    return {"text": steps.text, "commands": list(steps.commands), "remark": steps.remark}


def _stable(rollout: Rollout) -> list[Json]:
    """The revisions that had traffic before, with their images where they were read."""
    if rollout.before is None or rollout.service is None:
        return []
    shares = (rollout.placed or rollout.before).shares
    lines: list[Json] = []
    for name, percent in shares.items():
        revision = rollout.revisions.get(name or "")
        image = revision.image if revision else ""
        lines.append({"revision": name or "", "percent": percent, "image": image})
    return lines


def _earlier(rollout: Rollout) -> dict[str, Json]:
    """Which decision of the stage before let the image pass, where the policy asks for one."""
    found = rollout.plan.earlier
    if found is None or found.problem:
        return {}
    said: Json = {
        "verifier": found.verifier,
        "rollout": found.rollout,
        "envelope_digest": found.envelope,
    }
    return {"earlier_stage": said}


def _quarantine(rollout: Rollout) -> dict[str, Json]:
    """Whom users were on, and where they were taken to before the candidate was asked."""
    if not rollout.back_to or rollout.found is None:
        return {}
    users = {name or "": percent for name, percent in rollout.found.shares.items()}
    return {"quarantine": {"stable": rollout.back_to, "users_were_on": dict(sorted(users.items()))}}


def _bars_added(rollout: Rollout) -> list[Json]:
    """What people moved users away from, as far as it was written down since the rollout began."""
    if rollout.plan.kind in {Kind.STOP, Kind.RESUME}:
        return []  # moves nobody, and remembers no earlier list to compare with
    denylist = _annotation_of(rollout).denylist
    known = {one.revision for one in rollout.denylist}
    return [
        {"revision": one.revision, "image": one.image, "actor": one.actor, "reason": one.reason}
        for one in denylist
        if one.revision not in known
    ]


def _bounded_reasons(verdict: Verdict | None) -> Verdict | None:
    more = len(verdict.reasons) - REASONS_MAX if verdict else 0
    if verdict is None or more <= 0:
        return verdict
    told = Reason("more", f"and {more} more reasons")
    return replace(verdict, reasons=(*verdict.reasons[:REASONS_MAX], told))


def _worth_keeping(evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    """All of it within bounds, without what stable showed in full where the candidate passed."""
    wrong = {item.probe for item in evidence if not item.passed}
    for item in evidence:
        needed = not item.control or item.probe in wrong
        excerpts = item.excerpts[:EXCERPTS_MAX] if needed else ()
        yield replace(item, excerpts=excerpts)


def _split(split: Split | None) -> list[Json]:
    if split is None:
        return []
    return [
        {"revision": line.revision or "", "percent": line.percent, "tag": line.tag}
        for line in split
    ]


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
