"""Bundles of evidence in a folder of this machine: implements ports.Bundles."""

import os
import tempfile
from pathlib import Path

from gate.errors import InfrastructureError, NotFoundError


class FolderBundles:
    """Keeps bundles as files, each under its own hash.

    Args:
        folder: where; made with the first bundle.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, name: str, content: bytes) -> str:
        """As ports.Bundles."""
        path = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".", delete=False) as file:
                file.write(content)
            os.replace(file.name, path)  # noqa: PTH105 - whole or not at all
        except OSError as error:
            raise InfrastructureError(f"{path}: cannot be written ({error.strerror})") from None
        return str(path)

    async def get(self, name: str) -> bytes:
        """As ports.Bundles."""
        path = self._folder / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise NotFoundError(f"{path}: is not there") from None
        except OSError as error:
            raise InfrastructureError(f"{path}: cannot be read ({error.strerror})") from None
