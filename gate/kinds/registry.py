"""Which kinds there are: those of the gate, and those that other packages bring."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # a command that asks nothing pays for no kind
    from gate.kinds.keys import Keys
    from gate.kinds.kind import Kind

GROUP = "gate.kinds"
"""Entry points of other packages: each names a subclass of Keys, by the name of its kind."""

KINDS: Mapping[str, str] = {
    "http": "gate.kinds.http:HttpProbe",
    "latency": "gate.kinds.latency:LatencyProbe",
    "journey": "gate.kinds.journey:JourneyProbe",
    "websocket": "gate.kinds.websocket:WebSocketProbe",
    "rooms": "gate.kinds.rooms:RoomsProbe",
    "logs": "gate.kinds.logs:LogsProbe",
    "suite": "gate.kinds.suite:SuiteProbe",
    "diff": "gate.kinds.diff:DiffProbe",
    "routes": "gate.kinds.routes:RoutesProbe",
    "startup": "gate.kinds.startup:StartupProbe",
    "soak": "gate.kinds.soak:SoakProbe",
    "stream": "gate.kinds.stream:StreamProbe",
    "grpc": "gate.kinds.grpc:GrpcProbe",
    "plugin": "gate.kinds.plugin:PluginProbe",
}
"""By the kind's name, where its keys are declared."""
KEYS: Mapping[str, tuple[str, ...]] = {
    "http": ("http", "latency"),
    "websocket": ("websocket", "rooms"),
}
"""Keys of the file under which several kinds stand; every other kind has a key of its own name."""
_SHARED = frozenset(name for names in KEYS.values() for name in names)


@cache
def kind_of(name: str) -> "type[Keys] | None":
    """The keys of a kind; None where there is none of this name.

    Raises:
        ImportError: another package brings it, and cannot be imported.
    """
    if name in KINDS:
        module, _, attribute = KINDS[name].partition(":")
        return cast("type[Keys]", getattr(import_module(module), attribute))
    from importlib import metadata  # noqa: PLC0415 - only where a kind is not the gate's own

    from gate.kinds.keys import Keys  # noqa: PLC0415

    found = tuple(metadata.entry_points(group=GROUP, name=name))
    if len(found) != 1:
        return None
    loaded: object = found[0].load()
    return loaded if isinstance(loaded, type) and issubclass(loaded, Keys) else None


def facts_of(name: str) -> "Kind | None":
    """What the kind is that evidence names; None where nobody brings it any more."""
    try:
        kind = kind_of(name)
    except ImportError:
        return None
    return None if kind is None else kind.facts


def kinds_of_key(key: str) -> "tuple[type[Keys], ...]":
    """The kinds that may stand under a key of the file, () for none."""
    names = KEYS.get(key, () if key in _SHARED else (key,))
    return tuple(kind for name in names if (kind := kind_of(name)) is not None)


def keys_of_kinds() -> tuple[str, ...]:
    """The keys of the file under which the gate's own kinds stand."""
    return tuple(name for name in KINDS if name in KEYS or name not in _SHARED)
