"""Refusals of the Logging API."""

import grpc
from google.rpc.status_pb2 import Status


class ApiError(Exception):
    """A request that the API refuses.

    Attributes:
        code: the gRPC status code.
        message: what a client shows to people.
        status: the rich form with details, when there are any.
    """

    def __init__(self, code: grpc.StatusCode, message: str, status: Status | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> ApiError:
    """Makes an INVALID_ARGUMENT."""
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, message)
