"""Writes policies for tests and reads them back."""

import re
import textwrap
from pathlib import Path

from gate.core.policy import Policy, Probe
from gate.policyfile import PolicyCheck, check_policy, load_policy

HEAD = """\
version: 1
service: {project: demo, region: us-central1, name: backend}
secrets: {alice: {env: A}, bob: {env: B}}
capabilities: {chat: {priority: P1}}
"""
PLAIN = HEAD + "probes:\n  health: {http: {path: /health}}\n"


def write(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def probes(text: str) -> str:
    """A policy with these probes, given as YAML at indentation 0."""
    return HEAD + "probes:\n" + textwrap.indent(textwrap.dedent(text), "  ")


def loaded(folder: Path, text: str) -> Policy:
    return load_policy(write(folder, text))


def probe(folder: Path, text: str, name: str) -> Probe:
    return next(one for one in loaded(folder, probes(text)).probes if one.name == name)


def checked(folder: Path, text: str) -> PolicyCheck:
    return check_policy(write(folder, text))


def problems(folder: Path, text: str) -> list[str]:
    """Every problem as `line:column message`, with its hint after ` | `."""
    return [said(one.where, one.message, one.hint) for one in checked(folder, text).problems]


def advice(folder: Path, text: str) -> list[str]:
    check = checked(folder, text)
    assert not check.problems
    return [said(one.where, one.message, one.hint) for one in check.advice]


def said(where: str, message: str, hint: str) -> str:
    place = re.sub(r"^.*policy\.yaml:?", "", where)
    return f"{place} {message} | {hint}"
