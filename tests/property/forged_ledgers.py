"""What whoever may write the log could do to a ledger: each change of meaning, by its name."""

import json
from dataclasses import dataclass

from gate.ledger.canonical import canonical, digest
from gate.ledger.findings import Head

SERVICE = "demo/us-central1/backend"


@dataclass
class Forged:
    """A ledger that somebody has been at.

    Attributes:
        lines: as they are now.
        heads: what the service says.
        whose: rollouts whose entries were changed.
        altered: which sort of entry was changed, "" for none.
    """

    lines: list[bytes]
    heads: dict[str, Head]
    whose: set[str]
    altered: str = ""


def read(lines):
    return [json.loads(line) for line in lines]


def removed(dice, ledger):
    """One entry, but for a write that took no effect and of which nobody knows that it was kept."""
    unsure = {one for entry in read(ledger.lines) for one in entry.get("intentions_unkept", ())}
    sure = [at for at, entry in enumerate(read(ledger.lines)) if digest(entry) not in unsure]
    at = dice.choice(sure)
    lines = [*ledger.lines]
    gone = json.loads(lines.pop(at))
    return Forged(lines, ledger.heads, {gone["rollout"]})


def altered(dice, ledger):
    """Any one value of an entry, or none of a field any more."""
    lines = [*ledger.lines]
    at = dice.randrange(len(lines))
    entry = json.loads(lines[at])
    key = dice.choice([key for key in entry if key != "rollout"])
    whose, sort = entry["rollout"], entry["entry"]
    value = entry.pop(key)
    if dice.random() < 0.9:
        entry[key] = other(dice, value)
    lines[at] = canonical(entry)
    return Forged(lines, ledger.heads, {whose}, sort)


def other(dice, value):
    match value:
        case bool():
            return not value
        case int():
            return value + dice.choice([-1, 1])
        case None:
            return []
        case str() if value and dice.random() < 0.5:
            at = dice.randrange(len(value))
            letter = dice.choice("abcdef0123456789".replace(value[at], ""))
            return value[:at] + letter + value[at + 1 :]
        case str():
            return value + "!"
        case list() if value and dice.random() < 0.5:
            at = dice.randrange(len(value))
            return value[:at] + value[at + 1 :]
        case list() if value:
            at = dice.randrange(len(value))
            return [*value[:at], other(dice, value[at]), *value[at + 1 :]]
        case dict() if value:
            key = dice.choice([*value])
            return {**value, key: other(dice, value[key])}
        case _:
            return [*value, "x"] if isinstance(value, list) else {"x": "y"}


def moved(dice, ledger):
    """One entry, to another place."""
    lines = [*ledger.lines]
    line = lines.pop(dice.randrange(len(lines)))
    places = [
        at for at in range(len(lines) + 1) if [*lines[:at], line, *lines[at:]] != [*ledger.lines]
    ]
    at = dice.choice(places)
    return Forged([*lines[:at], line, *lines[at:]], ledger.heads, set())


def cut_off(dice, ledger):
    """The end."""
    keep = dice.randrange(1, len(ledger.lines))
    gone = {entry["rollout"] for entry in read(ledger.lines[keep:])}
    return Forged([*ledger.lines[:keep]], ledger.heads, gone)


def beheaded(dice, ledger):
    """The beginning."""
    drop = dice.randrange(1, len(ledger.lines))
    gone = {entry["rollout"] for entry in read(ledger.lines[:drop])}
    return Forged([*ledger.lines[drop:]], ledger.heads, gone)


def second_outcome(dice, ledger):
    """Another outcome of a rollout that has one, later or earlier."""
    lines = [*ledger.lines]
    ends = [at for at, entry in enumerate(read(lines)) if entry["entry"] == "outcome"]
    if not ends:
        return None
    at = dice.choice(ends)
    entry = json.loads(lines[at])
    ending = "rejected" if entry["ending"] == "promoted" else "promoted"
    lines.insert(at + dice.randrange(2), canonical({**entry, "ending": ending}))
    return Forged(lines, ledger.heads, set())


def invented(dice, ledger):
    """A whole decision: an outcome with a promotion that nobody made."""
    lines = [*ledger.lines]
    at = dice.randrange(len(lines))
    entry = next((one for one in read(lines) if one["entry"] == "outcome"), None)
    if entry is None:
        return None
    then = json.loads(lines[at])
    made = {**entry, "rollout": "r99", "at": then["at"], "ending": "promoted", "intentions": []}
    lines.insert(at + 1, canonical({**made, "previous": then["previous"]}))
    return Forged(lines, ledger.heads, {"r99"})


def rewritten(dice, ledger):
    """One write, and every hash after it, so that the chain itself is whole again."""
    entries = read(ledger.lines)
    writes = [at for at, entry in enumerate(entries) if entry["entry"] == "intention"]
    first = dice.choice(writes)
    new = {digest(entries[first]): digest({**entries[first], "why": "nothing much"})}
    entries[first] = {**entries[first], "why": "nothing much"}
    for at in range(first + 1, len(entries)):
        was = entries[at]
        text = canonical(was).decode()
        for old, fresh in new.items():
            text = text.replace(old, fresh)
        entries[at] = json.loads(text)
        if entries[at] != was:
            new[digest(was)] = digest(entries[at])
    if ledger.heads[SERVICE].digest not in new:
        return None  # it took no effect, and nobody but its own outcome knew of it
    return Forged([canonical(entry) for entry in entries], ledger.heads, set())


def foreign(dice, ledger):
    """An entry of another service among them."""
    lines = [*ledger.lines]
    entry = json.loads(dice.choice(lines))
    lines.insert(dice.randrange(len(lines)), canonical({**entry, "service": "frontend"}))
    return Forged(lines, ledger.heads, set())


def cut_short(dice, ledger):
    """A line that ends too early."""
    lines = [*ledger.lines]
    at = dice.randrange(len(lines))
    lines[at] = lines[at][: dice.randrange(1, len(lines[at]))]
    return Forged(lines, ledger.heads, set())


def swollen(dice, ledger):
    """An entry that no store takes."""
    lines = [*ledger.lines]
    at = dice.randrange(len(lines))
    lines[at] = canonical({**json.loads(lines[at]), "reason": "x" * 300_000})
    return Forged(lines, ledger.heads, set())


def set_back(dice, ledger):
    """The service's mark names another entry."""
    head = ledger.heads[SERVICE]
    entries = [one for one in read(ledger.lines) if one["entry"] == "intention"]
    older = [one for one in entries if one["sequence"] < head.sequence - 1]
    made = [Head(head.sequence, "0" * 64), Head(head.sequence + 3, "0" * 64)]
    made += [Head(one["sequence"], digest(one)) for one in older[-1:]]
    return Forged([*ledger.lines], {SERVICE: dice.choice(made)}, set())


FORGERIES = (
    removed, altered, altered, altered, moved, cut_off, beheaded, second_outcome, invented,
    rewritten, foreign, cut_short, swollen, set_back,
)  # fmt: skip
