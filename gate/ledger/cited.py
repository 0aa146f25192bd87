"""Approvals that a decision rests on, and that stand under the id of another one. Pure."""

from collections.abc import Sequence

from gate.core.fields import Entry, children, text
from gate.ledger.canonical import digest

CITED_MAX = 100
"""Most approvals that are looked for: a policy asks for far fewer."""


def cited(entries: Sequence[Entry]) -> dict[str, str]:
    """The approvals that outcomes name and that are not among these entries.

    Returns:
        When each was given, as it is recorded, by the hash of its entry.
    """
    there = {hash_of(one) for one in entries if text(one, "entry") == "approval"}
    named = [
        (text(one, "digest"), text(one, "at"))
        for end in entries
        if text(end, "entry") == "outcome"
        for one in children(end, "approvals")
    ]
    return {name: at for name, at in named[:CITED_MAX] if name and name not in there}


def is_cited(entry: Entry, name: str) -> bool:
    """Whether it is the approval that has this hash."""
    return text(entry, "entry") == "approval" and hash_of(entry) == name


def hash_of(entry: Entry) -> str:
    """The hash of an entry, "" of what no gate wrote."""
    try:
        return digest(dict(entry))
    except (TypeError, ValueError):
        return ""
