"""Marks what a candidate said, word for word, within a text of ours: a policy may have it left out.

Such a text goes through Words like any other before it is shown or kept; there, and only there, the
marks are taken out, with what is between them where the probe keeps no bodies.
"""

import re

from gate.core.policy import Bodies

_BEGIN, _ELSE, _END = "\ue000", "\ue001", "\ue002"  # of the private use area
_QUOTED = re.compile(f"{_BEGIN}([^{_BEGIN}-{_END}]*)(?:{_ELSE}([^{_BEGIN}-{_END}]*))?(?:{_END}|$)")
_MARKS = re.compile(f"[{_BEGIN}-{_END}]")
_SHAPED_MAX = 20_000
"""Characters of a body whose shape is looked at."""
_LEAD = re.compile(r"[,\s]*")
_JSON = re.compile(r"[{\[\"]|(?:-?\d[\d.eE+-]*|true|false|null)\s*$")
_PARTS = re.compile(
    r"(?P<key>\"(?:\\.|[^\"\\])*+\"\s*:)|(?P<text>\"(?:\\.|[^\"\\])*+(?:\"|$))"
    r"|(?P<number>-?\d[\d.eE+-]*)|(?P<boolean>true|false)|(?P<null>null)|(?P<sign>[{}\[\],])"
)


def quoted(said: str, otherwise: str = "") -> str:
    """What the candidate said, to be put into a text of ours.

    Args:
        said: word for word.
        otherwise: what to say in its place where it is not kept, and has no shape.
    """
    said = _MARKS.sub("", said)
    return f"{_BEGIN}{said}{_ELSE}{otherwise}{_END}" if otherwise else f"{_BEGIN}{said}{_END}"


def kept(text: str, bodies: Bodies) -> str:
    """The text without the marks, and with as much of what is between them as is to be kept."""
    if _BEGIN not in text:
        return _MARKS.sub("", text)

    def shown(match: re.Match[str]) -> str:
        said, otherwise = match[1], match[2] or ""
        match bodies:
            case Bodies.EXCERPT:
                return said
            case Bodies.NONE:
                return otherwise
            case Bodies.SHAPE:
                return shape(said, otherwise)

    return _MARKS.sub("", _QUOTED.sub(shown, text))


def shape(said: str, otherwise: str = "") -> str:
    """Keys and types of a JSON text, also of one that was cut; how long it is of any other."""
    lead = _LEAD.match(said)
    assert lead is not None
    rest = said[lead.end() :][:_SHAPED_MAX]
    if not rest:
        return ""
    if not _JSON.match(rest):
        return lead[0] + (otherwise or f"(a text of {len(said) - lead.end()} characters)")
    parts = (
        part[0] if part.lastgroup in ("key", "sign") else str(part.lastgroup)
        for part in _PARTS.finditer(rest)
    )
    return lead[0] + "".join(parts)
