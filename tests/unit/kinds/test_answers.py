"""What the body of an answer must hold, as policies write it."""

import subprocess
import sys

import pytest

from gate.core.expectations import Content, Found
from tests.unit.policy_files import probe, probes, problems, write


def content(folder, expect):
    return probe(folder, f"x: {{http: {{path: /}}, expect: {expect}}}", "x").spec.content


@pytest.mark.parametrize(
    ("expect", "read"),
    [
        ("{text: hello}", Content(text=("hello",))),
        ('{text: [a, "${nonce}"], absent_text: "{{"}', Content(("a", "${nonce}"), ("{{",))),
        ("{min_size: 10}", Content(min_size_bytes=10)),
        ("{path: {$.a: 1}}", Content(path=(("$.a", Found(1)),))),
        ("{path: {$.a: [1, x]}}", Content(path=(("$.a", Found([1, "x"])),))),
        ("{path: {$.a: {equals: {b: 1}}}}", Content(path=(("$.a", Found({"b": 1})),))),
        ("{path: {'$..a': {type: array, count: 2}}}", None),
        ("{path: {$.a: {exists: false}}}", Content(path=(("$.a", Found(exists=False)),))),
        ("{selector: {h1: Notes}}", Content(selector=(("h1", Found("Notes")),))),
        (
            '{selector: {"form@action": {matches: "^/x"}}}',
            Content(selector=(("form@action", Found(matches="^/x")),)),
        ),
    ],
)
def test_what_is_written_is_read(tmp_path, expect, read):
    found = content(tmp_path, expect)
    assert found == (read or Content(path=(("$..a", Found(kind="array", count=2)),)))


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("{path: {a: 1}}", "6:40 probes.x.expect.path.a: is no JSONPath query"),
        ('{path: {"$.a[": 1}}', "is no JSONPath query (RFC 9535): unbalanced brackets"),
        ('{selector: {"h1[": x}}', "is no CSS selector"),
        ('{selector: {"h1@": x}}', "no name of an attribute after @"),
        ('{path: {$.a: {matches: "("}}}', "is no regular expression"),
        ("{path: {$.a: {}}}", "needs at least one of equals, some, never, contains"),
        ("{path: {$.a: null}}", "expected a JSON value"),
        ("{path: {$.a: {exits: true}}}", "unknown key (got 'exits')"),
        ("{path: {$.a: {exists: false, type: string}}}", "leaves the other keys without a meaning"),
        ("{path: {$.a: {type: list}}}", "expected object or array or string"),
        ("{selector: {h1: {type: string}}}", "unknown key (got 'type')"),
        ("{path: {$.a: '${nobody}'}}", "names an unknown secret (got 'nobody')"),
        ("{path: {'$.a${nonce}': 1}}", "is no JSONPath query"),
        ("{text: 3}", "expect.text: has the wrong form (got the number 3, expected text)"),
        ("{text: []}", "has the wrong length"),
        ("{min_size: 1MiB}", "a number of bytes, 0 to 1048576"),
        ("{path: {a: 1, b: 2}}", "(got 'a')"),
        ("{path: {a: 1, b: 2}}", "(got 'b')"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, expect, said):
    found = problems(tmp_path, probes(f"x: {{http: {{path: /}}, expect: {expect}}}"))
    assert any(said in one for one in found), found


def test_an_answer_to_head_has_no_body(tmp_path):
    text = "x: {http: {path: /, method: HEAD}, expect: {text: x}}"
    assert "never has" in problems(tmp_path, probes(text))[0]


def test_policies_without_queries_import_no_query_language(tmp_path):
    plain = write(tmp_path, probes("x: {http: {path: /}, expect: {text: a}}"))
    libraries = ("jsonpath_rfc9535", "selectolax", "regex")
    code = (
        "import sys\nfrom pathlib import Path\nfrom gate.policyfile import load_policy\n"
        f"load_policy(Path({str(plain)!r}))\n"
        f"print([name for name in {libraries} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
