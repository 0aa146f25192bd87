"""What GitHub Actions reads beside the log: annotations, and the outputs of a step.

Both are lines of a protocol. Whatever comes from outside is made safe and escaped, so that no line
of it can begin another command or another output.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gate.errors import ExitCode, Problem
from gate.report.fields import Entry, child, text
from gate.report.safe import safe
from gate.report.summary import Row, code_of, ending_of, rows, what_of, why_of

PROBES_MAX = 8
"""GitHub shows ten annotations of a sort and step: the decision is one of them."""
MESSAGE_MAX = 500
_PLACE = re.compile(r"(?P<file>.+):(?P<line>\d+):\d+", re.DOTALL)
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """Where the probes stand.

    Attributes:
        path: of the file, from the root of the repository.
        lines: the line of each probe, by its name.
    """

    path: str = ""
    lines: Mapping[str, int] | None = None


def annotations(document: Entry, policy: PolicyFile) -> list[str]:
    """Workflow commands: the decision where it is not good, then each probe that did not pass."""
    code = code_of(document)
    said: list[str] = []
    if code != ExitCode.DONE:
        title = f"gate: {what_of(document)}: {ending_of(document)}"
        said.append(_command("error", why_of(document, MESSAGE_MAX), {"title": title}))
    wrong = [row for row in rows(document) if row.item and not row.passed]
    wrong.sort(key=lambda row: not row.required)
    return said + [_probe(row, policy) for row in wrong[:PROBES_MAX]]


def _probe(row: Row, policy: PolicyFile) -> str:
    blamed = text(row.item, "attribution")
    fault = f" ({safe(blamed, 40)})" if row.control and blamed else ""
    hint = f"\nhint: {safe(row.hint)}" if row.hint else ""
    seen, expected = safe(text(row.item, "seen")), safe(text(row.item, "expected"))
    message = f"{row.outcome}{fault}: got {seen}, expected {expected}{hint}"
    where = {"file": policy.path} if policy.path else {}
    if policy.path and (line := (policy.lines or {}).get(row.probe)):
        where["line"] = str(line)
    level = "error" if row.required else "warning"
    return _command(level, message, {**where, "title": row.name})


def mistakes(problems: Sequence[Problem], in_repository: Callable[[str], str]) -> list[str]:
    """The same for what is wrong with a policy: each at its place.

    Args:
        problems: their places are file:line:column, or the file alone.
        in_repository: a file's path from the root of the repository.
    """
    return [_mistake(one, in_repository) for one in problems[: PROBES_MAX + 1]]


def _mistake(problem: Problem, in_repository: Callable[[str], str]) -> str:
    place = _PLACE.fullmatch(problem.where)
    where = {"file": in_repository(place["file"] if place else problem.where)}
    if place:
        where["line"] = place["line"]
    hint = f"\nhint: {safe(problem.hint)}" if problem.hint else ""
    message = safe(problem.message, MESSAGE_MAX) + hint
    return _command("error", message, {**where, "title": "gate: policy"})


def outputs(document: Entry) -> dict[str, str]:
    """A step's outputs by name: ending, exit_code, revision, rollout and url ("" for none)."""
    code, candidate = code_of(document), child(document, "candidate")
    return {
        "ending": ending_of(document),
        "exit_code": "" if code is None else str(code),
        "revision": safe(text(candidate, "revision")),
        "rollout": safe(text(document, "rollout")),
        "url": safe(text(candidate, "tag_url") or text(candidate, "url"), MESSAGE_MAX),
    }


def output_text(values: Mapping[str, str], delimiter: str) -> str:
    """The outputs as $GITHUB_OUTPUT has them.

    Args:
        values: by name.
        delimiter: a line that no value has; made anew for each file.

    Raises:
        ValueError: a value holds the delimiter.
    """
    if any(delimiter in value for value in values.values()):
        raise ValueError("an output holds the delimiter")
    return "".join(f"{k}<<{delimiter}\n{value}\n{delimiter}\n" for k, value in values.items())


def _command(level: str, message: str, properties: Mapping[str, str]) -> str:
    given = ",".join(f"{key}={value.translate(_PROPERTY)}" for key, value in properties.items())
    return f"::{level} {given}::{message.translate(_DATA)}"
