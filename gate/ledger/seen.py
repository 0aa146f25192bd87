"""What a verification reads of an entry: its place in the chain, and what others must know of it.

Lines in canonical form, as `gate audit export` writes them, are hashed as they are; any other
spelling of the same value is put into that form first.
"""

import hashlib
import json
from typing import Any, TypeVar

import msgspec

from gate.core.evidence import STABLE
from gate.core.policy import Json
from gate.ledger.canonical import canonical
from gate.ledger.checksum import is_intact

LINE_MAX_BYTES = 256 * 1024
"""No store of the gate takes a larger entry."""
INTENTION = "intention"
"""What the chain is made of: these vouch for each other."""
T = TypeVar("T")
Claims = tuple[str | msgspec.Raw, ...]
_EMPTY = (msgspec.Raw(b""), msgspec.Raw(b"[]"))
_BEGINNING = b'{"actor":"'
"""How every entry in canonical form begins: no key of it sorts before this one."""
_ESCAPED = b"\\u"
"""How many spell what is no ASCII, and the canonical form control characters alone."""


class Share(msgspec.Struct, gc=False):
    """One line of a traffic list."""

    revision: str = ""
    percent: int = 0
    tag: str = ""


class Vouched(msgspec.Struct, gc=False):
    """An outcome that an intention vouches for."""

    rollout: str
    at: str
    digest: str


class Named(msgspec.Struct, gc=False):
    """An entry that another one names: its hash, and when it was written ("": it says nothing)."""

    digest: str = ""
    at: str = ""


class Candidate(msgspec.Struct, gc=False):
    """What an outcome decides on."""

    revision: str = ""


class Asked(msgspec.Struct, gc=False):
    """Where a probe asked what is in evidence."""

    address: str = ""


class Seen(msgspec.Struct, gc=False, kw_only=True):
    """Fields as docs/record.md has them; those of other formats may be absent.

    What is seldom looked into stays as it is written: most of the time goes into reading. Fields
    stand in the order of canonical form, so that each is found where the one before it ended.
    `intact` is no field: whether it fits its own checksum, True where it has none.
    """

    actor: str = ""
    approvals: msgspec.Raw = msgspec.Raw(b"")
    at: str
    build: msgspec.Raw = msgspec.Raw(b"")
    bundle: str = ""
    candidate: msgspec.Raw = msgspec.Raw(b"")
    checksum: str = ""
    decided: str = ""
    ending: str = ""
    entry: str
    evidence: msgspec.Raw = msgspec.Raw(b"")
    evidence_digest: str = ""
    format: int
    gate_version: str = ""
    intentions: msgspec.Raw = msgspec.Raw(b"")
    intentions_unkept: msgspec.Raw = msgspec.Raw(b"")
    kind: str = ""
    left_out: int = 0
    outcomes: msgspec.Raw = msgspec.Raw(b"")
    overrides: msgspec.Raw = msgspec.Raw(b"")
    phase: str = ""
    policy: str = ""
    policy_digest: str = ""
    previous: str = ""
    project: str
    proof_digest: str = ""
    reason: str = ""
    region: str
    rollout: str
    sequence: int = 0
    service: str
    took_back: msgspec.Raw = msgspec.Raw(b"")
    traffic_now: msgspec.Raw = msgspec.Raw(b"")
    traffic_wanted: msgspec.Raw = msgspec.Raw(b"")
    verdict: msgspec.Raw = msgspec.Raw(b"")
    intact: bool = True

    @property
    def claims(self) -> Claims:
        """All that every entry of one rollout says alike, in the order of CLAIMED."""
        return (
            self.actor,
            self.kind,
            self.reason,
            self.policy,
            self.policy_digest,
            self.proof_digest,
            self.gate_version,
            self.build,
            self.overrides,
        )

    @property
    def judged(self) -> str:
        """The hash of verdict and evidence as they are here."""
        parts = (b'{"evidence":', bytes(self.evidence), b',"verdict":', bytes(self.verdict), b"}")
        return hashlib.sha256(b"".join(parts)).hexdigest()


