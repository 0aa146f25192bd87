"""How much slower than stable's an answer may be, where a few are asked and no rate is."""

from collections.abc import Iterator

from gate.core.slowness import FLOOR_S, TRIES
from gate.kinds.checks import Within
from gate.kinds.keys import Remark
from gate.kinds.values import More

SLOWER = "slower_than_stable"
FORMS = (More(), Within(50, 10_000))
"""How it is written."""


def about(what: str) -> str:
    """What the key is for.

    Args:
        what: whose answers, e.g. "the answer".
    """
    return (
        f"how much slower than stable's {what} may be, 50% or more. It fails where it is so in "
        f"each of {_NUMBERS[TRIES]} answers, asked in turns, and by more than {FLOOR_S * 1000:g} "
        "ms. Needs `baseline: stable`"
    )


def without_stable(place: str, percent: float | None, *, stable: bool) -> Iterator[Remark]:
    """What is to be said of the key where nobody asks stable."""
    if percent is not None and not stable:
        yield Remark(place, "has no stable to compare with", "set baseline: stable")


_NUMBERS = {3: "three", 4: "four", 5: "five"}
