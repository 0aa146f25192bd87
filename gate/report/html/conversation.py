"""What was said over WebSockets and event streams, read from the excerpts of the evidence."""

import re
from dataclasses import dataclass

from gate.report.fields import Entry, children, texts

_LINE = re.compile(
    r"(?P<who>.{0,80}?) ?\+(?P<at>\d+\.\d+) s (?P<mark>[<>=!]) (?P<said>.*)", re.DOTALL
)
_WAYS = {">": "sent", "<": "received", "=": "of the connection", "!": "wrong"}
LINES_MAX = 60


@dataclass(frozen=True, slots=True)
class Said:
    """One message.

    Attributes:
        way: sent, received, `of the connection` or wrong; "" for a line that is no message.
        who: the session, as the probe calls it.
        at: seconds since the session began, as recorded; "" where that is not known.
        said: the message, or as much of it as was kept.
    """

    way: str
    who: str
    at: str
    said: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What one probe said and heard at one address."""

    item: Entry
    lines: tuple[Said, ...]
    left_out: int


def conversations(document: Entry) -> list[Conversation]:
    """Each probe whose evidence is messages with their times."""
    found = []
    for item in children(document, "evidence"):
        lines = [said(line) for line in texts(item, "excerpts")]
        if any(line.at for line in lines):
            found.append(
                Conversation(item, tuple(lines[:LINES_MAX]), max(0, len(lines) - LINES_MAX))
            )
    return found


def said(line: str) -> Said:
    """One line of an excerpt."""
    if match := _LINE.fullmatch(line):
        return Said(_WAYS[match["mark"]], match["who"].strip(), match["at"], match["said"])
    way = _WAYS.get(line[:1], "") if line[1:2] == " " else ""
    return Said(way, "", "", line[2:] if way else line)
