"""Etags and the conflict that a stale one means.

An etag stands for the resource's update time. Cloud Run v2 writes it as a quoted
`base64(Timestamp)/base64(name)`, v1 as `metadata.resourceVersion`, base64 of the epoch
microseconds; its conflict text shows both as epoch microseconds.
"""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta
from enum import Enum

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from gate.local.api.errors import ApiError, Code, invalid


class V2Etags(Enum):
    """What the etag of a v2 write does.

    Live tests found that Cloud Run accepts a stale or invented etag on an update of traffic: the
    write happens. v1's resourceVersion is enforced, whatever this says.
    """

    IGNORED = "ignored"
    ENFORCED = "enforced"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAX_ETAG = 2_000


def micros(at: datetime) -> int:
    """Gives an aware time as epoch microseconds."""
    return (at - _EPOCH) // _MICROSECOND


def etag(at: datetime, name: str) -> str:
    """Makes the v2 etag of a resource that was last changed at that time."""
    stamp = Timestamp()
    stamp.FromMicroseconds(micros(at))
    head = base64.urlsafe_b64encode(stamp.SerializeToString()).decode().rstrip("=")
    return f'"{head}/{base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")}"'


def resource_version(at: datetime) -> str:
    """Makes the v1 resourceVersion of a resource that was last changed at that time."""
    return base64.b64encode(struct.pack(">q", micros(at))).decode().rstrip("=")


def micros_of_etag(value: str) -> int:
    """Reads the version out of a v2 etag.

    Raises:
        ApiError: INVALID_ARGUMENT: no server made this etag.
    """
    if len(value) > _MAX_ETAG:
        raise invalid("etag", f"not an etag of this server (got {len(value)} characters)")
    try:
        raw = _decode(value.strip('"').partition("/")[0], b"-_")
        return Timestamp.FromString(raw).ToMicroseconds()
    except (DecodeError, binascii.Error, ValueError) as error:
        raise invalid("etag", f"not an etag of this server (got {value[:100]!r})") from error


def micros_of_resource_version(value: str) -> int:
    """Reads the version out of a v1 resourceVersion.

    Raises:
        ApiError: INVALID_ARGUMENT: no server made this resourceVersion.
    """
    try:
        (version,) = struct.unpack(">q", _decode(value[:_MAX_ETAG]))
    except (struct.error, binascii.Error, ValueError) as error:
        field = "metadata.resourceVersion"
        raise invalid(field, f"not a version of this server (got {value[:100]!r})") from error
    return int(version)


def conflict(resource: str, specified: int, current: int) -> ApiError:
    """Makes the ABORTED error of a stale version, with Cloud Run's text.

    Args:
        resource: the short name.
        specified: the caller's version, epoch microseconds.
        current: the server's version, epoch microseconds.
    """
    return ApiError(
        Code.ABORTED,
        f"Conflict for resource '{resource}': version '{specified}' was specified but current "
        f"version is '{current}'.",
    )


def _decode(text: str, alphabet: bytes = b"+/") -> bytes:
    if not text:
        raise ValueError("empty")
    return base64.b64decode(text + "=" * (-len(text) % 4), alphabet, validate=True)
