"""What differs between two decisions, for people: of what gate.ledger.compared finds."""

from collections.abc import Iterator, Sequence

from gate.core.fields import Entry, children, text, texts
from gate.report.columns import Column
from gate.report.lines import BLANK, Block, Cell, Grid, Line, Tone
from gate.report.safe import safe
from gate.report.words import asked_at

SHOWN_MAX = 300


def compared_blocks(value: Entry) -> list[Block]:
    """Both ids, what differs between them, what their probes saw otherwise, and what is the same.

    Args:
        value: as gate.ledger.compared makes it.
    """
    a, b = safe(text(value, "a")), safe(text(value, "b"))
    blocks: list[Block] = [Line(f"what differs between {a} and {b}", Tone.HEADING)]
    blocks += [*_table(("", a, b), children(value, "differs"), "what")]
    blocks += [*_probes(value, a, b)]
    if same := texts(value, "same"):
        blocks += [BLANK, Line(f"the same: {', '.join(map(safe, same))}", Tone.FAINT)]
    return blocks


def _probes(value: Entry, a: str, b: str) -> Iterator[Block]:
    rows = children(value, "probes")
    yield BLANK
    if not rows:
        yield Line("the probes are the same, and saw the same")
        return
    yield Line("what probes saw otherwise:", Tone.HEADING)
    told = [
        {**row, "probe": f"{asked_at(text(row, 'probe'), text(row, 'address'))} ({_what(row)})"}
        for row in rows
    ]
    yield from _table(("probe", a, b), told, "probe")


def _what(row: Entry) -> str:
    words = {"only in a": "removed", "only in b": "added"}
    return words.get(text(row, "what"), safe(text(row, "what")))


def _table(titles: tuple[str, str, str], rows: Sequence[Entry], key: str) -> Iterator[Block]:
    if rows:
        columns = tuple(map(Column, titles))
        cells = tuple(
            tuple(Cell(safe(text(row, name), SHOWN_MAX) or "-") for name in (key, "a", "b"))
            for row in rows
        )
        yield Grid(columns, cells, indent=2)
    else:
        yield Line("nothing that is compared", indent=2)
