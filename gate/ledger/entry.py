"""The ledger's entries: what the gate intends before each write, and what came of it.

Entries are JSON objects of strings, booleans and integers, so that they read the same wherever
they are kept. Secrets are taken out of every string before any is cut.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.evidence import Evidence, Finding
from gate.core.mark import UnreadableMark
from gate.core.messages import Deploy, SetTraffic
from gate.core.policy import Json
from gate.core.state import Ending, Kind, Past, PastMove, Rollout
from gate.core.traffic import Split
from gate.core.verdict import Reason, Verdict
from gate.ledger.fitting import cut, fitted

FORMAT = 1
FINDINGS_MAX = 10
EXCERPTS_MAX = 20
REASONS_MAX = 50
NOTES_MAX = 50
TEXT_MAX = 500
ALONE_MAX = 10_000
"""Most characters of a text in a verdict with one reason only: Cloud Run's own message is long."""
SIZE_MAX_BYTES = 200_000
"""Cloud Logging takes entries of 256 KiB; this leaves room for what it adds."""

Entry = dict[str, Json]
Redact = Callable[[Json], Json]
"""Takes secrets out of a value."""


def _as_it_is(value: Json) -> Json:
    return value


def intention(
    rollout: Rollout, command: Deploy | SetTraffic, at: datetime, redact: Redact = _as_it_is
) -> dict[str, Json]:
    """What is about to be done, kept before it is done."""
    entry: dict[str, Json] = {
        **_head(rollout, at, "intention"),
        "message": f"{rollout.plan.service.name}: about to {command.why}",
        "why": command.why,
        "traffic_now": _split(rollout.service.traffic if rollout.service else None),
        "traffic_wanted": _split(command.traffic),
        "fence": command.mark.fence,
        "phase": rollout.phase.value,
    }
    return _bounded(entry, redact)


def outcome(rollout: Rollout, at: datetime, redact: Redact = _as_it_is) -> dict[str, Json]:
    """How the rollout ended, on what evidence, with traffic before and after it.

    Args:
        rollout: as it stands; what could not be known is left empty.
        at: time of the entry.
        redact: takes secrets out before any text is cut, so that no half of one is left.
    """
    ending = rollout.ending.value if rollout.ending else "unknown"
    service = rollout.service
    effective = service.effective_shares if service else {}
    entry: dict[str, Json] = {
        **_head(rollout, at, "outcome"),
        "message": f"{rollout.plan.service.name}: {rollout.plan.kind.value} {ending}",
        "ending": ending,
        "exit_code": int(rollout.exit_code),
        "started_at": _time(rollout.started_at),
        "duration_ms": _milliseconds(at - rollout.started_at),
        "candidate": _candidate(rollout),
        "stable": _stable(rollout),
        "base": rollout.base,
        "template_differences": list(rollout.differences),
        "bars_added": _bars_added(rollout),
        "verdict": _verdict(rollout.verdict),
        "evidence": [_evidence(item) for item in _worth_keeping(rollout.evidence)],
        "traffic_before": _split(rollout.before),
        "traffic_after": _split(service.traffic if service else None),
        "effective_after": dict(sorted(effective.items())),
        "last_modifier": service.last_modifier if service else "",
        "stakes": dict(rollout.plan.stakes),
        "took_back": list(rollout.took_back),
        "notes": list(rollout.notes[-NOTES_MAX:]),
    }
    return _bounded(entry, redact)


def _bounded(entry: dict[str, Json], redact: Redact) -> dict[str, Json]:
    clean = redact(entry)
    short = cut(clean, TEXT_MAX)
    assert isinstance(clean, dict)
    assert isinstance(short, dict)
    match clean:
        case {"verdict": {"reasons": [_]} as verdict}:
            short["verdict"] = cut(verdict, ALONE_MAX)
        case _:
            pass
    return fitted(short, SIZE_MAX_BYTES)


def digest(entry: dict[str, Json]) -> str:
    """sha256 (hex) of an entry in canonical form: keys sorted, no spaces, UTF-8."""
    text = json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def past_moves(entries: tuple[dict[str, Json], ...]) -> tuple[PastMove, ...]:
    """The promotions that these entries tell of, in their order: each knows the way back.

    A rollback is none: what had the traffic before it is what users were moved away from.
    """
    moves = []
    for entry in entries:
        before, after = entry.get("traffic_before"), entry.get("effective_after")
        if entry.get("ending") != "promoted" or not isinstance(before, list):
            continue
        if isinstance(after, dict) and (shares := _named_shares(before, entry)):
            pairs = tuple((str(k), v) for k, v in after.items() if isinstance(v, int))
            moves.append(PastMove(shares, pairs))
    return tuple(moves)


def past_of(entries: tuple[dict[str, Json], ...]) -> Past:
    """What these entries, newest first, remember of the service's revisions."""
    last: dict[str, str] = {}
    served: dict[str, None] = {}
    for entry in entries:
        if entry.get("entry") != "outcome":
            continue
        name = _candidate_name(entry)
        if name and (verdict := _decided(entry)) is not None:
            last.setdefault(name, verdict)
        shares = [one for one, _ in _named_shares_of(entry)]
        served |= dict.fromkeys(one for one in shares if one != name or last.get(one) == "")
    against = tuple((name, verdict) for name, verdict in last.items() if verdict)
    return Past(past_moves(entries), tuple(served), against)


def _candidate_name(entry: dict[str, Json]) -> str:
    candidate = entry.get("candidate")
    name = candidate.get("revision") if isinstance(candidate, dict) else ""
    return name if isinstance(name, str) else ""


