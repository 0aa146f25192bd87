"""What a failed call means: failures become gate.errors, with the server's text and a hint."""

import re
from dataclasses import dataclass

from gate.cloud.channel import Api, Place
from gate.cloud.documents import Document, part, parts, text
from gate.cloud.failure import RETRIED, Code, Failure, code_of
from gate.core.redaction import Redactor
from gate.errors import (
    AccessError,
    ConflictError,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
)

TEXT_MAX = 1_000
LOGIN_HINT = "run `gcloud auth application-default login`, or give the build a service account"
_ROLES_HINT = (
    "the caller needs roles/run.developer on the service, and roles/run.viewer, "
    "roles/logging.viewer and roles/logging.logWriter on its project (gate doctor names each "
    "permission that is missing, and what grants it)"
)
_ROLES_OF = {
    Api.SECRETS: "the caller needs roles/secretmanager.secretAccessor on the secret",
    Api.IAM_CREDENTIALS: (
        "the caller needs roles/iam.serviceAccountOpenIdTokenCreator on that service account, also "
        "where it is that account itself, as in Cloud Build; to get through IAP or to act as the "
        "account, roles/iam.serviceAccountTokenCreator"
    ),
    Api.MONITORING: "the caller needs roles/monitoring.viewer",
}
_SCRUB = Redactor({})
_OPAQUE = re.compile(r"ya29\.[\w.-]+|1//[\w-]{20,}")  # Google's access and refresh tokens
_LOOKED_AT = 65_536
_MARKUP = re.compile(r"<(?:style|script).*?</(?:style|script)>|<[^>]*>", re.DOTALL)
_PAGE_MAX = 200


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


def refused_with(status: int, body: Document | None, raw: bytes) -> Failure:
    """The failure that an HTTP answer tells, in Google's form of errors or in any other."""
    error = part(body or {}, "error")
    if not error:
        page = " ".join(_MARKUP.sub(" ", raw[:_LOOKED_AT].decode(errors="replace")).split())
        return Failure(code_of(status, ""), f"HTTP {status}: {page[:_PAGE_MAX] or 'no text'}")
    said = text(error, "message") or "no text"
    violations = [
        f"{text(violation, 'field')}: {text(violation, 'description')}"
        for detail in parts(error, "details")
        for violation in parts(detail, "fieldViolations")
    ]
    new = [one for one in violations[:10] if one.partition(": ")[2] not in said]
    return Failure(code_of(status, text(error, "status")), "; ".join([said, *new]))


def unreachable(failure: Failure, place: Place) -> bool:
    """Whether nothing answers at an emulator's address (nobody listens, or no such host)."""
    return place.emulated and bool(failure.nobody)


def doubtful(failure: Failure, call: Call) -> bool:
    """Whether this was a write that may or may not have been accepted."""
    return call.writes and failure.unclear


def refusal(failure: Failure, call: Call, tries: int, *, in_doubt: bool) -> InfrastructureError:
    """The gate's exception for a call that failed for good.

    Args:
        failure: the last one.
        call: what was asked.
        tries: how often it was tried.
        in_doubt: an earlier try of this write may have been accepted although no answer came.
    """
    got = f"(got {failure.code.name}: {scrub(failure.text)})"
    if unreachable(failure, call.place):
        return _nobody_there(failure, call.place)
    if failure.code is Code.UNAUTHENTICATED and not failure.sent and not in_doubt:
        what = f"{call.place.api.title}: cannot be asked without an access token"
        return AccessError(f"{what} {got}", LOGIN_HINT)
    if failure.code in RETRIED or doubtful(failure, call):
        return _no_answer(call, tries, got, in_doubt=in_doubt or doubtful(failure, call))
    if in_doubt:
        # Refused, maybe because our own unanswered try went through (what it read is old then).
        what = "the update may have happened: its answer was lost, and a retry was refused"
        return UnavailableError(f"{call.subject}: {what} {got}", "read the service again")
    return _refused(failure.code, call, got)


def unreadable(call: Call, size_bytes: int) -> InfrastructureError:
    """The gate's exception for an answer that is no message: the write may have happened."""
    got = f"(got {size_bytes} bytes that are no JSON object of its API)"
    if call.writes:
        return _no_answer(call, 1, got, in_doubt=True)
    return InfrastructureError(f"{call.subject}: {call.place.name} cannot be understood {got}")


def _refused(code: Code, call: Call, got: str) -> InfrastructureError:
    match code:
        case Code.NOT_FOUND:
            hint = f"asked {call.place.target}: check project, region and name"
            return NotFoundError(f"{call.subject}: does not exist {got}", hint)
        case Code.UNAUTHENTICATED:
            return AccessError(f"{call.subject}: who is asking is not known {got}", LOGIN_HINT)
        case Code.PERMISSION_DENIED:
            roles = _ROLES_OF.get(call.place.api, _ROLES_HINT)
            hint = f"{roles}; to ask as somebody else, {LOGIN_HINT}"
            return AccessError(f"{call.subject}: access denied {got}", hint)
        case Code.ABORTED:
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


def _nobody_there(failure: Failure, place: Place) -> UnavailableError:
    return UnavailableError(
        f"{place.name}: nothing answers (got {failure.nobody} at {place.target}, "
        f"expected an emulator of {place.api.title})",
        f"start it with `gate local up`, or unset {place.name} to use the real {place.api.title}",
    )


def scrub(words: str) -> str:
    """Somebody else's text on one line, bounded, with whatever looks like a token replaced."""
    line = " ".join(_OPAQUE.sub("[token]", _SCRUB.text(words[:_LOOKED_AT])).split())
    return line if len(line) <= TEXT_MAX else f"{line[:TEXT_MAX]}..."
