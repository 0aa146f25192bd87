"""Cuts a filter into tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gate.local.logging.filter.errors import FilterError


class Kind(Enum):
    """What a token is; the values are the words used in messages."""

    WORD = "a word"
    OP = "an operator"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    MINUS = "'-'"
    OPEN = "'('"
    CLOSE = "')'"
    COMMA = "','"
    STAR = "'*'"
    END = "the end of the filter"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a word between dots."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter, from offset `start` up to and without `end`."""

    kind: Kind
    text: str
    start: int
    end: int
    segments: tuple[Segment, ...] = ()


_SKIP = re.compile(r"(?:\s|--[^\n]*)*")
_OP = re.compile(r"=~|!~|!=|<=|>=|=|<|>|:")
_TEXT = re.compile(r"[\w/%@$\-][\w/%@$+\-]*")
_MARKS = {"(": Kind.OPEN, ")": Kind.CLOSE, ",": Kind.COMMA, "*": Kind.STAR}
_KEYWORDS = {"AND": Kind.AND, "OR": Kind.OR, "NOT": Kind.NOT}
_ESCAPE = re.compile(
    r"\\(?:(?P<octal>[0-3][0-7]{2})|x(?P<x>[0-9A-Fa-f]{2})|u(?P<u>[0-9A-Fa-f]{4})"
    r"|U(?P<U>[0-9A-Fa-f]{8})|(?P<plain>.))",
    re.DOTALL,
)
_PLAIN = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r", "a": "\a", "f": "\f", "v": "\v"}


def tokens(text: str) -> Iterator[Token]:
    """Gives a filter's tokens, the last one END.

    Raises:
        FilterError: at a character that begins no token, an unclosed quote, a bad escape.
    """
    at = 0
    while True:
        skipped = _SKIP.match(text, at)
        at = skipped.end() if skipped else at
        if at >= len(text):
            yield Token(Kind.END, "", at, at)
            return
        token = _next(text, at)
        yield token
        at = token.end


def _next(text: str, at: int) -> Token:
    char = text[at]
    if char in _MARKS:
        return Token(_MARKS[char], char, at, at + 1)
    if char == "-":
        return Token(Kind.MINUS, char, at, at + 1)
    op = _OP.match(text, at)
    if op:
        return Token(Kind.OP, op[0], at, op.end())
    return _word(text, at)


def _word(text: str, start: int) -> Token:
    segments, at = [], start
    while True:
        segment, at = _segment(text, at)
        segments.append(segment)
        if not text.startswith(".", at):
            break
        at += 1
    raw = text[start:at]
    kind = _KEYWORDS.get(raw, Kind.WORD)
    return Token(kind, raw, start, at, tuple(segments))


def _segment(text: str, at: int) -> tuple[Segment, int]:
    if text.startswith('"', at):
        return _string(text, at)
    found = _TEXT.match(text, at)
    if found is None:
        raise FilterError(text, at, _why_not(text, at))
    return Segment(found[0], quoted=False), found.end()


def _why_not(text: str, at: int) -> str:
    if at >= len(text):
        return "the filter ends after a '.', where a name should follow"
    if text[at] == "'":
        return "single quotes are not part of the language; use double quotes"
    return f"unexpected {text[at]!r}; put values with special characters in double quotes"


def _string(text: str, start: int) -> tuple[Segment, int]:
    end = start + 1
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise FilterError(text, start, "the quoted string that begins here has no end")

    def unescape(match: re.Match[str]) -> str:
        return _unescape(text, start + 1 + match.start(), match)

    return Segment(_ESCAPE.sub(unescape, text[start + 1 : end]), quoted=True), end + 1


def _unescape(text: str, at: int, escape: re.Match[str]) -> str:
    r"""Decodes one escape sequence; an unknown one (\d, \.) stays, as regular expressions need."""
    plain = escape["plain"]
    if plain is not None:
        return _PLAIN.get(plain, f"\\{plain}")
    if escape["octal"]:
        return chr(int(escape["octal"], 8))
    code = int(escape["x"] or escape["u"] or escape["U"], 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise FilterError(text, at, f"{escape[0]} is not a character")
    return chr(code)
