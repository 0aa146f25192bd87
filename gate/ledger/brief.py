"""A decision in brief: its own entries without what only its report tells of. Pure.

What a list shows of a brief is what it shows of the whole; evidence, log lines and whatever an
entry gets one day that no list shows are left out.
"""

from collections.abc import Sequence

from gate.core.fields import Entry, child, children, text, texts
from gate.core.policy import Json
from gate.core.recorded import Decision

TEXT_MAX = 400
"""Most characters of a reason, and of a note."""
_BOTH = (
    *("entry", "rollout", "at", "kind", "project", "region", "service"),
    *("actor", "principal", "reason", "overrides", "override"),
)
_OF_INTENTION = (*_BOTH, "traffic_now")
_OF_OUTCOME = (
    *_BOTH,
    *("started_at", "ending", "exit_code", "candidate", "stable", "took_back"),
    *("traffic_before", "traffic_after", "effective_after", "intentions", "intentions_unkept"),
)


def brief(decision: Decision) -> dict[str, Json]:
    """What is kept of a decision for lists: {intentions, outcome, disputed}."""
    end = decision.outcome
    return {
        "intentions": [_some(one, _OF_INTENTION) for one in decision.intentions],
        "outcome": None if end is None else {**_some(end, _OF_OUTCOME), **_why(end)},
        "disputed": decision.disputed,
    }


def decision_of(rollout: str, kept: Entry, taken_back_by: str, *, whole: bool) -> Decision:
    """The decision that a brief was made of, as far as a list shows it.

    Args:
        rollout: its id.
        kept: the brief.
        taken_back_by: id of the rollout that took back what it left, "" where none did.
        whole: whether the ledger has all of its entries.
    """
    outcome = kept.get("outcome")
    return Decision(
        rollout,
        tuple(children(kept, "intentions")),
        outcome if isinstance(outcome, dict) else None,
        taken_back_by,
        disputed=kept.get("disputed") is True,
        whole=whole,
    )


def words_of(decision: Decision) -> str:
    """In what a text is looked for: id, candidate, people, their reason, ending, the verdict's."""
    head, end = decision.head, decision.outcome or {}
    said = [
        f"{text(one, 'subject')}: {text(one, 'text')[:TEXT_MAX]}"
        for one in children(child(end, "verdict"), "reasons")[:1]
    ]
    told = (
        decision.id,
        text(child(head, "candidate"), "revision"),
        *decision.who,
        text(head, "reason"),
        decision.ending,
        *said,
        *(note[:TEXT_MAX] for note in texts(end, "notes")[-1:]),
    )
    return "\n".join(told).casefold()


def _some(entry: Entry, keys: Sequence[str]) -> dict[str, Json]:
    return {key: entry[key] for key in keys if key in entry}


def _why(outcome: Entry) -> dict[str, Json]:
    """The verdict's first reason, the last note, and who had users before a quarantine."""
    verdict, kept = child(outcome, "verdict"), ("subject", "source", "text")
    reasons: list[Json] = [
        {key: text(one, key)[:TEXT_MAX] for key in kept} for one in children(verdict, "reasons")[:1]
    ]
    notes: list[Json] = [note[:TEXT_MAX] for note in texts(outcome, "notes")[-1:]]
    had = child(child(outcome, "quarantine"), "users_were_on")
    return {
        "verdict": {"decision": text(verdict, "decision"), "reasons": reasons},
        "notes": notes,
        "quarantine": {"users_were_on": dict(had)},
    }
