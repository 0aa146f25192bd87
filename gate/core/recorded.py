"""What is recorded of one decision: its entries put together. Pure.

Entries may have been written by an older gate, or by anybody who may write to the log: nothing here
raises, and what cannot have been written by a gate is told as a doubt.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gate.core.fields import Entry, child, children, text, texts

UNFINISHED = "unfinished"
TAKEN_BACK = "taken back"
"""It never recorded an end, and another rollout has taken back what it left."""
PROBE, GATE = "probe", "gate"
"""Who a verdict's reason is by: the `source` of it."""
ENDED = "ended; its record is on the way"
"""It has given its lease back; Cloud Logging shows entries a little later than they are written."""
_MOVED = frozenset({"promoted", "rolled back", "regressed"})


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision as the ledger has it.

    Attributes:
        id: of the rollout, or of the move by hand.
        intentions: what the gate was about to do, oldest first.
        outcome: what came of it, None while (or since) nobody recorded that.
        taken_back_by: id of the rollout that took back what this one left, or "".
        known_ended: whether the service itself says that it has ended.
        disputed: whether there are outcomes that differ: the first one counts.
        whole: whether these are all of its entries, so that what lacks is not there.
    """

    id: str
    intentions: tuple[Entry, ...] = ()
    outcome: Entry | None = None
    taken_back_by: str = ""
    known_ended: bool = False
    disputed: bool = False
    whole: bool = False

    @property
    def head(self) -> Entry:
        """The entry that says most of what was asked for."""
        return self.outcome or (self.intentions[0] if self.intentions else {})

    @property
    def ending(self) -> str:
        """How it ended; without an outcome, `taken back` where another rollout says so."""
        if self.outcome:
            return text(self.outcome, "ending")
        if self.known_ended:
            return ENDED
        return TAKEN_BACK if self.taken_back_by else UNFINISHED

    @property
    def doubt(self) -> str:
        """Why it cannot be as it is recorded, "" where nothing speaks against it."""
        if self.disputed:
            return "it has two outcomes that differ, the first is shown, one is forged"
        end = self.outcome or {}
        wrote = self.intentions or end.get("intentions") or end.get("intentions_unkept")
        if "intentions" in end and text(end, "ending") in _MOVED and not wrote:
            return f"it says {text(end, 'ending')}, and knows of no write: it was invented"
        return self._not_its_writes(end) if self.whole and "intentions" in end else ""

    def _not_its_writes(self, end: Entry) -> str:
        """Whether it names other writes than the ledger has of it."""
        kept, unkept = len(texts(end, "intentions")), len(texts(end, "intentions_unkept"))
        there = len(self.intentions)
        if there < kept:
            return f"it names {kept} writes, of which the ledger has {there}: see who took them out"
        if there > kept + unkept > 0:
            return f"it names {kept} writes, and the ledger has {there}: some were invented"
        return ""

    @property
    def began(self) -> str:
        """When it began, as far as its entries tell, as it is recorded."""
        first = self.intentions[0] if self.intentions else self.head
        return text(self.head, "started_at") or text(first, "at")

    @property
    def began_at(self) -> datetime | None:
        """The same as a moment in UTC, None where that is no time."""
        return moment(self.began)

    @property
    def ended_at(self) -> datetime | None:
        """When its outcome was written, None where there is none."""
        return moment(text(self.outcome or {}, "at"))

    @property
    def kind(self) -> str:
        """What was asked for: `rollout`, `promote`, `rollback`, `recover`, `stop` and the like."""
        return text(self.head, "kind")

    @property
    def who(self) -> tuple[str, ...]:
        """Whoever asked, as they say themselves, and as Cloud Run says where it has."""
        principal = text(child(self.head, "principal"), "name")
        return tuple(dict.fromkeys(name for name in (text(self.head, "actor"), principal) if name))

    @property
    def image(self) -> str:
        """The image of the candidate, "" where no outcome names it."""
        return text(child(self.head, "candidate"), "image")

    @property
    def overrides(self) -> list[str]:
        """Rules that whoever asked set aside."""
        return texts(self.head, "overrides")

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What was at stake: capabilities whose probes were asked, or that a reason names."""
        end = self.outcome or {}
        named = [*children(end, "evidence"), *children(child(end, "verdict"), "reasons")]
        return tuple(dict.fromkeys(name for one in named if (name := text(one, "capability"))))


def put_together(
    entries: Iterable[Entry],
    taken_back: Iterable[tuple[str, str]] = (),
    *,
    whole: bool = False,
) -> list[Decision]:
    """The decisions that entries tell of, each at the place of its newest entry.

    Args:
        entries: newest first. Entries that are neither intention nor outcome are left out.
        taken_back: ids of rollouts, and of those that took back what these left, beside what the
            entries themselves say.
        whole: whether these are all entries that there are of these decisions.
    """
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if text(entry, "entry") in {"intention", "outcome"}:
            found.setdefault(text(entry, "rollout"), []).append(entry)
    by = dict(taken_back)
    for name, own in found.items():
        by |= dict.fromkeys(_took_back(own), name)
    return [_decision(name, own, by.get(name, ""), whole=whole) for name, own in found.items()]


def _decision(name: str, entries: Sequence[Entry], taken_back_by: str, *, whole: bool) -> Decision:
    outcomes = [entry for entry in entries if text(entry, "entry") == "outcome"]
    writes = [entry for entry in reversed(entries) if text(entry, "entry") == "intention"]
    once = [one for number, one in enumerate(writes) if one not in writes[:number]]
    return Decision(
        name,
        tuple(once),
        outcomes[-1] if outcomes else None,
        taken_back_by,
        disputed=any(one != outcomes[-1] for one in outcomes),
        whole=whole,
    )


def _took_back(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        if text(entry, "entry") == "outcome":
            yield from texts(entry, "took_back")


def is_by_probe(document: Entry, reason: Entry) -> bool:
    """Whether a verdict's reason is a probe's: its subject is then the probe's name.

    Else it is a rule's, or whatever else spoke (`stop`, `deadline`, `readiness` ...). Gates before
    this one did not record which: what has evidence of that name, or was to be asked, is a probe.

    Args:
        document: the outcome, or what `gate probe` saw.
        reason: one of its verdict's.
    """
    if source := text(reason, "source"):
        return source == PROBE
    asked = {text(item, "probe") for item in children(document, "evidence")}
    asked |= {*texts(document, "did_not_run"), *texts(child(document, "not_asked"), "probes")}
    return text(reason, "subject") in asked


def spoken_words(document: Entry) -> list[str]:
    """What the reasons of its verdict are about, in order: a rule's word, "" for a probe's."""
    return [
        "" if is_by_probe(document, one) else text(one, "subject")
        for one in children(child(document, "verdict"), "reasons")
    ]


def moment(at: str) -> datetime | None:
    """A recorded moment in UTC; None of what is no time, or of one without a zone."""
    try:
        found = datetime.fromisoformat(at)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
