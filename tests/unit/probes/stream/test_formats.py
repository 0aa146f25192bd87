"""Events as the standard reads them: names, ids, data, and what is none."""

import pytest

from gate.kinds.stream import Format
from gate.probes.stream.formats import reader_of


def read(text, written=Format.EVENTS):
    reader = reader_of(written)
    return [*reader.feed(text.encode()), *reader.end()]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("data: a\n\n", [("message", "a", "")]),
        ("data:a\ndata:  b\n\n", [("message", "a\n b", "")]),
        ("event: x\nid: 7\ndata: 1\n\n", [("x", 1, "7")]),
        ("data\n\n", [("message", "", "")]),
        ("event: x\n\n", []),
        ("retry: 10\n\n: hello\n\nid: 7\n\n", []),
        ('data: {"type": "delta"}\n\n', [("delta", {"type": "delta"}, "")]),
        ('event: x\ndata: {"type": "delta"}\n\n', [("x", {"type": "delta"}, "")]),
        ("id: 7\ndata: 1\n\ndata: 2\n\n", [("message", 1, "7"), ("message", 2, "")]),
        ("unknown: 1\ndata: \u2028é\n\n", [("message", "\u2028é", "")]),
        ("data: 1\n\ndata: 2\n", [("message", 1, "")]),
        ("id: 7\nid: a\0b\ndata: 1\n\n", [("message", 1, "7")]),
        ("event\nevents: x\ndata: 1\n\n", [("message", 1, "")]),
    ],
)
def test_server_sent_events(text, found):
    events = read(text)
    assert [(one.message.kind, one.message.value, one.id) for one in events] == found


def test_the_last_id_stays_until_another_one_comes():
    events = read("id: 7\n\ndata: 1\n\nid: 8\ndata: 2\n\nid\ndata: 3\n\n")
    assert [one.known_as for one in events] == ["7", "8", ""]


def test_lines_need_no_end():
    events = read('{"type": "a"}\n\n  \nno json\n[1]', Format.LINES)
    assert [one.message.value for one in events] == [{"type": "a"}, "no json", [1]]
    assert events[0].message.kind == "a"
