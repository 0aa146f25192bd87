"""The routes of an OpenAPI document, and what a client of one would miss in another. Pure.

Few rules, each of which breaks a client that was written for the first document:

- a route (path and method) is gone;
- a route asks for a query parameter, header or cookie that it did not ask for;
- a route needs a body that it did not need;
- a JSON body needs a property that it did not need (those of the body itself, and of the schemas
  that it is made of by $ref and allOf);
- a JSON answer no longer promises a property that it promised, read the same way. Where a document
  does not describe the answer at all, nothing is known of it, and nothing is lost.

The names of path parameters do not matter: `/items/{id}` and `/items/{item_id}` are one route.
OpenAPI 3 and Swagger 2.0 are read; what a document does not say is taken not to be needed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

from gate.core.policy import Json

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ROUTES_MAX = 20_000
"""More routes than any service has; a document with more is none."""
_PARAMETER = re.compile(r"\{[^{}/]*\}")
NAMES_MAX = 200_000
"""More names that are needed or promised than any service has; every route may refer to the same
huge schema, in a document of a few hundred kilobytes."""
_REFERENCES_MAX = 20
_PARTS_MAX = 200
_DEPTH_MAX = 20
_NAMES_MAX = 5
_DESCRIBED = ("properties", "required", "allOf")

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
        gives: properties that the answer to a request that went well always has; None where the
            document does not describe that answer.
    """

    name: str
    needs: frozenset[str]
    gives: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class BreakingChange:
    """What a client of the first document misses in the second one.

    Attributes:
        route: as the first document writes it.
        needs: what it asks for now and did not.
        unpromised: properties of its answer that it promised and promises no longer.
    """

    route: str
    needs: tuple[str, ...] = ()
    unpromised: tuple[str, ...] = ()

    @property
    def gone(self) -> bool:
        """Whether there is no such route any more."""
        return not self.needs and not self.unpromised

    @property
    def words(self) -> str:
        """What is wrong with it now."""
        parts = [f"needs {_listed(self.needs)}"] if self.needs else []
        parts += [f"no longer promises {_listed(self.unpromised)}"] if self.unpromised else []
        return " and ".join(parts) or "is gone"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_NAMES_MAX])


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
    reader = _Reader(document)
    found: dict[str, Route] = {}
    for path, item in paths.items():
        for method, operation, shared in reader.operations(item):
            name = f"{method.upper()} {path}"
            needs = reader.needs(operation, shared)
            found[key_of(name)] = Route(name, needs, reader.gives(operation))
            if len(found) > ROUTES_MAX:
                raise NoDocumentError(f"more than {ROUTES_MAX} routes")
    return found


def breaking_changes(stable: Routes, candidate: Routes) -> tuple[BreakingChange, ...]:
    """What a client of stable misses in the candidate: what is gone first, both in order."""
    gone = [BreakingChange(route.name) for key, route in stable.items() if key not in candidate]
    kept = [
        _breaking_change(route, candidate[key]) for key, route in stable.items() if key in candidate
    ]
    return (*gone, *(change for change in kept if not change.gone))


def _breaking_change(was: Route, now: Route) -> BreakingChange:
    """What a route that is still there asks for, and no longer gives."""
    unpromised = frozenset() if now.gives is None else (was.gives or frozenset()) - now.gives
    return BreakingChange(was.name, tuple(sorted(now.needs - was.needs)), tuple(sorted(unpromised)))


