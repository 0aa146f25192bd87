"""Reads one probe: a mapping whose one kind decides which keys it may have."""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from gate.core.policy import Probe
from gate.kinds.keys import Keys
from gate.kinds.probe import COMMON, EXPECT, probe_keys
from gate.kinds.registry import keys_of_kinds, kinds_of_key
from gate.kinds.templates import Reading
from gate.policyfile.checking import checked, validator
from gate.policyfile.mistakes import form_message, named
from gate.policyfile.problems import Problems, shown
from gate.policyfile.tree import Mapping as MappingNode
from gate.policyfile.tree import Node

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator


@cache
def _validator(kind: type) -> "SchemaValidator":
    return validator(probe_keys(kind))


def read_probe(name: str, node: Node, reading: Reading, problems: Problems) -> Probe | None:
    """The probe; None where there is none, with every reason noted.

    Args:
        name: its name.
        node: what stands under it.
        reading: what is known of the file.
        problems: where problems are noted.
    """
    kind: type[Keys] | None = _kind(node, problems)
    if kind is None:
        return None
    made: type = kind
    probe: Probe | None = checked(_validator(made), node, reading, problems)
    return None if probe is None else replace(probe, name=name)


def _kind(node: Node, problems: Problems) -> type[Keys] | None:
    """The one kind that a probe is of; None where it is not one, which is noted."""
    own = keys_of_kinds()
    if not isinstance(node, MappingNode):
        says = f"a probe: one of {', '.join(own)}, with what to expect"
        problems.add(node.mark, form_message(node, says))
        return None
    noted = len(problems)
    common = {slot.name for slot in COMMON} | {EXPECT}
    there = {
        key: kinds
        for key in node.entries
        if key not in common and (kinds := _kinds(key, node, problems))
    }
    if len(problems) > noted:
        return None
    if len(there) == 1:
        ((key, kinds),) = there.items()
        return _meant(kinds, node.entries[key][1])
    if there:
        what = f"{named(node)}asks two things (got {' and '.join(there)}, expected one kind)"
        problems.add(node.mark, what, "make it two probes")
        return None
    others = [name for name in node.entries if name not in common]
    if not others:
        what = f"{named(node)}asks nothing (expected one of {', '.join(own)})"
        problems.add(node.mark, what)
    for name in others:
        what = f"has an unknown probe kind (got {shown(name)}, expected one of {', '.join(own)})"
        hint = problems.guess(name, own, " ")
        problems.add(node.entries[name][0], f"{named(node)}{what}", hint)
    return None


def _kinds(key: str, node: MappingNode, problems: Problems) -> tuple[type[Keys], ...]:
    """The kinds of a key; one that another package brings and that cannot be used is noted."""
    try:
        return kinds_of_key(key)
    except Exception as error:  # noqa: BLE001 - code of others, which is run by its import
        what = f"cannot be imported (got {type(error).__name__}: {shown(str(error), 200)})"
        problems.add(node.entries[key][0], f"{named(node)}{key} {what}", "see docs/plugins.md")
        return ()


def _meant(kinds: tuple[type[Keys], ...], asked: Node) -> type[Keys]:
    """Of several kinds that stand under one key, the one whose own key is given."""
    given = asked.entries if isinstance(asked, MappingNode) else {}
    own = (kind for kind in kinds if kind.facts.where and kind.facts.where in given)
    return next(own, next(kind for kind in kinds if not kind.facts.where or len(kinds) == 1))
