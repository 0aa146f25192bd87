"""The board of the live view: the service, what goes on now, and every probe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from gate.core.evidence import SERVICE, STABLE, Evidence
from gate.core.state import Kind, Rollout
from gate.ports import Progress
from gate.report.lines import Tone
from gate.report.progress.probes import outcome_of
from gate.report.safe import safe
from gate.report.terminal import STYLES
from gate.report.words import (
    asked_at,
    duration,
    elapsed,
    outcome_tone,
    service_text,
)

MARKS = {"passed": "✓", "FAILED": "✗"}
UNCLEAR = "?"
ROOM = 6
"""Lines of the terminal that are left to others than the probes."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A probe on the board: waiting, under way since `began`, or ended."""

    name: str
    began: float | None = None
    progress: Progress | None = None
    evidence: Evidence | None = None
    control: Evidence | None = None


class Board:
    """Draws itself anew as often as it is asked; changes through its methods alone.

    Args:
        clock: seconds on any monotonic clock.
        ascii_only: whether the terminal has no other characters.
    """

    def __init__(self, clock: Callable[[], float], *, ascii_only: bool = False) -> None:
        self._clock = clock
        self._began = clock()
        self._now_began = self._began
        self._title = ""
        self._now = ""
        self._rows: dict[tuple[str, str], _Row] = {}
        self._spinner = Spinner("line" if ascii_only else "dots", style="cyan")

    def expect(self, names: Sequence[str], users: Sequence[str] = ()) -> None:
        """A round of these probes begins; `users` are asked at the service's own address, too."""
        keys = [*((name, "") for name in names), *((name, SERVICE) for name in users)]
        self._rows = {key: _Row(asked_at(*key)) for key in keys}

    def show(self, rollout: Rollout, now: str) -> None:
        """How far the rollout is, and what goes on now."""
        self._title = _title(rollout)
        if now != self._now:
            self._now, self._now_began = now, self._clock()

    def progress(self, progress: Progress) -> None:
        """A probe began, advanced or ended; what stable shows stands beside the candidate."""
        if not progress.probe:
            return
        control = progress.address == STABLE
        key = (progress.probe, "" if control else progress.address)
        row = self._rows.get(key) or _Row(asked_at(*key))
        if control and progress.evidence is not None:
            self._rows = {**self._rows, key: replace(row, control=progress.evidence)}
            return
        began = self._clock() if row.began is None else row.began
        row = replace(row, began=began, evidence=progress.evidence or row.evidence)
        if progress.evidence is None:
            row = replace(row, progress=progress)
        self._rows = {**self._rows, key: row}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = list(self._rows.values())
        parts: list[Text | Table] = [Text()]
        if self._title:
            parts.append(Text(self._title, "bold", no_wrap=True, overflow="ellipsis"))
        parts.append(self._activity(rows))
        if rows:
            parts += [Text(), self._probes(rows, (options.height or console.height) - ROOM)]
        yield Group(*parts)

    def _activity(self, rows: Sequence[_Row]) -> Table:
        """Spinner, what goes on, since when."""
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=1)
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True, min_width=22)
        ended = sum(row.evidence is not None for row in rows)
        running = any(row.evidence is None for row in rows)
        doing = f"{ended} of {len(rows)} probes have ended" if running and ended else self._now
        since = elapsed(self._clock() - self._now_began)
        whole = elapsed(self._clock() - self._began)
        text = Text(doing or "working", "cyan")
        grid.add_row(self._spinner, text, Text(f"{since} ({whole} in all)", "dim"))
        return grid

    def _probes(self, rows: Sequence[_Row], room: int) -> Table:
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=1)
        grid.add_column(max_width=26, no_wrap=True, overflow="ellipsis")
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True, min_width=6)
        shown, hidden = _fitting(rows, max(room, 1))
        if hidden:
            grid.add_row(Text("…", "dim"), Text(), Text(hidden, "dim"), Text())
        for row in shown:
            grid.add_row(*self._cells(row))
        return grid

    def _cells(self, row: _Row) -> Iterator[Text | Table]:
        name = safe(row.name, 60)
        if row.evidence is not None:
            word = outcome_of(row.evidence)
            style = STYLES[outcome_tone(word)]
            yield Text(MARKS.get(word, UNCLEAR), style)
            yield Text(name)
            seen = safe(row.evidence.seen)
            if row.control is not None and not row.evidence.passed:
                seen = f"{STABLE} {outcome_of(row.control)}: {seen}"
            yield Text(seen, "dim" if row.evidence.passed else style)
            yield Text(duration(row.evidence.duration_s), "dim")
        elif row.began is not None:
            yield Text("▸", "cyan")
            yield Text(name, "cyan")
            yield _advance(row.progress)
            yield Text(elapsed(self._clock() - row.began), "cyan")
        else:
            yield Text("·", STYLES[Tone.FAINT])
            yield Text(name, STYLES[Tone.FAINT])
            yield Text()
            yield Text()


def _title(rollout: Rollout) -> str:
    candidate = safe(rollout.candidate)
    match rollout.plan.kind:
        case Kind.ROLLOUT:
            what = f"candidate {candidate}" if candidate else "rollout"
        case Kind.PROMOTE:
            what = f"promotion of {candidate}" if candidate else "promotion"
        case Kind.ROLLBACK:
            what = f"rollback to {candidate}" if candidate else "rollback"
        case _:
            what = "unlocking" if rollout.plan.force else "recovery"
    return f"{service_text(rollout.plan.service)} · {what}"


def _advance(progress: Progress | None) -> Text | Table:
    """How far a probe is: a bar and a count where there is one, and its own words."""
    if progress is None:
        return Text()
    where = f"{STABLE}: " if progress.address == STABLE else ""
    text = Text(where + safe(progress.text, 120), "cyan")
    if progress.of <= 1:
        return text
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=12)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    bar = ProgressBar(total=progress.of, completed=progress.done, width=12)
    grid.add_row(bar, Text(f"{progress.done}/{progress.of}", "cyan"), text)
    return grid


def _fitting(rows: Sequence[_Row], room: int) -> tuple[list[_Row], str]:
    """The rows that fit, and what the others are: first passes make way, then those to come."""
    surplus = len(rows) - room
    if surplus <= 0:
        return list(rows), ""
    passes = [row for row in rows if row.evidence is not None and row.evidence.passed]
    waiting = [row for row in reversed(rows) if row.began is None and row.evidence is None]
    hidden = [*passes, *waiting][: surplus + 1]
    passed = sum(row.evidence is not None for row in hidden)
    coming = len(hidden) - passed
    parts = [f"{passed} more that passed"] if passed else []
    parts += [f"{coming} more to come"] if coming else []
    shown = [row for row in rows if row not in hidden]
    return shown[: max(room - 1, 0)], ", ".join(parts) or "more than fit here"
