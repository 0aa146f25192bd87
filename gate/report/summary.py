"""A decision in short, for every view that is no text of its own: JUnit, Markdown, a build's page.

Read from a document as the ledger or `gate probe` has it; what is missing reads as empty.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gate.core.evidence import Outcome
from gate.core.verdict import Decision
from gate.errors import ExitCode
from gate.report.attempts import unended
from gate.report.evidence import DONE, control_of, own
from gate.report.fields import Entry, child, children, flag, number, text, texts
from gate.report.safe import WHOLE, safe
from gate.report.words import DID_NOT_RUN, WITHOUT_A_MOVE, asked_at, exit_meaning, many

NOT_ASKED = "not asked"
_CODES = {
    Decision.PROMOTE.value: ExitCode.DONE,
    Decision.REJECT.value: ExitCode.REJECTED,
    Decision.HOLD.value: ExitCode.HELD,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One probe at one address.

    Attributes:
        name: of the probe, with the address where that is not the candidate's own; made safe.
        probe: its name alone, as it is recorded.
        outcome: passed, failed, inconclusive, `not asked` or `did not run`.
        required: whether it decides anything.
        item: its evidence, empty where it left none.
        control: what stable showed beside it, empty where that is not known.
        since: of what was not asked, the failure that made it needless.
    """

    name: str
    probe: str
    outcome: str
    required: bool
    item: Entry
    control: Entry
    since: str = ""

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.outcome == Outcome.PASSED.value

    @property
    def stops(self) -> bool:
        """Whether it was asked, is required and did not pass."""
        return self.required and bool(self.item) and not self.passed

    @property
    def hint(self) -> str:
        """What its first finding with a hint says to do, "" for none."""
        found = (text(finding, "hint") for finding in children(self.item, "findings"))
        return next(filter(None, found), "")


def rows(document: Entry) -> list[Row]:
    """Each probe that was to be asked, in the record's order; those without evidence come last."""
    found = [_row(document, item) for item in own(document)]
    return [*found, *_silent(document)]


def _row(document: Entry, item: Entry) -> Row:
    outcome = text(item, "outcome")
    if outcome == Outcome.PASSED.value and children(item, "findings"):
        outcome = Outcome.INCONCLUSIVE.value
    return Row(
        asked_at(text(item, "probe"), text(item, "address")),
        text(item, "probe"),
        safe(outcome, 30) or "?",
        flag(item, "required") is not False,
        item,
        control_of(document, item),
    )


def _silent(document: Entry) -> Iterator[Row]:
    for name in texts(document, "did_not_run"):
        yield _unasked(name, DID_NOT_RUN)
    seen = {text(item, "probe") for item in own(document)}
    left_out = child(document, "not_asked")
    for name in texts(left_out, "probes"):
        if name not in seen:
            since = safe(text(left_out, "since"), 80)
            yield _unasked(name, NOT_ASKED, since)


def _unasked(name: str, outcome: str, since: str = "") -> Row:
    return Row(asked_at(name, ""), name, outcome, required=True, item={}, control={}, since=since)


def code_of(document: Entry) -> int | None:
    """The exit code: the recorded one, else what the verdict alone means; None if neither is."""
    code = number(document, "exit_code")
    if code is not None and code != document["exit_code"]:
        return None
    if code is None and not text(document, "entry"):
        return _CODES.get(text(child(document, "verdict"), "decision"))
    return code


def ending_of(document: Entry) -> str:
    """How it ended, else what was decided; `?` where the document says neither."""
    return safe(text(document, "ending") or text(child(document, "verdict"), "decision"), 40) or "?"


def what_of(document: Entry) -> str:
    """What was asked for: `rollout of backend`; `probe` for questions alone."""
    kind, service = safe(text(document, "kind"), 40), safe(text(document, "service"), 80)
    return f"{kind or 'probe'} of {service}" if service else kind or "probe"


def why_of(document: Entry, limit: int = 600) -> str:
    """The one reason: the verdict's first, else the last note, else what the exit code means."""
    if text(document, "entry") == "intention":
        return unended(text(document, "taken_back_by"))
    verdict, ending = child(document, "verdict"), text(document, "ending")
    reasons = children(verdict, "reasons")
    refused = text(verdict, "decision") != Decision.PROMOTE.value
    if reasons and refused and ending not in DONE:
        subject, said = safe(text(reasons[0], "subject"), 80), safe(text(reasons[0], "text"), limit)
        return f"{subject}: {said}" if subject else said
    notes = texts(document, "notes")
    if notes and ending not in DONE:
        return safe(notes[-1], limit)
    if ending in WITHOUT_A_MOVE:
        return WITHOUT_A_MOVE[ending]
    code = code_of(document)
    if code is None:
        return "nobody knows how it ended"
    return exit_meaning(code, ending if code == ExitCode.DONE else "")


def message_of(document: Entry) -> list[str]:
    """All of it in a few lines: what ended how, why, how many passed, and what to do next."""
    found = rows(document)
    count = f"{sum(row.passed for row in found)} of {many(len(found), 'probe')} passed"
    steps, rollout = child(document, "next"), safe(text(document, "rollout"))
    place = f"{safe(text(document, 'project'))}/{safe(text(document, 'region'))}"
    done = code_of(document) == ExitCode.DONE
    lines = [
        f"{what_of(document)} ({place}): {ending_of(document)}",
        "" if done else why_of(document),
        count if found else "",
        f"next: {safe(text(steps, 'text'))}" if text(steps, "text") else "",
        *(safe(command, WHOLE) for command in texts(steps, "commands")),
        f"rollout {rollout}" if rollout else "",
    ]
    return [line for line in lines if line]
