"""The proof file: NAME.proof.json beside NAME.yaml. Written whole or not at all, read strictly."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from gate.core.policy import Json
from gate.core.proof import Proof, Survivor
from gate.errors import GateError, UsageError, ValueProblem

FORMAT = 1
SIZE_MAX_BYTES = 4 << 20
_KEYS = {
    "format", "gate", "policy_digest", "contract_digest", "made_at", "mutants", "killed",
    "kill_percent", "kills", "cannot_fail", "survivors", "tests",
}  # fmt: skip
_LATER = frozenset({"reachable", "untried", "silent"})
"""Keys that earlier releases did not write."""
_ELSEWHERE = "make room for it, or keep none (--no-file)"
_AGAIN = "delete it, or write it anew with gate policy prove"


class ProofFileError(UsageError):
    """A proof file that cannot be read, or says what no proof says."""


def proof_path(policy: Path) -> Path:
    """Where the proof of a policy is kept."""
    return policy.with_name(f"{policy.stem}.proof.json")


def check_place(path: Path) -> None:
    """Sees to it that a proof can be kept there, before the work of making it.

    Raises:
        ProofFileError: it cannot.
    """
    if path.exists() and not path.is_file():
        raise ProofFileError(f"{path}: is not a file (expected a place for the proof)", _ELSEWHERE)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ProofFileError(f"{path.parent}: cannot be written to (for {path.name})", _ELSEWHERE)


def write_proof(path: Path, proof: Proof) -> None:
    """Writes a proof; whoever reads meanwhile sees the old one or the new one.

    Raises:
        GateError: the file cannot be written.
    """
    write_whole(path, json.dumps(_plain(proof), indent=2, ensure_ascii=True) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Writes a file of ASCII in one step.

    Raises:
        GateError: it cannot be written.
    """
    import tempfile  # noqa: PLC0415 - a rollout only reads

    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="ascii", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).chmod(0o644)
                Path(file.name).replace(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise GateError(f"{path}: cannot be written ({reason})") from None


def read_proof(path: Path) -> Proof | None:
    """The proof in a file; None where there is no such file.

    Raises:
        ProofFileError: it cannot be read, or is no proof.
    """
    text = _text(path)
    if text is None:
        return None
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        raise ProofFileError(f"{path}: is not JSON (expected a proof file)", _AGAIN) from None
    try:
        return replace(_proof(value), digest=hashlib.sha256(text.encode()).hexdigest())
    except (ValueError, TypeError) as error:
        raise ProofFileError(f"{path}: is no proof file: {error}", _AGAIN) from None


def _text(path: Path) -> str | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ProofFileError(f"{path}: is not a file (expected a proof file)", _AGAIN)
        if status.st_size > SIZE_MAX_BYTES:
            most = f"expected at most {SIZE_MAX_BYTES} bytes"
            raise ProofFileError(f"{path}: is too large (got {status.st_size}, {most})", _AGAIN)
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ProofFileError(f"{path}: cannot be read ({reason})", _AGAIN) from None


def _plain(proof: Proof) -> Json:
    survivors: list[Json] = [
        {"mutant": one.mutant, "family": one.family, "caught_by": one.caught_by}
        for one in sorted(proof.survivors, key=lambda one: one.mutant)
    ]
    cannot_fail: list[Json] = [*sorted(proof.cannot_fail)]
    return {
        "format": FORMAT,
        "gate": proof.release,
        "policy_digest": proof.policy_digest,
        "contract_digest": proof.contract_digest,
        "made_at": proof.made_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "mutants": proof.mutants,
        "killed": proof.killed,
        "kill_percent": round(proof.kill_percent, 1),
        "kills": dict(sorted(proof.kills.items())),
        "cannot_fail": cannot_fail,
        "survivors": survivors,
        "tests": {
            suite: dict(sorted(tests.items())) for suite, tests in sorted(proof.tests.items())
        },
        "reachable": proof.reachable,
        "untried": _named(proof.untried),
        "silent": _named(proof.silent),
    }


def _named(tests: Mapping[str, tuple[str, ...]]) -> Json:
    return {suite: [*sorted(names)] for suite, names in sorted(tests.items())}


def _proof(value: Json) -> Proof:
    fields = _object(value, "the file", _KEYS)
    if fields["format"] != FORMAT:
        raise ValueProblem("format", f"is unknown (got {fields['format']!r}, expected {FORMAT})")
    tests = _object(fields["tests"], "tests")
    proof = Proof(
        _string(fields["gate"], "gate"),
        _digest(fields["policy_digest"], "policy_digest"),
        _digest(fields["contract_digest"], "contract_digest"),
        _time(fields["made_at"]),
        _count(fields["mutants"], "mutants"),
        _count(fields["killed"], "killed"),
        _counts(fields["kills"], "kills"),
        tuple(_string(name, "cannot_fail") for name in _list(fields["cannot_fail"], "cannot_fail")),
        tuple(_survivor(one) for one in _list(fields["survivors"], "survivors")),
        {suite: _counts(counts, f"tests.{suite}") for suite, counts in tests.items()},
        _count(fields.get("reachable", fields["mutants"]), "reachable"),
        _names(fields.get("untried", {}), "untried"),
        _names(fields.get("silent", {}), "silent"),
    )
    if fields.get("reachable", proof.mutants) != proof.reachable:
        raise ValueProblem("reachable", "is less than mutants")
    if len(proof.survivors) != proof.mutants - proof.killed:
        raise ValueProblem("survivors", "do not add up with mutants and killed")
    return proof


def _survivor(value: Json) -> Survivor:
    fields = _object(value, "survivors", {"mutant", "family", "caught_by"})
    return Survivor(*(_string(fields[key], key) for key in ("mutant", "family", "caught_by")))


def _object(value: Json, name: str, keys: set[str] | None = None) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise ValueProblem(name, "is no object")
    later = _LATER if keys is _KEYS else frozenset()
    if keys is not None and set(value) - later != keys:
        odd = {
            "lacks": sorted(keys - set(value)),
            "has besides": sorted(set(value) - keys - later),
        }
        told = "; ".join(f"{how} {_few(names)}" for how, names in odd.items() if names)
        raise ValueProblem(name, f"has other keys than a proof ({told})")
    return value


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(name[:40] for name in names[:3]) + more


def _list(value: Json, name: str) -> list[Json]:
    if not isinstance(value, list):
        raise ValueProblem(name, "is no list")
    return value


def _string(value: Json, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueProblem(name, f"is no text (got {str(value)[:40]!r})")
    return value


def _digest(value: Json, name: str) -> str:
    text = _string(value, name)
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise ValueProblem(name, "is no digest (expected 64 hexadecimal digits)")
    return text


def _count(value: Json, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueProblem(name, f"is no count (got {str(value)[:40]!r})")
    return value


def _names(value: Json, name: str) -> dict[str, tuple[str, ...]]:
    return {
        suite: tuple(_string(one, f"{name}.{suite}") for one in _list(tests, f"{name}.{suite}"))
        for suite, tests in _object(value, name).items()
    }


def _counts(value: Json, name: str) -> dict[str, int]:
    return {key: _count(one, f"{name}.{key}") for key, one in _object(value, name).items()}


def _time(value: Json) -> datetime:
    at = datetime.fromisoformat(_string(value, "made_at"))
    if at.tzinfo is None:
        raise ValueProblem("made_at", "has no time zone")
    return at
