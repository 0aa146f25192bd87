"""People's approvals, to be read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.report.attempts import when
from gate.report.evidence import TEXT_MAX
from gate.report.fields import Entry, child, children, text
from gate.report.lines import Line, Tone
from gate.report.safe import safe

UNREAD = "its own entry was not read here: it says who vouches for the name"


@dataclass(frozen=True, slots=True)
class Given:
    """One approval, or one that was taken back, beside the decision that it stands under.

    Attributes:
        who: by whose word, and whether anybody vouches for that.
        at: when, as it is recorded.
        what: which revision it is for.
        image: the same by digest, "" where that was not known.
        reason: why, in their words.
        counts: whether the decision rests on it.
        why_not: why it does not, "" where it does.
        unread: whether its own entry was not at hand.
    """

    who: str
    at: str
    what: str
    image: str = ""
    reason: str = ""
    counts: bool = False
    why_not: str = ""
    unread: bool = False


def given(document: Entry, entries: Iterable[Entry]) -> list[Given]:
    """Every approval that a decision rests on, or that stands under its id, the oldest first.

    Args:
        document: the decision's outcome.
        entries: those under its id, and approvals that it rests on under others, in any order;
            others than approvals are left out.
    """
    counting = _counting(document)
    own = [one for one in entries if text(one, "entry") == "approval"]
    there = {_key(_name(one), one) for one in own}
    revision = text(child(document, "candidate"), "revision")
    elsewhere = [
        Given(name or "somebody", at, revision, counts=True, unread=True)
        for name, at in counting - there
    ]
    here = [_given(document, one, own, _key(_name(one), one) in counting) for one in own]
    return sorted([*elsewhere, *here], key=lambda one: one.at)


def concerns(document: Entry, entry: Entry) -> bool:
    """Whether an entry stands under a decision's id, or is an approval that it rests on."""
    if text(entry, "rollout") == text(document, "rollout"):
        return True
    return text(entry, "entry") == "approval" and _key(_name(entry), entry) in _counting(document)


def _counting(document: Entry) -> set[tuple[str, str]]:
    return {_key(text(one, "name"), one) for one in children(document, "approvals")}


def _given(document: Entry, entry: Entry, own: list[Entry], counts: bool) -> Given:  # noqa: FBT001
    candidate = child(entry, "candidate")
    return Given(
        _by(entry),
        text(entry, "at"),
        text(candidate, "revision"),
        text(candidate, "digest"),
        text(entry, "reason"),
        counts,
        "" if counts else _why_not(document, entry, own),
    )


def _why_not(document: Entry, entry: Entry, own: list[Entry]) -> str:
    """Why a decision does not rest on an approval, as far as both entries tell."""
    candidate, of = child(document, "candidate"), child(entry, "candidate")
    at, ended = text(entry, "at"), text(document, "at")
    checks = (
        (text(entry, "kind") == "withdraw", "takes an approval back"),
        (_taken_back(entry, own), "was withdrawn"),
        (not text(of, "digest"), "names no image: its digest was not known"),
        (_other(candidate, of, "revision"), f"is for the revision {text(of, 'revision')}"),
        (_other(candidate, of, "digest"), "is for another image"),
        (_other(document, entry, "policy_digest"), "is for another state of the policy"),
        (text(document, "entry") != "outcome", "no outcome says so yet"),
        (at > ended, "was given once this had ended: it is for what is rolled out next"),
        ("approvals" not in document, "this decision was asked for none"),
    )
    return next((why for holds, why in checks if holds), "did not count: the verdict says why")


def _taken_back(entry: Entry, own: list[Entry]) -> bool:
    at, name = text(entry, "at"), _name(entry)
    return any(
        text(one, "kind") == "withdraw" and _name(one) == name and text(one, "at") > at
        for one in own
    )


def _other(one: Entry, other: Entry, key: str) -> bool:
    return bool(text(one, key)) and text(one, key) != text(other, key)


def _key(name: str, entry: Entry) -> tuple[str, str]:
    return name, text(entry, "at")


def _name(entry: Entry) -> str:
    return text(child(entry, "principal"), "name")


def approval_lines(entry: Entry) -> Iterator[Line]:
    """One approval, as it was given or taken back."""
    took_back = text(entry, "kind") == "withdraw"
    word = "withdrew the approval of" if took_back else "approved"
    revision = text(child(entry, "candidate"), "revision")
    tone = Tone.UNSURE if took_back else Tone.GOOD
    yield Line(f"{_by(entry)} {word} {safe(revision)} at {when(text(entry, 'at'))} UTC", tone)
    yield Line(f"rollout: {safe(text(entry, 'rollout'))}", indent=2)
    image = text(child(entry, "candidate"), "digest")
    yield Line(f"image:   {safe(image or 'unknown: it does not count', TEXT_MAX)}", indent=2)
    yield Line(f"why:     {safe(text(entry, 'reason'), TEXT_MAX)}", indent=2)


def approved_lines(outcome: Entry, entries: Iterable[Entry] = ()) -> Iterator[Line]:
    """The approvals that a move rests on, of an outcome.

    Args:
        outcome: of the move.
        entries: the approvals themselves, as far as they are at hand.
    """
    there = {_key(_name(one), one): _by(one) for one in entries}
    for one in children(outcome, "approvals"):
        name, at = text(one, "name"), text(one, "at")
        who = there.get((name, at))
        unread = "" if who else f" ({UNREAD})"
        yield Line(f"approved by {who or safe(name)} at {when(at)} UTC{unread}")


def _by(entry: Mapping[str, object]) -> str:
    principal = child(dict(entry), "principal")  # type: ignore[arg-type]
    claimed = text(principal, "authenticated") == "claimed"
    return safe(text(principal, "name") or "somebody") + (" (as they say)" if claimed else "")
