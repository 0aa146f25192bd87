"""JSON objects that are read to the last key: what nobody asked for is refused, not dropped."""

from collections.abc import Mapping
from typing import cast

from gate.local.api.errors import ApiError, invalid
from gate.local.ports import JsonValue

Json = dict[str, JsonValue]


class Fields:
    """The fields of one JSON object, taken one by one.

    Args:
        where: path of the object, for messages.
        body: the object; None is an empty one.

    Raises:
        ApiError: INVALID_ARGUMENT: not an object. So do all methods, for a value of another type.
    """

    def __init__(self, where: str, body: JsonValue) -> None:
        if body is not None and not isinstance(body, dict):
            raise _wrong(where, body, "an object")
        self.where = where
        self._left: Json = dict(body or {})

    def take(self, name: str) -> JsonValue:
        """Gives a field as it is, or None."""
        return self._left.pop(name, None)

    def peek(self, name: str) -> JsonValue:
        """Gives a field, and leaves it to be taken."""
        return self._left.get(name)

    def has(self, name: str) -> bool:
        """Tells whether a field is there and not yet taken."""
        return self._left.get(name) is not None

    def text(self, name: str) -> str:
        """Gives a text, or ""."""
        value = self.take(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise _wrong(self._path(name), value, "text")
        return value

    def number(self, name: str) -> int:
        """Gives a whole number, also one in quotes, or 0."""
        value = self.take(name)
        return 0 if value is None else whole(self._path(name), value)

    def flag(self, name: str) -> bool:
        """Gives true or false; what is absent is false."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            raise _wrong(self._path(name), value, "true or false")
        return bool(value)

    def texts(self, name: str) -> list[str]:
        """Gives a list of texts."""
        items = self._items(name)
        for item in items:
            if not isinstance(item, str):
                raise _wrong(self._path(name), item, "a list of texts")
        return cast("list[str]", items)

    def mapping(self, name: str) -> dict[str, str]:
        """Gives an object of texts."""
        value = self.take(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise _wrong(self._path(name), value, "an object of texts")
        return cast("dict[str, str]", dict(value))

    def inner(self, name: str) -> "Fields":
        """Gives an object inside this one; one that is absent is empty."""
        return Fields(self._path(name), self.take(name))

    def objects(self, name: str) -> list["Fields"]:
        """Gives a list of objects."""
        path = self._path(name)
        items = self._items(name)
        return [Fields(f"{path}[{index}]", item) for index, item in enumerate(items)]

    def only(self, name: str, *allowed: JsonValue) -> None:
        """Takes a field that has no effect here, and refuses other values than these."""
        value = self.take(name)
        if value is not None and value not in allowed:
            raise _wrong(self._path(name), value, f"none, or {allowed[-1]}")

    def ignore(self, *names: str) -> None:
        """Leaves fields unread: the server's own, which clients send back."""
        for name in names:
            self._left.pop(name, None)

    def close(self) -> None:
        """Refuses what is left.

        Raises:
            ApiError: INVALID_ARGUMENT.
        """
        for name, value in self._left.items():
            if not empty(value):
                what = f"unknown, or not imitated here (got {str(value)[:80]}, expected none)"
                raise invalid(self._path(name[:80]), what)

    def _items(self, name: str) -> list[JsonValue]:
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise _wrong(self._path(name), value, "a list")
        return value

    def _path(self, name: str) -> str:
        return f"{self.where}.{name}".lstrip(".")


def whole(where: str, value: JsonValue) -> int:
    """Reads a whole number of 32 bits, also one in quotes.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    number = value
    if isinstance(number, str) and number.lstrip("-").isdecimal() and len(number) < 20:
        number = int(number)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    fits = isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**31
    if not fits:
        raise _wrong(where, value, "a whole number")
    return cast("int", number)


def empty(value: JsonValue) -> bool:
    """Tells whether a value says no more than its absence."""
    return value is None or value in ("", [], {}) or value is False


def plain(value: JsonValue) -> JsonValue:
    """Gives a value without what says no more than its absence, to compare by."""
    if isinstance(value, Mapping):
        made = {name: plain(each) for name, each in value.items()}
        return {name: each for name, each in made.items() if not empty(each)}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def dig(body: Mapping[str, JsonValue], *path: str) -> JsonValue:
    """Gives what is at a path of objects, or None."""
    value: JsonValue = cast("Json", body)
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _wrong(where: str, value: JsonValue, expected: str) -> ApiError:
    return invalid(where or "body", f"(got {str(value)[:80]}, expected {expected})")
