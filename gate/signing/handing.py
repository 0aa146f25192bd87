"""What was signed, as others take it: cosign an envelope, Binary Authorization its own payload.

https://cloud.google.com/binary-authorization/docs/making-attestations says how that one is signed.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from gate.core.policy import Json
from gate.signing.checking import ATTESTATION, differs
from gate.signing.envelope import BadEnvelope, as_json, opened, read
from gate.signing.keys import PublicKey
from gate.signing.statement import PASSED, OtherStatement, image_of, said

BINAUTHZ = "Google cloud binauthz container signature"
Entry = Mapping[str, Json]


class NotHanded(ValueError):  # noqa: N818 - becomes a message of the command
    """It cannot be handed on: says why."""


def handed(entry: Entry, form: str) -> str:
    """The signature of an outcome: `dsse`, `statement` or `binauthz`.

    Raises:
        NotHanded: it is no envelope of a gate, or the image did not pass.
    """
    try:
        envelope = read(entry[ATTESTATION])
        if form == "dsse":
            return as_json(entry[ATTESTATION])
        if form == "statement":
            return envelope.payload.decode()
        result = said(envelope.payload).result
    except (BadEnvelope, OtherStatement, UnicodeDecodeError) as error:
        raise NotHanded(str(error)) from None
    if result != PASSED:
        raise NotHanded(f"did not pass (got {entry.get('ending')}, expected promoted)")
    return binauthz(*image_of(entry))


def checked(entry: Entry, digest: str, keys: Sequence[PublicKey]) -> None:
    """Refuses an outcome that is not as it was signed with one of these keys.

    Args:
        entry: the outcome.
        digest: its sha256 in canonical form, without its signature.
        keys: those that are trusted.

    Raises:
        NotHanded: says in what.
    """
    try:
        at = datetime.fromisoformat(str(entry.get("at")))
        problem = differs(said(opened(entry[ATTESTATION], keys, at)), entry, digest)
    except (BadEnvelope, OtherStatement) as error:
        problem = str(error)
    except (ValueError, TypeError):
        problem = "has no time"
    if problem:
        raise NotHanded(problem)


def binauthz(repository: str, digest: str) -> str:
    """The payload that an attestor of Binary Authorization signs for an image."""
    critical = {
        "identity": {"docker-reference": repository},
        "image": {"docker-manifest-digest": f"sha256:{digest}"},
        "type": BINAUTHZ,
    }
    return json.dumps({"critical": critical}, indent=2, sort_keys=True)
