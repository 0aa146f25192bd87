"""Traffic targets, both ways, and the observed traffic."""

from typing import cast

from gate.local.admin.messages import BY_NAME, LATEST, Service, TrafficTarget
from gate.local.admin.names import short
from gate.local.admin.v1.fields import Fields, Json
from gate.local.admin.v1.table import Message
from gate.local.api.errors import invalid
from gate.local.ports import JsonValue


def target_v1(target: Message) -> Json:
    """Gives a target of spec.traffic (v2's message, without its wrapper); 0 % is not shown."""
    entry: Json = {}
    if target.percent:
        entry["percent"] = target.percent
    if target.type_ == LATEST:
        entry["latestRevision"] = True
    else:
        entry["revisionName"] = short(target.revision)
    if target.tag:
        entry["tag"] = target.tag
    return entry


def read_target(fields: Fields) -> TrafficTarget:
    """Reads a target of spec.traffic.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    percent, tag = fields.number("percent"), fields.text("tag")
    name, latest = fields.text("revisionName"), fields.flag("latestRevision")
    fields.ignore("url")
    fields.close()
    if latest and name:
        raise invalid(fields.where, "latestRevision and revisionName exclude each other")
    kind = LATEST if latest else BY_NAME
    return TrafficTarget(type_=kind, revision=name, percent=percent, tag=tag)


def observed_v1(service: Service) -> list[JsonValue]:
    """Gives status.traffic: entries of one revision without a tag are merged, as v1 does."""
    ready = short(service.latest_ready_revision)
    merged: dict[tuple[str, str], Json] = {}
    for status in Service.pb(service).traffic_statuses:
        follows = status.type_ == LATEST
        name = ready if follows else short(status.revision)
        entry = merged.setdefault((name, status.tag), {"revisionName": name})
        percent = cast("int", entry.get("percent", 0)) + status.percent
        if percent:
            entry["percent"] = percent
        if follows:
            entry["latestRevision"] = True
        if status.tag:
            entry.update(tag=status.tag, url=status.uri)
    return list(merged.values())
