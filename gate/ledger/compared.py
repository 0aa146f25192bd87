"""What differs between two decisions, by their records. Pure."""

import re
from collections.abc import Callable, Iterator

from gate.core.fields import Entry, child, children, number, text, texts
from gate.core.policy import Json
from gate.core.recorded import Decision

Read = Callable[[Decision], str]
_TOOK = re.compile(r"\b\d+(?:\.\d+)? (?:ms|s)\b")


def compared(a: Decision, b: Decision) -> dict[str, Json]:
    """What differs: {a, b, differs, same, probes}.

    `a` and `b` are the ids, `differs` is [{what, a, b}] and `same` the names of what does not;
    `probes` is [{probe, address, what, a, b}], `what` being `only in a`, `only in b`, `outcome`,
    `expected`, `asked` or `seen`: the first of these that differs, how long it took aside.
    """
    pairs = [(what, read(a), read(b)) for what, read in _FIELDS.items()]
    return {
        "a": a.id,
        "b": b.id,
        "differs": [
            {"what": what, "a": one, "b": other} for what, one, other in pairs if one != other
        ],
        "same": [what for what, one, other in pairs if one == other and one],
        "probes": [*_probes(a, b)],
    }


def _probes(a: Decision, b: Decision) -> Iterator[Json]:
    one, other = _evidence(a), _evidence(b)
    for name, address in sorted({*one, *other}):
        first, second = one.get((name, address)), other.get((name, address))
        row = _differs(first, second)
        if row is not None:
            yield {"probe": name, "address": address, **row}


def _differs(a: Entry | None, b: Entry | None) -> dict[str, Json] | None:
    """The first thing that differs between two pieces of evidence; None where nothing does."""
    if a is None or b is None:
        told = [_told(item) if item else "" for item in (a, b)]
        return {"what": "only in b" if a is None else "only in a", "a": told[0], "b": told[1]}
    for key in ("outcome", "expected", "asked", "seen"):
        if _TOOK.sub("", text(a, key)) != _TOOK.sub("", text(b, key)):
            one, other = (_told(a), _told(b)) if key == "outcome" else (text(a, key), text(b, key))
            return {"what": key, "a": one, "b": other}
    return None


def _told(item: Entry) -> str:
    return f"{text(item, 'outcome')}: {text(item, 'seen')}"


def _evidence(one: Decision) -> dict[tuple[str, str], Entry]:
    items = children(one.outcome or {}, "evidence")
    return {(text(item, "probe"), text(item, "address")): item for item in items}


def _field(*path: str) -> Read:
    """Reads a text of the entry that says most."""

    def read(one: Decision) -> str:
        entry = one.head
        for key in path[:-1]:
            entry = child(entry, key)
        return text(entry, path[-1])

    return read


def _listed(key: str) -> Read:
    return lambda one: "; ".join(sorted(texts(one.head, key)))


def _shares(key: str) -> Read:
    """Who has how many percent, of a recorded split."""

    def read(one: Decision) -> str:
        lines = children(one.head, key)
        named = [
            f"{text(line, 'revision') or 'LATEST'} {number(line, 'percent')} %"
            for line in lines
            if number(line, "percent")
        ]
        return ", ".join(named)

    return read


def _versions(one: Decision) -> str:
    versions = child(one.head, "secret_versions")
    return ", ".join(f"{name} {text(versions, name)}" for name in sorted(versions))


def _reasons(one: Decision) -> str:
    reasons = children(child(one.head, "verdict"), "reasons")
    return "; ".join(f"{text(reason, 'subject')}: {text(reason, 'text')}" for reason in reasons)


_FIELDS: dict[str, Read] = {
    "kind": lambda one: one.kind,
    "ending": lambda one: one.ending,
    "verdict": _field("verdict", "decision"),
    "reasons": _reasons,
    "image": _field("candidate", "image"),
    "revision": _field("candidate", "revision"),
    "template differences": _listed("template_differences"),
    "secret versions": _versions,
    "policy": _field("policy"),
    "policy digest": _field("policy_digest"),
    "proof digest": _field("proof_digest"),
    "evidence digest": _field("evidence_digest"),
    "who": _field("actor"),
    "who by Cloud Run's word": _field("principal", "name"),
    "why": _field("reason"),
    "overrides": _listed("overrides"),
    "build": _field("build", "id"),
    "commit": _field("build", "commit"),
    "gate version": _field("gate_version"),
    "stable": _shares("stable"),
    "traffic before": _shares("traffic_before"),
    "traffic after": _shares("traffic_after"),
}
"""What is compared, in the order in which it is told."""