def _decided(entry: dict[str, Json]) -> str | None:
    """What an outcome says against its candidate, "" if it is for it, None if neither."""
    ending, at = entry.get("ending"), str(entry.get("at", ""))[:16].replace("T", " ")
    if ending in {Ending.PROMOTED.value, Ending.ROLLED_BACK.value}:
        return ""
    if ending not in {Ending.REJECTED.value, Ending.REGRESSED.value}:
        return None
    verdict = entry.get("verdict")
    reasons = verdict.get("reasons") if isinstance(verdict, dict) else None
    first = reasons[0] if isinstance(reasons, list) and reasons else None
    why = f": {first.get('subject')}: {first.get('text')}" if isinstance(first, dict) else ""
    return f"was {ending} by the gate at {at} UTC{why}"


def _named_shares_of(entry: dict[str, Json]) -> tuple[tuple[str, int], ...]:
    """Who had users before and after an outcome."""
    before, after = entry.get("traffic_before"), entry.get("effective_after")
    had = _named_shares(before, entry) if isinstance(before, list) else ()
    has = after.items() if isinstance(after, dict) else ()
    return (*((name, share) for name, share in has if isinstance(share, int)), *had)


def _named_shares(before: list[Json], entry: dict[str, Json]) -> tuple[tuple[str, int], ...]:
    """Shares before the move; LATEST by the name of the stable revision it meant then."""
    stable = entry.get("stable")
    names = (
        [str(item.get("revision") or "") for item in stable if isinstance(item, dict)]
        if isinstance(stable, list)
        else []
    )
    shares = []
    for line in before:
        if not isinstance(line, dict) or not isinstance(percent := line.get("percent"), int):
            continue
        name = str(line.get("revision") or "")
        if percent and not name:
            if len(names) != 1 or not names[0]:
                return ()
            name = names[0]
        if percent:
            shares.append((name, percent))
    return tuple(shares)


def _head(rollout: Rollout, at: datetime, entry: str) -> dict[str, Json]:
    plan = rollout.plan
    return {
        "format": FORMAT,
        "entry": entry,
        "rollout": rollout.id,
        "at": _time(at),
        "kind": "unlock" if plan.kind is Kind.RECOVER and plan.force else plan.kind.value,
        "project": plan.service.project,
        "region": plan.service.region,
        "service": plan.service.name,
        "actor": plan.actor,
        "reason": plan.reason,
        "policy": plan.policy_source,
        "policy_digest": plan.policy_digest,
    }


def _candidate(rollout: Rollout) -> dict[str, Json]:
    revision = rollout.revisions.get(rollout.candidate)
    image = revision.image if revision else rollout.plan.image
    return {
        "revision": rollout.candidate,
        "image": image,
        "url": rollout.url,
        "condition": str(revision.ready) if revision else "",
    }


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


def _bars_added(rollout: Rollout) -> list[Json]:
    """What people moved users away from, as far as it was written down since the rollout began."""
    try:
        bars = rollout.service.mark.barred if rollout.service else ()
    except UnreadableMark:
        bars = ()
    known = {bar.revision for bar in rollout.barred}
    return [
        {"revision": bar.revision, "image": bar.image, "actor": bar.actor, "reason": bar.reason}
        for bar in bars
        if bar.revision not in known
    ]


def _verdict(verdict: Verdict | None) -> Json:
    if verdict is None:
        return None
    told, more = verdict.reasons[:REASONS_MAX], len(verdict.reasons) - REASONS_MAX
    if more > 0:
        told = (*told, Reason("more", f"and {more} more reasons"))
    reasons: list[Json] = [
        {
            "subject": reason.subject,
            "text": reason.text,
            "hint": reason.hint,
            "capability": reason.capability,
            "attribution": reason.attribution.value if reason.attribution else "",
            "lines": list(reason.lines),
        }
        for reason in told
    ]
    return {"decision": verdict.decision.value, "reasons": reasons}


def _worth_keeping(evidence: Sequence[Evidence]) -> Iterator[Evidence]:
    """All of it, without the excerpts of what stable showed where the candidate passed."""
    wrong = {item.probe for item in evidence if not item.passed}
    for item in evidence:
        needed = not item.control or item.probe in wrong
        yield item if needed else replace(item, excerpts=())


def _evidence(item: Evidence) -> Json:
    return {
        "probe": item.probe,
        "kind": item.kind,
        "outcome": item.outcome.value,
        "asked": item.asked,
        "expected": item.expected,
        "seen": item.seen,
        "started_at": _time(item.started_at),
        "duration_ms": round(item.duration_s * 1000),
        "asked_times": item.asked_times,
        "right_times": item.right_times,
        "trace": item.trace,
        "address": item.address,
        "answered_by": item.answered_by,
        "attribution": item.attribution.value if item.attribution else "",
        "repeats": [one.value for one in item.repeats],
        "findings": [_finding(finding) for finding in item.findings[:FINDINGS_MAX]],
        "excerpts": list(item.excerpts[:EXCERPTS_MAX]),
        "log_lines": list(item.log_lines),
    }


def _finding(finding: Finding) -> Json:
    return {
        "symptom": finding.symptom.value,
        "expected": finding.expected,
        "seen": finding.seen,
        "count": finding.count,
        "hint": finding.hint,
    }


def _split(split: Split | None) -> list[Json]:
    if split is None:
        return []
    return [
        {"revision": line.revision or "", "percent": line.percent, "tag": line.tag}
        for line in split
    ]


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
