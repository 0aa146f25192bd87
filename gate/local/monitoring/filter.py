"""Filters of the Monitoring API, as far as they are imitated: equalities that must all hold.

https://cloud.google.com/monitoring/api/v3/filters: `selector = "value"` and `one_of(...)`, joined
by AND or by a blank.
"""

import re
from dataclasses import dataclass

_VALUE = r'"(?:[^"\\]|\\.)*"'
_TERM = re.compile(
    rf"\s*(?P<name>[a-z_]+(?:\.[a-z_]+)*)\s*=\s*"
    rf"(?:(?P<one>{_VALUE})|one_of\s*\((?P<some>\s*{_VALUE}(?:\s*,\s*{_VALUE})*\s*)\))"
    r"(?:\s+AND\b|(?=\s|$))"
)
_MAX_CHARS = 2_048
_SELECTORS = re.compile(
    r"metric\.type|resource\.type|project|(?:resource|metric)\.labels?\.[a-z_]+"
)


class FilterError(ValueError):
    """A text that is no filter, or one of those that are not imitated."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What must hold: for each selector, the values of which one must be there."""

    wanted: tuple[tuple[str, frozenset[str]], ...]

    def allows(self, selector: str, value: str) -> bool:
        """Whether a series with this value may be meant."""
        return all(value in values for name, values in self.wanted if name == selector)

    def values(self, selector: str) -> frozenset[str]:
        """What a selector must be; empty where the filter does not say."""
        return next((values for name, values in self.wanted if name == selector), frozenset())


def parse_filter(text: str) -> Filter:
    """Reads a filter.

    Raises:
        FilterError: it is none, or larger or of another form than is imitated.
    """
    if len(text) > _MAX_CHARS:
        raise FilterError(f"too long (got {len(text)} characters, expected <= {_MAX_CHARS})")
    found: list[tuple[str, frozenset[str]]] = []
    position = 0
    while text[position:].strip():
        match = _TERM.match(text, position)
        if match is None or not _SELECTORS.fullmatch(match["name"]):
            raise FilterError(
                f"could not be parsed at {text[position:][:60]!r} "
                '(expected selector = "value" or one_of("value", ...), joined by AND)'
            )
        values = re.findall(_VALUE, match["one"] or match["some"])
        name = match["name"].replace(".label.", ".labels.")
        found.append((name, frozenset(re.sub(r"\\(.)", r"\1", one[1:-1]) for one in values)))
        position = match.end()
    return Filter(tuple(found))
