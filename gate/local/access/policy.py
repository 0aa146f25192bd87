"""IAM policies of services: what may be in them, their etags, whom they let in. Pure.

Sources: google/iam/v1/policy.proto and iam_policy.proto; pulumi/pulumi-gcp#1028 (the conflict);
recorded policies (an etag is 07 and 56 bits of microseconds; a policy that nobody set has ACAB).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from google.iam.v1.policy_pb2 import Policy

from gate.local.api.errors import ApiError, Code, invalid

EVERYBODY: Final = "allUsers"
_ALIKE: Final = ("allUsers", "allAuthenticatedUsers")
INVOKER: Final = "roles/run.invoker"
_INVOKERS: Final = frozenset(
    {
        INVOKER,
        "roles/run.servicesInvoker",
        "roles/run.admin",
        "roles/editor",
        "roles/owner",
    }
)
_NEVER_SET: Final = b"\x00\x20\x01"
_MEMBER: Final = re.compile(
    r"(?:user|serviceAccount|group|domain|principal|principalSet|projectOwner|projectEditor"
    r"|projectViewer|deleted):\S{1,500}"
)
_ROLE: Final = re.compile(
    r"(?:projects/[^/\s]{1,100}/|organizations/[^/\s]{1,100}/)?roles/[A-Za-z0-9._]{1,100}"
)
_MASKED: Final = frozenset({"bindings", "etag", "version"})
_MAX_MEMBERS: Final = 1_500


def shown(policy: Policy) -> Policy:
    """The policy as it is read: one that nobody set has no bindings, only an etag."""
    seen = Policy()
    seen.CopyFrom(policy)
    seen.etag = seen.etag or _NEVER_SET
    return seen


def changed(current: Policy, asked: Policy, mask: Sequence[str], at: datetime) -> Policy:
    """The policy after a write.

    Args:
        current: as kept; empty where nobody set one.
        asked: the new one; without an etag it replaces whatever is there.
        mask: paths of it to take; none: bindings and etag.
        at: now.

    Raises:
        ApiError: ABORTED, somebody else wrote since it was read; INVALID_ARGUMENT.
    """
    paths = {path.strip() for path in mask} - {""}
    if not paths <= _MASKED:
        raise invalid("update_mask", f"(got {sorted(paths)}, expected {sorted(_MASKED)})")
    if asked.etag and asked.etag != shown(current).etag:
        raise _conflict(asked.etag, shown(current).etag)
    check(asked)
    bindings = asked.bindings if not paths or "bindings" in paths else current.bindings
    made = Policy(version=1, etag=_etag(at))
    for role in dict.fromkeys(binding.role for binding in bindings):
        members = {one for each in bindings if each.role == role for one in each.members}
        if members:
            made.bindings.add(role=role, members=sorted(members))
    return made


def check(policy: Policy) -> None:
    """Refuses what no policy may have, and what is not imitated here.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if policy.audit_configs:
        raise invalid("policy.audit_configs", "not imitated here (got some, expected none)")
    if policy.version not in (0, 1, 3):
        raise invalid("policy.version", f"(got {policy.version}, expected 1 or 3)")
    if sum(len(binding.members) for binding in policy.bindings) > _MAX_MEMBERS:
        raise invalid("policy.bindings", f"too many members (expected at most {_MAX_MEMBERS})")
    for binding in policy.bindings:
        _check_binding(binding)


def invokers(policy: Policy) -> frozenset[str] | None:
    """The members that may call the service; None where everybody may."""
    members = {
        member
        for binding in policy.bindings
        if binding.role in _INVOKERS
        for member in binding.members
    }
    return None if EVERYBODY in members else frozenset(members)


def check_permissions(permissions: Sequence[str]) -> None:
    """Refuses permissions with wildcards (iam_policy.proto).

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    for permission in permissions:
        if not re.fullmatch(r"[a-z]+(?:\.[A-Za-z]+)+", permission):
            text = f"Permission {permission[:100]} is not valid for this resource."
            raise ApiError(Code.INVALID_ARGUMENT, text)


def _check_binding(binding: Any) -> None:
    if binding.HasField("condition"):
        raise invalid("policy.bindings.condition", "not imitated here (got one, expected none)")
    if not _ROLE.fullmatch(binding.role):
        text = f"Role {binding.role[:200]} is not supported for this resource."
        raise ApiError(Code.INVALID_ARGUMENT, text)
    for member in binding.members:
        if member not in _ALIKE and not _MEMBER.fullmatch(member):
            text = (
                f"The member {member[:200]} is of an unknown type. Please set a valid type prefix "
                "for the member."
            )
            raise ApiError(Code.INVALID_ARGUMENT, text)


def _conflict(asked: bytes, current: bytes) -> ApiError:
    text = (
        "There were concurrent policy changes. Please retry the whole read-modify-write with "
        f"exponential backoff. The request's ETag '{_octal(asked)}' did not match the current "
        f"policy's ETag '{_octal(current)}'."
    )
    return ApiError(Code.ABORTED, text)


def _octal(etag: bytes) -> str:
    """Bytes as the conflict shows them: printable ones as they are, others in octal."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\{byte:03o}"
        for byte in etag[:64]
    )


def _etag(at: datetime) -> bytes:
    return b"\x07" + int(at.timestamp() * 1_000_000).to_bytes(7)
