"""The parts of a report that are lines and numbers, made of a ledger's entry."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate.core.evidence import STABLE
from gate.core.service import ServiceRef
from gate.kinds.registry import facts_of
from gate.report.attempts import apart
from gate.report.fields import Entry, child, children, number, text, texts
from gate.report.summary import Row, rows
from gate.report.words import flags

Pairs = list[tuple[str, str]]
_AUTHORITIES = {
    "cloud run": "Cloud Run names who wrote last",
    "credentials": "of the credentials in use",
    "claimed": "only claimed: nobody vouches for it",
}


@dataclass(frozen=True, slots=True)
class AtStake:
    """One capability: what it is worth, and how its probes went."""

    name: str
    worth: str
    passed: int
    asked: int
    required_wrong: int


@dataclass(frozen=True, slots=True)
class Timing:
    """How long answers took at both sides: microseconds by percent."""

    probe: str
    expected: str
    candidate: Mapping[int, int]
    stable: Mapping[int, int]

    @property
    def percents(self) -> list[int]:
        """All percents that are known of either."""
        return sorted({*self.candidate, *self.stable})


def at_stake(document: Entry) -> list[AtStake]:
    """Each capability that the policy names, those in danger first."""
    by_name: dict[str, list[Row]] = {name: [] for name in child(document, "stakes")}
    for row in rows(document):
        if name := text(row.item, "capability"):
            by_name.setdefault(name, []).append(row)
    for reason in children(child(document, "verdict"), "reasons"):
        if name := text(reason, "capability"):
            by_name.setdefault(name, [])
    found = [_stake(document, name, its) for name, its in by_name.items()]
    return sorted(found, key=lambda one: -one.required_wrong)


def _stake(document: Entry, name: str, its: list[Row]) -> AtStake:
    worth = text(child(document, "stakes"), name)
    return AtStake(
        name,
        worth,
        sum(row.passed for row in its),
        len(its),
        sum(row.stops for row in its),
    )


def timings(document: Entry) -> list[Timing]:
    """Each probe whose answers were measured, stable beside the candidate."""
    found: dict[tuple[str, str], Timing] = {}
    items = children(document, "evidence")
    of_stable = {
        text(item, "probe"): _percentiles(item) for item in items if text(item, "address") == STABLE
    }
    for item in items:
        address, probe = text(item, "address"), text(item, "probe")
        measured = _percentiles(item)
        if address == STABLE or not measured:
            continue
        stable = of_stable.get(probe, {})
        found[probe, address] = Timing(probe, text(item, "expected"), measured, stable)
    return [*found.values()]


def _percentiles(item: Entry) -> dict[int, int]:
    found = {}
    for one in children(item, "percentiles"):
        percent, us = number(one, "percent"), number(one, "us")
        if percent is not None and us is not None and 0 <= percent <= 100 and us >= 0:
            found[percent] = us
    return found


def record(document: Entry) -> Pairs:
    """Where it stands in the ledger, and who says so; empty fields are left out."""
    return [(label, value) for label, value in _record(document) if value]


def _record(document: Entry) -> Iterator[tuple[str, str]]:
    sequence = number(document, "sequence")
    yield "rollout", text(document, "rollout")
    yield "recorded at", text(document, "at")
    yield "position in the ledger", "" if sequence is None else f"{sequence}"
    yield "hash of the entry before", text(document, "previous")
    yield "claimed actor", text(document, "actor")
    principal = child(document, "principal")
    if name := text(principal, "name"):
        whose = text(principal, "authenticated")
        yield "principal", f"{name} ({_AUTHORITIES.get(whose, whose)})"
    build = child(document, "build")
    told = [f"{key} {text(build, key)}" for key in ("system", "id", "trigger", "commit")]
    yield "build", ", ".join(one for one in told if one.split(" ", 1)[1])
    yield "gate", text(document, "gate_version")
    yield "rules set aside", ", ".join(texts(document, "overrides"))
    yield "took back", ", ".join(texts(document, "took_back"))
    yield "last change of the service by", text(document, "last_modifier")
    yield "policy", text(document, "policy")
    for name in ("policy", "proof", "evidence"):
        yield f"sha256 of the {name}", text(document, f"{name}_digest")
    yield "all of the evidence is at", text(document, "bundle")
    left_out = (number(document, "left_out") or 0) + (number(document, "evidence_left_out") or 0)
    yield "left out, since the entry was too large", f"{left_out} parts" if left_out else ""


def chained(document: Entry) -> bool:
    """Whether the entry says which one comes before it."""
    return number(document, "sequence") is not None


def proof(document: Entry) -> tuple[int, int, int] | None:
    """Known faults that the probes were tried with, those noticed, and those there are."""
    kept = child(document, "proof")
    mutants, killed = number(kept, "mutants"), number(kept, "killed")
    if not mutants or killed is None:
        return None
    return mutants, killed, number(kept, "reachable") or mutants


def differences(document: Entry) -> list[str]:
    """What differs between the templates of stable and of the candidate."""
    return texts(document, "template_differences")


def differing(document: Entry) -> list[Entry]:
    """Evidence of what was compared with what stable is: its configuration, its routes."""
    return [item for item in children(document, "evidence") if _compares(text(item, "kind"))]


def _compares(kind: str) -> bool:
    facts = facts_of(kind)
    return facts is not None and facts.compares


def options_of(document: Entry) -> str:
    """The options that name the service on a command line."""
    service = ServiceRef(
        text(document, "project"), text(document, "region"), text(document, "service")
    )
    return flags(service)


def in_effect(document: Entry) -> bool:
    """Whether traffic is where it was asked to be, as far as is known."""
    return not apart(document)
