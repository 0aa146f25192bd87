"""What is shown on terminals of all sorts, and on what is none."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DRAWS = """
from gate.cli.streams import steady
steady()
from gate.cli import show
from gate.report.audit import show_blocks
from tests.unit.report.scenes import V2_EVIDENCE, Scene, entries_of, plan
entries = entries_of(Scene(evidence=V2_EVIDENCE), plan(reason="caf\\u00e9 \\u2713 \\u65e5\\u672c"))
show.draw(show_blocks(entries, verbose=True))
"""
TELLS = """
import sys
from gate.cli.streams import steady, unfiltered
steady()
for stream in (sys.stdout, sys.stderr):
    print("::error::a", "\\n  ::b::", "c ##[error]d", "e::f", "\\t::g", file=stream)
    stream.write("::h\\n")
unfiltered("::notice::i")
"""
COLOUR = re.compile(r"\x1b\[[\d;]*3\d")
ESCAPE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def environment(**more):
    kept = {name: os.environ[name] for name in ("PATH",)}
    return {**kept, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", **more}


def piped(script, **more):
    """What it says where both streams are pipes."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env=environment(**more),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )


def on_a_terminal(columns, **more):
    """What a terminal of this width is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen([sys.executable, "-c", DRAWS], env=environment(**more), **streams) as it:
        os.close(theirs)
        shown = b"".join(_parts(ours))
    os.close(ours)
    assert it.returncode == 0, shown
    return shown.decode().replace("\r", "")


def _parts(terminal):
    try:
        while part := os.read(terminal, 65_536):
            yield part
    except OSError:  # how Linux says that the other side is closed
        return


@pytest.mark.parametrize(
    ("columns", "surroundings", "escapes", "colours"),
    [
        (120, {"TERM": "xterm"}, True, True),
        (40, {"TERM": "xterm"}, True, True),
        (40, {"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        (40, {"TERM": "dumb"}, False, False),
        (40, {}, False, False),
        (40, {"TERM": "xterm", "PYTHONIOENCODING": "ascii"}, True, True),
    ],
)
def test_every_terminal_gets_all_of_it_within_its_width(columns, surroundings, escapes, colours):
    shown = on_a_terminal(columns, **surroundings)
    assert bool(ESCAPE.search(shown)) == escapes
    assert bool(COLOUR.search(shown)) == colours
    lines = [line.rstrip() for line in ESCAPE.sub("", shown).splitlines()]
    wide = [line for line in lines if len(line) > columns]
    assert all(line.lstrip().startswith("gate audit show ") for line in wide), wide
    words = " ".join(" ".join(lines).split())
    assert "rejected" in words
    assert "a slash is added: the route is registered as /api/health/" in words
    ascii_only = "PYTHONIOENCODING" in surroundings
    assert words.isascii() == ascii_only
    assert ("\\u2713" if ascii_only else "\u2713") in words


@pytest.mark.parametrize(
    ("surroundings", "colours"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_a_pipe_gets_colours_only_where_they_are_forced(surroundings, colours):
    shown = piped(DRAWS, TERM="xterm", **surroundings).stdout
    assert bool(COLOUR.search(shown)) == colours
    assert "caf\u00e9 \u2713 \u65e5\u672c" in shown


@pytest.mark.parametrize("name", ["PYTHONIOENCODING", "LC_ALL"])
def test_what_an_encoding_does_not_have_is_shown_as_its_escape(name):
    given = {"PYTHONIOENCODING": "ascii"} if name == "PYTHONIOENCODING" else {"LC_ALL": "C"}
    shown = piped(DRAWS, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", **given).stdout
    assert "why:       caf\\xe9 \\u2713 \\u65e5\\u672c" in shown


def test_in_a_step_of_github_actions_nothing_that_is_printed_is_a_command():
    plain, build = piped(TELLS), piped(TELLS, GITHUB_ACTIONS="true")
    told = "::error::a \n  ::b:: c ##[error]d e::f \t::g\n::h\n"
    inert = ": :error::a \n  : :b:: c ## [error]d e::f \t: :g\n: :h\n"
    assert (plain.stdout, plain.stderr) == (told, f"{told}::notice::i\n")
    assert (build.stdout, build.stderr) == (inert, f"{inert}::notice::i\n")
