"""The images file: what to run for an image reference.

    images:
      demo/backend:v1:
        command: ["{python}", -m, backend, --version, v1]
        env: {LOG_LEVEL: info}
        cwd: backend

A stand-in for a registry: the local Cloud Run runs a command where Cloud Run pulls an image.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

MAX_FILE_BYTES = 1024 * 1024
MAX_IMAGES = 10_000
_PYTHONS = frozenset({"python", "python3", "{python}"})
_KEYS = frozenset({"command", "env", "cwd"})


class ImagesError(Exception):
    """The images file cannot be used; the message lists every mistake, one a line."""


@dataclass(frozen=True, slots=True)
class Image:
    """A command that stands for a container image.

    Attributes:
        command: program and arguments; `python` means the interpreter that runs this code.
        env: the image's own environment (a Dockerfile's ENV).
        cwd: the directory to run in (a Dockerfile's WORKDIR), absolute.
    """

    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Images:
    """All images that the local Cloud Run can run, by reference."""

    by_name: Mapping[str, Image]

    def find(self, name: str) -> Image | None:
        """The image of that reference, or None: Cloud Run's ContainerMissing."""
        return self.by_name.get(name)
