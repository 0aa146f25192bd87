"""`gate` on a pseudo-terminal, with a person at it who types an answer when asked."""

import errno
import os
import pty
import re
import selectors
import time

from tests.e2e.process import Process
from tests.e2e.stage import WITHIN_S, Done

CTRL_C = b"\x03"  # typed again by a person if nothing happens: it may fall between two system calls
SILENCE = b"\0"
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def at_a_terminal(arguments, env, *, asked, typed, out=None):
    """Runs `gate`, types `typed` once the terminal shows `asked`; Done.out is what it showed.

    Args:
        out: a file for standard output, in place of the terminal.
    """
    ours, theirs = pty.openpty()
    process = Process(
        arguments,
        {**env, "TERM": "xterm", "COLUMNS": "120"},
        streams=(theirs, theirs if out is None else out.fileno(), theirs),
        terminal=True,
    )
    os.close(theirs)
    try:
        shown = _talk(ours, asked, typed)
        return Done(process.wait(timeout=WITHIN_S), _CONTROLS.sub("", shown), "")
    finally:
        os.close(ours)
        process.kill()


def _talk(terminal, asked, typed):
    """Everything that the terminal shows until nobody has it open any more."""
    shown, ends = b"", time.monotonic() + WITHIN_S
    waiting = True
    with selectors.DefaultSelector() as selector:
        selector.register(terminal, selectors.EVENT_READ)
        while part := _part(terminal, selector):
            assert time.monotonic() < ends, shown
            shown += part if part != SILENCE else b""
            if asked.encode() in shown and (waiting or (part, typed) == (SILENCE, CTRL_C)):
                waiting = False
                os.write(terminal, typed)
    return shown.decode()


def _part(terminal, selector):
    """What comes next, b"" at the end, SILENCE where nothing comes for a moment."""
    if not selector.select(1.0):
        return SILENCE
    try:
        return os.read(terminal, 65_536)
    except OSError as error:  # how Linux says that the other side is closed
        if error.errno != errno.EIO:
            raise
        return b""
