"""How a service stands, typed: read from what `gate status --output json` has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gate.core.policy import Json
from gate.core.service import ConditionState, Revision, Service
from gate.report.machine import status_value
from gate.report.status import unread_note


@dataclass(frozen=True, slots=True)
class Status:
    """How a service stands.

    Attributes:
        service: PROJECT/REGION/NAME.
        url: its own URL, "" while there is none.
        ready: whether it is.
        in_effect: whether desired and effective traffic agree, and nothing is under way.
        desired: percent by revision, as asked for; "" is LATEST.
        traffic: percent by revision, as the front end obeys it.
        tags: revision by tag.
        revisions: names, newest first.
        note: why the last decisions cannot be read, "" if they were.
        record: everything, as `gate status --output json` has it.
    """

    service: str
    url: str
    ready: bool
    in_effect: bool
    desired: Mapping[str, int]
    traffic: Mapping[str, int]
    tags: Mapping[str, str]
    revisions: tuple[str, ...]
    note: str
    record: Mapping[str, Json] = field(repr=False)


def status_of(
    service: Service,
    revisions: Sequence[Revision],
    entries: Sequence[dict[str, Json]],
    problem: str,
    now: datetime,
) -> Status:
    """The status of a service as it was read; `problem`: why its ledger was not, "" for neither."""
    record = status_value(service, revisions, entries, now, problem=problem)
    return Status(
        service=str(service.ref),
        url=service.uri,
        ready=service.ready.state is ConditionState.SUCCEEDED,
        in_effect=service.in_effect,
        desired={name or "": percent for name, percent in service.traffic.shares.items()},
        traffic=dict(service.effective_shares),
        tags={tag: name or "" for tag, name in service.traffic.tags.items()},
        revisions=tuple(revision.name for revision in revisions),
        note=unread_note(problem),
        record=record if isinstance(record, dict) else {},
    )
