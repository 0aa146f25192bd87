"""`gate completion`: what completes commands, options and choices in a shell.

Made of the parser itself each time it is asked for, by shtab; a shell that has read it starts no
gate to complete a line.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from gate.cli import main
from gate.errors import UsageError
from gate.kinds.extras import hint

SHELLS = ("bash", "zsh", "fish")
_DESCRIPTION = """\
Prints a script for this shell; needs the extra `completion`. bash: source <(gate completion bash).
zsh: gate completion zsh > FOLDER/_gate, with a folder of fpath. fish: gate completion fish |
source."""


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.description = _DESCRIPTION
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def run(args: argparse.Namespace) -> int:
    """Prints the script and returns the exit code.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        import shtab  # noqa: PLC0415 - an extra, and only here
    except ImportError:
        raise UsageError(
            "gate completion: needs the extra completion (got no shtab)",
            hint(["completion"]),
        ) from None
    parser = main.parser_with(main.COMMANDS)
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, args.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument of a parser and of its subcommands."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to them
        yield action
        for inner in action.choices.values() if isinstance(action.choices, dict) else ():
            yield from _actions(inner)
