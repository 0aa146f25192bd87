"""Lets Google's message types be imported without the packages around them.

`import google.cloud.run_v2` executes a package that imports every client, google-auth, cryptography
and requests: about 370 ms, where the message types alone take about 55. Whoever starts a local
Cloud Run should not wait for that. So the `__init__` of such a package is put off until somebody
asks for a name that only it provides. Its submodules import as usual and under their own names, so
a full import later on finds the same classes (protobuf refuses to define a message type twice in
one process).
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType

_CLIENTS = (  # parents before children
    "google.cloud.run_v2",
    "google.cloud.run_v2.types",
    "google.cloud.logging_v2",
    "google.cloud.logging_v2.types",
    "google.cloud.monitoring_v3",
    "google.cloud.monitoring_v3.types",
)
_ASKED_FOR = ("__all__", "__version__")
"""Dunder names that only the real package has; the interpreter looks for many others in vain."""


def put_off_clients() -> None:
    """Puts off the packages whose messages the local Cloud Run speaks.

    Call it before anything of them is imported.
    """
    for package in _CLIENTS:
        put_off(package)


def put_off(package: str) -> None:
    """Makes a package importable without executing its `__init__` yet.

    Its parents must be importable at no cost. Does nothing where it is imported already.

    Raises:
        ModuleNotFoundError: there is no such package.
    """
    if package in sys.modules:
        return
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    module = module_from_spec(spec)
    module.__class__ = _PutOff
    sys.modules[package] = module
    parent, _, leaf = package.rpartition(".")
    setattr(importlib.import_module(parent), leaf, module)


class _PutOff(ModuleType):
    """A package that executes its `__init__` when a name is missing that is no submodule's."""

    __spec__: ModuleSpec

    def __getattr__(self, name: str) -> object:
        dunder = name.startswith("__")
        if dunder and name not in _ASKED_FOR:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        submodule = f"{self.__name__}.{name}"
        if not dunder and find_spec(submodule) is not None:
            return importlib.import_module(submodule)
        self._execute()
        return getattr(self, name)

    def _execute(self) -> None:
        """Runs the real `__init__` in this very module, which is an ordinary one from then on."""
        loader = self.__spec__.loader
        assert loader is not None
        self.__class__ = ModuleType  # type: ignore[assignment]  # a subclass without state
        try:
            loader.exec_module(self)
        except BaseException:
            self.__class__ = _PutOff
            raise
