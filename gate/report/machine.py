"""The same for machines: JSON with field names that stay.

Entries of the ledger are shown as they are kept (gate.ledger.entry). Names of revisions are short
names; times are RFC 3339 in UTC; a revision of "" stands for LATEST.

`gate status --output json`:

    project, region, service    strings
    url                         the service's own URL, "" while there is none
    ready                       {state, reason, message}
    reconciling                 whether a change is under way
    in_effect                   whether desired and effective traffic agree and nothing is under way
    follows_latest              whether a plain deploy would get traffic
    desired                     [{revision, percent, tag}], as asked for
    effective                   [{revision, percent, tag, url}], as the front end obeys it
    latest_ready, latest_created
    last_modifier, updated_at   "" where unknown
    next                        the one command that is right now, "" where there is nothing to do
    lease                       {state, rollout, actor, since, until, phase, candidate, fence};
                                state is free, held, lapsed (a rollout died) or unreadable; the rest
                                is "" where nobody holds it
    barred                      [{revision, image, actor, reason}]: moved away from by people, not
                                promoted again by automation
    revisions                   [{name, ready, image, created_at}], newest first
    decisions                   entries of the ledger, newest first

`gate probe --output json`:

    passed, asked               how many probes passed, of how many
    verdict                     {decision, reasons: [{subject, text, hint, capability,
                                attribution, lines}]} or null; lines are
                                the candidate's own log lines that explain it
    did_not_run                 names of probes that left no evidence
    evidence                    [{probe, kind, outcome, required, capability, asked, expected, seen,
                                started_at, duration_ms, asked_times, right_times, trace,
                                address, answered_by, attribution, repeats, findings,
                                excerpts}]; outcome is passed, failed or inconclusive; address is ""
                                for the one that was given and `stable` for what stable showed
                                (a control); answered_by is "" where that is not known;
                                attribution is "" for a pass and for stable; repeats are `right`,
                                `wrong`, `no answer` or `inconclusive`, the first try included, []
                                where nothing was repeated;
                                findings are {symptom, expected, seen, count, hint}
"""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime

from gate.core.evidence import Evidence, Finding, Outcome
from gate.core.policy import Json, Probe
from gate.core.service import Condition, Revision, Service
from gate.core.verdict import Verdict
from gate.report.controls import own
from gate.report.lease import barred_value, lease_value
from gate.report.status import status_next


def to_json(value: Json) -> str:
    """One JSON document, indented, in ASCII only, so that nothing in it acts on a terminal.

    Numbers that JSON does not have (a ledger may hold whatever somebody wrote) become null.
    """
    return json.dumps(_finite(value), indent=2, ensure_ascii=True, allow_nan=False)


def status_value(
    service: Service,
    revisions: Sequence[Revision],
    latest_entries: Sequence[dict[str, Json]],
    now: datetime,
) -> Json:
    """How a service stands: see the table of fields above."""
    return {
        "project": service.ref.project,
        "region": service.ref.region,
        "service": service.ref.name,
        "url": service.uri,
        "ready": _condition(service.ready),
        "reconciling": service.reconciling,
        "in_effect": service.in_effect,
        "follows_latest": service.traffic.follows_latest,
        "desired": [
            {"revision": line.revision or "", "percent": line.percent, "tag": line.tag}
            for line in service.traffic
        ],
        "effective": [
            {
                "revision": line.revision or "",
                "percent": line.percent,
                "tag": line.tag,
                "url": line.uri,
            }
            for line in service.effective
        ],
        "latest_ready": service.latest_ready,
        "latest_created": service.latest_created,
        "last_modifier": service.last_modifier,
        "updated_at": _time(service.updated_at),
        "next": status_next(service, revisions, latest_entries, now).command,
        "lease": lease_value(service, now),
        "barred": barred_value(service),
        "revisions": [_revision(revision) for revision in revisions],
        "decisions": list(latest_entries),
    }


def evidence_value(
    evidence: Sequence[Evidence],
    *,
    probes: Sequence[Probe] = (),
    verdict: Verdict | None = None,
) -> Json:
    """What the probes saw (`gate probe`): see the table of fields above.

    Args:
        evidence: what they saw.
        probes: those that were to run.
        verdict: what the evidence would mean for a rollout.
    """
    candidates = own(evidence)
    seen = {item.probe for item in candidates}
    asked = {probe.name: probe for probe in probes}
    return {
        "passed": sum(item.passed for item in candidates),
        "asked": len(seen | set(asked)),
        "verdict": _verdict(verdict),
        "did_not_run": [name for name in asked if name not in seen],
        "evidence": [_evidence(item, asked.get(item.probe)) for item in evidence],
    }


def _finite(value: Json) -> Json:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case list():
            return [_finite(item) for item in value]
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case _:
            return value


def _condition(condition: Condition) -> Json:
    return {
        "state": condition.state.value,
        "reason": condition.reason,
        "message": condition.message,
    }


def _revision(revision: Revision) -> Json:
    return {
        "name": revision.name,
        "ready": _condition(revision.ready),
        "image": revision.image,
        "created_at": _time(revision.created_at),
    }


def _verdict(verdict: Verdict | None) -> Json:
    if verdict is None:
        return None
    reasons: list[Json] = [
        {
            "subject": reason.subject,
            "text": reason.text,
            "hint": reason.hint,
            "capability": reason.capability,
            "attribution": reason.attribution.value if reason.attribution else "",
            "lines": list(reason.lines),
        }
        for reason in verdict.reasons
    ]
    return {"decision": verdict.decision.value, "reasons": reasons}


def _evidence(item: Evidence, probe: Probe | None) -> Json:
    unproven = item.outcome is Outcome.PASSED and not item.passed
    return {
        "probe": item.probe,
        "kind": item.kind,
        "outcome": (Outcome.INCONCLUSIVE if unproven else item.outcome).value,
        "required": probe.required if probe else True,
        "capability": probe.capability if probe else "",
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
        "findings": [_finding(finding) for finding in item.findings],
        "excerpts": list(item.excerpts),
    }


def _finding(finding: Finding) -> Json:
    return {
        "symptom": finding.symptom.value,
        "expected": finding.expected,
        "seen": finding.seen,
        "count": finding.count,
        "hint": finding.hint,
    }


def _time(at: datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
