"""The keys of a whole probe: those of its kind, what it expects, and what every probe may say."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from typing import Annotated, Any

from gate.core.control import Contract
from gate.core.policy import Bodies, Probe
from gate.errors import ValueProblem
from gate.kinds.forms import Flag, Text, one_of
from gate.kinds.keys import Keys, record_of
from gate.kinds.records import Key, Record, Slot
from gate.kinds.registry import kinds_of_key
from gate.kinds.templates import Place, Reading
from gate.kinds.values import Known

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
    Slot(
        "stable_writes",
        Annotated[bool, Flag()],
        Key(
            "with a baseline, of a probe that changes something (a method other than GET, HEAD and "
            "OPTIONS): whether stable is asked it, too. Stable's data are users' data"
        ),
        default=False,
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
            "",
            spec,
            given["capability"],
            given["required"],
            given["contract"],
            given["evidence"],
            given["stable_writes"],
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
        first, *rest = [int(part) if part.isdecimal() else part for part in key.split(".")]
        for part in (own, EXPECT):
            below = given.get(part)
            if isinstance(below, dict) and first in below:
                return (part, first, *rest)
        if first in given:
            return (first, *rest)
        return (own, first, *rest) if key else (own,)


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
