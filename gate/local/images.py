"""The images file: what to run for an image reference.

    images:
      demo/backend:v1:
        command: [python, -m, backend, --port, $PORT]
        env: {LOG_LEVEL: info}
        cwd: backend
    secrets: {db-password: not-so-secret}

A stand-in for a registry: the local Cloud Run runs a command where Cloud Run pulls an image.
`entrypoint` and `command` are a Dockerfile's ENTRYPOINT and CMD; one of them is enough.
"""

import hashlib
import json
import sys
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import yaml

MAX_FILE_BYTES = 256 * 1024
_PYTHONS = frozenset({"python", "python3", "{python}"})
_KEYS = frozenset({"entrypoint", "command", "env", "cwd"})


class ImagesError(Exception):
    """The images file cannot be used; the message lists every mistake, one a line."""


@dataclass(frozen=True, slots=True)
class Image:
    """A command that stands for a container image.

    Attributes:
        command: what follows the entrypoint (a Dockerfile's CMD): program and arguments where
            there is no entrypoint.
        cwd: the directory to run in (a Dockerfile's WORKDIR), absolute.
        env: the image's own environment (a Dockerfile's ENV).
        entrypoint: program and first arguments (a Dockerfile's ENTRYPOINT).
    """

    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()

    def digest(self) -> str:
        """Gives the digest of what it runs, in the form of a registry's."""
        parts = [self.command, str(self.cwd), sorted(self.env.items()), self.entrypoint]
        content = json.dumps(parts if self.entrypoint else parts[:3])
        return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"


class ImageSource(Protocol):
    """What there is to run, now: it may be another thing at the next call."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Value of each secret by name."""
        ...

    def find(self, name: str) -> Image | None:
        """As `Images.find`."""
        ...

    def by_digest(self, name: str) -> str:
        """As `Images.by_digest`."""
        ...


@dataclass(frozen=True, slots=True)
class Images:
    """All images that the local Cloud Run can run.

    Attributes:
        by_name: by reference.
        secrets: value of each secret by name, whatever its version.
    """

    by_name: Mapping[str, Image] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def find(self, name: str) -> Image | None:
        """The image of that reference, or None: Cloud Run's ContainerMissing.

        A reference by digest finds the image of that repository with that content.
        """
        repository, digest = parted(name)
        if name in self.by_name or not digest:
            return self.by_name.get(name)
        images = (image for other, image in self.by_name.items() if parted(other)[0] == repository)
        return next((image for image in images if image.digest() == digest), None)

    def by_digest(self, name: str) -> str:
        """Gives a reference as repository@digest, or "" where there is no such image.

        The digest is that of what the images file says: other content behind the same tag has
        another one. One that the reference names already is kept.
        """
        repository, digest = parted(name)
        image = self.find(name)
        if image is None:
            return ""
        return f"{repository}@{digest or image.digest()}"


def parted(name: str) -> tuple[str, str]:
    """Gives the repository and the digest ("" when none) of a reference."""
    path, _, digest = name.partition("@")
    head, slash, last = path.rpartition("/")
    return head + slash + last.partition(":")[0], digest


def with_python(program: tuple[str, ...]) -> tuple[str, ...]:
    """Runs what begins with `python` or `python3` on the interpreter of this process."""
    return (sys.executable, *program[1:]) if program[0] in _PYTHONS else program


def load_images(path: Path) -> Images:
    """Reads an images file.

    A relative `cwd` starts at the file's own directory, which is also the default. A command
    that begins with `python`, `python3` or `{python}` runs on the interpreter of this process.

    Raises:
        ImagesError: unreadable, too long, not YAML, or not of the form above; all mistakes.
    """
    return parse_images(_read(path), path)


