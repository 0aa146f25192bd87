"""What outlives the process: one JSON file a resource, written atomically.

STATE/
  format                                      "1"
  lock                                        held while a local Cloud Run uses the directory
  resources/services/projects/P/locations/L/services/S.json
  resources/revisions/projects/.../services/S/revisions/R.json
  resources/operations/projects/.../operations/O.json
"""

import fcntl
import json
import os
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path

from gate.local.ports import JsonValue

FORMAT = "1"
Document = dict[str, JsonValue]


class StateError(Exception):
    """The state directory cannot be used; says which file and what to do."""


class StateDir:
    """A state directory, locked against a second local Cloud Run (a Journal).

    Args:
        path: made when absent.

    Raises:
        StateError: locked, not writable, or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._resources = path / "resources"
        try:
            self._resources.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
            _check_format(path / "format")
        except OSError as error:
            raise StateError(
                f"--state {path}: cannot be used ({error.strerror or error})"
            ) from error

    def save(self, kind: str, name: str, document: Document) -> None:
        """Writes one resource: the old file or the new one is there, never a part."""
        target = self._file(kind, name)
        try:
            _replace(target, json.dumps(document, separators=(",", ":")))
        except FileNotFoundError:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(target, json.dumps(document, separators=(",", ":")))

    def drop(self, kind: str, name: str) -> None:
        """Removes one resource; one that is not there is no error."""
        self._file(kind, name).unlink(missing_ok=True)

    def load(self, kind: str) -> Iterator[Document]:
        """Reads every resource of a kind, in no order.

        Raises:
            StateError: a file is not what this server wrote.
        """
        for file in sorted((self._resources / kind).rglob("*.json")):
            yield _read(file)

    def close(self) -> None:
        """Gives the directory back."""
        self._lock.close()

    def _file(self, kind: str, name: str) -> Path:
        return self._resources / kind / f"{name}.json"


class NoState:
    """Keeps nothing (a Journal): `--ephemeral`."""

    def save(self, kind: str, name: str, document: Document) -> None:
        """Forgets."""

    def drop(self, kind: str, name: str) -> None:
        """Has nothing to remove."""

    def load(self, kind: str) -> Iterator[Document]:  # noqa: ARG002 - the port's signature
        """Has nothing to give."""
        return iter(())

    def close(self) -> None:
        """Holds nothing."""


def _locked(path: Path) -> TextIOWrapper:
    lock = (path / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StateError(f"--state {path}: in use by another local Cloud Run") from error
    return lock


def _check_format(file: Path) -> None:
    if not file.exists():
        _replace(file, FORMAT)
    found = file.read_text().strip()
    if found != FORMAT:
        raise StateError(f"{file}: unknown format (got {found[:40]!r}, expected {FORMAT!r})")


def _replace(target: Path, text: str) -> None:
    draft = target.with_suffix(".draft")
    draft.write_text(text)
    os.replace(draft, target)  # noqa: PTH105 - atomic, and faster than Path.replace


def _read(file: Path) -> Document:
    try:
        document = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise StateError(f"{file}: cannot be read ({error})") from error
    if not isinstance(document, dict):
        raise StateError(f"{file}: not a resource (got {type(document).__name__}, expected object)")
    return document
