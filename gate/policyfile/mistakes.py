"""From what pydantic refused to problems: in the house's words, at the place in the file."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.kinds.forms import FORM, KEY, NOTE, UNKNOWN, VALUE, WRONG_NAME
from gate.policyfile.problems import Mark, Problems, shown
from gate.policyfile.tree import Mapping as MappingNode
from gate.policyfile.tree import Node, Scalar, Sequence

_SILENT = re.compile(r"(^|\.)(secrets|headers|suite\.env)(\.|$)")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part of a policy stands.

    Attributes:
        node: the value there, or the innermost one around it that is in the file.
        around: the value around it.
        key_mark: where its key stands.
        of_key: whether the key itself is meant.
        rest: parts of the place that are not in the file.
    """

    node: Node
    around: Node
    key_mark: Mark
    of_key: bool = False
    rest: tuple[str, ...] = ()


def note_all(errors: Iterable[Mapping[str, Any]], root: Node, problems: Problems) -> None:
    """Notes what pydantic refused.

    Args:
        errors: as pydantic tells them.
        root: what was read.
        problems: where to note them.
    """
    for error in errors:
        if error["type"] != "missing":  # told in our own words beside it
            _note(error, _place(root, error["loc"]), problems)


def _note(error: Mapping[str, Any], place: _Place, problems: Problems) -> None:
    context = error.get("ctx", {})
    node, hint = place.node, context.get("hint", "")
    match error["type"]:
        case kind if kind == FORM:
            problems.add(node.mark, form_message(node, context["expected"]), hint)
        case kind if kind == UNKNOWN:
            key = str(error["loc"][-1])
            what = f"{named(place.around) or 'the policy '}has an unknown key (got {shown(key)})"
            problems.add(place.key_mark, what, problems.guess(key, context["known"]))
        case kind if kind == WRONG_NAME:
            what = f"has a wrong name (got {shown(error['input'])}, expected {context['expected']})"
            problems.add(place.key_mark, f"{named(place.around)}{what}", hint)
        case kind if kind in (NOTE, VALUE):
            path = context.get("path") or ".".join(
                (*([node.path] if node.path else []), *place.rest)
            )
            mark = place.key_mark if place.of_key else node.mark
            problems.add(
                mark, f"{path}: {context['message']}" if path else context["message"], hint
            )
        case _:
            problems.add(node.mark, form_message(node, error["msg"]))


def _place(root: Node, parts: Iterable[str | int]) -> _Place:
    place = _Place(root, root, root.mark)
    for part in parts:
        node = place.node
        if part == KEY:
            place = _Place(node, place.around, place.key_mark, of_key=True)
        elif isinstance(node, MappingNode) and part in node.entries:
            mark, below = node.entries[str(part)]
            place = _Place(below, node, mark)
        elif isinstance(node, Sequence) and isinstance(part, int):
            place = _Place(node.items[part], node, node.items[part].mark)
        elif not str(part).startswith("<"):
            place = _Place(node, place.around, place.key_mark, rest=(*place.rest, str(part)))
    return place


def named(node: Node) -> str:
    """The node's path as the beginning of a message."""
    return f"{node.path}: " if node.path else ""


def form_message(node: Node, expected: str) -> str:
    """That the node is not what was expected; what was got stays unsaid near secrets."""
    article = "has" if node.path else "the policy has"
    return f"{named(node)}{article} the wrong form (got {_got(node)}, expected {expected})"


def _got(node: Node) -> str:
    """What a node is, in words; a value is not shown where secrets may stand."""
    match node:
        case MappingNode():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(None):
            return "nothing"
        case Scalar(str()) if _SILENT.search(node.path):
            return "some text"
        case Scalar(bool()):
            return str(node.value).lower()
        case Scalar(str() as text):
            return shown(text)
        case Scalar(value):
            return "a number" if _SILENT.search(node.path) else f"the number {value}"