class _Reader:
    """Reads one document; each schema once, whoever refers to it.

    Args:
        document: all of it, for what its parts refer to.
    """

    def __init__(self, document: dict[str, Json]) -> None:
        self._document = document
        self._required: dict[int, frozenset[str]] = {}
        self._worded: dict[int, frozenset[str]] = {}
        self._names = 0

    def operations(self, item: Json) -> Iterator[tuple[str, Mapping[str, Json], Json]]:
        """Each method of a path with its operation and the parameters that all of them share."""
        found = self._followed(item)
        for method in METHODS:
            operation = found.get(method)
            if isinstance(operation, dict):
                yield method, operation, found.get("parameters")

    def needs(self, operation: Mapping[str, Json], shared: Json) -> frozenset[str]:
        """What a request must bring; an operation's own parameter replaces the path's.

        Raises:
            NoDocumentError: all that is needed is more than any service needs.
        """
        found: dict[tuple[Json, Json], Mapping[str, Json]] = {}
        for listed in (shared, operation.get("parameters")):
            for one in listed[:_PARTS_MAX] if isinstance(listed, list) else ():
                parameter = self._followed(one)
                place, name = parameter.get("in"), parameter.get("name")
                if isinstance(place, str) and isinstance(name, str):
                    found[place, name] = parameter
        body = self._followed(operation.get("requestBody"))
        bodies = [(body, _schema(body))]
        bodies += [(one, one.get("schema")) for (at, _), one in found.items() if at == "body"]
        needs = {
            f"{place} parameter {name}"
            for (place, name), parameter in found.items()
            if place not in {"body", "path"} and parameter.get("required") is True
        }
        needs |= {"a body" for one, _ in bodies if one.get("required") is True}
        worded = [words for _, schema in bodies if (words := self._in_body(schema))]
        return self._kept(needs.union(*worded)) if needs or len(worded) > 1 else _only(worded)

    def gives(self, operation: Mapping[str, Json]) -> frozenset[str] | None:
        """What the first answer that means success always has, if it is described as an object.

        Raises:
            NoDocumentError: as `needs`.
        """
        responses = operation.get("responses")
        listed = islice(responses.items(), _PARTS_MAX) if isinstance(responses, dict) else ()
        for _, one in sorted((pair for pair in listed if pair[0][:1] == "2"), key=itemgetter(0)):
            answer = self._followed(one)
            schema = answer.get("schema", _schema(answer))  # Swagger 2.0 has it there
            if any(key in self._followed(schema) for key in _DESCRIBED):
                return self._names_of(schema)
        return None

    def _in_body(self, schema: Json) -> frozenset[str]:
        """What a body must have, in words."""
        names, key = self._names_of(schema), id(self._followed(schema))
        if key not in self._worded:
            self._worded[key] = self._kept({f"{name} in the body" for name in names})
        return self._worded[key]

    def _names_of(self, schema: Json, depth: int = 0) -> frozenset[str]:
        """The properties that a body must have, by $ref and allOf; a circle adds nothing."""
        one = self._followed(schema)
        if (known := self._required.get(id(one))) is not None:
            return known
        self._required[id(one)] = frozenset()
        required, parts = one.get("required"), one.get("allOf")
        names: set[str] = set()
        if isinstance(required, list):
            names |= {name for name in required[:_PARTS_MAX] if isinstance(name, str)}
        if isinstance(parts, list) and depth < _DEPTH_MAX:
            names.update(*(self._names_of(part, depth + 1) for part in parts[:_PARTS_MAX]))
        self._required[id(one)] = self._kept(names)
        return self._required[id(one)]

    def _kept(self, names: set[str]) -> frozenset[str]:
        self._names += len(names)
        if self._names > NAMES_MAX:
            raise NoDocumentError(f"more than {NAMES_MAX} names that are needed or promised")
        return frozenset(names)

    def _followed(self, value: Json) -> Mapping[str, Json]:
        """What a value refers to within the document; {} where it refers nowhere or in circles."""
        for _ in range(_REFERENCES_MAX):
            if not isinstance(value, dict):
                return _NOTHING
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return value
            value = _at(self._document, reference)
        return _NOTHING


_NOTHING: Mapping[str, Json] = {}


def _only(worded: list[frozenset[str]]) -> frozenset[str]:
    return worded[0] if worded else frozenset()


def _schema(body: Mapping[str, Json]) -> Json:
    """The schema of a JSON body as OpenAPI 3 writes it."""
    content = body.get("content")
    medium = content.get("application/json") if isinstance(content, dict) else None
    return medium.get("schema") if isinstance(medium, dict) else None


def _at(document: dict[str, Json], reference: str) -> Json:
    """The value that a JSON Pointer of this document names; None where there is none."""
    if not reference.startswith("#/"):
        return None
    value: Json = document
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, dict) else None
    return value
