"""What a candidate said of itself: its last log lines, and those that belong to a failed probe."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gate.core.evidence import Evidence, Symptom
from gate.core.redaction import Redactor
from gate.core.severity import Severity
from gate.errors import InfrastructureError
from gate.kinds.registry import facts_of
from gate.ports import Clock, LogEntry, LogQuery, Logs

LINES = 20
LINE_MAX = 400
"""Log lines that explain a failure: how many, and how many characters of each."""
READS = 4
PAUSE_S = 2.5
"""How often they are read at most, and the pause between two reads."""
BESIDE = 5
"""Log lines that are kept beside one failed probe."""
BESIDE_READ = 300
BESIDE_WITHIN_S = 8.0
"""How many entries are looked through for them, and how long that may take."""
SLACK = timedelta(seconds=1)
"""Clocks disagree, and a line may be written a moment after its answer."""
_REQUESTS = "run.googleapis.com/requests"
"""The front end's own log; it says nothing that the answer did not."""
_AUDIT = "cloudaudit.googleapis.com/"
"""Says again that a revision is not ready, or who called; never why."""
_SYSTEM = "run.googleapis.com/varlog/system"
"""Where Cloud Run itself tells of instances (cloud.google.com/run/docs/logging)."""
_CHATTER = frozenset({Severity.DEBUG, Severity.INFO, Severity.NOTICE})
"""Said only where nothing worse is; what has no severity may be a traceback."""
_NOT_ITS = frozenset({Symptom.CLIENT, Symptom.IDENTITY})
"""What our own side could not do, or another revision said: the candidate's log is not about it."""


@dataclass(frozen=True, slots=True)
class LogExcerpts:
    """Reads them.

    Attributes:
        logs: where they are.
        clock: time.
        redactor: takes secrets out.
    """

    logs: Logs
    clock: Clock
    redactor: Redactor

    async def of(self, revision: str, since: datetime) -> tuple[str, ...]:
        """The last lines of a revision, oldest first; one that says why, if none can be read."""
        try:
            entries = await self._settled(LogQuery(revision, since, limit=LINES))
        except InfrastructureError as error:
            return (f"(its logs cannot be read: {error})",)
        told = [entry for entry in entries if _is_told(entry)]
        return tuple(self._short(entry.text) for entry in reversed(told))

    async def beside(
        self, evidence: Sequence[Evidence], revision: str, since: datetime
    ) -> tuple[Evidence, ...]:
        """The evidence with the candidate's own lines beside each failure.

        By trace id, where an entry has that of the probe's requests; else those of the same
        seconds. Cloud Logging promises no delay: where nothing is found, it is read once more. What
        cannot be read is left out.
        """
        failed = [item for item in evidence if _asked_in_vain(item)]
        traces = frozenset(item.trace for item in evidence if item.trace)
        found: dict[str, tuple[str, ...]] = {}
        query = LogQuery(revision, since, limit=BESIDE_READ)
        with contextlib.suppress(TimeoutError, InfrastructureError):
            async with asyncio.timeout(BESIDE_WITHIN_S):
                for pause_s in (0.0, PAUSE_S):
                    if all(found.get(item.probe) for item in failed):
                        break
                    await self.clock.sleep(pause_s)
                    entries = await self.logs.entries(query)
                    found = {item.probe: self._beside(item, entries, traces) for item in failed}
        return tuple(
            replace(item, log_lines=found.get(item.probe, ())) if item in failed else item
            for item in evidence
        )

    def _beside(
        self, item: Evidence, entries: Iterable[LogEntry], traces: frozenset[str]
    ) -> tuple[str, ...]:
        """Those of one probe; what is known to be another one's is not, however near in time."""
        own = [entry for entry in entries if _is_told(entry) and entry.text.strip()]
        traced = [entry for entry in own if item.trace and entry.trace == item.trace]
        until = item.started_at + timedelta(seconds=item.duration_s) + SLACK
        near = [e for e in own if item.started_at - SLACK <= e.at <= until]
        chosen = traced or [entry for entry in near if entry.trace not in traces]
        how = "by trace" if traced else "in the same seconds"
        chosen = [entry for entry in chosen if entry.severity not in _CHATTER] or chosen
        worst = sorted(chosen, key=lambda entry: entry.severity.value, reverse=True)[:BESIDE]
        return tuple(self._line(e, how) for e in sorted(worst, key=lambda entry: entry.at))

    def _line(self, entry: LogEntry, how: str) -> str:
        level = "" if entry.severity is Severity.DEFAULT else f" {entry.severity.name}"
        return self._short(f"{entry.at:%H:%M:%S}{level} ({how}): {entry.text}")

    def _short(self, text: str) -> str:
        return self.redactor.text(text)[:LINE_MAX]

    async def _settled(self, query: LogQuery) -> tuple[LogEntry, ...]:
        """What is logged once two reads agree: Cloud Logging promises no delay, nor an order.

        A read that fails after one that did not takes nothing away.
        """
        entries = await self.logs.entries(query)
        with contextlib.suppress(InfrastructureError):
            for _ in range(READS - 1):
                await self.clock.sleep(PAUSE_S)
                before, entries = entries, await self.logs.entries(query)
                if entries == before:
                    break
        return entries


def _asked_in_vain(item: Evidence) -> bool:
    """Whether the candidate failed at its own address, by something that its log may explain."""
    its = not item.findings or any(one.symptom not in _NOT_ITS for one in item.findings)
    kind = facts_of(item.kind)  # logs are its words already, and configurations ask it nothing
    asked = kind is None or kind.addressed
    return not item.passed and not item.address and asked and its


def _is_told(entry: LogEntry) -> bool:
    """Whether it may explain a failure; the platform's notices of each start do not."""
    if entry.log_id == _SYSTEM:
        return entry.severity.value >= Severity.WARNING.value
    return entry.log_id != _REQUESTS and not entry.log_id.startswith(_AUDIT)
