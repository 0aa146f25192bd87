"""What a mutation run had found out when it was stopped: NAME.proof.part beside NAME.yaml.

It is no proof, and nothing but `gate policy prove` reads it: the next run for the same policy, the
same contract and the same service goes on from there. A file that cannot be read counts as none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.core.policy import Json
from gate.core.proof import Trial
from gate.errors import GateError
from gate.mutation.proof_file import SIZE_MAX_BYTES, write_whole

FORMAT = 1


def part_path(policy: Path) -> Path:
    """Where what is known of an unfinished run is kept."""
    return policy.with_name(f"{policy.stem}.proof.part")


@dataclass(frozen=True, slots=True)
class PartFile:
    """The unfinished run of one policy against one service.

    Attributes:
        stamp: what it is true for: release, digests, the service's address and its revision.
    """

    path: Path
    stamp: Mapping[str, str]

    def read(self) -> tuple[Trial, ...]:
        """What is known by now: () where there is nothing, or of something else."""
        try:
            if self.path.stat().st_size > SIZE_MAX_BYTES:
                return ()
            value: Json = json.loads(self.path.read_text(encoding="ascii"))
            if not isinstance(value, dict) or value.get("for") != self._for:
                return ()
            trials = value["trials"]
            assert isinstance(trials, list)
            return tuple(map(_trial, trials))
        except (OSError, ValueError, TypeError, LookupError, AssertionError, RecursionError):
            return ()

    def keep(self, trials: Sequence[Trial]) -> None:
        """Keeps what some probe has met; a place that cannot be written to is no reason to stop."""
        met: list[Json] = [
            _value(one) for one in trials if one.exercised or any(one.failed.values())
        ]
        if not met:
            return
        try:
            write_whole(self.path, json.dumps({"for": self._for, "trials": met}) + "\n")
        except GateError:
            return

    def drop(self) -> None:
        """Removes it: the run has come to its end."""
        self.path.unlink(missing_ok=True)

    @property
    def _for(self) -> dict[str, Json]:
        return {"format": FORMAT, **self.stamp}


def _value(trial: Trial) -> Json:
    return {
        "mutant": trial.mutant,
        "ran": [*trial.ran],
        "noticed": [*trial.noticed],
        "judged": [*trial.judged],
        "failed": {suite: [*sorted(tests)] for suite, tests in trial.failed.items()},
    }


def _trial(value: Json) -> Trial:
    assert isinstance(value, dict)
    failed = value["failed"]
    assert isinstance(failed, dict)
    return Trial(
        str(value["mutant"]),
        "",
        "",
        reachable=True,
        exercised=True,
        ran=_texts(value["ran"]),
        noticed=_texts(value["noticed"]),
        judged=_texts(value["judged"]),
        failed={suite: frozenset(_texts(tests)) for suite, tests in failed.items()},
    )


def _texts(value: Json) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(str(one) for one in value)
