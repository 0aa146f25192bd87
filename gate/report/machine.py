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
    stopped                     {actor, reason, since} where people have stopped the line, else null
    barred                      [{revision, image, actor, reason}]: moved away from by people, not
                                promoted again by automation
    order                       {revision: number}: which build is the newer one, as far as is known
    revisions                   [{name, ready, image, created_at}], newest first
    ledger                      {state, problem, doubt}; state is read or unreadable; problem says
                                why it could not be read, doubt why it does not fit what the
                                service says of its last write; "" for neither
    decisions                   the last ones, newest first, each as one object: its outcome, with
                                `record` beside it, as `gate audit list --output json` has them;
                                one without an outcome has an ending such as unfinished. Of the
                                newest 20 entries: of the last one intentions may be left out

What `gate probe --output json` has is told in gate.ledger.evidence.
"""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime

from gate.core.order import orders_of
from gate.core.policy import Json
from gate.core.service import Condition, Revision, Service
from gate.report.audit import decision_values
from gate.report.lease import denylist_value, lease_value
from gate.report.rules import stopped_value
from gate.report.status import decided, status_next


def to_json(value: Json) -> str:
    """One JSON document, indented, in ASCII only, so that nothing in it acts on a terminal.

    Nor does anything act on a build's runner, which takes `##[` anywhere for a command.
    Numbers that JSON does not have (a ledger may hold whatever somebody wrote) become null.
    """
    text = json.dumps(_finite(value), indent=2, ensure_ascii=True, allow_nan=False)
    return text.replace("##[", "#\\u0023[")


def status_value(
    service: Service,
    revisions: Sequence[Revision],
    latest_entries: Sequence[dict[str, Json]],
    now: datetime,
    *,
    problem: str = "",
    doubt: str = "",
) -> Json:
    """How a service stands: see the table of fields above.

    Args:
        service: as it was just read.
        revisions: newest first.
        latest_entries: entries of the ledger, newest first.
        now: the time.
        problem: why the ledger could not be read, "" where it was.
        doubt: why it does not fit what the service says, "" where it does.
    """
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
        "stopped": stopped_value(service),
        "barred": denylist_value(service),
        "order": {**orders_of(service)},
        "revisions": [_revision(revision) for revision in revisions],
        "ledger": {
            "state": "unreadable" if problem else "read",
            "problem": problem,
            "doubt": doubt,
        },
        "decisions": [*decision_values(decided(service, latest_entries))],
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


def _time(at: datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
