"""The room's door: from a path to a policy, or to every problem of the file."""

from dataclasses import dataclass, replace
from pathlib import Path

from gate.core.policy import Policy, ServiceName
from gate.errors import PolicyError, Problem
from gate.policyfile import format as form
from gate.policyfile.advice import advise
from gate.policyfile.build import build_policy, build_service, names_of
from gate.policyfile.context import Context
from gate.policyfile.problems import Problems
from gate.policyfile.records import Fields, Read, attempt
from gate.policyfile.source import Unreadable, read_text
from gate.policyfile.tree import Mapping, Node, parse


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


def check_policy(path: Path) -> PolicyCheck:
    """Reads a policy and says everything about it. Never raises for what is in the file."""
    problems = Problems(str(path))
    fields = _fields(path, problems)
    if fields is None:
        return PolicyCheck(None, problems.sorted(), ())
    secrets = names_of(fields, form.SECRETS)
    context = Context(path.parent, problems, secrets, names_of(fields, form.CAPABILITIES))
    policy = build_policy(context, fields, path.name)
    if policy is None or len(problems):
        return PolicyCheck(None, problems.sorted(), ())
    advice = Problems(str(path))
    advise(policy, fields.node(), advice)
    return PolicyCheck(replace(policy, folder=str(path.parent)), (), advice.sorted())


def load_policy(path: Path) -> Policy:
    """Reads a policy.

    Raises:
        PolicyError: with every problem of the file, each with its place.
    """
    check = check_policy(path)
    if check.policy is None:
        raise PolicyError(check.problems)
    return check.policy


def load_service(path: Path) -> ServiceName:
    """Reads the policy's service and nothing else: a rollback must not fail for a broken probe.

    Raises:
        PolicyError: the file is no YAML mapping, or its `service` is wrong.
    """
    problems = Problems(str(path))
    root = _root(path, problems)
    service: Read[Fields] | None = None
    if isinstance(root, Mapping):
        entry = root.entries.get(form.SERVICE_KEY.name)
        service = None if entry is None else attempt(form.SERVICE, entry[1], problems)
    elif root is not None:
        attempt(form.POLICY, root, problems)
    if len(problems):
        raise PolicyError(problems.sorted())
    return build_service(service)


def _root(path: Path, problems: Problems) -> Node | None:
    try:
        text = read_text(path)
    except Unreadable as error:
        problems.add(error.mark, error.message, error.hint)
        return None
    return parse(text, problems)


def _fields(path: Path, problems: Problems) -> Fields | None:
    root = _root(path, problems)
    read = None if root is None else attempt(form.POLICY, root, problems)
    return None if read is None else read.value
