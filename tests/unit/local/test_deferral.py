import importlib
import sys

import pytest

from gate.local.deferral import put_off

INIT = """
__version__ = "1"
__all__ = ["Client"]
from {name}.types import Message
from .clients import Client
"""


@pytest.fixture
def package(tmp_path):
    """A package whose `__init__` imports a heavy submodule, importable for one test."""
    name = "heavy"
    folder = tmp_path / "outer" / name
    folder.mkdir(parents=True)
    full = f"outer.{name}"
    (folder / "__init__.py").write_text(INIT.format(name=full))
    (folder / "types.py").write_text("class Message: pass")
    (folder / "clients.py").write_text("class Client: pass")
    (folder / "other.py").write_text("here = True")
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    yield full
    sys.path.remove(str(tmp_path))
    for module in [module for module in sys.modules if module.split(".")[0] == "outer"]:
        del sys.modules[module]


def loaded(package):
    return f"{package}.clients" in sys.modules


def test_a_submodule_comes_without_its_package(package):
    put_off(package)
    types = importlib.import_module(f"{package}.types")
    assert types.Message
    assert not loaded(package)


@pytest.mark.parametrize("name", ["Client", "__all__", "__version__"])
def test_a_name_of_the_package_executes_it_once(package, name):
    put_off(package)
    types = importlib.import_module(f"{package}.types")
    module = importlib.import_module(package)
    assert getattr(module, name)
    assert loaded(package)
    assert module.Message is types.Message
    assert module.types is types
    assert type(module) is type(sys)


def test_a_submodule_is_an_attribute_without_executing_the_package(package):
    put_off(package)
    module = importlib.import_module(package)
    assert module.other.here
    assert not loaded(package)


def test_other_dunders_are_missed_in_the_usual_way(package):
    put_off(package)
    module = importlib.import_module(package)
    assert not hasattr(module, "__wrapped__")
    assert not loaded(package)
    with pytest.raises(AttributeError, match="NoSuchThing"):
        module.NoSuchThing  # noqa: B018 - it raises
    assert loaded(package)


def test_a_package_that_is_imported_already_is_left_alone(package):
    before = importlib.import_module(package)
    put_off(package)
    assert sys.modules[package] is before
    assert type(before) is type(sys)


def test_putting_off_twice_is_putting_off(package):
    put_off(package)
    module = sys.modules[package]
    put_off(package)
    assert sys.modules[package] is module
    assert not loaded(package)


def test_a_package_that_fails_may_be_tried_again(package, tmp_path):
    put_off(package)
    module = importlib.import_module(package)
    clients = tmp_path.joinpath(*package.split(".")) / "clients.py"
    good = clients.read_text()
    clients.write_text("raise RuntimeError('not today')")
    with pytest.raises(RuntimeError, match="not today"):
        module.Client  # noqa: B018 - it raises
    clients.write_text(good + "\n\n")
    importlib.invalidate_caches()
    assert module.Client


def test_a_package_that_is_not_there_says_so(package):
    with pytest.raises(ModuleNotFoundError) as caught:
        put_off("outer.no_such_package")
    assert caught.value.name == "outer.no_such_package"
