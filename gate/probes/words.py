"""Text from outside, made fit to show: redacted first, then made visible, then cut.

The order matters. A secret that is cut before it is redacted is no longer recognised, and its
first half would be shown; so a text that had to be cut on the way here loses its end once more
after redaction, by the length of the longest secret.
"""

import re
from collections.abc import Mapping

from gate.core.policy import Bodies
from gate.core.redaction import Redactor
from gate.core.texts import shortened, visible
from gate.probes.quoting import kept

LINE_MAX = 500
"""Most characters of one excerpt line."""
LINES_MAX = 20
"""Most excerpt lines of one Evidence."""
TEXT_MAX = 240
"""Most characters of what a finding saw or expected."""
_TOKEN_BEGINS = 24
"""So many characters of a token may go by before it is told by its shape."""

_BREAKS = re.compile(r"(?<![ \t])[ \t]*[\r\n][ \t\r\n]*")
"""A line's end with the indentation of the next one: in one line both only take room."""


class Words:
    """Makes text fit to show.

    Args:
        redactor: knows the secrets of this run.
        bodies: what is kept of what the candidate said (quoting marks it).
    """

    def __init__(self, redactor: Redactor, bodies: Bodies = Bodies.EXCERPT) -> None:
        self._redactor = redactor
        self._bodies = bodies
        self._margin = max(redactor.longest, _TOKEN_BEGINS)

    def keeping(self, bodies: Bodies) -> "Words":
        """The same for a probe that keeps this of what the candidate says."""
        return self if bodies is self._bodies else Words(self._redactor, bodies)

    def hiding(self, values: Mapping[str, str]) -> "Words":
        """The same, which hides these values, too: each with what is shown in its place."""
        return Words(self._redactor.hiding(values), self._bodies) if values else self

    def reach(self, limit: int = LINE_MAX) -> int:
        """How many characters of a text must be kept so that `line` can show `limit` of it."""
        return limit + self._margin + 1

    def line(self, text: str, limit: int = LINE_MAX, *, cut: bool = False) -> str:
        """One line of at most `limit` characters, without secrets, with nothing that acts.

        Args:
            text: as it came.
            limit: most characters of the result, its ellipsis included.
            cut: whether the text was cut already, after at least `reach(limit)` characters.
        """
        whole = self._redacted(text, self.reach(limit), cut=cut)
        return shortened(visible(_BREAKS.sub("\n", whole)), limit)

    def lines(self, text: str, count: int, *, cut: bool = False) -> tuple[str, ...]:
        """A text of several lines as at most `count` of them; empty ones are left out."""
        whole = self._redacted(text, self.reach(count * LINE_MAX), cut=cut)
        found = [visible(line.strip()) for line in re.split(r"[\r\n]+", whole)]
        return tuple(shortened(line, LINE_MAX) for line in found if line)[:count]

    def last_lines(self, text: str, count: int, *, cut: bool = False) -> tuple[str, ...]:
        """The end of a text of several lines, at most `count` of them; empty ones are left out.

        Args:
            text: as it came, redacted as a whole: it must be bounded.
            count: most lines.
            cut: whether its beginning is missing, and with it perhaps the first half of a secret.
        """
        redacted = self._redactor.text(kept(text, self._bodies))
        whole = redacted[self._margin :].partition("\n")[2] if cut else redacted
        found = [visible(line.strip()) for line in re.split(r"[\r\n]+", whole)]
        return tuple(shortened(line, LINE_MAX) for line in found if line)[-count:]

    def _redacted(self, text: str, reach: int, *, cut: bool) -> str:
        text = kept(text, self._bodies)
        cut = cut or len(text) > reach
        redacted = self._redactor.text(text[:reach])
        return redacted[: max(0, len(redacted) - self._margin)] + "…" if cut else redacted
