"""What came of a call, typed: read from the one document that the ledger keeps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gate.core.policy import Json
from gate.errors import ExitCode

Record = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it was decided so.

    Attributes:
        subject: the probe's name, or what else spoke: `readiness`, `deadline`, `traffic` ...
        source: `probe` where subject is a probe's name, else `gate`; "" of older records.
        text: one line.
        hint: what to do, or "".
        capability: the capability at stake, or "".
        attribution: whose fault it is, "" where nothing says so.
        lines: the candidate's own log lines that explain it, oldest first.
    """

    subject: str
    text: str
    hint: str = ""
    capability: str = ""
    attribution: str = ""
    lines: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one probe saw at one address.

    Attributes:
        probe, kind: its name and kind, as the policy has them.
        outcome: `passed`, `failed` or `inconclusive`.
        required: whether it decides.
        expected, seen: in words.
        attribution: whose fault a failure is; "" for a pass.
        advice: what to do about it, or "".
        address: "" for the candidate's own, `service` for the one that users have, `stable` for
            what stable showed.
        record: all that the entry has of it.
    """

    probe: str
    kind: str
    outcome: str
    required: bool
    expected: str
    seen: str
    attribution: str
    advice: str
    address: str
    record: Record = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rollout or a move by hand ended.

    Attributes:
        kind: `rollout`, `promote`, `rollback` or `recover`.
        ending: `promoted`, `rejected`, `held`, `rolled back` ...; docs/api.md has all.
        exit_code: what the command would exit with.
        id: under which it is recorded, "" where nothing had to be done.
        service: PROJECT/REGION/NAME.
        revision: the candidate, or the target of a move; "" where there was none.
        decision: `promote`, `reject` or `hold`; "" where no probe was asked.
        reasons: why.
        evidence: what the probes saw.
        traffic: percent of users' requests by revision, as last seen in effect.
        notes: what else is worth knowing.
        next: the commands that lead on, the best first.
        recorded: whether the ledger has kept the entry.
        record: the entry itself; `gate audit show ID --output json` shows the same.
    """

    kind: str
    ending: str
    exit_code: ExitCode
    id: str
    service: str
    revision: str
    decision: str
    reasons: tuple[Reason, ...]
    evidence: tuple[Evidence, ...]
    traffic: Mapping[str, int]
    notes: tuple[str, ...]
    next: tuple[str, ...]
    recorded: bool
    record: Record = field(repr=False)

    @property
    def done(self) -> bool:
        """Whether what was asked for is so: users are where they were meant to be."""
        return self.exit_code is ExitCode.DONE


def outcome_of(entry: Record, exit_code: ExitCode, *, recorded: bool) -> Outcome:
    """The outcome that an entry tells of.

    Args:
        entry: as gate.ledger.entry makes it.
        exit_code: of the whole.
        recorded: whether the ledger has kept it.
    """
    verdict = _object(entry.get("verdict"))
    shares = _object(entry.get("effective_after"))
    return Outcome(
        kind=_text(entry, "kind"),
        ending=_text(entry, "ending"),
        exit_code=exit_code,
        id=_text(entry, "rollout"),
        service="/".join(_text(entry, part) for part in ("project", "region", "service")),
        revision=_text(_object(entry.get("candidate")), "revision"),
        decision=_text(verdict, "decision"),
        reasons=tuple(map(_reason, _objects(verdict, "reasons"))),
        evidence=tuple(map(_evidence, _objects(entry, "evidence"))),
        traffic={name: share for name, share in shares.items() if isinstance(share, int)},
        notes=_texts(entry, "notes"),
        next=_texts(_object(entry.get("next")), "commands"),
        recorded=recorded,
        record=entry,
    )


def _reason(value: Record) -> Reason:
    return Reason(
        subject=_text(value, "subject"),
        text=_text(value, "text"),
        hint=_text(value, "hint"),
        capability=_text(value, "capability"),
        attribution=_text(value, "attribution"),
        lines=_texts(value, "lines"),
        source=_text(value, "source"),
    )


def _evidence(value: Record) -> Evidence:
    return Evidence(
        probe=_text(value, "probe"),
        kind=_text(value, "kind"),
        outcome=_text(value, "outcome"),
        required=value.get("required") is True,
        expected=_text(value, "expected"),
        seen=_text(value, "seen"),
        attribution=_text(value, "attribution"),
        advice=_text(value, "advice"),
        address=_text(value, "address"),
        record=value,
    )


def _object(value: Json) -> Record:
    return value if isinstance(value, dict) else {}


def _objects(value: Record, name: str) -> Iterator[Record]:
    found = value.get(name)
    return (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def _text(value: Record, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _texts(value: Record, name: str) -> tuple[str, ...]:
    found = value.get(name)
    return tuple(str(one) for one in found) if isinstance(found, list) else ()
