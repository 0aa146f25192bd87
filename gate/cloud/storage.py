"""Keeps files in a bucket of Cloud Storage, over its JSON API."""

import re
from dataclasses import dataclass

from gate.cloud.wire import Media, Query, Wire, path_of
from gate.errors import UsageError

SCHEME = "gs://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_NAME_MAX_BYTES = 1024
"""https://cloud.google.com/storage/docs/objects#naming"""


@dataclass(frozen=True, slots=True)
class Folder:
    """A bucket, and what the names of its objects begin with.

    Attributes:
        prefix: without a slash at its ends; "" for none.
    """

    bucket: str
    prefix: str = ""

    def name_of(self, *parts: str) -> str:
        """The name of an object in the folder."""
        return "/".join(part for part in (self.prefix, *parts) if part)

    def url_of(self, *parts: str) -> str:
        """The object's URL, as gcloud takes it."""
        return f"{SCHEME}{self.bucket}/{self.name_of(*parts)}"


def folder_of(url: str) -> Folder:
    """Reads `gs://BUCKET/PREFIX`.

    Raises:
        UsageError: it is none, or too long for a name.
    """
    bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
    bare = "/".join(part for part in prefix.split("/") if part)
    printable = all(character.isprintable() for character in bare)
    fits = len(bare.encode(errors="replace")) <= _NAME_MAX_BYTES // 2
    if not (url.startswith(SCHEME) and _BUCKET.fullmatch(bucket) and printable and fits):
        raise UsageError(f"is no bucket (got {url[:200]!r}, expected gs://BUCKET/PREFIX)")
    return Folder(bucket, bare)


async def put(wire: Wire, folder: Folder, parts: tuple[str, ...], media: Media) -> None:
    """Writes one object; whatever had its name before is replaced.

    Args:
        wire: to Cloud Storage.
        folder: where to.
        parts: of its name there.
        media: what is written.

    Raises:
        InfrastructureError: as Wire.call.
    """
    path = path_of(
        "/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}",
        bucket=folder.bucket,
        name=folder.name_of(*parts),
    )
    subject = folder.url_of(*parts)
    await wire.call(Query("POST", path, subject, media, timeout_s=5.0))
