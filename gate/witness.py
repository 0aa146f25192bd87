"""Who answered, by the front end's own log: for services that name themselves in no answer.

Cloud Run's front end logs each request with the trace id that it came with, under the revision that
it sent it to (https://cloud.google.com/run/docs/logging: log run.googleapis.com/requests, label
revision_name). A container cannot forge that.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from gate.core.evidence import Evidence, Finding, Outcome, Symptom
from gate.errors import InfrastructureError
from gate.ports import Clock, LogQuery, Logs

REQUESTS = "run.googleapis.com/requests"
WITHIN_S = 30.0
"""How long entries are waited for: Cloud Logging promises no delay."""
PAUSE_S = 3.0
READ = 1000
_NOT_ASKED = frozenset({"logs", "diff"})
"""Kinds that ask the platform about the revision by its name: nobody else can answer."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Reads the front end's log.

    Attributes:
        logs: where it is.
        clock: time.
    """

    logs: Logs
    clock: Clock

    async def confirmed(
        self, evidence: Sequence[Evidence], revision: str, since: datetime, url: str
    ) -> tuple[Evidence, ...]:
        """The evidence as far as the log bears it out.

        What another revision answered, be it once, and a pass that the log does not show, are
        inconclusive; a failure that it does not show may have been no answer at all, and stays.

        Args:
            evidence: what the probes saw.
            revision: short name of the one that had to answer at the candidate's own address.
            since: when the rollout began.
            url: the candidate's own address.
        """
        asked = [one for one in evidence if not one.address and one.kind not in _NOT_ASKED]
        query = LogQuery("", since, text=urlsplit(url).netloc, limit=READ)
        answered = await self._answered(query, {one.trace for one in asked if one.trace})
        return tuple(
            _judged(one, answered.get(one.trace, frozenset()), revision) if one in asked else one
            for one in evidence
        )

    async def _answered(self, query: LogQuery, traces: set[str]) -> Mapping[str, frozenset[str]]:
        """Which revisions answered, by trace id; traces that the log does not show are left out.

        One read finds all, whoever answered: each entry has the address that was asked. The
        quota of reads is small.
        """
        found: dict[str, frozenset[str]] = {}
        with contextlib.suppress(TimeoutError, InfrastructureError):
            async with asyncio.timeout(WITHIN_S):
                for looks in range(int(WITHIN_S / PAUSE_S)):
                    await self.clock.sleep(PAUSE_S if looks else 0.0)
                    for entry in await self.logs.entries(query):
                        if entry.log_id == REQUESTS and entry.trace in traces:
                            others = found.get(entry.trace, frozenset())
                            found[entry.trace] = others | {entry.revision}
                    if traces == found.keys():
                        break
        return found


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
