"""What differs between two configurations. Pure; values are never seen here, only digests."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gate.kinds.diff import DiffProbe
from gate.ports import Configuration

_PARTS = {
    "image": {"image"},
    "resources": {"cpu", "memory", "cpu_idle", "startup_cpu_boost", "accelerator"},
    "ports": {"port", "protocol"},
    "identity": {"service_account"},
    "scaling": {
        "concurrency",
        "timeout_s",
        "min_instances",
        "max_instances",
        "session_affinity",
    },
    "network": {"vpc_connector", "vpc_egress", "vpc_networks", "execution_environment"},
}
"""Which part of a DiffProbe a field belongs to; one that is in none is always compared."""
_MOUNT = "mount "


class How(Enum):
    """How something differs."""

    MISSING = "missing"
    CHANGED = "changed"
    ADDED = "added"


class _Kind(Enum):
    DIGEST = "a variable's digest"
    NAMED = "the secret that fills a variable or a mount"
    TEXT = "a field that may be shown"
    HIDDEN = "another digest"


class _Key(NamedTuple):
    name: str
    variable: bool  # a variable may be called like a field


class _Value(NamedTuple):
    kind: _Kind
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Attributes:
        name: as it is listed in a policy.
        candidate, stable: what each has, in words; values that may hold secrets are not told.
    """

    how: How
    name: str
    candidate: str
    stable: str

    def declared(self, spec: DiffProbe) -> bool:
        """Whether the policy allows it; what is new always may be."""
        if self.how is How.ADDED:
            return True
        allowed = spec.missing if self.how is How.MISSING else spec.changed
        return allowed is None or self.name in allowed

    def __str__(self) -> str:
        if self.how is How.ADDED:
            return f"{self.name}: only the candidate has it ({self.candidate})"
        return f"{self.name}: {self.candidate}"


def differences(
    spec: DiffProbe, stable: Configuration, candidate: Configuration
) -> tuple[Difference, ...]:
    """Everything that differs in the parts that are compared, by name.

    Args:
        spec: which parts are compared.
        stable: what there was.
        candidate: what there is now.
    """
    told, wanted = _told(spec, candidate), _told(spec, stable)
    has, had = _everything(candidate), _everything(stable)
    found = []
    for key in sorted(wanted):
        if key not in has:
            found.append(Difference(How.MISSING, key.name, "missing", wanted[key]))
        elif has[key] != had[key]:
            words = _in_words(has[key], had[key]), _in_words(had[key], has[key])
            found.append(Difference(How.CHANGED, key.name, *words))
    added = sorted(told.keys() - had.keys())
    return (*found, *(Difference(How.ADDED, key.name, told[key], "nothing") for key in added))


def _told(spec: DiffProbe, one: Configuration) -> dict[_Key, str]:
    """The names that are compared, and what each is, in words."""
    return {
        key: _in_words(value, value)
        for key, value in _everything(one).items()
        if _compared(spec, key, value)
    }


def _compared(spec: DiffProbe, key: _Key, value: _Value) -> bool:
    match value.kind:
        case _Kind.DIGEST:
            return spec.env
        case _Kind.NAMED:
            return spec.secrets
        case _Kind.TEXT:
            part = _part(key.name)
            return not part or bool(getattr(spec, part))
        case _Kind.HIDDEN:
            return True


def _everything(one: Configuration) -> dict[_Key, _Value]:
    """Each name with what it is; a variable is the same one whether or not a secret fills it."""
    kinds = (
        (_Kind.DIGEST, one.env),
        (_Kind.NAMED, one.secrets),
        (_Kind.TEXT, one.fields),
        (_Kind.HIDDEN, one.hidden),
    )
    return {
        _Key(name, variable=kind in (_Kind.DIGEST, _Kind.NAMED)): _Value(kind, value)
        for kind, values in kinds
        for name, value in values.items()
    }


def _in_words(one: _Value, other: _Value) -> str:
    """What one has beside the other; of values that may hold secrets only whether they differ."""
    match one.kind:
        case _Kind.NAMED:
            return f"from secret {one.text}"
        case _Kind.TEXT:
            return one.text
        case _ if one.kind is other.kind:
            return "a value" if one == other else "another value"
        case _:
            return "a plain value"


def _part(name: str) -> str:
    bare = name.rpartition("/")[2] if not _is_mount(name) else name
    if _is_mount(name):
        return "volumes"
    if bare.startswith("nvidia.com"):
        return "resources"
    return next((part for part, fields in _PARTS.items() if bare in fields), "")


def _is_mount(name: str) -> bool:
    return name.startswith(_MOUNT) or f"/{_MOUNT}" in name
