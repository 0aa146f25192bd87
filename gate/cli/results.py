"""How a command's result is shown: on standard output, in files, and on a build's own page.

The one place for it: every command that decides hands its result in here. The exit code is that of
the decision, whatever becomes of a file; what cannot be written is said on standard error.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli import show
from gate.cli.build_step import leave_step_output
from gate.cli.options import Output, output_of
from gate.cli.streams import unfiltered
from gate.core.policy import Json, Policy
from gate.errors import GateError, PolicyError

if TYPE_CHECKING:  # loaded only where it is used
    from gate.report.github import PolicyFile
    from gate.report.lines import Block

Entry = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to.

    Attributes:
        documents: each decision, as the ledger or `gate probe` has it.
        value: what JSON says.
        blocks: the same for people.
        recorded: whether the ledger has it.
        intentions: what the gate set out to do meanwhile, the oldest first, where that is at hand;
            with the approvals that it rests on.
    """

    documents: Sequence[Entry]
    value: Json
    blocks: Callable[[], Sequence["Block"]]
    recorded: bool = True
    intentions: Sequence[Entry] = ()

    def text_in(self, form: str) -> str:
        """The whole document in one of the forms, with a line break at its end."""
        if form == "json":
            from gate.report.machine import to_json  # noqa: PLC0415 - only what is asked for

            return to_json(self.value) + "\n"
        if form == "junit":
            from gate.report.junit import junit  # noqa: PLC0415

            return junit(self.documents, recorded=self.recorded)
        if form == "markdown":
            from gate.report.markdown import markdown  # noqa: PLC0415

            return markdown(self.documents)
        if form == "html":
            from gate.report.html.page import of_documents  # noqa: PLC0415

            return of_documents(self.documents, self.intentions, recorded=self.recorded)
        from gate.report.lines import plain  # noqa: PLC0415

        return "\n".join([*plain(self.blocks(), show.WIDTH), ""])


def give(result: Result, output: Output, *, shown: bool = False) -> None:
    """Writes the files that were asked for, and shows the result unless it is `shown` already."""
    for form, path in output.files:
        where = f"--write {form}={path}"
        safely(where, partial(_write, path, partial(result.text_in, form), where))
    if shown:
        return
    if output.form == "text":
        show.draw(result.blocks())
    else:
        print(result.text_in(output.form), end="", flush=True)


def decided(
    result: Result, output: Output, policy: Policy | None = None, *, shown: bool = False
) -> None:
    """As `give`, of what has just been decided: a build's own page has it, too.

    Args:
        result: what it came to.
        output: what was asked for on the command line.
        policy: whose probes it tells of.
        shown: whether standard output has it already.
    """
    if on_github():
        safely("GitHub", partial(_tell_github, result, policy))
    give(result, output, shown=shown)
    for document in result.documents[:1]:
        safely("Cloud Build", partial(leave_step_output, document))


def refused(args: argparse.Namespace, error: GateError) -> None:
    """Tells files and a build's page of a command that ended before there was a decision.

    Args:
        args: its command line.
        error: why; standard error has it already.
    """
    document: Entry = {
        "kind": args.command,
        "service": getattr(args, "service", ""),
        "ending": "not begun",
        "exit_code": int(error.exit_code),
        "notes": ["; ".join(line.strip() for line in error.message.splitlines())],
        "next": {"text": error.hint, "commands": [], "remark": ""},
    }
    result = Result([document], document, lambda: _error_lines(error))
    give(result, output_of(args), shown=True)
    safely("Cloud Build", partial(leave_step_output, document))
    if on_github():
        safely("GitHub", partial(_tell_github, result, None, error))


def _error_lines(error: GateError) -> "list[Block]":
    from gate.report.lines import Line  # noqa: PLC0415 - only where something is wrong

    hints = [f"hint: {error.hint}"] if error.hint else []
    return [Line(line) for line in (*error.message.splitlines(), *hints)]


def on_github() -> bool:
    """Whether this is a step of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def safely(where: str, tell: Callable[[], None]) -> None:
    """Has something told that a defect of ours must not make a decision's exit code of."""
    try:
        tell()
    except Exception as error:  # noqa: BLE001 - the decision stands, whatever becomes of its telling
        print(f"{where}: a defect of the gate ({type(error).__name__})", file=sys.stderr)


def _write(path: Path, made: Callable[[], str], where: str) -> None:
    """Writes a whole file or none, beside itself first."""
    text = made()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # a device or a pipe is written to, not replaced
            _write_into(path, text)
            return
        target = path.resolve()
        draft = target.with_name(f".gate-{secrets.token_hex(8)}")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:  # a circle of links is a RuntimeError
        _cannot(where, error)


def _write_into(path: Path, text: str, how: int = 0) -> None:
    """Writes into what is there; a pipe that nobody reads is an error and not waited for."""
    opened = os.open(path, os.O_WRONLY | os.O_NONBLOCK | how, 0o666)
    os.set_blocking(opened, True)
    with os.fdopen(opened, "w", encoding="utf-8") as pipe:
        pipe.write(text)


def _cannot(where: str, error: Exception) -> None:
    why = getattr(error, "strerror", None) or type(error).__name__
    print(f"{where}: cannot be written ({why}); the exit code is the decision's", file=sys.stderr)


def _tell_github(result: Result, policy: Policy | None, error: GateError | None = None) -> None:
    """A summary, outputs and annotations, by the runner's own files and commands."""
    from gate.report import github  # noqa: PLC0415 - only there

    _append("GITHUB_STEP_SUMMARY", result.text_in("markdown") + "\n")
    for document in result.documents[:1]:
        delimiter = f"gate_{secrets.token_hex(16)}"
        _append("GITHUB_OUTPUT", github.output_text(github.outputs(document), delimiter))
    if isinstance(error, PolicyError) and error.problems:
        lines = github.mistakes(error.problems, in_repository)
    else:
        place = _place(policy)
        lines = [line for one in result.documents for line in github.annotations(one, place)]
    for line in lines:
        unfiltered(line)


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable, "")
    if not path:
        return
    try:
        _write_into(Path(path), text, os.O_APPEND | os.O_CREAT)
    except OSError as error:
        _cannot(variable, error)


def _place(policy: Policy | None) -> "PolicyFile":
    from gate.report.github import PolicyFile  # noqa: PLC0415 - only there

    if policy is None or not policy.source:
        return PolicyFile()
    return PolicyFile(in_repository(Path(policy.folder) / policy.source), policy.lines)


def in_repository(path: Path | str) -> str:
    """A file's path from the root of the repository, where the runner says what that is."""
    root = os.environ.get("GITHUB_WORKSPACE", "")
    whole = Path(path).absolute()
    inside = bool(root) and whole.is_relative_to(root)
    return str(whole.relative_to(root)) if inside else str(path)