def parse_images(text: str, path: Path) -> Images:
    """Reads the text of an images file; `path` names it in messages and anchors `cwd`.

    Raises:
        ImagesError: as `load_images`.
    """
    try:
        document = yaml.load(text, _PlainLoader)  # noqa: S506 - a SafeLoader, made stricter below
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        what = " ".join(str(error).split()) or "nested too deeply"
        raise ImagesError(f"{path}: cannot be read as YAML ({what})") from error
    mistakes: list[str] = []
    entries = document.get("images") if isinstance(document, dict) else None
    if not isinstance(entries, dict) or set(document) - {"images", "secrets"}:
        got = ", ".join(map(str, document)) if isinstance(document, dict) else _kind(document)
        raise ImagesError(
            f"{path}: one key `images` with an entry an image (got {got[:200]}, "
            "expected `images: {NAME: {command: [...]}}`, and `secrets: {NAME: text}` at most)"
        )
    images = {str(name): _image(path, name, entry, mistakes) for name, entry in entries.items()}
    secrets = _env(f"{path}: secrets", document.get("secrets", {}), mistakes)
    if mistakes:
        raise ImagesError("\n".join(mistakes))
    return Images({name: image for name, image in images.items() if image}, secrets)


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases (no bombs) and without keys given twice."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # stub lacks it
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 - the library's signature
    ) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                problem = f"{name[:60]!r} is given twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ImagesError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(raw) > MAX_FILE_BYTES:
        raise ImagesError(
            f"{path}: too long (got more than {MAX_FILE_BYTES} bytes, expected at most that)"
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ImagesError(f"{path}: not text (got byte {error.start}, expected UTF-8)") from error


def _image(path: Path, name: object, entry: object, mistakes: list[str]) -> Image | None:
    where = f"{path}: images.{name}"
    if not isinstance(name, str) or not name:
        mistakes.append(f"{where}: name (got {_kind(name)}, expected text)")
    if not isinstance(entry, dict):
        mistakes.append(f"{where}: entry (got {_kind(entry)}, expected {{command: [...]}})")
        return None
    before = len(mistakes)
    mistakes.extend(
        f"{where}: unknown key (got {key}, expected entrypoint, command, env or cwd)"
        for key in entry
        if key not in _KEYS
    )
    entrypoint, command = _program(where, entry, mistakes)
    env = _env(f"{where}.env", entry.get("env", {}), mistakes)
    cwd = _cwd(where, path, entry.get("cwd", "."), mistakes)
    return Image(command, cwd, env, entrypoint) if len(mistakes) == before else None


def _program(
    where: str, entry: Mapping[object, object], mistakes: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Reads entrypoint and command; one of them must be there."""
    if "entrypoint" not in entry:
        return (), _command(f"{where}.command", entry.get("command"), mistakes)
    entrypoint = _command(f"{where}.entrypoint", entry["entrypoint"], mistakes)
    command = entry.get("command", [])
    if command == []:
        return entrypoint, ()
    return entrypoint, _command(f"{where}.command", command, mistakes, first=False)


def _command(
    where: str, value: object, mistakes: list[str], *, first: bool = True
) -> tuple[str, ...]:
    """Reads a list of text; where it comes `first`, it names a program."""
    if not (isinstance(value, list) and value and all(_is_text(part) for part in value)):
        mistakes.append(
            f"{where}: what to run (got {_kind(value)}, expected a list of text"
            f"{', program first' if first else ''})"
        )
        return ()
    parts = tuple(sys.executable if part == "{python}" else part for part in value)
    return with_python(parts) if first else parts


def _env(where: str, value: object, mistakes: list[str]) -> dict[str, str]:
    if not isinstance(value, dict):
        mistakes.append(f"{where}: names and values (got {_kind(value)}, expected {{NAME: text}})")
        return {}
    env: dict[str, str] = {}
    for name, content in value.items():
        if not (_is_text(name) and name and "=" not in name):
            mistakes.append(f"{where}: name (got {str(name)[:60]!r}, expected text without =)")
        elif not _is_text(content):
            mistakes.append(
                f"{where}.{name}: value (got {_kind(content)}, expected text; quote numbers)"
            )
        else:
            env[name] = content
    return env


def _cwd(where: str, path: Path, value: object, mistakes: list[str]) -> Path:
    home = path.resolve().parent
    if not (isinstance(value, str) and _is_text(value)):
        mistakes.append(f"{where}.cwd: directory (got {_kind(value)}, expected text)")
        return home
    cwd = home / value
    if not cwd.is_dir():
        mistakes.append(f"{where}.cwd: directory (got {value}, expected one that exists)")
    return cwd


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
