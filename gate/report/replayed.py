"""Decisions judged again, for people: of what gate.ledger.replay says."""

from collections.abc import Iterator, Sequence

from gate.core.fields import Entry, child, flag, text, texts
from gate.report.lines import BLANK, Block, Line, Tone
from gate.report.safe import safe

WHAT = (
    "Replayed is the verdict, from the recorded evidence; not what Cloud Run answered in between, "
    "nor counts of users' requests."
)


def replayed_blocks(values: Sequence[Entry]) -> list[Block]:
    """A line for each decision, more where it would be another one today, and what was compared.

    Args:
        values: as gate.ledger.replay makes them.
    """
    blocks: list[Block] = [line for value in values for line in _decision(value)]
    return [*blocks, BLANK, Line(WHAT, Tone.FAINT)]


def _decision(value: Entry) -> Iterator[Line]:
    name = safe(text(value, "id"))
    if not flag(value, "replayed"):
        yield Line(f"{name}: not replayed: {safe(text(value, 'why_not'))}", Tone.UNSURE)
        return
    then = safe(text(child(value, "recorded"), "decision"))
    if flag(value, "same"):
        yield Line(f"{name}: {then}, as today", Tone.GOOD)
    else:
        yield Line(f"{name}: {then}, and today it would differ", Tone.BAD)
    for told in texts(value, "differs"):
        yield Line(safe(told), Tone.BAD, indent=2)
    if policy := text(value, "policy"):
        yield Line(f"the policy is another one: {safe(policy)}", Tone.UNSURE, indent=2)
    if beside := texts(value, "beside"):
        told = ", ".join(map(safe, beside))
        yield Line(f"rests on more than this evidence, which is not replayed: {told}", indent=2)
