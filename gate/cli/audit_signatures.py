"""Signatures of a ledger's outcomes, for `gate audit verify --key`."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gate.api.signing import unsigned_digest
from gate.ledger.findings import Finding, Report, What

if TYPE_CHECKING:  # loaded only where signatures are looked at
    from gate.signing.checking import Signatures
    from gate.signing.keys import PublicKey

_OUTCOME = b'"outcome"'


class Watching:
    """Looks at the signatures of entries that somebody else reads.

    Args:
        keys: those that are trusted; none for not looking.
        only: the service that the ledger is of, "" for several.
    """

    def __init__(self, keys: "Sequence[PublicKey]", only: str) -> None:
        self._keys = keys
        self._only = only
        self._services: dict[str, Signatures] = {}
        self._found: list[Finding] = []

    def watch(self, lines: Iterable[bytes]) -> Iterable[bytes]:
        """The same lines, of which each was looked at."""
        return self._watched(lines) if self._keys else lines

    def tell(self, report: Report) -> None:
        """Adds what was found."""
        for name, one in self._services.items():
            if problem := one.none():
                self._found.append(Finding(What.UNSIGNED, f"{name}: {problem}", name))
        for finding in self._found:
            report.add(finding)
        for service in report.services:
            if known := self._services.get(service.service):
                service.signed, service.unsigned = known.signed, known.before

    def _watched(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        for line in lines:
            if _OUTCOME in line:
                self._look(line)
            yield line

    def _look(self, line: bytes) -> None:
        from gate.signing.checking import ATTESTATION, Signatures  # noqa: PLC0415 - an extra

        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return  # the verification itself says so
        if not isinstance(entry, dict) or entry.get("entry") != "outcome":
            return
        place = "/".join(str(entry.get(name, "")) for name in ("project", "region", "service"))
        if self._only not in {"", place}:
            return
        known = self._services.setdefault(place, Signatures(self._keys))
        problem = known.wrong(entry, unsigned_digest(entry))
        if problem:
            rollout, at = str(entry.get("rollout", "")), str(entry.get("at", ""))
            what = What.SIGNATURE if ATTESTATION in entry else What.UNSIGNED
            text = f"the outcome of rollout {rollout} ({at}): {problem}"
            self._found.append(Finding(what, text, place, rollout, at))
