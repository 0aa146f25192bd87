"""Collects what is wrong with a file, each with its place, until the whole file has been seen."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from gate.core.redaction import Redactor
from gate.errors import Problem
from gate.kinds.forms import shown as shown  # noqa: PLC0414 - messages need it everywhere

MOST = 100
"""Problems that are kept; more would hide the first ones."""

_GUESSABLE = 64
_REDACTOR = Redactor({})


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file: line and column, both from 1."""

    line: int = 1
    column: int = 1


class Problems:
    """The problems of one file, in the order of their places.

    Whatever looks like a token is taken out of every message: a policy may hold one by mistake.

    Args:
        file: the file's name as the caller gave it.
    """

    def __init__(self, file: str) -> None:
        self._file = file.encode("utf-8", "backslashreplace").decode()
        self._found: list[tuple[Mark, Problem]] = []
        self._dropped = 0
        self._told: set[tuple[Mark | None, str]] = set()

    def __len__(self) -> int:
        return len(self._found) + self._dropped

    def add(self, mark: Mark | None, message: str, hint: str = "") -> None:
        """Notes a problem, once, at a place or with the file as a whole."""
        if (mark, message) in self._told:
            return
        self._told.add((mark, message))
        if len(self._found) >= MOST:
            self._dropped += 1
            return
        where = self._file if mark is None else f"{self._file}:{mark.line}:{mark.column}"
        problem = Problem(where, _harmless(message), _harmless(hint))
        self._found.append((mark or Mark(), problem))

    def guess(self, name: str, known: Iterable[str], otherwise: str = "") -> str:
        """A hint that names the likeliest of the known names, else lists them or says otherwise.

        `otherwise` of a blank says nothing, for messages that list the names themselves.
        Bounded: long names and the problems of a hopeless file are not compared.
        """
        names = sorted(known)
        if len(name) <= _GUESSABLE and len(self._found) < MOST:
            close = difflib.get_close_matches(name, names[:500], n=1, cutoff=0.6)
            if close:
                return f"did you mean {close[0]}?"
        if otherwise or not names:
            return otherwise.strip()
        return f"known here: {', '.join(names[:20])}{', ...' if len(names) > 20 else ''}"

    def sorted(self) -> tuple[Problem, ...]:
        """Every problem kept, by place; the last one counts those that were not."""
        found = [problem for _, problem in sorted(self._found, key=lambda pair: pair[0])]
        if self._dropped:
            found.append(Problem(self._file, f"and {self._dropped} more problems"))
        return tuple(found)


def _harmless(text: str) -> str:
    """The text without tokens, and with nothing that would act on a terminal."""
    text = _REDACTOR.text(text)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
