"""Pages of a list: sizes and opaque tokens. Pure."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gate.local.api.errors import invalid

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and the token of the page after it ("" on the last one)."""

    items: Sequence[T]
    next_token: str


def page(items: Sequence[tuple[str, T]], size: int, token: str, scope: str) -> Page[T]:
    """Cuts one page out of a list.

    A token names the last item that was given, not a position, so that items which come and go
    between two calls make no other item appear twice or not at all.

    Args:
        items: (sort key, item), sorted by that key ascending.
        size: 0 means the server's default; more than the maximum is cut to it.
        token: "" for the first page.
        scope: what is listed; a token is good only there.

    Raises:
        ApiError: INVALID_ARGUMENT: a negative size, or a token of another list.
    """
    if size < 0:
        raise invalid("page_size", f"must not be negative (got {size})")
    after = _read(token, scope) if token else ""
    rest = [entry for entry in items if entry[0] > after]
    chosen = rest[: min(size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)]
    more = len(rest) > len(chosen)
    return Page([item for _, item in chosen], _write(chosen[-1][0], scope) if more else "")


def _write(key: str, scope: str) -> str:
    return base64.urlsafe_b64encode(f"{scope}\n{key}".encode()).decode()


def _read(token: str, scope: str) -> str:
    try:
        found, _, key = base64.urlsafe_b64decode(token[:4_000]).decode().partition("\n")
    except (binascii.Error, ValueError) as error:
        raise invalid("page_token", "not a token of this server") from error
    if found != scope:
        raise invalid("page_token", "a token of another list; all parameters must match")
    return key
