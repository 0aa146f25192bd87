"""Every command with its options, by the parser itself, for docs/commands.md."""

import argparse
from collections.abc import Iterator

from gate.cli.main import COMMANDS, parser_with


def commands() -> str:
    """Every command with its own options, and those that several have."""
    found = [*leaves(parser_with(COMMANDS), "gate")]
    shared = _shared([parser for _, parser in found])
    blocks = [
        f"## `{name}`\n\n{_first_up(parser.description or '')}.\n\n{_options(parser, shared)}"
        for name, parser in found
    ]
    users = {
        one: [name.removeprefix("gate ") for name, parser in found if one in _told(parser)]
        for one in shared
    }
    rows = [f"| {how} | {what} | {', '.join(users[how, what])} |" for how, what in shared]
    head = ["## What several have", "", "| option | what | of |", "|---|---|---|", *rows]
    return "\n\n".join(["", *blocks, "\n".join(head), ""]).removeprefix("\n")


def leaves(
    parser: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Each command that does something, with its whole name."""
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    for action in below:
        about = {one.dest: one.help for one in action._choices_actions}
        for word, inner in action.choices.items():
            inner.description = inner.description or about.get(word)
            yield from leaves(inner, f"{name} {word}")
    if not below:
        yield name, parser


def _told(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """How each option is written and what it does; without --help, which all have."""
    rows = []
    for one in parser._actions:
        if one.dest == "help":
            continue
        words = ", ".join(one.option_strings) or _value(one)
        value = f" {_value(one)}" if one.option_strings and one.nargs != 0 else ""
        about = parser._get_formatter()._expand_help(one) if one.help else ""
        rows.append((f"`{words}{value}`".replace("|", "\\|"), about.replace("|", "\\|")))
    return rows


def _value(one: argparse.Action) -> str:
    if one.choices and not one.metavar:
        return "|".join(map(str, one.choices))
    named = one.metavar if isinstance(one.metavar, str) else ""
    return named or (one.dest.upper() if one.option_strings else one.dest)


def _shared(parsers: list[argparse.ArgumentParser]) -> list[tuple[str, str]]:
    """What at least three commands have in the same words."""
    rows = [row for parser in parsers for row in _told(parser)]
    return [row for row in dict.fromkeys(rows) if rows.count(row) >= 3]


def _options(parser: argparse.ArgumentParser, shared: list[tuple[str, str]]) -> str:
    told = _told(parser)
    rows = [f"| {how} | {what} |" for how, what in told if (how, what) not in shared]
    also = [how for how, what in told if (how, what) in shared]
    last = [f"| {', '.join(also)} | see [what several have](#what-several-have) |"] if also else []
    return "\n".join(["| option | what |", "|---|---|", *rows, *last])


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]
