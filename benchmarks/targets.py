"""What a benchmark wants of a number: said where it is measured, and kept for the table of all.

`benchmarks/ratios.py` runs every benchmark and names a file in GATE_RATIOS, where each number goes.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT_IN = "GATE_RATIOS"


@dataclass(frozen=True)
class Target:
    """One number: what it was, what it is to be, and what became of it (ok, MISSED, skipped)."""

    name: str
    measured: str
    wanted: str
    verdict: str

    @property
    def kept(self) -> bool:
        return self.verdict != MISSED

    def __str__(self) -> str:
        return f"  {self.verdict:7} {self.name}: {self.measured} (wanted: {self.wanted})"


OK, MISSED, SKIPPED = "ok", "MISSED", "skipped"


def at_most(name: str, measured: float, limit: float, form: str = ".2f") -> bool:
    """Says and keeps a number that is not to be above a limit; whether it is not."""
    return _judged(name, measured, limit, "at most", form, kept=measured <= limit)


def at_least(name: str, measured: float, limit: float, form: str = ".2f") -> bool:
    """Says and keeps a number that is not to be below a limit; whether it is not."""
    return _judged(name, measured, limit, "at least", form, kept=measured >= limit)


def skipped(name: str, why: str) -> bool:
    """Says and keeps that a number was not measured; no reason to fail."""
    return _keep(Target(name, "-", why, SKIPPED))


def _judged(name: str, measured: float, limit: float, how: str, form: str, *, kept: bool) -> bool:
    wanted = f"{how} {limit:{form}}"
    return _keep(Target(name, f"{measured:{form}}", wanted, OK if kept else MISSED))


def _keep(target: Target) -> bool:
    print(target, flush=True)
    if path := os.environ.get(KEPT_IN):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(target)) + "\n")
    return target.kept
