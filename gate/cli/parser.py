"""An argument parser that says what was probably meant."""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from gate.errors import ExitCode

_NO_CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)
_LONGEST = 64
WIDTH = 80
"""Columns of help where nothing says how many there are."""


class Parser(argparse.ArgumentParser):
    """Adds a guess to what argparse says of a misspelt command, option or choice."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse has it; keeps the words, since an error does not say all of them."""
        self._given = tuple(args or ())
        return super().parse_known_args(args, namespace)

    def _get_formatter(self) -> argparse.HelpFormatter:
        """With a width of its own: argparse would load half a dozen modules to find one."""
        made: Any = self.formatter_class
        formatter: argparse.HelpFormatter = made(prog=self.prog, width=columns() - 2)
        return formatter

    def error(self, message: str) -> NoReturn:
        """Says what is wrong, and what may have been meant; exits."""
        self.print_usage(sys.stderr)
        guess = self._guess(message)
        hint = f"hint: {guess}?\n" if guess else ""
        self.exit(int(ExitCode.USAGE), f"{self.prog}: error: {message}\n{hint}")

    def _guess(self, message: str) -> str:
        if match := _NO_CHOICE.search(message):
            guess = nearest(match[1], re.findall(r"[\w-]+", match[2]))
            return f"did you mean {guess}" if guess else ""
        known = self.options()
        for word in self._given:
            name = word.partition("=")[0]
            if name == "--":
                return ""
            if name.startswith("-") and name not in known and (guess := nearest(name, known)):
                unsaid = "" if name in message else f"{name} is no option: "
                return f"{unsaid}did you mean {guess}"
        return ""

    def options(self) -> frozenset[str]:
        """The options that may stand in this command line."""
        own = {name for action in self._actions for name in action.option_strings}
        for action in self._actions:
            choices = action.choices if isinstance(action.choices, dict) else {}
            chosen = (choices[word] for word in self._given if word in choices)
            if (parser := next(chosen, None)) is not None:
                own |= parser.options()
        return frozenset(own)


def columns() -> int:
    """Columns to write help for: COLUMNS, else the terminal's, or 80 where there is none."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH


def nearest(name: str, known: Iterable[str]) -> str:
    """The likeliest of the known names, "" if none is near."""
    import difflib  # noqa: PLC0415 - only where something is misspelt

    if len(name) > _LONGEST:
        return ""
    close = difflib.get_close_matches(name.lower(), sorted(known), n=1, cutoff=0.6)
    return close[0] if close else ""
