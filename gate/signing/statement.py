"""What a decision says of an image: an in-toto Statement v1 with a SLSA Verification Summary.

The verification summary (and not the test-result predicate) because it is made for whoever comes
next: it names the verifier, the policy with its digest, and one result, PASSED or FAILED. Held is
not passed. https://slsa.dev/spec/v1.1/verification_summary says how it is to be read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from google.protobuf.json_format import MessageToDict
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import STATEMENT_TYPE_URI, Statement

from gate.core.policy import Json

PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"
DECISION = "urn:cloud-run-gate:decision"
"""The predicate's own field: which outcome it is about, and the hash of all that was recorded."""
PASSED, FAILED = "PASSED", "FAILED"
LEVEL = "CLOUD_RUN_GATE_PROMOTED"
"""No level of SLSA: a property of its own, as the specification lets producers add them."""
JUDGED = frozenset({"promoted", "rejected", "reverted", "regressed", "held", "failed", "stuck"})
"""Endings that say something of the image; the others say that nobody looked at it."""
_DIGEST = re.compile(r"(?P<name>[^@\s]+)@sha256:(?P<digest>[0-9a-f]{64})")
Entry = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Said:
    """What a statement says, once its signature was found to be good.

    Attributes:
        digest: sha256 of the image.
        verifier: id of whoever decided.
        result: PASSED or FAILED.
        rollout: in which rollout.
        entry: sha256 of the outcome in canonical form, without the signature.
    """

    digest: str
    verifier: str
    result: str
    rollout: str
    entry: str


class OtherStatement(ValueError):  # noqa: N818 - found, not raised to a user
    """No statement that a gate makes: says why."""


def verifier_of(project: str, region: str, service: str) -> str:
    """The id of the gate in front of a service: the URI of that service."""
    return f"https://run.googleapis.com/v2/projects/{project}/locations/{region}/services/{service}"


def judged(entry: Entry) -> bool:
    """Whether this is the outcome of a rollout that looked at its image."""
    rollout = entry.get("entry") == "outcome" and entry.get("kind") == "rollout"
    return rollout and entry.get("ending") in JUDGED


def image_of(entry: Entry) -> tuple[str, str]:
    """The image that an outcome is about: its repository and the sha256; "" where nobody knows."""
    found = _DIGEST.fullmatch(_text(_part(entry, "candidate"), "digest"))
    return (_repository(found["name"]), found["digest"]) if found else ("", "")


def result_of(entry: Entry) -> str:
    """PASSED for a candidate that was promoted on its evidence, FAILED for any other."""
    promoted = entry.get("ending") == "promoted" and entry.get("exit_code") == 0
    return PASSED if promoted and _part(entry, "verdict").get("decision") == "promote" else FAILED


def statement(entry: Entry, entry_digest: str) -> bytes:
    """The statement of an outcome as JSON: the same bytes for the same outcome.

    Args:
        entry: the outcome, of an image whose digest is known.
        entry_digest: sha256 of the outcome in canonical form, without its signature.
    """
    name, digest = image_of(entry)
    subject = ResourceDescriptor(name=name, digest={"sha256": digest}).pb
    predicate = _predicate(entry, f"https://{name}@sha256:{digest}", entry_digest)
    made = Statement([subject], PREDICATE_TYPE, predicate)
    made.validate()
    return json.dumps(MessageToDict(made.pb), sort_keys=True, separators=(",", ":")).encode()


def _predicate(entry: Entry, resource: str, entry_digest: str) -> dict[str, Json]:
    result = result_of(entry)
    place = (_text(entry, name) for name in ("project", "region", "service"))
    return {
        "verifier": {
            "id": verifier_of(*place),
            "version": {"cloud-run-gate": _text(entry, "gate_version") or "unknown"},
        },
        "timeVerified": _text(entry, "at"),
        "resourceUri": resource,
        "policy": {
            "uri": f"file:{quote(_text(entry, 'policy') or 'policy')}",
            "digest": {"sha256": _text(entry, "policy_digest")},
        },
        **_inputs(_part(entry, "earlier_stage")),
        "verificationResult": result,
        "verifiedLevels": [LEVEL if result == PASSED else FAILED],
        "slsaVersion": "1.1",
        DECISION: {
            "rollout": _text(entry, "rollout"),
            "ending": _text(entry, "ending"),
            "entryDigest": {"sha256": entry_digest},
        },
    }


def _inputs(earlier: Entry) -> dict[str, Json]:
    """The decision of the stage before, where the image had to have one."""
    envelope, rollout = _text(earlier, "envelope_digest"), _text(earlier, "rollout")
    if not envelope:
        return {}
    uri = f"urn:cloud-run-gate:rollout:{quote(rollout)}"
    return {"inputAttestations": [{"uri": uri, "digest": {"sha256": envelope}}]}


def said(payload: bytes) -> Said:
    """What a statement says.

    Raises:
        OtherStatement: it is none of a gate's.
    """
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        raise OtherStatement("what is signed is no JSON") from None
    if not isinstance(found, dict) or found.get("_type") != STATEMENT_TYPE_URI:
        raise OtherStatement("what is signed is no in-toto Statement v1")
    if found.get("predicateType") != PREDICATE_TYPE:
        raise OtherStatement("what is signed is no SLSA verification summary v1")
    predicate = _part(found, "predicate")
    decision, subjects = _part(predicate, DECISION), found.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise OtherStatement("what is signed is not about one image")
    return Said(
        _text(_part(subjects[0], "digest"), "sha256"),
        _text(_part(predicate, "verifier"), "id"),
        _text(predicate, "verificationResult"),
        _text(decision, "rollout"),
        _text(_part(decision, "entryDigest"), "sha256"),
    )


def _repository(name: str) -> str:
    """An image's name without its tag; a colon before a slash is a registry's port."""
    before, colon, tag = name.rpartition(":")
    return before if colon and "/" not in tag else name


def _part(value: Entry, name: str) -> dict[str, Json]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: Entry, name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
