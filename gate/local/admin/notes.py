"""Tells the history what traffic was asked for, what clients are told, and what is obeyed."""

from gate.local.admin.messages import BY_NAME
from gate.local.admin.names import short
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import ServiceRecord
from gate.local.admin.traffic import Routes
from gate.local.history import Line, Moment, What, lines_of


def asked(record: ServiceRecord, surroundings: Surroundings) -> None:
    """A write was accepted."""
    service = record.resource
    lines = tuple(
        Line(
            short(target.revision) if target.type_ == BY_NAME else "",
            target.percent,
            target.tag,
        )
        for target in service.traffic
    )
    moment = Moment(
        surroundings.now(),
        What.ASKED,
        lines,
        caller=service.last_modifier,
        annotations=tuple(service.annotations.items()),
        generation=service.generation,
    )
    surroundings.history.note(record.key, moment)


def told(record: ServiceRecord, surroundings: Surroundings) -> None:
    """Clients see these routes in `traffic_statuses` from now on."""
    _routed(record, surroundings, record.routes, What.TOLD)


def obeyed(record: ServiceRecord, surroundings: Surroundings, routes: Routes) -> None:
    """The front end splits new requests so from now on."""
    _routed(record, surroundings, routes, What.OBEYED)


def _routed(record: ServiceRecord, surroundings: Surroundings, routes: Routes, what: What) -> None:
    moment = Moment(
        surroundings.now(),
        what,
        lines_of(routes.shares, routes.tags),
        generation=record.resource.generation,
    )
    surroundings.history.note(record.key, moment)
