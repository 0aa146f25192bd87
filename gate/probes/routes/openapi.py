"""The routes of an OpenAPI document, and what a client of one would miss in another. Pure.

Few rules, each of which breaks a client that was written for the first document:

- a route (path and method) is gone;
- a route asks for a query parameter, header or cookie that it did not ask for;
- a route needs a body that it did not need;
- a JSON body needs a property that it did not need (those of the body itself, and of the schemas
  that it is made of by $ref and allOf).

The names of path parameters do not matter: `/items/{id}` and `/items/{item_id}` are one route.
OpenAPI 3 and Swagger 2.0 are read; what a document does not say is taken not to be needed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate.core.policy import Json

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ROUTES_MAX = 20_000
"""More routes than any service has; a document with more is none."""
_PARAMETER = re.compile(r"\{[^{}/]*\}")
_REFERENCES_MAX = 20
_PARTS_MAX = 200

Routes = Mapping[str, "Route"]
"""Routes by their key: `GET /items/{}`."""


class NoDocumentError(Exception):
    """This is no OpenAPI document; the message says why."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path and method.

    Attributes:
        name: as the document writes it, `GET /items/{id}`.
        needs: what a request must bring, in words: `query parameter page`.
    """

    name: str
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Loss:
    """What a client of the first document misses in the second one.

    Attributes:
        route: as the first document writes it.
        needs: what it asks for now and did not; empty where the route is gone.
    """

    route: str
    needs: tuple[str, ...] = ()


def key_of(route: str) -> str:
    """A route without the names of its path parameters and with its method in capitals."""
    method, _, path = route.strip().partition(" ")
    return f"{method.upper()} {_PARAMETER.sub('{}', path.strip())}"


def routes_of(document: Json) -> Routes:
    """The routes of a document.

    Raises:
        NoDocumentError: it is none.
    """
    if not isinstance(document, dict):
        raise NoDocumentError("JSON that is no object")
    paths = document.get("paths")
    if not isinstance(paths, dict):
        raise NoDocumentError("an object without paths")
    found: dict[str, Route] = {}
    for path, item in paths.items():
        for method, operation, shared in _operations(document, item):
            name = f"{method.upper()} {path}"
            needs = frozenset(_needs(document, operation, shared))
            found[key_of(name)] = Route(name, needs)
            if len(found) > ROUTES_MAX:
                raise NoDocumentError(f"more than {ROUTES_MAX} routes")
    return found


def losses(stable: Routes, candidate: Routes) -> tuple[Loss, ...]:
    """What a client of stable misses in the candidate: what is gone first, both in order."""
    gone = [Loss(route.name) for key, route in stable.items() if key not in candidate]
    more = [
        Loss(route.name, tuple(sorted(candidate[key].needs - route.needs)))
        for key, route in stable.items()
        if key in candidate and candidate[key].needs - route.needs
    ]
    return (*gone, *more)


def _operations(
    document: Mapping[str, Json], item: Json
) -> Iterator[tuple[str, Mapping[str, Json], Json]]:
    """Each method of a path with its operation and the parameters that all of them share."""
    found = _followed(document, item)
    for method in METHODS:
        operation = found.get(method)
        if isinstance(operation, dict):
            yield method, operation, found.get("parameters")


def _needs(
    document: Mapping[str, Json], operation: Mapping[str, Json], shared: Json
) -> Iterator[str]:
    """What a request must bring; an operation's own parameter replaces the path's."""
    found: dict[tuple[Json, Json], Mapping[str, Json]] = {}
    for listed in (shared, operation.get("parameters")):
        for one in listed[:_PARTS_MAX] if isinstance(listed, list) else ():
            parameter = _followed(document, one)
            place, name = parameter.get("in"), parameter.get("name")
            if isinstance(place, str) and isinstance(name, str):
                found[place, name] = parameter
    for (place, name), parameter in found.items():
        if place == "body":
            yield from _of_body(document, parameter, parameter.get("schema"))
        elif place != "path" and parameter.get("required") is True:
            yield f"{place} parameter {name}"
    yield from _of_request_body(document, operation.get("requestBody"))


def _of_request_body(document: Mapping[str, Json], given: Json) -> Iterator[str]:
    body = _followed(document, given)
    content = body.get("content")
    medium = content.get("application/json") if isinstance(content, dict) else None
    yield from _of_body(document, body, medium.get("schema") if isinstance(medium, dict) else None)


def _of_body(document: Mapping[str, Json], body: Mapping[str, Json], schema: Json) -> Iterator[str]:
    if body.get("required") is True:
        yield "a body"
    for name in sorted(_required(document, schema)):
        yield f"{name} in the body"


def _required(document: Mapping[str, Json], schema: Json) -> set[str]:
    """The properties that a body must have, by $ref and allOf; each schema is looked at once."""
    names: set[str] = set()
    waiting, seen = [schema], 0
    while waiting and seen < _PARTS_MAX:
        seen += 1
        one = _followed(document, waiting.pop())
        required, parts = one.get("required"), one.get("allOf")
        if isinstance(required, list):
            names |= {name for name in required[:_PARTS_MAX] if isinstance(name, str)}
        waiting += parts[:_PARTS_MAX] if isinstance(parts, list) else []
    return names


def _followed(document: Mapping[str, Json], value: Json) -> Mapping[str, Json]:
    """What a value refers to within the document; {} where it refers nowhere or in circles."""
    for _ in range(_REFERENCES_MAX):
        if not isinstance(value, dict):
            return {}
        reference = value.get("$ref")
        if not isinstance(reference, str):
            return value
        value = _at(document, reference)
    return {}


def _at(document: Mapping[str, Json], reference: str) -> Json:
    """The value that a JSON Pointer of this document names; None where there is none."""
    if not reference.startswith("#/"):
        return None
    value: Json = dict(document)
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, dict) else None
    return value
