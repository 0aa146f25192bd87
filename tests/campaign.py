"""What is tried at length, by `make check` alone, and what of it `make test` tries, too."""

from collections.abc import Iterable
from typing import Any

import pytest

campaign = pytest.mark.campaign


def at_length(items: Iterable[Any], *quick: str) -> list[Any]:
    """Each item as a parameter under its name; those that are not quick in the campaign only.

    Raises:
        AssertionError: there is no item of such a name.
    """
    named = {getattr(item, "name", item): item for item in items}
    assert named.keys() >= {*quick}, quick
    return [
        pytest.param(item, id=name, marks=() if name in quick else campaign)
        for name, item in named.items()
    ]
