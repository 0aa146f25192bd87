"""What a verification of the ledger found, as values and as JSON."""

from dataclasses import dataclass, field
from enum import Enum

from gate.core.policy import Json


class What(Enum):
    """What is wrong with a ledger, or with traffic beside it."""

    MISSING = "missing"  # an entry that others know of is not there
    ALTERED = "altered"  # an entry is not what others know of it
    INVENTED = "invented"  # an entry that no rollout can have written
    DOUBLED = "doubled"  # two different outcomes of one rollout
    REORDERED = "reordered"  # entries are not in the order of their times
    TWO_HEADS = "two heads"  # two histories go on from one entry
    CLOCK = "clock set back"  # an entry is older than the one it follows
    TOO_LARGE = "too large"  # an entry that the store cannot have taken
    UNREADABLE = "unreadable"  # no entry of the gate
    FOREIGN = "another service"  # an entry of another service's ledger
    END_LOST = "end lost"  # the service was written on after the last entry
    HEAD = "head does not match"  # the service names another entry than the ledger's last
    DRIFT = "drift"  # traffic moved without an entry
    SIGNATURE = "signature"  # an outcome is not what was signed, or not by whom it should be
    UNSIGNED = "unsigned"  # an outcome that should be signed is not


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        what: in which way.
        text: in words, with rollouts and times.
        service: `PROJECT/REGION/NAME`, "" where no entry says.
        rollout, at: of the entry that shows it, "" for none.
        sequence: its number, 0 for none.
        since: of a drift: when traffic was as recorded for the last time.
    """

    what: What
    text: str
    service: str = ""
    rollout: str = ""
    at: str = ""
    sequence: int = 0
    since: str = ""

    def value(self) -> dict[str, Json]:
        """As JSON."""
        return {
            "what": self.what.value,
            "text": self.text,
            "service": self.service,
            "rollout": self.rollout,
            "at": self.at,
            "sequence": self.sequence,
        }


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry that explains a write on a service: its number and hash; 0 and "" for none."""

    sequence: int = 0
    digest: str = ""


@dataclass(slots=True)
class Verified:
    """What was verified of one service.

    Attributes:
        entries: how many lines of it there were, those of format 1 included.
        since: when the first of them was written: nothing is known of what was before.
        legacy: how many of those were of format 1, from before the chain.
        legacy_until: when the last of these was written.
        first: number of the chain's first entry, 0 without any.
        began: when it was written.
        head: the chain's end, as far as entries tell.
        head_rollout, head_at: whose and when.
        end_checked: whether that was held against what the service says of its last write.
        doubled: entries that came again, the same.
        refused: intentions that took no effect, since somebody else wrote first.
        unfinished: rollouts without an outcome: still at work, killed, or their outcome is lost.
        taken_back: the same, of which another rollout took back what they had left.
        unvouched: rollouts whose outcome no later entry vouches for yet.
        cut: outcomes whose evidence is a part of what it was.
        signed, unsigned: outcomes that are signed as they should be, and those that were not before
            the first of these; both 0 where nobody looked.
        bundles: rollout, time, place and hash of bundles that hold all of it.
    """

    service: str
    entries: int = 0
    since: str = ""
    legacy: int = 0
    legacy_until: str = ""
    first: int = 0
    began: str = ""
    head: Head = field(default_factory=Head)
    head_rollout: str = ""
    head_at: str = ""
    end_checked: bool = False
    doubled: int = 0
    refused: int = 0
    unfinished: list[str] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)
    unvouched: list[str] = field(default_factory=list)
    cut: int = 0
    signed: int = 0
    unsigned: int = 0
    bundles: list[tuple[str, str, str, str]] = field(default_factory=list)

    def value(self) -> dict[str, Json]:
        """As JSON."""
        return {
            "service": self.service,
            "entries": self.entries,
            "since": self.since,
            "before_the_chain": {"entries": self.legacy, "until": self.legacy_until},
            "chain": {
                "first": self.first,
                "since": self.began,
                "head": {"sequence": self.head.sequence, "digest": self.head.digest},
                "rollout": self.head_rollout,
                "at": self.head_at,
                "end_checked": self.end_checked,
            },
            "doubled": self.doubled,
            "took_no_effect": self.refused,
            "unfinished": [*self.unfinished],
            "taken_back": [*self.taken_back],
            "not_vouched_for_yet": [*self.unvouched],
            "evidence_cut": self.cut,
            "signatures": {"signed": self.signed, "unsigned_before": self.unsigned},
            "bundles": [where for _, _, where, _ in self.bundles],
        }


FINDINGS_MAX = 1_000
"""Most findings that are told one by one: a ledger of another format has one a line."""


@dataclass(slots=True)
class Report:
    """The whole result.

    Attributes:
        services: what was verified, one a service, in the order of their first entries.
        findings: what is wrong, at most FINDINGS_MAX.
        notes: what is not, and is to be known: moves without an entry that were taken back and
            decided on; the newest FINDINGS_MAX.
        more: how many findings there were beyond.
    """

    services: list[Verified] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def add(self, finding: Finding) -> None:
        """Takes one more."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)
        else:
            self.more += 1

    def note(self, note: Finding) -> None:
        """Takes what is no fault and is to be known."""
        self.notes.append(note)
        del self.notes[:-FINDINGS_MAX]

    def value(self) -> dict[str, Json]:
        """As JSON."""
        return {
            "whole": self.whole,
            "findings": [one.value() for one in self.findings],
            "notes": [one.value() for one in self.notes],
            "findings_left_out": self.more,
            "services": [one.value() for one in self.services],
        }
