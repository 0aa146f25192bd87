"""The one table: probe, outcome, what was expected, what was seen."""

from collections.abc import Iterator, Sequence

from gate.core.evidence import Evidence
from gate.core.policy import Probe
from gate.report.columns import Column
from gate.report.controls import beside, blamed, control_text, own
from gate.report.lines import Cell, Grid, Tone
from gate.report.safe import LIMIT, safe
from gate.report.words import DID_NOT_RUN, PASS_MAX, asked_at, outcome_of, outcome_tone

COLUMNS = (Column("probe", 24), Column("outcome", 12), Column("expected"), Column("seen"))

Row = tuple[Cell, ...]


def probe_table(
    probes: Sequence[Probe], evidence: Sequence[Evidence], missing: str = DID_NOT_RUN
) -> Grid:
    """A row for each probe in the policy's order; one that left no evidence never looks passed.

    Where none left any, one row says so of all.

    Args:
        probes: those that were to run.
        evidence: what they saw; evidence of no known probe comes last.
        missing: the outcome of a probe without evidence.
    """
    if not evidence and len(probes) > 1:
        return Grid(COLUMNS, (_nothing(f"all {len(probes)} probes", missing),))
    rows = [row for probe in probes for row in _rows(probe, evidence, missing)]
    known = {probe.name for probe in probes}
    rows += [_row(item, "", "") for item in own(evidence) if item.probe not in known]
    return Grid(COLUMNS, tuple(rows))


def _rows(probe: Probe, evidence: Sequence[Evidence], missing: str) -> Iterator[Row]:
    remark = "" if probe.required else " (not required)"
    found = [item for item in own(evidence) if item.probe == probe.name]
    yield from (_row(item, remark, control_text(item, evidence)) for item in found)
    if not found:
        yield _nothing(safe(probe.name), missing + remark)


def _nothing(name: str, outcome: str) -> Row:
    nothing = Cell("-", Tone.FAINT)
    return (Cell(name), Cell(outcome, Tone.UNSURE), nothing, nothing)


def _row(item: Evidence, remark: str, stable: str) -> Row:
    word = outcome_of(item)
    tone = outcome_tone(word)
    fault = item.attribution.value if item.attribution and stable else ""
    remark = "" if item.passed else remark
    limit = PASS_MAX if item.passed else LIMIT
    return (
        Cell(asked_at(item.probe, item.address)),
        Cell(blamed(word, fault) + remark, tone),
        Cell(safe(item.expected, limit)),
        Cell(beside(safe(item.seen, limit), stable), Tone.PLAIN if tone is Tone.GOOD else tone),
    )
