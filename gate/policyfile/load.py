"""The room's door: from a path to a policy, or to every problem of the file."""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gate.core.policy import CandidateRule, Policy, Probe, ServiceName
from gate.errors import PolicyError, Problem, ValueProblem
from gate.kinds.keys import Keys
from gate.policyfile.advice import advise
from gate.policyfile.candidate import tag_unfit
from gate.policyfile.checking import checked, validator
from gate.policyfile.digest import digest
from gate.policyfile.format import TOP
from gate.policyfile.keys import PROBES
from gate.policyfile.mistakes import form_message
from gate.policyfile.probes import read_probe
from gate.policyfile.problems import Problems
from gate.policyfile.reading import FileReading
from gate.policyfile.scripts import with_scripts
from gate.policyfile.service import SERVICE
from gate.policyfile.source import Unreadable, as_text, read_text
from gate.policyfile.tree import Mapping, Node, parse

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

_SOME = (Probe("-", Keys()),)
"""Stands for probes that have problems of their own, so that their absence is not one more."""


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """What was found in one file.

    Attributes:
        policy: None where there are problems.
        problems: mistakes, by place; any one of them makes the policy unusable.
        advice: what is allowed and still seldom wanted, by place.
    """

    policy: Policy | None
    problems: tuple[Problem, ...]
    advice: tuple[Problem, ...]


def check_policy(path: Path, text: str | None = None) -> PolicyCheck:
    """Reads a policy and says everything about it. Never raises for what is in the file.

    Args:
        path: the file.
        text: what counts in place of what the file holds, which need not be there then.
    """
    problems = Problems(str(path))
    root = _root(path, problems, text)
    policy = None if root is None else _policy(root, path, problems)
    if root is None or policy is None or len(problems):
        return PolicyCheck(None, problems.sorted(), ())
    advice = Problems(str(path))
    advise(policy, root, advice)
    policy = replace(policy, folder=str(path.parent), lines=_lines(root))
    return PolicyCheck(policy, (), advice.sorted())


def load_policy(path: Path, text: str | None = None) -> Policy:
    """Reads a policy, as `check_policy`.

    Raises:
        PolicyError: with every problem of the file, each with its place.
    """
    check = check_policy(path, text)
    if check.policy is None:
        raise PolicyError(check.problems)
    return check.policy


def load_service(path: Path, text: str | None = None) -> ServiceName:
    """Reads the policy's service and nothing else: a rollback must not fail for a broken probe.

    Raises:
        PolicyError: the file is no YAML mapping, or its `service` is wrong.
    """
    problems = Problems(str(path))
    root = _root(path, problems, text)
    service: ServiceName | None = None
    if isinstance(root, Mapping):
        entry = root.entries.get("service")
        service = (
            None if entry is None else checked(_validator(SERVICE.says), entry[1], None, problems)
        )
    elif root is not None:
        problems.add(root.mark, form_message(root, TOP.expected(None)))
    if len(problems):
        raise PolicyError(problems.sorted())
    return service or ServiceName()


def _root(path: Path, problems: Problems, given: str | None) -> Node | None:
    try:
        text = read_text(path) if given is None else as_text(given.encode(errors="replace"))
    except Unreadable as error:
        problems.add(error.mark, error.message, error.hint)
        return None
    return parse(text, problems)


def _policy(root: Node, path: Path, problems: Problems) -> Policy | None:
    """The policy; None, or half of one, where problems were noted."""
    reading = FileReading(path.parent, problems, root)
    given: dict[str, Any] | None = checked(_validator(TOP.says), root, reading, problems)
    probes = _probes(root, reading, problems)
    if given is None:
        return None
    del given["version"]
    _check_tag(given, root, problems)
    # whatever is wrong with the probes, what goes together at the top is looked at
    given.setdefault("service", ServiceName())
    given |= {PROBES: probes if probes and not len(problems) else _SOME, "source": path.name}
    try:
        policy = Policy(**given)
    except ValueProblem as problem:
        entry = root.entries.get(problem.field) if isinstance(root, Mapping) else None
        mark = entry[1].mark if entry else root.mark
        problems.add(mark, f"{problem.field}: {problem.message}", problem.hint)
        return None
    return None if len(problems) else replace(policy, digest=digest(policy))


def _probes(root: Node, reading: FileReading, problems: Problems) -> tuple[Probe, ...]:
    """Every probe that can be read, in the file's order."""
    entry = root.entries.get(PROBES) if isinstance(root, Mapping) else None
    if entry is None or not isinstance(entry[1], Mapping):
        return ()
    entries = with_scripts(entry[1], problems).entries
    probes = (read_probe(name, node, reading, problems) for name, (_, node) in entries.items())
    return tuple(probe for probe in probes if probe is not None)


def _lines(root: Node) -> dict[str, int]:
    """The line of each probe's name."""
    entry = root.entries.get(PROBES) if isinstance(root, Mapping) else None
    probes = entry[1].entries if entry and isinstance(entry[1], Mapping) else {}
    return {name: mark.line for name, (mark, _) in probes.items()}


def _check_tag(given: MappingOf[str, Any], root: Node, problems: Problems) -> None:
    rule: CandidateRule = given.get("candidate", CandidateRule())
    problem = tag_unfit(rule, given.get("service", ServiceName()))
    if problem is None or not isinstance(root, Mapping):
        return
    place = root.entries["service"][1]
    candidate = root.entries.get("candidate")
    if candidate and isinstance(candidate[1], Mapping) and "tag" in candidate[1].entries:
        place = candidate[1].entries["tag"][1]
    hint = "Cloud Run counts both together; shorten the tag"
    problems.add(place.mark, f"candidate.tag: {problem}", hint)


@cache
def _validator(title: str) -> "SchemaValidator":
    return validator(next(one for one in (TOP, SERVICE) if one.says == title))
