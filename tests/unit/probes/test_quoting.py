import time

import pytest

from gate.core.policy import Bodies
from gate.core.redaction import Redactor
from gate.probes.quoting import kept, quoted, shape
from gate.probes.words import Words

BODY = '{"user":{"email":"a@example.com","n":-1.5e3,"ok":true},"tags":["x","y"],"none":null}'
SHAPE = '{"user":{"email":text,"n":number,"ok":boolean},"tags":[text,text],"none":null}'


@pytest.mark.parametrize(
    ("bodies", "shown"),
    [
        (Bodies.EXCERPT, f"200 OK, {BODY}"),
        (Bodies.SHAPE, f"200 OK, {SHAPE}"),
        (Bodies.NONE, "200 OK"),
    ],
)
def test_of_what_was_said_only_what_may_be_kept_stays(bodies, shown):
    assert kept("200 OK" + quoted(f", {BODY}"), bodies) == shown


@pytest.mark.parametrize(
    ("bodies", "shown"),
    [
        (Bodies.EXCERPT, '/email = "a@b"'),
        (Bodies.SHAPE, "/email = text"),
        (Bodies.NONE, "/email = another value"),
    ],
)
def test_what_is_said_in_its_place(bodies, shown):
    assert kept(f"/email = {quoted(chr(34) + 'a@b' + chr(34), 'another value')}", bodies) == shown


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('{"a":"b', '{"a":text'),
        ('{"a', "{text"),
        ('{"a":12', '{"a":number'),
        ("", ""),
        ("<html>", "(a text of 6 characters)"),
        ("not found", "(a text of 9 characters)"),
        ("12 monkeys", "(a text of 10 characters)"),
        ("12", "number"),
        ("null", "null"),
        ('{"a":"x\\"y","b\\"c":1}', '{"a":text,"b\\"c":number}'),
        ("{'a': 'b'}", "{}"),
    ],
)
def test_the_shape_of_what_is_no_whole_json_holds_no_value(said, told):
    assert shape(said) == told


def test_no_body_can_end_the_quotation_by_itself():
    marks = "".join(map(chr, range(0xE000, 0xE003)))
    text = f"a {quoted(f'x{marks}y{marks}z')} b"
    assert kept(text, Bodies.EXCERPT) == "a xyz b"
    assert kept(text, Bodies.NONE) == "a  b"
    assert kept(f"a{marks}b", Bodies.NONE) == "ab"


def test_a_quotation_that_was_cut_goes_on_to_the_end():
    assert kept(quoted("secret " * 9)[:20], Bodies.NONE) == ""
    assert kept(quoted("secret " * 9)[:8], Bodies.EXCERPT) == "secret "


def test_words_show_what_the_probe_keeps():
    words = Words(Redactor({}))
    text = f"answer: {quoted(BODY)}"
    assert words.line(text) == f"answer: {BODY}"
    assert words.keeping(Bodies.SHAPE).line(text) == f"answer: {SHAPE}"
    assert words.keeping(Bodies.NONE).line(text) == "answer: "
    assert words.keeping(Bodies.NONE).lines(quoted("a\nb"), 5) == ()
    assert words.keeping(Bodies.NONE).last_lines(quoted("a\nb"), 5) == ()
    length = ("(a text of 3 characters)",)
    assert words.keeping(Bodies.SHAPE).last_lines(quoted("a\nb"), 5) == length


@pytest.mark.parametrize("text", ['{"a":' * 60_000, '"' * 300_000, "-" * 300_000, "[1," * 90_000])
def test_hostile_text_takes_no_long_time(text):
    started = time.process_time()
    kept(quoted(text), Bodies.SHAPE)
    assert time.process_time() - started < 2
