"""What the configuration of revisions says of a question, before it is asked and after it.

A connection that must be held for longer than the revision's request timeout is cut by Cloud Run,
whatever the container does; and a port named h2c lets HTTP/2 through and nothing else. Where stable
is set up alike, the question is at fault; where it is not, the candidate is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gate.core.evidence import Evidence, Outcome, Symptom
from gate.errors import InfrastructureError
from gate.kinds.keys import Keys
from gate.ports import Configurations, Target
from gate.probes.frontend import unreachable
from gate.probes.outcome import Fault

H2C = "h2c"
Fields = Mapping[str, str]


class Configured:
    """How candidate and stable are set up, read once and only where a question depends on it.

    Args:
        configurations: reads it; None where nothing can.
        target: the candidate.
    """

    def __init__(self, configurations: Configurations | None, target: Target) -> None:
        self._configurations = configurations
        self._target = target
        self._known: dict[str, Fields | None] = {}

    async def impossible(self, keys: Keys) -> Fault | None:
        """Why Cloud Run itself cuts what this probe holds; None where it does not, by all we know.

        A candidate whose timeout is shorter than stable's is asked: it is its own doing.
        """
        if keys.held_s <= 0:
            return None
        timeout_s = _seconds(await self._of(self._target.revision))
        if timeout_s is None or keys.held_s < timeout_s:
            return None
        if any(_lasts(fields, keys.held_s) for fields in await self._of_stable()):
            return None
        return Fault(
            Symptom.CLIENT,
            f"cut at the request timeout ({timeout_s:g} s): the probe holds a connection for "
            f"{keys.held_s:g} s",
            f"less than the {timeout_s:g} s after which Cloud Run ends every request",
            "hold it for less, or raise the request timeout of the service (60m at most)",
        )

    async def explained(self, seen: Evidence) -> Evidence:
        """What the front end could not reach, blamed on the candidate where its port explains it.

        Args:
            seen: what a probe saw at the candidate.
        """
        if not unreachable(seen) or not _speaks_h2(await self._of(self._target.revision)):
            return seen
        stable = await self._of_stable()
        own = bool(stable) and not any(map(_speaks_h2, stable))
        hint = (
            "its port is named h2c, so that Cloud Run speaks HTTP/2 to the container: one that "
            "speaks HTTP/1.1 alone, and every WebSocket, needs the name http1"
        )
        hint += ", as stable's has" if own else ""
        findings = tuple(replace(one, hint=hint) for one in seen.findings)
        return replace(seen, findings=findings, outcome=Outcome.FAILED if own else seen.outcome)

    async def _of_stable(self) -> Sequence[Fields]:
        """Of those that had users before, as far as they can be read."""
        found = [await self._of(name) for name in self._target.compare_with]
        return [fields for fields in found if fields is not None]

    async def _of(self, revision: str) -> Fields | None:
        if revision not in self._known:
            self._known[revision] = await self._read(revision)
        return self._known[revision]

    async def _read(self, revision: str) -> Fields | None:
        if self._configurations is None or not revision:
            return None
        try:
            return (await self._configurations.of(revision)).fields
        except InfrastructureError:
            return None


def _seconds(fields: Fields | None) -> float | None:
    """The request timeout, None where nobody knows it."""
    try:
        return float((fields or {}).get("timeout_s", ""))
    except ValueError:
        return None


def _lasts(fields: Fields, held_s: float) -> bool:
    timeout_s = _seconds(fields)
    return timeout_s is not None and held_s < timeout_s


def _speaks_h2(fields: Fields | None) -> bool:
    return fields is not None and fields.get("protocol") == H2C
