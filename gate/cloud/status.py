"""What a failed call means: gRPC statuses become gate.errors, with the server's text and a hint."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from grpc import StatusCode
from grpc.aio import AioRpcError

from gate.cloud.channel import Place
from gate.errors import (
    AccessError,
    ConflictError,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
)
from gate.redaction import Redactor

TEXT_MAX = 1_000
LOGIN_HINT = "run `gcloud auth application-default login`, or give the build a service account"
_ROLES_HINT = (
    "the caller needs roles/run.developer, roles/logging.viewer and roles/logging.logWriter"
)
_PLUGIN_FAILED = "Getting metadata from plugin failed"
_NO_NETWORK = ("Max retries exceeded", "timed out", "Name or service not known")
_SCRUB = Redactor({})
_OPAQUE = re.compile(r"ya29\.[\w.-]+|1//[\w-]{20,}")  # Google's access and refresh tokens
_LOOKED_AT = 65_536

RETRIED = frozenset(
    {
        StatusCode.UNAVAILABLE,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.INTERNAL,
    }
)
"""Statuses that may pass by themselves."""

MAY_HAVE_HAPPENED = frozenset(
    {
        StatusCode.UNAVAILABLE,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.INTERNAL,
        StatusCode.UNKNOWN,
        StatusCode.CANCELLED,
    }
)
"""Statuses after which a write may or may not have been accepted."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as its error messages tell it.

    Attributes:
        subject: what it is about, e.g. `service demo/us-central1/backend`.
        writes: whether it changes anything.
    """

    place: Place
    subject: str
    writes: bool = False


def unreachable(error: AioRpcError, place: Place) -> bool:
    """Whether nothing answers at an emulator's address (nobody listens, or no such host)."""
    text = (error.details() or "").lower()
    return (
        place.emulated
        and error.code() is StatusCode.UNAVAILABLE
        and any(sign in text for sign in ("connection refused", "dns resolution failed"))
    )


def doubtful(error: AioRpcError, call: Call) -> bool:
    """Whether this was a write that may or may not have been accepted."""
    return call.writes and error.code() in MAY_HAVE_HAPPENED and not _never_arrived(error)


def _never_arrived(error: AioRpcError) -> bool:
    text = (error.details() or "").lower()
    return (
        "connection refused" in text
        or "dns resolution failed" in text
        or text.startswith(_PLUGIN_FAILED.lower())
    )


def no_credentials(error: AioRpcError) -> bool:
    """Whether google-auth could not get an access token, for a reason that will not pass."""
    text = error.details() or ""
    return text.startswith(_PLUGIN_FAILED) and not any(sign in text for sign in _NO_NETWORK)


def refusal(error: AioRpcError, call: Call, tries: int, *, in_doubt: bool) -> InfrastructureError:
    """The gate's exception for a call that failed for good.

    Args:
        error: the last failure.
        call: what was asked.
        tries: how often it was tried.
        in_doubt: an earlier try of this write may have been accepted although no answer came.
    """
    code = error.code()
    got = f"(got {code.name}: {server_text(error)})"
    if unreachable(error, call.place):
        return _nobody_there(error, call.place)
    if no_credentials(error) and not in_doubt:
        return AccessError(f"{call.place.name}: no access token {got}", LOGIN_HINT)
    if in_doubt and code not in RETRIED:
        # Refused, maybe because our own unanswered try went through (its etag is spent then).
        what = "the update may have happened: its answer was lost, and a retry was refused"
        return UnavailableError(f"{call.subject}: {what} {got}", "read the service again")
    if code in RETRIED or (call.writes and code in MAY_HAVE_HAPPENED):
        return _no_answer(call, tries, got, in_doubt=in_doubt or doubtful(error, call))
    return _refused(code, call, got)


def unreadable(call: Call, size_bytes: int) -> InfrastructureError:
    """The gate's exception for an answer that is no message: the write may have happened."""
    got = f"(got {size_bytes} bytes that are no message of its API)"
    if call.writes:
        return _no_answer(call, 1, got, in_doubt=True)
    return InfrastructureError(f"{call.subject}: {call.place.name} cannot be understood {got}")


def _refused(code: StatusCode, call: Call, got: str) -> InfrastructureError:
    match code:
        case StatusCode.NOT_FOUND:
            hint = f"asked {call.place.target}: check project, region and name"
            return NotFoundError(f"{call.subject}: does not exist {got}", hint)
        case StatusCode.UNAUTHENTICATED:
            return AccessError(f"{call.subject}: who is asking is not known {got}", LOGIN_HINT)
        case StatusCode.PERMISSION_DENIED:
            hint = f"{_ROLES_HINT}; to ask as somebody else, {LOGIN_HINT}"
            return AccessError(f"{call.subject}: access denied {got}", hint)
        case StatusCode.ABORTED:
            what = "somebody else changed it since it was read"
            return ConflictError(f"{call.subject}: {what} {got}", "read it again")
        case _:
            name = call.place.api.title
            return InfrastructureError(f"{call.subject}: {name} refused the call {got}")


def _no_answer(call: Call, tries: int, got: str, *, in_doubt: bool) -> UnavailableError:
    doubt = "; the update may have happened" if in_doubt else ""
    times = "1 try" if tries == 1 else f"{tries} tries"
    what = f"{call.place.name} gave no usable answer in {times}{doubt}"
    return UnavailableError(f"{call.subject}: {what} {got}")


def _nobody_there(error: AioRpcError, place: Place) -> UnavailableError:
    refused = "connection refused" in (error.details() or "").lower()
    seen = "connection refused" if refused else "no such host"
    return UnavailableError(
        f"{place.name}: nothing answers (got {seen} at {place.target}, "
        f"expected an emulator of {place.api.title})",
        f"start it with `gate local up`, or unset {place.name} to use the real {place.api.title}",
    )


def server_text(error: AioRpcError) -> str:
    """The server's own words on one line, with the fields it names; bounded, without tokens."""
    return scrub("; ".join([error.details() or "no text", *_violations(error)]))


def scrub(text: str) -> str:
    """Somebody else's text on one line, bounded, with whatever looks like a token replaced."""
    line = " ".join(_OPAQUE.sub("[token]", _SCRUB.text(text[:_LOOKED_AT])).split())
    return line if len(line) <= TEXT_MAX else f"{line[:TEXT_MAX]}..."


def _violations(error: AioRpcError) -> list[str]:
    """`field: description` of a BadRequest detail, where the text does not say it already."""
    pairs = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    packed = dict(pairs).get("grpc-status-details-bin")
    if not isinstance(packed, bytes):
        return []
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - only a refusal needs these
    from google.rpc import error_details_pb2, status_pb2  # noqa: PLC0415

    found: list[str] = []
    try:
        for detail in status_pb2.Status.FromString(packed).details:
            request = error_details_pb2.BadRequest()
            if detail.Unpack(request):
                found += [f"{v.field}: {v.description}" for v in request.field_violations]
    except DecodeError:
        return []
    said = error.details() or ""
    return [text for text in found[:10] if text.partition(": ")[2] not in said]
