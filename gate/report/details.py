"""What `gate audit show --verbose` adds: each write, each question with its answer, each why."""

from collections.abc import Iterator

from gate.core.evidence import SERVICE
from gate.report.attempts import Attempt, split_shares, split_tags, when
from gate.report.columns import Column
from gate.report.evidence import (
    TEXT_MAX,
    control_of,
    finding_lines,
    outcome_of,
    own,
    times_text,
)
from gate.report.fields import Entry, child, children, number, text, texts
from gate.report.lines import BLANK, Block, Cell, Grid, Line, Tone
from gate.report.outcome import field_line
from gate.report.safe import LIMIT, safe
from gate.report.whys import why_lines
from gate.report.words import AT_SERVICE, PASS_MAX, asked_at, duration, outcome_tone

COLUMNS = (Column("probe", 24), Column("outcome", 12), Column("expected"), Column("seen"))
STABLE_MAX = 60


def detail_blocks(attempt: Attempt) -> list[Block]:
    """All that is recorded and not told before."""
    blocks: list[Block] = [*intention_lines(attempt)]
    if attempt.outcome is None:
        return blocks
    outcome = attempt.outcome
    blocks += [BLANK, *_more(outcome)]
    blocks += _table(outcome)
    for item in own(outcome):
        blocks += [BLANK, *_exchange(item)]
        if control := control_of(outcome, item):
            blocks += [BLANK, *_exchange(control)]
    whys = why_lines(outcome)
    return [*blocks, *([BLANK, *whys] if whys else [])]


def intention_lines(attempt: Attempt) -> Iterator[Line]:
    """What the gate set out to do, each kept before it was done."""
    if attempt.intentions:
        yield from (BLANK, Line("what the gate set out to do, in order:", Tone.HEADING))
    for entry in attempt.intentions:
        why = safe(text(entry, "why"), TEXT_MAX)
        yield Line(f"{when(text(entry, 'at'))}  {why}", indent=2)
        yield Line(f"traffic then:   {_split(entry, 'traffic_now')}", Tone.FAINT, indent=4)
        yield Line(f"traffic wanted: {_split(entry, 'traffic_wanted')}", Tone.FAINT, indent=4)


def _split(entry: Entry, key: str) -> str:
    return ", ".join([split_shares(entry, key), *split_tags(entry, key)])


def _more(outcome: Entry) -> Iterator[Line]:
    candidate = child(outcome, "candidate")
    yield from field_line("sha256", text(outcome, "policy_digest"))
    yield from field_line("gate", text(outcome, "gate_version"))
    yield from field_line("build", _build(child(outcome, "build")))
    yield from field_line("asked at", text(candidate, "url"))
    yield from field_line("condition", text(candidate, "condition"))
    yield from field_line("traffic", _split(outcome, "traffic_after"))
    if modifier := text(outcome, "last_modifier"):
        yield from field_line("changed", f"last by {modifier}")


def _build(build: Entry) -> str:
    """The build that ran the gate, by its own environment."""
    named = " ".join(part for part in (text(build, "system"), text(build, "id")) if part)
    more = [f"{key} {text(build, key)}" for key in ("trigger", "commit") if text(build, key)]
    return ", ".join(part for part in (named, *more) if part)


def _table(outcome: Entry) -> Iterator[Block]:
    items = own(outcome)
    if items:
        yield from (BLANK, Line("what the probes saw:", Tone.HEADING))
        yield Grid(COLUMNS, tuple(_row(outcome, item) for item in items), indent=2)
    if any(text(item, "address") == SERVICE for item in items):
        yield Line(AT_SERVICE, Tone.FAINT, indent=2)


def _row(outcome: Entry, item: Entry) -> tuple[Cell, ...]:
    word, control = outcome_of(item), control_of(outcome, item)
    limit = PASS_MAX if word == "passed" else LIMIT
    fault = safe(text(item, "attribution"), 30) if control else ""
    seen = safe(text(item, "seen"), limit)
    if control:
        seen += f"; stable: {safe(text(control, 'seen'), STABLE_MAX)}"
    return (
        Cell(asked_at(text(item, "probe"), text(item, "address"))),
        Cell(f"{word} ({fault})" if fault else word, outcome_tone(word)),
        Cell(safe(text(item, "expected"), limit)),
        Cell(seen),
    )


def _exchange(item: Entry) -> Iterator[Line]:
    """What a probe asked and was answered, as it was said."""
    word = outcome_of(item)
    took = duration((number(item, "duration_ms") or 0) / 1000)
    name = asked_at(text(item, "probe"), text(item, "address"))
    head = f"{name} ({safe(text(item, 'kind'))}): {word} in {took}"
    yield Line(head, outcome_tone(word), indent=2)
    yield Line(f"asked: {safe(text(item, 'asked'))}{times_text(item)}", indent=4)
    for label in ("expected", "seen", "answered by", "trace"):
        if value := text(item, label.replace(" ", "_")):
            yield Line(f"{label}: {safe(value)}", indent=4)
    for finding in children(item, "findings"):
        yield from finding_lines(finding)
    for excerpt in texts(item, "excerpts"):
        yield Line(f"| {safe(excerpt, TEXT_MAX)}", Tone.FAINT, indent=4)
