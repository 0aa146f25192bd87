"""Bundles of evidence in a bucket of Cloud Storage: implements ports.Bundles."""

import json

from gate.cloud.documents import parts, text
from gate.cloud.storage import Folder, put
from gate.cloud.wire import Media, OverWire, Query, Wire, path_of
from gate.errors import NotFoundError


class BucketBundles(OverWire):
    """Keeps bundles as objects, each under its own hash.

    Args:
        wire: to Cloud Storage; closed with this.
        folder: which bucket, and what the names in it begin with.
    """

    def __init__(self, wire: Wire, folder: Folder) -> None:
        self._wire = wire
        self._folder = folder

    async def put(self, name: str, content: bytes) -> str:
        """As ports.Bundles."""
        await put(self._wire, self._folder, (name,), Media(content, "application/json"))
        return self._folder.url_of(name)

    async def get(self, name: str) -> bytes:
        """As ports.Bundles, spelled anew: its hash is that of its canonical form."""
        names = {"bucket": self._folder.bucket, "name": self._folder.name_of(name)}
        subject = self._folder.url_of(name)
        listing = path_of("/storage/v1/b/{bucket}/o?prefix={name}&fields=items(name)", **names)
        found = await self._wire.call(Query("GET", listing, subject))
        if names["name"] not in {text(one, "name") for one in parts(found, "items")}:
            raise NotFoundError(f"{subject}: is not there")
        path = path_of("/storage/v1/b/{bucket}/o/{name}?alt=media", **names)
        return json.dumps(await self._wire.call(Query("GET", path, subject))).encode()
