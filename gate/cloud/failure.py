"""Why one try of a call failed, and whether it may have been carried out all the same."""

from enum import Enum, auto


class Code(Enum):
    """The status names of Google's APIs (google.rpc.Code)."""

    CANCELLED = auto()
    UNKNOWN = auto()
    INVALID_ARGUMENT = auto()
    DEADLINE_EXCEEDED = auto()
    NOT_FOUND = auto()
    ALREADY_EXISTS = auto()
    PERMISSION_DENIED = auto()
    RESOURCE_EXHAUSTED = auto()
    FAILED_PRECONDITION = auto()
    ABORTED = auto()
    OUT_OF_RANGE = auto()
    UNIMPLEMENTED = auto()
    INTERNAL = auto()
    UNAVAILABLE = auto()
    DATA_LOSS = auto()
    UNAUTHENTICATED = auto()


_HTTP = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    408: Code.UNAVAILABLE,
    409: Code.ABORTED,
    429: Code.RESOURCE_EXHAUSTED,
    499: Code.CANCELLED,
    500: Code.INTERNAL,
    501: Code.UNIMPLEMENTED,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}
"""What an HTTP status stands for where the answer names no status of its own.

A 404 is not among them: without Google's own words it may come from anybody on the way.
"""

RETRIED = frozenset(
    {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED, Code.INTERNAL}
)
"""Statuses that may pass by themselves."""

MAY_HAVE_HAPPENED = frozenset(
    {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNKNOWN, Code.CANCELLED}
)
"""Statuses after which a write may or may not have been accepted."""


class Failure(Exception):  # noqa: N818 - one try's; what is raised to others is in gate.errors
    """One try that brought no answer that can be used.

    Args:
        code: the status; for what the server did not say, the nearest.
        text: the server's words, or what was seen in place of an answer.
        sent: whether the request may have reached the server.
        nobody: what was seen where nobody listens or no such host exists, else "".
    """

    def __init__(self, code: Code, text: str, *, sent: bool = True, nobody: str = "") -> None:
        super().__init__(f"{code.name}: {text}")
        self.code = code
        self.text = text
        self.sent = sent
        self.nobody = nobody

    @property
    def unclear(self) -> bool:
        """Whether a write may have been carried out all the same."""
        return self.sent and self.code in MAY_HAVE_HAPPENED


def code_of(status: int, name: str) -> Code:
    """The status that an answer gives: by its name, else by its HTTP status."""
    named = Code.__members__.get(name)
    if named is not None:
        return named
    return _HTTP.get(status, Code.UNKNOWN if status >= 500 else Code.FAILED_PRECONDITION)
