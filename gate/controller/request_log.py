"""Who answered, by the front end's own log: where answers do not name their revision themselves.

Cloud Run's front end logs each request with the trace id that it came with, under the revision that
it sent it to (https://cloud.google.com/run/docs/logging: log run.googleapis.com/requests, label
revision_name). A container cannot forge that.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gate.core.evidence import Evidence, Finding, Outcome, Symptom
from gate.errors import InfrastructureError
from gate.kinds.registry import facts_of
from gate.ports import Clock, LogQuery, Logs

REQUESTS = "run.googleapis.com/requests"
WITHIN_S = 30.0
"""How long entries are waited for: Cloud Logging promises no delay."""
PAUSE_S = 3.0
READ = 1000
"""Most entries of one read."""
TRACES = 100
"""Most traces of one read: a filter may not be longer than 20,000 characters."""


@dataclass(frozen=True, slots=True)
class RequestLog:
    """Reads the front end's log.

    Attributes:
        logs: where it is.
        clock: time.
    """

    logs: Logs
    clock: Clock

    async def confirmed(
        self, evidence: Sequence[Evidence], revision: str, since: datetime
    ) -> tuple[Evidence, ...]:
        """The evidence as far as the log bears it out.

        What another revision answered, be it once, and a pass that the log does not show, are
        inconclusive; a failure that it does not show may have been no answer at all, and stays.
        What has named its revision itself is not looked up.

        Args:
            evidence: what the probes saw.
            revision: short name of the one that had to answer at the candidate's own address.
            since: when the rollout began.
        """
        asked = [one for one in evidence if _unknown(one)]
        if not asked:
            return tuple(evidence)
        search = _Search(self.logs, revision, since, {one.trace for one in asked if one.trace})
        answered = await self._answered(search)
        return tuple(
            _judged(one, answered.get(one.trace, frozenset()), revision) if one in asked else one
            for one in evidence
        )

    async def _answered(self, search: "_Search") -> Mapping[str, frozenset[str]]:
        """Which revisions answered, by trace id; traces that the log does not show are left out."""
        with contextlib.suppress(TimeoutError, InfrastructureError):
            async with asyncio.timeout(WITHIN_S):
                for looks in range(int(WITHIN_S / PAUSE_S)):
                    await self.clock.sleep(PAUSE_S if looks else 0.0)
                    await search.look()
                    if not search.missing:
                        break
        return search.found


class _Search:
    """Looks for the entries of these traces, however many there are of each.

    One read finds all where they are few, whoever answered; the quota of reads is small. Where they
    are more than one read brings, those of other revisions are read by themselves, and the
    candidate's anew without the traces that are found.

    Args:
        logs: where the log is.
        revision: short name of the candidate.
        since: when the rollout began.
        traces: trace ids of what was asked.

    Attributes:
        found: the revisions that answered, by trace id.
    """

    def __init__(self, logs: Logs, revision: str, since: datetime, traces: set[str]) -> None:
        self._logs = logs
        self._since = since
        self._revision = revision
        self._traces = sorted(traces)
        self.found: dict[str, frozenset[str]] = {}

    @property
    def missing(self) -> list[str]:
        """The traces of which nothing was found yet."""
        return [trace for trace in self._traces if trace not in self.found]

    async def look(self) -> None:
        """Reads the log as it is now."""
        for start in range(0, len(self._traces), TRACES):
            some = tuple(self._traces[start : start + TRACES])
            if await self._all_read(LogQuery("", self._since, traces=some)):
                continue
            await self._all_read(
                LogQuery("", self._since, traces=some, not_revision=self._revision)
            )
            while missing := tuple(trace for trace in some if trace not in self.found):
                if await self._all_read(LogQuery(self._revision, self._since, traces=missing)):
                    break

    async def _all_read(self, query: LogQuery) -> bool:
        """Notes what one read brings; says whether that was all."""
        entries = await self._logs.entries(replace(query, log_id=REQUESTS, limit=READ))
        for entry in entries:
            others = self.found.get(entry.trace, frozenset())
            self.found[entry.trace] = others | {entry.revision}
        return len(entries) < READ


def _unknown(item: Evidence) -> bool:
    """Whether somebody else may have answered; the platform is asked of a revision by its name."""
    kind = facts_of(item.kind)
    return not item.address and not item.named and (kind is None or kind.addressed)


def _judged(item: Evidence, names: frozenset[str], revision: str) -> Evidence:
    by = ", ".join(sorted(names - {revision}))
    if names == {revision}:
        return replace(item, answered_by=item.answered_by or revision)
    if not names and not item.passed:
        return item
    seen = f"an answer from another revision, {by}" if by else "no such request in the log"
    hint = (
        "the front end's log says who got the request: run the gate again"
        if by
        else "the gate must be allowed to read request logs, and nothing may exclude them"
    )
    finding = Finding(Symptom.IDENTITY, f"a request that went to {revision}", seen, hint=hint)
    return replace(
        item,
        outcome=Outcome.INCONCLUSIVE,
        seen=f"{seen}: {item.seen}",
        findings=(finding, *item.findings),
        answered_by=", ".join(sorted(names)),
    )
