"""Whether an image has passed the stage before, by that stage's ledger and its signatures."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gate.core.earlier import Earlier
from gate.core.policy import Json
from gate.signing.checking import ATTESTATION, differs
from gate.signing.envelope import BadEnvelope, opened
from gate.signing.keys import PublicKey
from gate.signing.statement import (
    PASSED,
    OtherStatement,
    Said,
    image_of,
    judged,
    said,
    verifier_of,
)

RUN = "roll the image out there first, with a policy that signs (`sign`)"
KEYS = "is require_signed.key the public key of that stage?"
ALTERED = "gate audit verify --key says what was altered there"
Entry = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose word counts.

    Attributes:
        keys: the earlier stage's.
        stage: its verifier's id, "" for any that is not our own.
        own: our own verifier's id.
        now: a time at which the key must be valid.
        digest_of: sha256 of an outcome in canonical form, without its signature.
    """

    keys: Sequence[PublicKey]
    stage: str
    own: str
    now: datetime
    digest_of: Callable[[Entry], str]


def earlier(entries: Sequence[Entry], image: str, trust: Trust) -> Earlier:
    """What the stage before says of an image; its newest word counts.

    Args:
        entries: of its ledger, the newest first.
        image: `sha256:...`.
        trust: whose word counts.
    """
    for entry in entries:
        place = _place(entry)
        if entry.get("entry") != "outcome" or place == trust.own:
            continue
        if _taken_back(entry, image):
            told = f"users were moved away from it at {_named(place)} ({_whose(entry)})"
            return Earlier(image, told, "what people left is no candidate for the next stage")
        if judged(entry) and f"sha256:{image_of(entry)[1]}" == image:
            return _one(entry, image, trust)
    where = _named(trust.stage) if trust.stage else "any other service of the project"
    return Earlier(image, f"no decision about {image[:19]} is in the ledger of {where}", RUN)


def _one(entry: Entry, image: str, trust: Trust) -> Earlier:
    """What one outcome of the image says."""
    whose = f"{_named(_place(entry))}, {_whose(entry)}"
    if ATTESTATION not in entry:
        return Earlier(image, f"its decision is not signed ({whose})", RUN)
    text = entry[ATTESTATION]
    try:
        found = said(opened(text, trust.keys, trust.now))
    except BadEnvelope as error:
        return Earlier(image, f"{error} ({whose})", KEYS)
    except OtherStatement as error:
        return Earlier(image, f"{error} ({whose})", ALTERED)
    if problem := _unfit(found, entry, image, trust):
        return Earlier(image, f"{problem[0]} ({whose})", problem[1])
    envelope = hashlib.sha256(str(text).encode()).hexdigest()
    return Earlier(image, verifier=found.verifier, rollout=found.rollout, envelope=envelope)


def _unfit(found: Said, entry: Entry, image: str, trust: Trust) -> tuple[str, str] | None:
    """Why a good signature proves nothing here, and what to do; None where it does."""
    if found.verifier == trust.own or (trust.stage and found.verifier != trust.stage):
        expected = _named(trust.stage) if trust.stage else "another service"
        told = f"decided by another verifier (got {_named(found.verifier)}, expected {expected})"
        return told, ALTERED
    if f"sha256:{found.digest}" != image:
        return f"signed about another image (got sha256:{found.digest[:12]})", ALTERED
    if problem := differs(found, entry, trust.digest_of(entry)):
        return f"its decision {problem}", ALTERED
    if found.result != PASSED:
        return f"it did not pass there: {entry.get('ending')}", RUN
    return None


def _taken_back(entry: Entry, image: str) -> bool:
    """Whether people moved users away from the image then."""
    added = entry.get("bars_added")
    images = (
        one.get("image")
        for one in (added if isinstance(added, list) else [])
        if isinstance(one, dict)
    )
    return any(isinstance(one, str) and one.endswith(f"@{image}") for one in images)


def _place(entry: Entry) -> str:
    return verifier_of(*(str(entry.get(name, "")) for name in ("project", "region", "service")))


def _whose(entry: Entry) -> str:
    return f"rollout {entry.get('rollout')}, {entry.get('at')}"


def _named(verifier: str) -> str:
    """A verifier for people: PROJECT/REGION/SERVICE, or as it is."""
    match = re.fullmatch(
        r"https://run\.googleapis\.com/v2/projects/([^/]+)/locations/([^/]+)/services/([^/]+)",
        verifier,
    )
    return "/".join(match.groups()) if match else verifier[:200]
