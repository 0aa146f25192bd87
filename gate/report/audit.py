"""What the ledger remembers, for people. Entries are as gate.ledger.entry writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.overrides import RULES
from gate.core.policy import Json
from gate.core.recorded import TAKEN_BACK, UNFINISHED, Decision, moment
from gate.core.service import ServiceRef
from gate.report.approvals import approval_lines
from gate.report.attempts import UNKNOWN, Attempt, attempts, shown
from gate.report.columns import GAP, Column, cells
from gate.report.details import detail_blocks, intention_lines
from gate.report.fields import Entry, child, number, text, texts
from gate.report.lines import BLANK, Block, Cell, Grid, Line, Tone
from gate.report.outcome import head_lines, outcome_lines, role_of
from gate.report.rules import overrode
from gate.report.safe import safe
from gate.report.words import ending_tone, flags

TITLES = ("when (UTC)", "id", "service", "what", "ending", "revision", "traffic", "who", "why")
UNFINISHED_MEANS = (
    f"{UNFINISHED}: no outcome is recorded; it is still going on, or the gate was killed half-way "
    "(`gate status` says which, and what to do)"
)
MAY_BE_ON_THE_WAY = (
    f"{UNFINISHED}: no outcome is recorded yet; it is still going on, or its record may be on the "
    "way (`gate status` says whether it has ended)"
)
RECORD_WITHIN = timedelta(minutes=1)
"""How late an entry may be seen."""


def decision_blocks(
    found: Sequence[Decision], fitting: int, width: int, now: datetime | None = None
) -> list[Block]:
    """A list of decisions, and how many more there are.

    Args:
        found: newest first.
        fitting: how many there are in all.
        width: columns, as in `list_blocks`.
        now: the time, to tell a record that may be on the way; None where that does not matter.
    """
    listed = [shown(one) for one in found]
    blocks = attempt_list(listed, width, unfinished=_unfinished_means(listed, now))
    if fitting > len(found):
        more = f"{fitting - len(found)} older ones are not shown (--limit {len(found)})"
        blocks += [BLANK, Line(more, Tone.FAINT)]
    return blocks


def _unfinished_means(found: Sequence[Attempt], now: datetime | None) -> str:
    """Why decisions have no outcome: one that wrote a moment ago may have ended meanwhile."""
    open_ = [one for one in found if one.ending == UNFINISHED]
    wrote = [moment(text(one.intentions[-1], "at")) for one in open_ if one.intentions]
    fresh = now is not None and all(at and now - at < RECORD_WITHIN for at in wrote)
    return MAY_BE_ON_THE_WAY if fresh and wrote else UNFINISHED_MEANS


def decision_values(found: Sequence[Decision]) -> Iterator[dict[str, Json]]:
    """Each decision as one object: its outcome, and in `record` what is known beside it.

    One without an outcome has what its first intention says of what was asked for. `record` is
    {complete, intentions, taken_back_by, conflict}: whether there is an outcome, how many writes
    were set out to be done, who took back what it left, and what speaks against it ("" for both).
    """
    for one in found:
        yield {
            **(one.outcome or _asked_for(one)),
            "record": {
                "complete": one.outcome is not None,
                "intentions": len(one.intentions),
                "taken_back_by": one.taken_back_by,
                "conflict": one.doubt,
            },
        }


def _asked_for(decision: Decision) -> dict[str, Json]:
    """What is known of a decision without an outcome."""
    return {**decision.head, "ending": decision.ending, "started_at": decision.began}


def list_blocks(entries: Sequence[dict[str, Json]], width: int) -> list[Block]:
    """The recorded rollouts, newest first; one without an outcome is `unfinished`.

    Args:
        entries: intentions and outcomes, newest first.
        width: columns. Where they suffice (give a pipe plenty) each rollout is one line of a
            table; else it is a few lines.
    """
    return attempt_list(attempts(entries), width)


def show_blocks(
    entries: Sequence[dict[str, Json]],
    *,
    verbose: bool = False,
    taken_back_by: str = "",
    elsewhere: Sequence[dict[str, Json]] = (),
) -> list[Block]:
    """One rollout: the same text with which it ended, or what was set out to do without an end.

    Args:
        entries: all that is recorded under its id, in any order.
        verbose: with each write, and each question with its answer.
        taken_back_by: id of the rollout that took back what it left, "" where none did.
        elsewhere: approvals that it rests on and that stand under other ids, as far as they could
            be read.
    """
    newest = sorted(entries, key=lambda entry: text(entry, "at"), reverse=True)
    found = attempts(newest, whole=True)
    found = [replace(one, taken_back_by=one.taken_back_by or taken_back_by) for one in found]
    if not found:
        return [Line("nothing is recorded under this id (`gate audit list` shows the ids)")]
    blocks: list[Block] = []
    given = [one for one in (*newest, *elsewhere) if text(one, "entry") == "approval"]
    approvals = sorted(given, key=lambda entry: text(entry, "at"))
    for attempt in found:
        blocks += [BLANK] if blocks else []
        blocks += _attempt(attempt, approvals, verbose=verbose)
    said = [line for one in approvals for line in approval_lines(one)]
    return [*blocks, BLANK, *said] if said else blocks


def decisions(
    entries: Sequence[dict[str, Json]], *, taken_back_by: str = ""
) -> list[dict[str, Json]]:
    """Each rollout's outcome; of one without an end, what was asked for and what became of it.

    Args:
        entries: as they are kept, in any order.
        taken_back_by: as in `show_blocks`.
    """
    found = attempts(sorted(entries, key=lambda entry: text(entry, "at"), reverse=True))
    return [
        dict(one.outcome) if one.outcome else _without_an_end(one, taken_back_by) for one in found
    ]


def _without_an_end(attempt: Attempt, taken_back_by: str) -> dict[str, Json]:
    one = replace(attempt, taken_back_by=attempt.taken_back_by or taken_back_by)
    return {**one.head, "ending": one.ending, "taken_back_by": one.taken_back_by}


def _attempt(attempt: Attempt, approvals: Sequence[Entry], *, verbose: bool) -> list[Block]:
    if attempt.outcome is not None:
        outcome = attempt.outcome
        more = [*detail_blocks(attempt), *_events(outcome)] if verbose else []
        return [*outcome_lines(outcome, approvals=approvals), *more, *_doubt(attempt)]
    head = head_lines(attempt.head, attempt.ending, attempt.began)
    return [*head, *intention_lines(attempt), BLANK, Line(attempt.unended, Tone.BAD)]


def _events(outcome: Entry) -> Iterator[Line]:
    """How many events of it are recorded, and what makes its decision again from them."""
    count = number(child(outcome, "events"), "count")
    if count is not None:
        service = (text(outcome, key) for key in ("project", "region", "service"))
        again = f"gate audit replay {safe(text(outcome, 'rollout'))} {flags(ServiceRef(*service))}"
        yield Line(f"events: {count}, {again}", Tone.FAINT, whole=True)


def _doubt(attempt: Attempt) -> list[Line]:
    if not attempt.doubt:
        return []
    told = f"{safe(attempt.id)}: {attempt.doubt} (conflicting record: gate audit verify)"
    return [Line(told, Tone.BAD)]


def _overrode(attempt: Attempt) -> list[Line]:
    said = overrode(attempt.outcome or {})
    return [Line(f"{safe(attempt.id)}: {said}", Tone.BAD)] if said else []


def attempt_list(
    found: Sequence[Attempt], width: int, ended: str = "", unfinished: str = UNFINISHED_MEANS
) -> list[Block]:
    """Attempts as a table, or as paragraphs where a table does not fit.

    Args:
        found: newest first.
        width: columns.
        ended: id of a rollout that has ended by the service's own word.
        unfinished: what is said where one has no outcome.
    """
    if not found:
        return [Line("nothing is recorded yet")]
    found = [replace(one, known_ended=True) if one.id == ended else one for one in found]
    rows = [_cells(attempt) for attempt in found]
    widest = [max(cells(row[i].text) for row in rows) for i in range(len(TITLES))]
    wanted = sum(max(n, cells(title)) for n, title in zip(widest, TITLES, strict=True))
    blocks: list[Block] = []
    if wanted + len(GAP) * (len(TITLES) - 1) <= width:
        blocks.append(Grid(tuple(map(Column, TITLES)), tuple(rows)))
    else:
        blocks += [line for attempt in found for line in _paragraph(attempt)]
    blocks += [line for attempt in found for line in (*_overrode(attempt), *_doubt(attempt))]
    if any(attempt.ending == UNFINISHED for attempt in found):
        blocks += [BLANK, Line(unfinished)]
    return blocks


def _cells(attempt: Attempt) -> tuple[Cell, ...]:
    head = attempt.head
    return (
        Cell(attempt.at),
        Cell(safe(attempt.id)),
        Cell(safe(text(head, "service"))),
        Cell(asked_text(attempt)),
        Cell(_ending(attempt), Tone.BAD if attempt.doubt else ending_tone(attempt.ending)),
        Cell(safe(attempt.candidate) or "-"),
        Cell(traffic_text(attempt)),
        Cell(safe(text(head, "actor")) or "-"),
        Cell(safe(text(head, "reason")) or "-"),
    )


def asked_text(attempt: Attempt) -> str:
    """What was asked for: a quarantine, and rules that were set aside, as they are asked for."""
    rules = texts(child(attempt.head, "override"), "rules") or RULES
    said = [one for one in attempt.overrides if one != "unlock"]
    aside = [f"--override {one}" if one in rules else f"--{one}" for one in said]
    asked = ("--quarantine", *aside) if attempt.quarantined else aside
    return " ".join(map(safe, (attempt.kind, *asked)))


def _ending(attempt: Attempt) -> str:
    """How it ended, who took it back, and whether something speaks against it."""
    back = f" by {safe(attempt.taken_back_by)}" if attempt.ending == TAKEN_BACK else ""
    conflict = " (conflicting record: gate audit verify)" if attempt.doubt else ""
    return f"{safe(attempt.ending)}{back}{conflict}"


def traffic_text(attempt: Attempt) -> str:
    """Who had users before and has them after it, as every list says it."""
    if attempt.on_again:
        return f"{attempt.after} (off and on again)"
    if attempt.before == attempt.after == UNKNOWN:
        return UNKNOWN
    if attempt.returned:
        return f"{attempt.after} (moved, and back)"
    if not attempt.moved:
        return f"{attempt.after} (as before)"
    nobody = attempt.before == UNKNOWN and attempt.outcome is not None  # a first deploy
    return f"{'nobody' if nobody else attempt.meant} -> {attempt.after}"


def _paragraph(attempt: Attempt) -> list[Line]:
    head = attempt.head
    what = f"{asked_text(attempt)} of {safe(text(head, 'service'))}"
    top = f"{attempt.at}  {safe(attempt.id)}  {_ending(attempt):<11}  {what}"
    role = role_of(head)
    candidate = f"{role} {safe(attempt.candidate)}, " if attempt.candidate else ""
    who, why = safe(text(head, "actor")), safe(text(head, "reason"))
    asked = ": ".join(part for part in (f"by {who}" if who else "", why) if part)
    return [
        Line(top, ending_tone(attempt.ending)),
        Line(f"{candidate}traffic {traffic_text(attempt)}", indent=4),
        *([Line(asked, indent=4)] if asked else []),
    ]
