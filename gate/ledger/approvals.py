"""People's approvals of a rollout's candidate, as entries of the ledger. Pure.

An approval stands under the id of the rollout that was looked at. It is no write on the service:
the intention of a move that rests on it has its hash, and so does the chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gate.core.annotation import RolloutAnnotation
from gate.core.approvals import Approval
from gate.core.fields import children, text
from gate.core.origin import Origin
from gate.core.permits import Who
from gate.core.policy import Json
from gate.core.recorded import is_by_probe
from gate.core.service import ServiceRef
from gate.ledger.canonical import digest
from gate.ledger.checksum import with_checksum
from gate.ledger.entry import FORMAT, Entry, build_value
from gate.ledger.evidence import time_text

APPROVAL = "approval"
HELD_FOR = "approve"
"""What alone may have held a rollout that can be approved: then its probes have passed."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is approved.

    Attributes:
        rollout: its id.
        revision, image: its candidate; the image by digest, "" where the ledger does not know it.
        policy_digest: what it was judged by.
        evidence_digest: hash of what its probes saw, "" while it is at work.
        outcome: hash of its outcome, "" while it is at work.
        authors: who asked for it, by every name.
        unfit: why there is nothing to approve, "" if there is.
    """

    rollout: str
    revision: str = ""
    image: str = ""
    policy_digest: str = ""
    evidence_digest: str = ""
    outcome: str = ""
    authors: tuple[Who, ...] = ()
    unfit: str = ""


def subject_of(rollout: str, entries: tuple[Entry, ...], mark: RolloutAnnotation) -> Subject:
    """What an approval of a rollout approves.

    Args:
        rollout: its id.
        entries: those under that id, newest first.
        mark: what the service says of the rollout at work.
    """
    outcome = next((one for one in entries if one.get("entry") == "outcome"), None)
    if outcome is not None:
        return _ended(rollout, outcome)
    begun = next((one for one in entries if one.get("entry") == "intention"), None)
    if begun is None:
        return Subject(rollout, unfit="the ledger does not have it (entries are seen seconds late)")
    if mark.holder != rollout:
        return Subject(rollout, unfit="it is not at work, and its end is not recorded (yet)")
    policy = _text(begun, "policy_digest")
    return Subject(rollout, mark.candidate, policy_digest=policy, authors=_authors(begun))


def _ended(rollout: str, outcome: Entry) -> Subject:
    candidate, verdict = _child(outcome, "candidate"), _child(outcome, "verdict")
    reasons = children(verdict, "reasons")
    why = {text(one, "subject") for one in reasons}
    ending, revision = _text(outcome, "ending"), _text(candidate, "revision")
    unfit = ""
    if _text(outcome, "kind") != "rollout" or ending != "held" or not revision:
        unfit = f"it is a {_text(outcome, 'kind')} that ended as {ending}, not held for approval"
    elif why != {HELD_FOR} or any(is_by_probe(outcome, one) for one in reasons):
        unfit = f"it was held for another reason ({', '.join(sorted(why)) or 'unknown'})"
    return Subject(
        rollout,
        revision,
        _text(candidate, "digest"),
        _text(outcome, "policy_digest"),
        _text(outcome, "evidence_digest"),
        _digest(outcome),
        _authors(outcome),
        unfit,
    )


def approval_entry(
    ref: ServiceRef,
    subject: Subject,
    approval: Approval,
    origin: Origin,
    mark: RolloutAnnotation,
) -> Entry:
    """The entry of an approval, or of one that is withdrawn.

    Args:
        ref: of which service.
        subject: what is approved.
        approval: by whom, when, why.
        origin: where it is said.
        mark: what the service says of its last write.
    """
    who, word = approval.who, "withdraws" if approval.withdraws else "approves"
    told = f"{ref.name}: {who.name or 'somebody'} {word} {approval.revision}"
    return with_checksum(
        {
            "format": FORMAT,
            "entry": APPROVAL,
            "rollout": subject.rollout,
            "at": time_text(approval.at),
            "kind": "withdraw" if approval.withdraws else "approve",
            "project": ref.project,
            "region": ref.region,
            "service": ref.name,
            "actor": who.name,
            "principal": _who_value(who),
            "build": build_value(origin),
            "gate_version": origin.release,
            "reason": approval.reason,
            "message": told,
            "sequence": mark.sequence,
            "previous": mark.entry,
            "candidate": {"revision": approval.revision, "digest": approval.image},
            "policy_digest": approval.policy_digest,
            "evidence_digest": subject.evidence_digest,
            "outcome": subject.outcome,
            "authors": [_who_value(one) for one in approval.authors],
        }
    )


def approvals_of(entries: tuple[Entry, ...]) -> tuple[Approval, ...]:
    """The approvals among these entries; one that cannot be read is none.

    Who asked for a rollout its own entries say, where they are among these, and not what an
    approval says of it.
    """
    asked: dict[str, tuple[Who, ...]] = {}
    for one in entries:
        if _text(one, "entry") in {"intention", "outcome"}:
            rollout = _text(one, "rollout")
            asked[rollout] = (*asked.get(rollout, ()), *_authors(one))
    found = (_approval(one, asked) for one in entries if one.get("entry") == APPROVAL)
    return tuple(one for one in found if one is not None)


def _approval(entry: Entry, asked: Mapping[str, tuple[Who, ...]]) -> Approval | None:
    try:
        at = datetime.fromisoformat(_text(entry, "at"))
    except ValueError:
        return None
    if at.tzinfo is None or _text(entry, "kind") not in {"approve", "withdraw"}:
        return None
    candidate, found = _child(entry, "candidate"), entry.get("authors")
    authors = found if isinstance(found, list) else []
    return Approval(
        _text(entry, "rollout"),
        _text(candidate, "revision"),
        _text(candidate, "digest"),
        _text(entry, "policy_digest"),
        _who(_child(entry, "principal")),
        at,
        _text(entry, "reason"),
        entry.get("kind") == "withdraw",
        asked.get(_text(entry, "rollout"))
        or tuple(_who(one) for one in authors if isinstance(one, dict)),
        _digest(entry),
    )


def _authors(entry: Entry) -> tuple[Who, ...]:
    """Whoever acted by somebody's word, and whoever they say they are."""
    return (_who(_child(entry, "principal")), Who(_text(entry, "actor")))


def _who(principal: Entry) -> Who:
    by = _text(principal, "authenticated")
    return Who(_text(principal, "name"), authenticated=by in {"cloud run", "credentials"})


def _who_value(who: Who) -> Json:
    return {"name": who.name, "authenticated": "credentials" if who.authenticated else "claimed"}


def _child(entry: Entry, key: str) -> Entry:
    found = entry.get(key)
    return found if isinstance(found, dict) else {}


def _text(entry: Entry, key: str) -> str:
    found = entry.get(key)
    return found if isinstance(found, str) else ""


def _digest(entry: Entry) -> str:
    """The hash of an entry, "" of what no gate wrote."""
    try:
        return digest(entry)
    except (TypeError, ValueError):
        return ""
