"""Writes the tables of docs, by what the code itself goes by: `python -m docs.tables`.

A table stands between `<!-- keys: NAME -->` and `<!-- end -->` and is made from what the reader
checks by, so that it cannot say anything else. A test holds the pages against it.
"""

import json
import re
from pathlib import Path

from docs.options import commands
from gate.core.canary import chance_of_notice
from gate.core.policy import MetricsRule
from gate.doctor.permissions import NEEDED, Permission
from gate.kinds import steps
from gate.kinds.answers import found_keys
from gate.kinds.keys import record_of
from gate.kinds.logs import PATTERN
from gate.kinds.probe import COMMON, EVIDENCE
from gate.kinds.records import Record, Slot
from gate.kinds.registry import KINDS, kind_of, kinds_of_key
from gate.kinds.room_parties import PARTY_KEYS
from gate.kinds.room_steps import HEARD
from gate.kinds.room_steps import STEP as ROOM_STEP
from gate.kinds.stream import AWAIT_EVENT
from gate.kinds.templates import Templated
from gate.kinds.websocket import AWAIT, STEP
from gate.policyfile.canary import METRICS
from gate.policyfile.canary import STEP as TRAFFIC_STEP
from gate.policyfile.candidate import CANDIDATE
from gate.policyfile.format import TOP
from gate.policyfile.identity import IDENTITY
from gate.policyfile.keys import CAPABILITY
from gate.policyfile.notifications import NOTIFICATION
from gate.policyfile.repeats import REPEATS
from gate.policyfile.rules import ALLOW, APPROVE, FREEZE
from gate.policyfile.secrets import KEY_PLACE, SECRET
from gate.policyfile.service import SERVICE
from gate.policyfile.signing import EARLIER, SIGN

HERE = Path(__file__).parent
PAGES = (
    HERE / "permissions.md",
    HERE / "policy.md",
    HERE / "canary.md",
    HERE / "commands.md",
    HERE / "rules.md",
    *sorted((HERE / "policy").glob("*.md")),
)
_MARKED = re.compile(r"(<!-- keys: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_RECORDS = {
    "policy": TOP,
    "service": SERVICE,
    "candidate": CANDIDATE,
    "identity": IDENTITY,
    "repeats": REPEATS,
    "traffic step": TRAFFIC_STEP,
    "metrics": METRICS,
    "secret": SECRET,
    "capability": CAPABILITY,
    "notify": NOTIFICATION,
    "sign": SIGN,
    "require signed": EARLIER,
    "key": KEY_PLACE,
    "allow": ALLOW,
    "approve": APPROVE,
    "freeze": FREEZE,
    "probe": Record("probe", dict, COMMON),
    "evidence": EVIDENCE,
    "step": STEP,
    "await": AWAIT,
    "event": AWAIT_EVENT,
    "party": PARTY_KEYS,
    "room step": ROOM_STEP,
    "heard": HEARD,
    "pattern": PATTERN,
    "journey step": steps.STEP,
    "journey expect": steps.WANTED,
    "redirect": steps.REDIRECT,
    "capture": steps.CAPTURE,
    "found": found_keys(Templated(), typed=True),
}


def record_named(name: str) -> Record:
    """The record that a marker names: `candidate`, `http`, `http expect` ..."""
    if name in _RECORDS:
        return _RECORDS[name]
    kind = kind_of(name.removesuffix(" expect"))
    assert kind is not None
    beside = [one for one in kinds_of_key(kind.facts.key) if one is not kind]
    record = record_of(kind, expected=name.endswith(" expect"), beside=beside)
    assert record is not None
    return record


def table(record: Record) -> str:
    """The keys of a record, as Markdown."""
    rest = record.rest
    rows = [f"| `{one.name}` | {one.key.about} | {_default(one)} |" for one in record.keys]
    rows += [f"| any other | {rest.key.about} | |"] if rest else []
    return "\n".join(["| key | what | default |", "|---|---|---|", *rows]) + "\n"


def kinds() -> str:
    """The kinds, each with a link to its page."""
    told = [kind_of(name) for name in KINDS]
    rows = [f"| {_link(one.facts)} | {one.facts.about} |" for one in told if one]
    return "\n".join(["| kind | what it asks |", "|---|---|", *rows]) + "\n"


def permissions() -> str:
    """What the gate must be allowed to do."""
    rows = [
        f"| `{one.name}` | {one.on.value} | {_roles(one)} | {one.why} | "
        f"{', '.join(user.value for user in one.users)} | {one.when.value} |"
        for one in NEEDED
    ]
    head = "| permission | on the | role | what for | who | when |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows]) + "\n"


def _roles(one: Permission) -> str:
    reading = f", to look `{one.reading_role}`" if one.reading_role else ""
    return f"`{one.role}`{reading}"


def noticed() -> str:
    """How often so many requests show that a candidate fails, as a step is judged."""
    rates = (0.02, 0.05, 0.1, 0.2)
    head = " | ".join(f"{rate:.0%} of answers 5xx" for rate in rates)
    rows = [
        f"| {requests} | {' | '.join(_chance(requests, rate) for rate in rates)} |"
        for requests in (50, 100, 200, 500, 1000)
    ]
    lines = [f"| requests | {head} |", "|---" * (len(rates) + 1) + "|", *rows]
    return "\n".join(lines) + "\n"


def _chance(requests: int, rate: float) -> str:
    chance = chance_of_notice(requests, rate, MetricsRule())
    return "all but 1 in 1000" if chance > 0.999 else f"{min(round(chance * 100), 99)} of 100"


def _link(kind) -> str:
    where = f" with `{kind.where}`" if kind.where else ""
    return f"[`{kind.key}`](policy/{kind.name}.md){where}"


def _default(slot: Slot) -> str:
    if slot.required:
        return "required"
    if slot.key.absent:
        return slot.key.absent
    if isinstance(slot.form, Record):
        return "below" if slot.default is not None else "none"
    written = slot.written
    if written is None:
        return "none"
    return f"`{written if isinstance(written, str) else json.dumps(written)}`"


def filled(page: str) -> str:
    """A page with every table as it must be."""

    def made(match: re.Match[str]) -> str:
        whole = {
            "kinds": kinds,
            "noticed": noticed,
            "permissions": permissions,
            "commands": commands,
        }
        make = whole.get(match[2], lambda: table(record_named(match[2])))
        return match[1] + make() + match[3]

    return _MARKED.sub(made, page)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(filled(path.read_text()))
