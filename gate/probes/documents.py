"""What an OpenAPI document says can be asked, and what of it changes something. Pure."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

from gate.core.questions import Json
from gate.probes.following import harmless

ROUTES_MAX = 20
"""Most pages taken from an OpenAPI document."""

Given = tuple[str, str, str]
"""Of a parameter: where it stands, its name, and an example."""


def routes_of(document: Json) -> tuple[str, ...]:
    """Paths of an OpenAPI document that a GET can ask.

    Nothing that looks like an act, and each parameter that must be given has an example.
    """
    found = []
    for path, item in _paths(document).items():
        filled = _filled(path, item, document)
        if filled and harmless(filled):
            found.append(filled)
    return tuple(dict.fromkeys(found))[:ROUTES_MAX]


def writes_of(document: Json) -> tuple[str, ...]:
    """What of an OpenAPI document changes something: methods and paths."""
    return tuple(
        f"{method.upper()} {path}"
        for path, item in _paths(document).items()
        for method in ("post", "put", "patch", "delete")
        if method in item
    )


def _paths(document: Json) -> dict[str, dict[str, Json]]:
    paths = document.get("paths") if isinstance(document, dict) else None
    several = paths.items() if isinstance(paths, dict) else ()
    return {path: item for path, item in several if isinstance(item, dict)}


def _filled(path: str, item: Mapping[str, Json], document: Json) -> str:
    """The path with examples for what must be given, "" where one is missing."""
    operation = item.get("get")
    if not isinstance(operation, dict):
        return ""
    query: dict[str, str] = {}
    for named in _parameters(item, operation, document):
        if named is None:
            return ""
        where, name, example = named
        if where == "path":
            path = path.replace(f"{{{name}}}", quote(example, safe=""))
        elif where == "query":
            query[name] = example
    return path + (f"?{urlencode(query)}" if query else "")


def _parameters(
    item: Mapping[str, Json], operation: Mapping[str, Json], document: Json
) -> Iterator[Given | None]:
    for given in (item.get("parameters"), operation.get("parameters")):
        if isinstance(given, list):
            yield from (_parameter(one, document) for one in given)
        elif given is not None:
            yield None


def _parameter(one: Json, document: Json) -> Given | None:
    """A parameter that must be given, None where it cannot be; a place of "" needs nothing."""
    one = _resolved(one, document)
    if not isinstance(one, dict):
        return None
    where, name = one.get("in"), one.get("name")
    if not one.get("required") and where != "path":
        return "", "", ""
    example = _example(one)
    if where not in ("path", "query") or not isinstance(name, str) or not example:
        return None
    return str(where), name, example


def _resolved(one: Json, document: Json) -> Json:
    """A parameter, looked up where it is only referred to."""
    reference = one.get("$ref") if isinstance(one, dict) else None
    if not isinstance(reference, str):
        return one
    found = document
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _example(parameter: Mapping[str, Json]) -> str:
    schema = parameter.get("schema")
    schema = schema if isinstance(schema, dict) else {}
    choices, several = schema.get("enum"), parameter.get("examples")
    first = next(iter(several.values()), None) if isinstance(several, dict) else None
    listed_ones = schema.get("examples")
    for value in (
        parameter.get("example"),
        first.get("value") if isinstance(first, dict) else None,
        schema.get("example"),
        listed_ones[0] if isinstance(listed_ones, list) and listed_ones else None,
        schema.get("default"),
        choices[0] if isinstance(choices, list) and choices else None,
    ):
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
    return ""
