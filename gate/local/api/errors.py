"""The one exception of the control plane: an API error with its canonical code."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from google.rpc import error_details_pb2, status_pb2


class Code(Enum):
    """A canonical code (google.rpc.Code) with the HTTP status that Google APIs map it to."""

    CANCELLED = (1, 499)
    INVALID_ARGUMENT = (3, 400)
    DEADLINE_EXCEEDED = (4, 504)
    NOT_FOUND = (5, 404)
    ALREADY_EXISTS = (6, 409)
    PERMISSION_DENIED = (7, 403)
    RESOURCE_EXHAUSTED = (8, 429)
    FAILED_PRECONDITION = (9, 400)
    ABORTED = (10, 409)
    INTERNAL = (13, 500)
    UNAVAILABLE = (14, 503)

    @property
    def number(self) -> int:
        """The code's number in google.rpc.Code."""
        return self.value[0]

    @property
    def http_status(self) -> int:
        """The HTTP status of the code (google/rpc/code.proto)."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that is wrong (google.rpc.BadRequest.FieldViolation)."""

    field: str
    description: str


class ApiError(Exception):
    """A call, or the reconciliation that it started, failed.

    Args:
        code: the canonical code.
        message: what clients show.
        violations: the fields that are wrong, for INVALID_ARGUMENT.
    """

    def __init__(self, code: Code, message: str, violations: Sequence[FieldViolation] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.violations = tuple(violations)

    def status(self) -> status_pb2.Status:
        """The error as google.rpc.Status, with a BadRequest detail when fields are named."""
        status = status_pb2.Status(code=self.code.number, message=self.message)
        if self.violations:
            detail = error_details_pb2.BadRequest()
            for violation in self.violations:
                detail.field_violations.add(
                    field=violation.field, description=violation.description
                )
            status.details.add().Pack(detail)
        return status


def invalid(field: str, description: str) -> ApiError:
    """An INVALID_ARGUMENT about one field, worded as Cloud Run v2 words it.

    The form `Violation in UpdateServiceRequest.service.template.timeout: maximum allowed time is
    one hour.` is the one that users of v2 report; callers pass the field's full path.
    """
    message = f"Violation in {field}: {description}"
    return ApiError(Code.INVALID_ARGUMENT, message, (FieldViolation(field, description),))
