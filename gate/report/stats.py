"""The numbers of a ledger, for people: of what gate.ledger.stats counts."""

from collections.abc import Iterator

from gate.core.fields import Entry, child, children, number, text
from gate.report.columns import Column
from gate.report.lines import BLANK, Block, Cell, Grid, Line, Tone
from gate.report.safe import safe
from gate.report.words import duration

COLUMNS = tuple(
    map(Column, ("probe", "asked", "found something", "could not tell", "rejected", "undone"))
)
UNDONE_MEANS = (
    "undone: it had a candidate rejected that a person promoted afterwards, by hand or with --again"
)


def stats_blocks(value: Entry) -> list[Block]:
    """The four keys, how decisions ended, and what became of each probe's word.

    Args:
        value: as gate.ledger.stats makes it.
    """
    since, until = (text(value, key)[:16].replace("T", " ") for key in ("since", "until"))
    head = f"{safe(since)} to {safe(until)} UTC: {_count(number(value, 'decisions'), 'decision')}"
    blocks: list[Block] = [Line(head, Tone.HEADING)]
    blocks += [*_conflicting(value), BLANK, *_keys(value), BLANK, *_endings(value)]
    blocks += [*_holds(value), *_overrides(value), *_probes(value)]
    return blocks


def _conflicting(value: Entry) -> Iterator[Line]:
    if doubtful := number(value, "conflicting"):
        told = f"{_count(doubtful, 'conflicting record')}: gate audit verify"
        yield Line(told, Tone.BAD)


def _keys(value: Entry) -> Iterator[Line]:
    deployed, failures = child(value, "deployments"), child(value, "change_failures")
    count = number(deployed, "count") or 0
    often = f"{_count(count, 'deployment')}, {_real(deployed, 'per_week')} a week"
    yield _field("deployment frequency", often)
    lead = child(value, "lead_time")
    unknown = number(lead, "unknown")
    more = f"; unknown of {unknown}, whose commit's time nobody told (--commits)" if unknown else ""
    yield _field("lead time for changes", _spread(lead) + more)
    share = _real(failures, "percent")
    told = f"{share} % ({number(failures, 'count')} of {count})" if count else "no deployment yet"
    yield _field("change failure rate", told)
    yield _field("time to restore", _spread(child(value, "time_to_restore")))


def _field(label: str, told: str) -> Line:
    return Line(f"{label + ':':<22} {told}")


def _spread(value: Entry) -> str:
    middle, ninth = _number(value, "median_s"), _number(value, "p90_s")
    if middle is None or ninth is None:
        return "unknown" if number(value, "unknown") else "none"
    return f"median {duration(middle)}, 9 of 10 within {duration(ninth)}"


def _endings(value: Entry) -> Iterator[Block]:
    endings = child(value, "endings")
    told = ", ".join(f"{safe(name)} {number(endings, name)}" for name in endings)
    yield _field("ended", told or "none")


def _holds(value: Entry) -> Iterator[Line]:
    holds = child(value, "holds")
    if count := number(holds, "count"):
        later = number(holds, "promoted_later")
        yield _field("holds", f"{count}, of which people promoted {later} afterwards")


def _overrides(value: Entry) -> Iterator[Line]:
    found = child(value, "overrides")
    what, who = child(found, "what"), child(found, "who")
    told = ", ".join(f"{safe(name)} {number(what, name)}" for name in what)
    by = ", ".join(f"{safe(name)} {number(who, name)}" for name in who)
    tone = Tone.BAD if what else Tone.PLAIN
    yield Line(_field("overrides", f"{told} (by {by})" if what else "none").text, tone)


def _probes(value: Entry) -> Iterator[Block]:
    rows = children(value, "probes")
    if not rows:
        return
    names = ("asked", "found", "unclear", "rejected", "undone")
    cells = [
        (Cell(safe(text(row, "probe"))), *(Cell(str(number(row, name) or 0)) for name in names))
        for row in rows
    ]
    yield from (BLANK, Grid(COLUMNS, tuple(cells)))
    if any(number(row, "undone") for row in rows):
        yield from (BLANK, Line(UNDONE_MEANS))


def _count(count: int | None, what: str) -> str:
    return f"{count or 0} {what}" + ("" if count == 1 else "s")


def _number(value: Entry, key: str) -> float | None:
    found = value.get(key)
    return found if isinstance(found, int | float) else None


def _real(value: Entry, key: str) -> str:
    found = _number(value, key)
    return "?" if found is None else f"{found:g}"
