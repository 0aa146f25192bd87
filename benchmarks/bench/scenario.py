"""The corpus: labelled scenarios, read from scenarios/*.yaml and checked.

A file holds a list. Each scenario says what the candidate does (`candidate`), what stable does
(`stable`), what both do since they share it (`shared`), how the candidate is configured differently
(`deploy`), what the control plane does (`faults`), what is wrong with the gate's own surroundings
(`tokens`), and which policy judges. Then the label: `decision`, whose fault it is, which probes
must say so, and why.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
READINESS = "readiness"
BLAME = frozenset(
    {
        "regression",
        "already there",
        "environment",
        "probe fault",
        "flaky",
        "contract change",
        "unknown",
    }
)
PROGRAMS = {"http": "benchmarks.bench.backend", "grpc": "benchmarks.bench.backend.rpc"}
SERVICES = frozenset({"backend", "shop", "notes", "rooms"})
TOKENS = frozenset({"good", "expired", "forged", "stranger"})


class Decision(Enum):
    """What is, or is to be, done with a candidate."""

    PROMOTE = "promote"
    REJECT = "reject"
    HOLD = "hold"


@dataclass(frozen=True)
class Scenario:
    """One labelled rollout.

    Attributes:
        name: unique.
        group: the file it is from.
        incident: the class in the corpus of incidents that it is an instance of, or "healthy".
        candidate, stable, shared: behaviours (benchmarks.bench.backend).
        deploy: how the candidate's revision is set up otherwise than stable's: `env` (null takes a
            variable away), `concurrency`, `max_instances`, `timeout_s`, `service_account`. It is
            then deployed by other means, and the gate adopts it.
        env: variables of the service.
        faults: of the control plane while the gate works (docs/faults.md).
        tokens: which of the policy's secrets are not good, and how.
        policy: a name in policies.yaml.
        speaks: "http", or "grpc" for a backend of gRPC, whose port is named h2c and which no peer
            can judge.
        service: which service it is: the chat backend, or one of benchmarks.bench.services.
        decision, blame, because: the label: what is right, whose fault it is (any of these), and
            which probes have to say so (at least one of these).
        why: the reason for the label.
    """

    name: str
    group: str
    incident: str
    decision: Decision
    why: str
    candidate: tuple[Mapping[str, Any], ...] = ()
    stable: tuple[Mapping[str, Any], ...] = ()
    shared: tuple[Mapping[str, Any], ...] = ()
    deploy: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)
    policy: str = "bench"
    speaks: str = "http"
    service: str = "backend"
    blame: tuple[str, ...] = ()
    because: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.why.strip():
            raise ValueError(f"{self.name}: has no reason")
        if unknown := [*({*self.blame} - BLAME), *({*self.tokens.values()} - TOKENS)]:
            raise ValueError(f"{self.name}: unknown words: {', '.join(unknown)}")
        if self.service not in SERVICES:
            raise ValueError(f"{self.name}: no such service: {self.service}")
        if (self.decision is Decision.PROMOTE) != (not self.blame):
            raise ValueError(f"{self.name}: blame belongs to what is not promoted, and to all that")

    @property
    def alias(self) -> str:
        """What the gate gets to see of the name: nothing that it could understand."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:12]

    def reference(self, role: str) -> str:
        """The image's reference."""
        return f"backend-{self.alias}:{'v1' if role == 'stable' else 'v2'}"

    def image(self, role: str, seed: int) -> dict[str, Any]:
        """The entry in the images file for "stable" or "candidate"."""
        own = self.stable if role == "stable" else self.candidate
        env = {
            "BENCH_DO": json.dumps([*self.shared, *own]),
            "BENCH_SEED": f"{seed} {self.name} {role}",
        }
        command = ["python", "-m", PROGRAMS[self.speaks]]
        if self.service != "backend":
            command = ["python", "-m", "benchmarks.bench.services", self.service]
        return {"command": command, "env": env, "cwd": str(HERE.parent.parent)}


def load(folder: Path = HERE / "scenarios") -> tuple[Scenario, ...]:
    """Reads every scenario.

    Raises:
        ValueError: one is not of the form, or two have one name.
    """
    found = [
        _scenario(path.stem, entry)
        for path in sorted(folder.glob("*.yaml"))
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    names = [scenario.name for scenario in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"scenarios: given twice: {', '.join(sorted(twice))}")
    return tuple(found)


def _scenario(group: str, entry: Mapping[str, Any]) -> Scenario:
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    for key in ("blame", "because"):
        if isinstance(values.get(key), str):
            values[key] = (values[key],)
    values["incident"] = str(values["incident"])
    values["why"] = " ".join(str(values["why"]).split())
    return Scenario(group=group, **{**values, "decision": Decision(values["decision"])})
