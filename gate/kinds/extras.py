"""What some questions need installed beside the core: extras of the package."""

from collections.abc import Iterable
from dataclasses import dataclass


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


def install(extras: Iterable[str]) -> str:
    """The command that installs these extras."""
    return f"pip install 'cloud-run-gate[{','.join(sorted(set(extras)))}]'"
