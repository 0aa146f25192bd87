"""JSON in canonical form (RFC 8785), which is what hashes are taken of.

The same value has the same bytes wherever it is written: keys sorted by their UTF-16 code units, no
spaces, each character in one spelling. Numbers are whole and small enough for every reader.
"""

import hashlib
from collections.abc import Mapping

import orjson

from gate.core.policy import Json

INTEGER_MAX = 2**53 - 1
"""Beyond, readers that know floats alone do not tell one integer from the next."""
_LAST_OF_ONE_UNIT = "\uffff"
"""Beyond, a character is two UTF-16 code units, which sort before some that are one."""


def canonical(value: Json) -> bytes:
    """The canonical form of a value, in UTF-8.

    Args:
        value: of texts, booleans, whole numbers, null, lists and objects.

    Raises:
        TypeError: something else is in it, a fraction for instance.
        ValueError: an integer is too large, or a text holds half a surrogate pair.
    """
    plain = _is_plain(value)
    try:
        if plain:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        return orjson.dumps(_sorted(value))
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from None


def digest(value: Json) -> str:
    """sha256 (64 hexadecimal digits) of a value in canonical form; errors as in `canonical`."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _is_plain(value: Json) -> bool:
    """Whether every key in it sorts by code points as it does by code units.

    Raises:
        TypeError, ValueError: as in `canonical`.
    """
    match value:
        case None | bool() | str():
            return True
        case int():
            if abs(value) > INTEGER_MAX:
                raise ValueError(f"an integer is too large (got {value}, expected 2^53 at most)")
            return True
        case list():
            return min(map(_is_plain, value), default=True)  # looks at every one
        case dict():
            return min(map(_is_plain, value.values()), default=True) and _sorts_plainly(value)
        case _:
            raise TypeError(f"is no text, truth or whole number (got {type(value).__name__})")


def _sorts_plainly(value: Mapping[str, Json]) -> bool:
    return all(key.isascii() or max(key) <= _LAST_OF_ONE_UNIT for key in value)


def _sorted(value: Json) -> Json:
    """The same value with the keys of every object in their canonical order."""
    match value:
        case list():
            return [_sorted(item) for item in value]
        case dict():
            keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
            return {key: _sorted(value[key]) for key in keys}
        case _:
            return value
