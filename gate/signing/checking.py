"""Whether the outcomes of a ledger are signed, each as it was recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gate.core.policy import Json
from gate.signing.envelope import BadEnvelope, opened
from gate.signing.keys import PublicKey
from gate.signing.statement import (
    OtherStatement,
    Said,
    image_of,
    judged,
    result_of,
    said,
    verifier_of,
)

ATTESTATION = "attestation"
"""The field of an outcome that has its envelope."""
Entry = Mapping[str, Json]


@dataclass(slots=True)
class Signatures:
    """What is known of one service's outcomes, which are looked at from the oldest on.

    Attributes:
        keys: those that are trusted.
        signed: how many are signed as they should be.
        before: how many were unsigned before the first that is signed.
    """

    keys: Sequence[PublicKey]
    signed: int = 0
    before: int = 0
    _begun: bool = field(default=False)

    def wrong(self, entry: Entry, digest: str) -> str:
        """What is wrong with the signature of an outcome; "" for nothing.

        Args:
            entry: any entry of the ledger; those that no gate signs are passed over.
            digest: its sha256 in canonical form without its signature, "" where it has none.
        """
        there = ATTESTATION in entry
        if not there and not judged(entry):
            return ""
        if not there and not self._begun:
            self.before += 1
            return ""
        self._begun = True
        if not there:
            return "is not signed, and those before it are"
        problem = self._signature(entry, digest)
        self.signed += not problem
        return problem

    def none(self) -> str:
        """What is wrong where there was something to sign and nothing is signed; "" if nothing."""
        if self._begun or not self.before:
            return ""
        return f"no outcome is signed (got {self.before} that should be)"

    def _signature(self, entry: Entry, digest: str) -> str:
        try:
            at = datetime.fromisoformat(str(entry.get("at")))
            found = said(opened(entry[ATTESTATION], self.keys, at))
        except (BadEnvelope, OtherStatement) as error:
            return str(error)
        except (ValueError, TypeError):
            return "has no time"
        return differs(found, entry, digest)


def differs(found: Said, entry: Entry, digest: str) -> str:
    """In what an outcome is not the one that was signed; "" where it is.

    Args:
        found: what the signed statement says.
        entry: the outcome that it is kept with.
        digest: sha256 of that in canonical form without its signature.
    """
    if found.rollout != entry.get("rollout"):
        return f"has the signature of another one (rollout {found.rollout})"
    if found.entry != digest:
        return "is not as it was signed: it was altered"
    place = (str(entry.get(name, "")) for name in ("project", "region", "service"))
    told = (found.digest, found.result, found.verifier)
    if told != (image_of(entry)[1], result_of(entry), verifier_of(*place)):
        return "is signed with a statement that says something else"
    return ""
