"""What surrounds a call: its environment, and who hears what it waits for.

A command has the process's own, and standard error. A caller by code may give others; they hold for
that call and the tasks it starts, and for nobody else.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

Say = Callable[[str], None]
"""Takes one line that is worth reading at once."""


def on_stderr(text: str) -> None:
    """Says a line on standard error, at once."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class _Around:
    environment: Mapping[str, str]
    say: Say


_COMMAND = _Around(os.environ, on_stderr)
_AROUND: ContextVar[_Around | None] = ContextVar("around", default=None)


def environment() -> Mapping[str, str]:
    """The environment that this call goes by."""
    return (_AROUND.get() or _COMMAND).environment


def say(text: str) -> None:
    """Tells whoever called what is waited for, or what could not be done beside the decision."""
    (_AROUND.get() or _COMMAND).say(text)


@contextmanager
def around(given: Mapping[str, str] | None, hears: Say) -> Iterator[None]:
    """Goes by another environment while this lasts.

    Args:
        given: variables by name; None for the process's own.
        hears: who is told, in place of standard error.
    """
    token = _AROUND.set(_Around(os.environ if given is None else given, hears))
    try:
        yield
    finally:
        _AROUND.reset(token)
