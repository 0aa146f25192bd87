from gate.core.redaction import Redactor
from gate.probes.sockets.record import Record
from gate.probes.words import Words

WORDS = Words(Redactor({"alice": "alices-own-secret"}))


def recorded(*texts, first=2, last=3):
    record = Record(WORDS.reach(), first, last)
    for index, text in enumerate(texts):
        record.add(10.0 + index, "<", text)
    return record


def test_lines_carry_who_when_and_which_way():
    lines = list(recorded("hello").lines(WORDS, 9.5, "#1 alice", 9))
    assert lines == ["#1 alice +0.50 s < hello"]


def test_the_first_and_the_last_frames_are_kept():
    lines = list(recorded(*"abcdefghij").lines(WORDS, 10, "#1", 9))
    assert lines[0] == "#1 (5 more frames)"
    assert [line[-1] for line in lines[1:]] == list("abhij")


def test_no_more_lines_than_asked_for():
    lines = list(recorded(*"abcdefghij").lines(WORDS, 10, "#1", 3))
    assert lines == ["#1 (8 more frames)", "#1 +8.00 s < i", "#1 +9.00 s < j"]


def test_frames_are_cut_and_redacted_in_this_order():
    (line,) = recorded("x" * 480 + "alices-own-secret" + "y" * 10_000).lines(WORDS, 10, "#1", 9)
    assert len(line) <= 500
    assert line.endswith("…")
    assert "alices" not in line
