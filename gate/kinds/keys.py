"""The keys of one kind of probe, once they have been read: the base of every kind."""

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, replace
from typing import ClassVar, Self

from gate.core import template
from gate.core.policy import Policy, Probe
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.extras import SIGNING, Need, hint
from gate.kinds.kind import Kind
from gate.kinds.records import Checked, Expected, Record, Slot, slots_of
from gate.kinds.templates import Reading

LONG_S = 5.0
"""A question that takes so long at least is a long one."""


class Keys(Checked):
    """The keys of one kind of probe: what it asks and expects, once it has been read.

    A subclass is a frozen dataclass; `facts` says all else that other rooms need to know of it.
    """

    __slots__ = ()
    facts: ClassVar[Kind]

    def unfit(self, reading: Reading) -> Iterator[ValueProblem]:
        """What a file may not say, although there is such a question.

        A problem's field is a key, and where need be a place below it: `steps.2.from`.
        """
        del reading
        yield from ()

    @property
    def asked(self) -> str:
        """What it is about to ask, in a few words."""
        return str(getattr(self, "path", ""))

    @property
    def paths(self) -> tuple[tuple[str, str], ...]:
        """What it asks on the candidate, each with the place of its key below the kind's own."""
        path = getattr(self, "path", None)
        return () if path is None else (("path", str(path)),)

    @property
    def needs(self) -> Need | None:
        """What must be installed beside the core to ask it."""
        return None

    @property
    def least_s(self) -> float:
        """How long it takes at least."""
        return 0.0

    @property
    def long(self) -> bool:
        """Whether asking it takes far longer than a request; what the logs say is waited for."""
        return self.facts.long or (self.facts.addressed and self.least_s > LONG_S)

    @property
    def held_s(self) -> float:
        """How long one request of it lasts at least: Cloud Run cuts what exceeds its timeout."""
        return self.least_s if self.facts.addressed else 0.0

    @property
    def sessions(self) -> int:
        """How many sessions it opens."""
        return 0

    @property
    def expects(self) -> tuple[Json, ...]:
        """Values that some answer must have, as the policy writes them."""
        return ()

    @property
    def writes(self) -> bool:
        """Whether asking it may change what the service keeps."""
        return False

    @property
    def slower_at_most_percent(self) -> float | None:
        """How much slower than stable's an answer may be; None where that is only told."""
        return None

    def alone(self) -> Self:
        """The same question where there is no stable beside the candidate."""
        return self

    def of_stable(self) -> Self:
        """The question as stable is asked it."""
        return self

    @property
    def arrival_s(self) -> float:
        """How long what stable was asked last may take to be seen."""
        return 0.0

    def proven(self, can_fail: frozenset[str], untried: frozenset[str]) -> Self:
        """The question, told which of its tests were seen to fail, and which had no time to."""
        del can_fail, untried
        return self

    def narrowed(self, cases: frozenset[str]) -> Self:
        """The question with these of its tests alone, which passes if each of them does."""
        del cases
        return self

    @property
    def tolerant(self) -> bool:
        """Whether it may pass although one of its tests fails."""
        return False

    def bounded(self, limit_s: float) -> Self:
        """The question with this limit, where its own is for the slowest of services."""
        del limit_s
        return self

    @property
    def names(self) -> frozenset[str]:
        """Every name that its templates refer to."""
        given = ((slot, getattr(self, slot.field)) for slot in slots_of(type(self)))
        return template.names([slot.form.text(one) for slot, one in given if one is not None])

    def remarks(self, *, stable: bool) -> Iterator["Remark"]:
        """What it may say and seldom means.

        Args:
            stable: whether stable is asked beside the candidate.
        """
        del stable
        yield from ()

    @classmethod
    def remarks_on_all(cls, asked: Sequence[Self], *, secrets: bool) -> Iterator["Remark"]:
        """What all probes of the kind together may lack.

        Args:
            asked: those of the policy, at least one.
            secrets: whether the policy has any.
        """
        del asked, secrets
        yield from ()


def keys_of(probe: Probe) -> Keys:
    """What a probe asks, as its kind declares it; core knows less of it."""
    assert isinstance(probe.spec, Keys)
    return probe.spec


@dataclass(frozen=True, slots=True)
class Remark:
    """Advice: the key's place below the probe, what is to be said of it, and a hint."""

    place: str
    message: str
    hint: str = ""


def lacking(probes: Sequence[Probe]) -> Iterator[tuple[str, Remark]]:
    """The extras that these probes cannot be asked without and that are not installed here."""
    for probe in probes:
        keys = keys_of(probe)
        if keys.needs is not None:
            place = f"probes.{probe.name}.{keys.facts.key}.{keys.needs.key}"
            yield from _lacking(keys.needs, place)


def all_lacking(policy: Policy) -> Iterator[tuple[str, Remark]]:
    """The extras that no rollout by this policy does without and that are not installed here."""
    yield from lacking(policy.probes)
    said = {"sign": policy.sign, "require_signed": policy.require_signed}
    for place in [name for name, given in said.items() if given is not None][:1]:
        yield from _lacking(SIGNING, place)


def _lacking(need: Need, place: str) -> Iterator[tuple[str, Remark]]:
    if missing := need.missing:
        said = f"needs the extra {need.extra} (got no {', '.join(missing)})"
        yield need.extra, Remark(place, said, hint([need.extra]))


def record_of(
    kind: type[Keys], *, expected: bool, beside: Sequence[type[Keys]] = ()
) -> Record | None:
    """The keys of a kind's own mapping, or of `expect`; None where it has none there.

    Args:
        kind: the kind.
        expected: whether those of `expect` are meant.
        beside: kinds that stand under the same key of the file.
    """
    slots = _part(kind, expected=expected)
    if expected and not slots:
        return None
    stray = {
        slot.name: other.facts.elsewhere
        for other in beside
        for slot in Record("", dict, _part(other, expected=expected)).keys
    }
    title = f"{kind.facts.key} expect" if expected else kind.facts.key
    return Record(title, dict, slots, stray=stray)


def _part(kind: type[Keys], *, expected: bool) -> tuple[Slot, ...]:
    slots = (one for one in slots_of(kind) if isinstance(one.key, Expected) is expected)
    return tuple(
        replace(one, default=MISSING) if one.name == kind.facts.where else one for one in slots
    )