CLAIMED = (
    "actor",
    "kind",
    "reason",
    "policy",
    "policy_digest",
    "proof_digest",
    "gate_version",
    "build",
    "overrides",
)
"""The fields of `Seen.claims`."""
_DECODER = msgspec.json.Decoder(Seen)
_VOUCHED = msgspec.json.Decoder(list[Vouched] | None)
_SHARES = msgspec.json.Decoder(list[Share])
_NAMED = msgspec.json.Decoder(list[Named])
_TEXTS = msgspec.json.Decoder(list[str])
_ASKED = msgspec.json.Decoder(list[Asked])
_CANDIDATE = msgspec.json.Decoder(Candidate)


class UnreadableLine(ValueError):  # noqa: N818 - found, not raised to a user
    """A line that is no entry of the gate: says why."""


def seen(line: bytes) -> tuple[Seen, str]:
    """An entry and its hash.

    Raises:
        UnreadableLine: it is none.
    """
    try:
        if len(line) > LINE_MAX_BYTES:
            raise UnreadableLine("it is too large")
        if not line.startswith(_BEGINNING) or (b"\\" in line and _ESCAPED in line):  # quick first
            line = canonical(parsed(line))
        entry = _DECODER.decode(line)
        if entry.entry != INTENTION:
            entry.intact = not entry.checksum or is_intact(line, entry.checksum)
        return entry, hashlib.sha256(line).hexdigest()
    except json.JSONDecodeError as error:  # whose own line is always the first
        what = error.msg.removesuffix(" starting at").removesuffix(" at")
        raise UnreadableLine(f"{what} (column {error.colno})") from None
    except (ValueError, TypeError, RecursionError) as error:  # msgspec's are ValueErrors
        raise UnreadableLine(str(error)) from None


def hash_of(content: bytes) -> str:
    """The hash of JSON in canonical form, however it is spelled; "" of what is no JSON."""
    try:
        return hashlib.sha256(canonical(parsed(content))).hexdigest()
    except (ValueError, TypeError, RecursionError):
        return ""


def vouched(raw: msgspec.Raw) -> list[Vouched]:
    """The outcomes that an entry vouches for; of what is no list of them, none."""
    return _read(_VOUCHED, raw) or []


def texts(raw: msgspec.Raw) -> list[str]:
    """A list of texts; of anything else, none."""
    return [] if raw in _EMPTY else _read(_TEXTS, raw) or []


def named(raw: msgspec.Raw) -> list[Named]:
    """A list of entries that are named; of anything else, none."""
    return [] if raw in _EMPTY else _read(_NAMED, raw) or []


def candidate(raw: msgspec.Raw) -> str:
    """The revision that an outcome decides on; "" where it names none."""
    found = _read(_CANDIDATE, raw)
    return found.revision if found else ""


def tells_of_candidate(entry: Seen) -> bool:
    """Whether an outcome has evidence of its candidate, or has not all that there was."""
    asked = _read(_ASKED, entry.evidence) or ()
    return any(one.address != STABLE for one in asked) or entry.judged != entry.evidence_digest


def shares(raw: msgspec.Raw) -> dict[str, int]:
    """Percents by revision of a traffic list; LATEST is the revision ""."""
    found: dict[str, int] = {}
    for line in _read(_SHARES, raw) or ():
        if line.percent:
            found[line.revision] = found.get(line.revision, 0) + line.percent
    return found


def tags(raw: msgspec.Raw) -> dict[str, str]:
    """Revisions by tag of a traffic list; LATEST is the revision ""."""
    return {line.tag: line.revision for line in _read(_SHARES, raw) or () if line.tag}


def _read(decoder: "msgspec.json.Decoder[T]", raw: msgspec.Raw) -> T | None:
    try:
        return decoder.decode(raw)
    except ValueError:
        return None


def parsed(line: bytes) -> Json:
    """The value of a line of JSON; whole numbers that are written as fractions are whole again.

    Raises:
        ValueError: it is no JSON, or has a key twice.
    """
    value: Json = json.loads(line, object_pairs_hook=_once, parse_float=_whole)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _whole(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
