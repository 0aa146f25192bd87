"""The patterns of JSON Schemas, run by an engine that stops when it is told to.

Python's own engine may take years for one text and cannot be stopped: a candidate that knows the
pattern chooses the text. `regex` takes the same patterns and a limit of time. It means more by
some of them (fuzzy matching, POSIX classes), which would let pass what the pattern's author
refuses; those are written so that they mean what they mean to Python.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from gate.core.questions import Json

_MEANS_MORE = re.compile(r"(?s)\\N\{[^}]*\}|\\.|\{(?!(?:[0-9]+(?:,[0-9]*)?|,[0-9]*)\})|(?<=\[):")
"""A brace that counts nothing, and the colon of `[:`. Names and escapes are stepped over."""

Place = tuple[str | int, ...]


class Searcher(Protocol):
    """What is used of a compiled pattern."""

    def search(self, string: str, *, timeout: float) -> object | None:
        """The first match, None without one."""


@lru_cache(maxsize=1000)
def compiled(pattern: str) -> Searcher:
    """A pattern, ready to be looked for: `search` raises TimeoutError after `timeout` CPU seconds.

    Args:
        pattern: as Python's `re` has it.

    Raises:
        ValueError: it is no regular expression; the message says why.
    """
    import regex  # noqa: PLC0415 - lazy: only for schemas with patterns

    try:
        re.compile(pattern)  # what only `regex` knows is refused: other tools read this schema, too
        searcher: Searcher = regex.compile(_as_python_means(pattern), regex.VERSION0)
    except (re.error, regex.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return searcher


def patterns_of(schema: dict[str, Json]) -> Iterator[tuple[Place, str]]:
    """The patterns among the keywords of one schema, with their places in it; not of its parts."""
    if isinstance(text := schema.get("pattern"), str):
        yield ("pattern",), text
    if isinstance(by_pattern := schema.get("patternProperties"), dict):
        yield from ((("patternProperties", text), text) for text in by_pattern)


def place_of(part: Json, document: Json) -> Place:
    """Where in a document this very object lies; () where it is the whole, or is not in it."""
    waiting: list[tuple[Place, Json]] = [((), document)]
    while waiting:
        place, value = waiting.pop()
        if value is part:
            return place
        if isinstance(value, dict):
            waiting += [((*place, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [((*place, index), inner) for index, inner in enumerate(value)]
    return ()


def _as_python_means(pattern: str) -> str:
    def plain(match: re.Match[str]) -> str:
        return match[0] if match[0].startswith("\\") else f"\\{match[0]}"

    return _MEANS_MORE.sub(plain, pattern)
