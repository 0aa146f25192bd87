"""Decisions made or judged again, for people."""

from collections.abc import Iterator, Sequence

from gate.core.fields import Entry, child, flag, number, text, texts
from gate.report.lines import BLANK, Block, Line, Tone
from gate.report.safe import safe

BY_EVENTS = (
    "Replayed is the whole decision: what was read, seen and answered then, put to today's rules "
    "step by step."
)
BY_POLICY = (
    "Replayed is the verdict, from the recorded evidence and by the policy that is given; not what "
    "Cloud Run answered in between, nor counts of users' requests. Without --policy, what happened "
    "is put to today's rules step by step."
)
AS_RECORDED = (
    "each probe's outcome is taken as recorded: what the policy expects is not asked again, and "
    "which probes' questions differ is not known"
)
LINE = frozenset({"stop", "resume"})
"""Kinds of commands that rest on nothing that could be replayed."""
NEXT = (
    "Where a record has no events, --policy FILE judges its evidence by the policy of then, or by "
    "another."
)


def replayed_blocks(values: Sequence[Entry]) -> list[Block]:
    """A line for each decision, more where it would be another one today, and what was compared.

    Args:
        values: as gate.ledger.rerun or gate.ledger.replay makes them.
    """
    blocks: list[Block] = [line for value in values for line in _decision(value)]
    by_events = any(text(value, "by") == "events" for value in values)
    told = [BY_EVENTS if by_events else BY_POLICY] if any(map(_is_replayed, values)) else []
    left = [one for one in values if not _is_replayed(one) and text(one, "kind") not in LINE]
    if by_events and left:
        told.append(NEXT)
    return [*blocks, *([BLANK] if told else []), *(Line(one, Tone.FAINT) for one in told)]


def _is_replayed(value: Entry) -> bool:
    return bool(flag(value, "replayed"))


def _decision(value: Entry) -> Iterator[Line]:
    name = safe(text(value, "id"))
    if not flag(value, "replayed"):
        yield Line(f"{name}: not replayed: {safe(text(value, 'why_not'))}", Tone.UNSURE)
        return
    recorded = child(value, "recorded")
    by_events = text(value, "by") == "events"
    then = safe(text(recorded, "ending") if by_events else text(recorded, "decision"))
    if flag(value, "same"):
        count = number(value, "events")
        events = "1 event" if count == 1 else f"{count} events"
        told = f"same decision ({events})" if by_events else "as today"
        yield Line(f"{name}: {then}, {told}", Tone.GOOD)
    else:
        yield Line(f"{name}: {then}, and today it would differ", Tone.BAD)
    for one in texts(value, "differs"):
        yield Line(safe(one), Tone.BAD, indent=2)
    if policy := text(value, "policy"):
        yield Line(f"the policy is another one: {safe(policy)}", Tone.UNSURE, indent=2)
        yield Line(AS_RECORDED, Tone.UNSURE, indent=2)
    if beside := texts(value, "beside"):
        told = ", ".join(map(safe, beside))
        yield Line(f"rests on more than this evidence, which is not replayed: {told}", indent=2)
