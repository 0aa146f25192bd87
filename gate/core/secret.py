"""A secret's value, which shows itself to nobody who does not ask for it by name."""

from collections.abc import Mapping
from typing import NoReturn

SHOWN = "[secret]"


class Secret:
    """A value that may be used and not shown.

    It has no text but `[secret]`, and cannot be serialized: not by json, pickle or copy.

    Args:
        value: what it is.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value itself, for the one place that sends it, or hides it in a text."""
        return self.__value

    def __repr__(self) -> str:
        return SHOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a secret cannot be serialized")


Named = Mapping[str, Secret | str]
"""Values by name: secrets, and texts such as a test's or a recording's."""


def revealed(value: Secret | str) -> str:
    """The value of a secret; of a text, the text."""
    return value.reveal() if isinstance(value, Secret) else value
