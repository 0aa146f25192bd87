"""JSON in and out of the REST faces: bounded bodies, Google's error form, enums both ways."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from gate.local.api.errors import ApiError, Code
from gate.local.ports import JsonValue

MAX_BODY_BYTES = 4 * 1024 * 1024
_JSON = "application/json; charset=UTF-8"

M = TypeVar("M", bound=Message)


async def read_body(request: Request) -> dict[str, JsonValue]:
    """Reads a JSON object; no body at all is an empty one.

    Raises:
        ApiError: INVALID_ARGUMENT: too long, or not a JSON object.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise ApiError(
                Code.INVALID_ARGUMENT,
                f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes.",
            )
    try:
        body = json.loads(raw) if raw else {}
    except (ValueError, RecursionError) as error:
        text = f"Invalid JSON payload received. {str(error)[:200]}"
        raise ApiError(Code.INVALID_ARGUMENT, text) from error
    if not isinstance(body, dict):
        text = f"Invalid JSON payload received. Root: {type(body).__name__}, expected an object."
        raise ApiError(Code.INVALID_ARGUMENT, text)
    return cast("dict[str, JsonValue]", body)


def parse(fields: Mapping[str, JsonValue], message: M) -> M:
    """Reads a message in its JSON form: enums as names or numbers, int64 as text or number.

    Raises:
        ApiError: INVALID_ARGUMENT: an unknown field, or a value of another type.
    """
    try:
        return json_format.ParseDict(cast("dict[str, Any]", fields), message)
    except (json_format.ParseError, RecursionError) as error:
        text = f"Invalid JSON payload received. {str(error)[:300]}"
        raise ApiError(Code.INVALID_ARGUMENT, text) from error


def render(message: Message, *, int_enums: bool) -> JsonValue:
    """Gives a message in its JSON form; fields with default values are left out."""
    return cast("JsonValue", json_format.MessageToDict(message, use_integers_for_enums=int_enums))


def json_response(body: JsonValue, status: int = 200) -> Response:
    """Makes an answer."""
    return Response(json.dumps(body), status, media_type=_JSON)


def error_body(error: ApiError) -> dict[str, JsonValue]:
    """Gives an error in the form of Google's JSON APIs."""
    inner: dict[str, JsonValue] = {
        "code": error.code.http_status,
        "message": error.message,
        "status": error.code.name,
    }
    if error.violations:
        inner["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {"field": violation.field, "description": violation.description}
                    for violation in error.violations
                ],
            }
        ]
    return {"error": inner}


def error_response(error: ApiError) -> Response:
    """Makes the answer for an error."""
    return json_response(error_body(error), error.code.http_status)
