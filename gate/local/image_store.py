"""What images were made of, kept by digest across restarts: the part of a registry without tags."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from gate.local.images import Image


class ImageStore:
    """A directory with one small file for each image that there ever was.

    What cannot be written is not kept: then a revision runs what its tag says after a restart.

    Args:
        directory: made when the first image is kept, for this user alone; None keeps nothing.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def keep(self, repository: str, image: Image) -> None:
        """Keeps an image of a repository under its digest."""
        if self._directory is None:
            return
        path = self._file(self._directory, repository, image.digest())
        parts = {
            "entrypoint": image.entrypoint,
            "command": image.command,
            "cwd": str(image.cwd),
            "env": dict(image.env),
        }
        with suppress(OSError):
            if not path.exists():
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                draft = path.with_suffix(f".{os.getpid()}")
                draft.write_text(json.dumps(parts))
                draft.replace(path)

    def find(self, repository: str, digest: str) -> Image | None:
        """Gives what was kept, or None; a file that does not have this digest is no image."""
        if self._directory is None:
            return None
        try:
            parts = json.loads(self._file(self._directory, repository, digest).read_text())
            image = Image(
                tuple(parts["command"]),
                Path(parts["cwd"]),
                parts["env"],
                tuple(parts["entrypoint"]),
            )
            return image if image.digest() == digest else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @staticmethod
    def _file(directory: Path, repository: str, digest: str) -> Path:
        return directory / f"{hashlib.sha256(f'{repository}@{digest}'.encode()).hexdigest()}.json"
