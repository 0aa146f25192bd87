"""Failures as the gRPC library raises them."""

from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata


def failure(code: StatusCode, text: str = "text", field: str = "", description: str = ""):
    trailing = Metadata()
    if field:
        detail = error_details_pb2.BadRequest()
        detail.field_violations.add(field=field, description=description)
        status = status_pb2.Status(code=code.value[0], message=text)
        status.details.add().Pack(detail)
        trailing = Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return AioRpcError(code, Metadata(), trailing, text, "debug")
