"""Reads one probe: a mapping whose one kind decides which keys it may have."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from gate.core.control import Contract
from gate.core.policy import Bodies, Probe
from gate.errors import ValueProblem
from gate.kinds.forms import Flag, Text, one_of
from gate.kinds.keys import Keys, record_of
from gate.kinds.records import Key, Record, Slot
from gate.kinds.registry import keys_of_kinds, kinds_of_key
from gate.kinds.templates import Place, Reading
from gate.kinds.values import Known
from gate.policyfile.mistakes import form_message, named, note_all
from gate.policyfile.problems import Problems, shown
from gate.policyfile.tree import Mapping as MappingNode
from gate.policyfile.tree import Node, as_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

EXPECT = "expect"


def _capabilities(reading: Reading) -> frozenset[str]:
    return reading.capabilities


def _bodies(bodies: Bodies = Bodies.EXCERPT) -> Bodies:
    return bodies


EVIDENCE = Record(
    "evidence",
    _bodies,
    (
        Slot(
            "bodies",
            Annotated[Bodies, one_of(Bodies)],
            Key(
                "what is shown and recorded of bodies and frames that the candidate sends: an "
                "`excerpt` without secrets, their `shape` (keys and types), or `none`"
            ),
            Bodies.EXCERPT,
        ),
    ),
)
COMMON = (
    Slot(
        "capability",
        Annotated[
            str,
            Text("the name of a capability"),
            Known(_capabilities, "is not defined", "define it under capabilities"),
        ],
        Key("what is at stake when this probe fails"),
        "",
    ),
    Slot(
        "required",
        Annotated[bool, Flag()],
        Key("whether this probe must pass for a promotion; otherwise it is only reported"),
        default=True,
    ),
    Slot(
        "contract",
        Annotated[Contract, one_of(Contract)],
        Key(
            "with a baseline: whether a JSON answer must have the shape of stable's, or what the "
            "probe expects declares another one"
        ),
        Contract.STABLE,
    ),
    Slot("evidence", Annotated[Bodies, EVIDENCE], Key("what is kept as evidence"), Bodies.EXCERPT),
)
"""The keys that every probe may have."""


@dataclass(frozen=True, slots=True)
class ProbeKeys(Record):
    """The keys of a probe of one kind."""

    kind: type[Keys] = Keys

    def value(self, written: Any) -> Probe:
        """The probe, without its name."""
        spec = self.kind(**written[self.kind.facts.key], **written.get(EXPECT, {}))
        given = {slot.name: written.get(slot.name, slot.default) for slot in COMMON}
        return Probe(
            "", spec, given["capability"], given["required"], given["contract"], given["evidence"]
        )

    def unfit(
        self, value: Any, given: Mapping[str, object], reading: Reading | None
    ) -> Iterator[ValueProblem]:
        """As Record.unfit."""
        del given
        return value.spec.unfit(reading)  # type: ignore[no-any-return]

    def place(self, key: str, given: Mapping[str, object]) -> Place:
        """As Record.place."""
        own = self.kind.facts.key
        for part in (own, EXPECT):
            below = given.get(part)
            if isinstance(below, dict) and key in below:
                return (part, key)
        if key in given:
            return (key,)
        return (own, key) if key else (own,)


def probe_keys(kind: type[Keys]) -> ProbeKeys:
    """The keys of a probe of this kind."""
    beside = [one for one in kinds_of_key(kind.facts.key) if one is not kind]
    own = record_of(kind, expected=False, beside=beside)
    assert own is not None
    slots = [
        Slot("ask", Annotated[object, own], Key(kind.facts.about, kind.facts.key), MISSING),
    ]
    if (expect := record_of(kind, expected=True, beside=beside)) is not None:
        required = any(slot.required for slot in expect.keys)
        default: object = MISSING if required else {}
        slots.append(Slot(EXPECT, Annotated[object, expect], Key("what must be seen"), default))
    return ProbeKeys("probe", dict, (*slots, *COMMON), kind=kind)


@cache
def _adapter(kind: type) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # noqa: PLC0415 - lazy, as all of pydantic

    return TypeAdapter(Annotated[object, probe_keys(kind)])


def read_probe(name: str, node: Node, reading: Reading, problems: Problems) -> Probe | None:
    """The probe; None where there is none, with every reason noted.

    Args:
        name: its name.
        node: what stands under it.
        reading: what is known of the file.
        problems: where problems are noted.
    """
    from dataclasses import replace  # noqa: PLC0415

    kind = _kind(node, problems)
    if kind is None:
        return None
    from pydantic import ValidationError  # noqa: PLC0415

    try:
        made: type = kind
        probe: Probe = _adapter(made).validate_python(as_json(node), context=reading)
    except ValidationError as error:
        note_all(error.errors(include_url=False), node, problems)
        return None
    return replace(probe, name=name)


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
