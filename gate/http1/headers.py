"""Headers as they came: names and values in bytes, in order, names as they were written. Pure."""

from collections.abc import Iterable

Headers = Iterable[tuple[bytes, bytes]]


def values(headers: Headers, name: str) -> list[str]:
    """The values of a header, each as it came; none where it is not there."""
    wanted = name.lower().encode("latin-1")
    return [value.decode("latin-1") for key, value in headers if key.lower() == wanted]
