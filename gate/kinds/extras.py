"""What some questions need installed beside the core: extras of the package."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

PACKAGE = "cloud-run-gate"
DOCS = "docs/pipeline.md#extras"


@dataclass(frozen=True, slots=True)
class Need:
    """What must be installed before a probe can be asked.

    Attributes:
        extra: what brings it, as pyproject.toml calls it.
        modules: what is imported of it.
        key: the key of the probe's own mapping that it is needed for.
    """

    extra: str
    modules: tuple[str, ...]
    key: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules that are not installed; none is imported to find out."""
        from importlib.util import find_spec  # noqa: PLC0415 - loads threading on Python 3.12

        return tuple(module for module in self.modules if find_spec(module) is None)


SIGNING = Need("signing", ("securesystemslib", "in_toto_attestation", "cryptography"), "key")
"""What signs decisions, and verifies what was signed."""


def install(extras: Iterable[str]) -> str:
    """The command that installs what extras are made of; "" where the gate is not installed.

    It names the libraries and not the gate, which may have come from a file, a tag or a folder:
    an index that has nothing of ours may have somebody else's package under the gate's name.
    """
    libraries = " ".join(_libraries(sorted(set(extras))))
    return f"pip install {libraries}" if libraries else ""


def hint(extras: Iterable[str]) -> str:
    """How these extras are had, also where the gate is an image."""
    wanted = sorted(set(extras))
    command = install(wanted)
    beside = f"in the environment of the gate: `{command}`; " if command else ""
    return f"{beside}{in_image(wanted)}"


def in_image(extras: Sequence[str]) -> str:
    """How an image of the gate gets these extras."""
    return f"an image has what it was built with: EXTRAS={','.join(extras)} ({DOCS})"


def _libraries(extras: Sequence[str]) -> list[str]:
    """What the extras are made of, as a shell takes it: what is not here, or all if all is here."""
    from importlib import metadata  # noqa: PLC0415 - only where something is missing
    from shlex import quote  # noqa: PLC0415

    try:
        declared = [one.partition(";") for one in metadata.requires(PACKAGE) or ()]
    except metadata.PackageNotFoundError:  # run from its sources
        return []
    brought = {f"extra == '{name}'" for name in extras}
    marked = ((needed.strip(), marker.replace('"', "'").strip()) for needed, _, marker in declared)
    wanted = {needed for needed, marker in marked if marker in brought}
    missing = [one for one in wanted if not _installed(one)]
    return sorted(quote(one) for one in missing or wanted)


def _installed(requirement: str) -> bool:
    from importlib import metadata  # noqa: PLC0415 - as above

    name = re.match(r"[\w.-]+", requirement)
    try:
        return bool(name and metadata.version(name[0]))
    except metadata.PackageNotFoundError:
        return False
