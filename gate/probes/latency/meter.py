"""The answers of one side, and the percentiles over them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from gate.core.evidence import Outcome
from gate.core.percentiles import percentile
from gate.probes.latency.client import Reply
from gate.probes.latency.schedule import WARM_UP, Due
from gate.probes.outcome import Fault

KINDS_MAX = 50
"""Most kinds of wrong answers that are told apart."""


class Meter:
    """What one side showed.

    Percentiles are over right answers and over requests that were given up at their timeout, which
    count as what they had waited by then. Other answers have no latency that means anything: they
    are counted apart.

    Args:
        blocks: how many blocks there are.

    Attributes:
        blocks: seconds that each answer took, by block, counted from when its request was due.
        warm: the same, of the warm-up.
        net: seconds without those that we ourselves were late: from when we turned to a request.
        lags: seconds that we ourselves were late, of every request.
        faults: what was wrong, and how often.
        asked, right: measured requests, and how many of them were answered as they should be.
        late: how many were given up at their timeout.
        busy_s: how long all of them together had a connection to themselves.
        names: revisions that answered, by their own word.
    """

    def __init__(self, blocks: int) -> None:
        self.blocks: list[list[float]] = [[] for _ in range(blocks)]
        self.warm: list[float] = []
        self.net: list[float] = []
        self.lags: list[float] = []
        self.faults: Counter[Fault] = Counter()
        self.asked = 0
        self.right = 0
        self.late = 0
        self.busy_s = 0.0
        self.names: set[str] = set()

    def note(self, due: Due, due_s: float, woke_s: float, reply: Reply) -> None:
        """Takes one reply in.

        Args:
            due: which request it was.
            due_s: when it was due (time.monotonic).
            woke_s: when we turned to it.
            reply: what came of it.
        """
        took_s = reply.ended_s - due_s
        counts = reply.fault is None or reply.late
        if due.block == WARM_UP:
            self.warm += [took_s] if counts else []
            return
        self.asked += 1
        self.right += reply.fault is None
        self.late += reply.late
        self.lags.append(woke_s - due_s)
        self.busy_s += reply.ended_s - reply.began_s
        if reply.name:
            self.names.add(reply.name)
        if reply.fault is not None:
            self.faults[self._kind(reply.fault)] += 1
        if counts:
            self.blocks[due.block].append(took_s)
            self.net.append(reply.ended_s - woke_s)

    def _kind(self, fault: Fault) -> Fault:
        if fault in self.faults or len(self.faults) < KINDS_MAX:
            return fault
        return replace(fault, seen=f"another {fault.symptom.value}", hint="")

    @property
    def samples(self) -> list[float]:
        """Seconds that every answer took, of all blocks."""
        return [sample for block in self.blocks for sample in block]

    @property
    def wrong(self) -> int:
        """How many measured requests were not answered as they should be."""
        return self.asked - self.right

    def percentile_s(self, percent: float) -> float:
        """A percentile, in seconds; 0 where there is no sample."""
        samples = self.samples
        return percentile(samples, percent) if samples else 0.0

    def too_many(self, errors_percent: float) -> Mapping[Fault, int]:
        """What was wrong more often than it may be; empty where it was not.

        What says nothing of the container counts only where what it got wrong is not enough.
        """
        most = self.asked * errors_percent / 100
        failed = {f: n for f, n in self.faults.items() if f.outcome is Outcome.FAILED}
        if sum(failed.values()) > most:
            return self.faults
        if self.wrong > most:
            return {f: n for f, n in self.faults.items() if f not in failed}
        return {}
