"""Everything in the core that holds data is a value: frozen, and without room for more."""

import dataclasses
import importlib
import inspect
import pkgutil

import pytest

import gate.core


def dataclasses_of_core():
    for info in pkgutil.iter_modules(gate.core.__path__):
        module = importlib.import_module(f"gate.core.{info.name}")
        for _, item in inspect.getmembers(module, inspect.isclass):
            if item.__module__ == module.__name__ and dataclasses.is_dataclass(item):
                yield item


@pytest.mark.parametrize("value", list(dataclasses_of_core()), ids=lambda value: value.__name__)
def test_a_value_is_frozen_and_slotted(value):
    assert value.__dataclass_params__.frozen
    assert "__slots__" in vars(value)


def test_there_are_values():
    assert len(list(dataclasses_of_core())) > 30
