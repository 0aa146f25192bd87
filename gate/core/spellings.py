"""How programs write a text into JSON, HTML, URLs and shells: the same text in other characters.

Which characters are escaped, and how, is each language's own choice: PHP escapes slashes in JSON,
Go `&` there and a plus in HTML, Java writes `%2f`. ASCII's letters and digits stay everywhere.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

_MARKS = ("\\", "%", "&")
"""Without any of these nothing is escaped."""
_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos", "/": "sol", "+": "plus"}
_NAMED |= {"=": "equals", ":": "colon", "@": "commat", "#": "num", "%": "percnt", "$": "dollar"}
_RUN = re.compile(r"[A-Za-z0-9]+")
_BASIC_PLANE = 0xFFFF
_ESCAPE_MAX = 12
"""Most characters that one becomes: an emoji in JSON."""


def hidden(text: str, values: Mapping[str, str]) -> str:
    """The text with each value replaced, however its characters are escaped.

    Args:
        text: in which to look.
        values: each with what stands in its place.
    """
    if not any(mark in text for mark in _MARKS):
        return text
    for value, shown in values.items():
        if _run(value) in text and (pattern := _pattern(value)):
            text = pattern.sub(lambda _, shown=shown: shown, text)  # type: ignore[misc]
    return text


def longest(value: str) -> int:
    """Most characters that a value becomes, where it is escaped once."""
    return sum(1 if _plain(character) else _ESCAPE_MAX for character in value)


@lru_cache(4096)
def _run(value: str) -> str:
    """The longest part that is written in one way only."""
    return max(_RUN.findall(value), key=len, default="")


@lru_cache(256)
def _pattern(value: str) -> re.Pattern[str] | None:
    if not _RUN.sub("", value):
        return None
    return re.compile("".join(map(_spelled, value)))


def _spelled(character: str) -> str:
    return character if _plain(character) else f"(?:{'|'.join(_ways(character))})"


def _plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _ways(character: str) -> Iterator[str]:
    code = ord(character)
    utf16 = character.encode("utf-16-be", "surrogatepass").hex()
    units = [utf16[at : at + 4] for at in range(0, len(utf16), 4)]
    utf8 = character.encode("utf-8", "surrogatepass").hex()
    octets = [utf8[at : at + 2] for at in range(0, len(utf8), 2)]
    yield "".join(rf"\\{{1,8}}u(?i:{unit})" for unit in units)
    yield "".join(f"%(?:25){{0,3}}(?i:{octet})" for octet in octets)
    yield rf"\\{{1,8}}x(?i:{octets[0]})" if code < 0x80 else rf"\\{{1,8}}U(?i:{code:08x})"
    number = rf"#0{{0,5}}{code}|#[xX]0{{0,5}}(?i:{code:x})"
    yield rf"&(?:amp;){{0,3}}(?:{number}|{_NAMED.get(character, number)});"
    yield rf"\\{{0,8}}{re.escape(character)}" if code <= _BASIC_PLANE else re.escape(character)
    if character == " ":
        yield r"\+"
