"""A decision as Markdown: read by a real parser, in which hostile text comes to nothing."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from gate.core.policy import Probe
from gate.kinds.http import HttpProbe
from gate.ledger.entry import outcome
from gate.report.markdown import SIZE_MAX_BYTES, code, markdown, prose
from tests.unit.report.scenes import (
    ALL_PASSED,
    CANDIDATE,
    Scene,
    failed,
    inconclusive,
    passed,
    plan,
)

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OWN_HTML = {"<code>", "</code>", "<br>", "<!-- -->"}


def entry(*wrong, **changes):
    names = {item.probe for item in wrong}
    evidence = (*(item for item in ALL_PASSED if item.probe not in names), *wrong)
    rollout = Scene(evidence=evidence).play(plan(**changes))
    return outcome(rollout, rollout.at)


def tokens(text):
    """All tokens, those within lines, too."""
    for token in READER.parse(text):
        yield token
        yield from token.children or ()


def table(text):
    """The table's cells as a reader sees them, row by row."""
    rows = []
    for token in READER.parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level > 3:
            shown = [one.content for one in token.children if one.type != "html_inline"]
            rows[-1].append("".join(shown))
    return rows


def test_the_verdict_and_its_reason_come_first_then_what_failed_then_what_to_do():
    text = markdown([entry(failed("discovery"), failed("strangers"))])
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "### \u274c gate: <code>rollout of backend</code> rejected"
    assert lines[1] == "discovery: redirect: got 307 to /api/health/, expected status 200"
    head, *rows = table(text)
    assert head == ["probe", "outcome", "expected", "seen", "stable"]
    hint = "hint: a slash is added: the route is registered as /api/health/"
    assert rows[0] == ["discovery", "failed", "status 200", f"307 to /api/health/{hint}", ""]
    assert rows[1][:2] == ["strangers", "failed (not required)"]
    assert [row[1] for row in rows[2:]] == ["passed"] * 3
    assert "Next: mend it and roll out again; nothing has to be undone" in lines


def test_what_leads_on_can_be_copied_and_stable_stands_beside_a_failure():
    document = entry(inconclusive("health", "nobody answered"))
    (item,) = [one for one in document["evidence"] if one["probe"] == "health"]
    beside = {**item, "address": "stable", "outcome": "passed", "seen": "200 in 9 ms"}
    item["attribution"] = "environment"
    document["evidence"].append(beside)
    text = markdown([document])
    assert text.startswith("### \u26a0\ufe0f gate: <code>rollout of backend</code> held\n")
    assert table(text)[1][1:] == [
        *("inconclusive (environment)", "status 200", "nobody answered", "200 in 9 ms"),
    ]
    (fence,) = [one for one in tokens(text) if one.type == "fence"]
    assert fence.content.startswith(f"gate promote --revision {CANDIDATE} --project demo ")


HOSTILE = (
    "`|``| a | b |",
    r"\| <img src=x onerror=alert(1)>",
    "</code><script>alert(1)</script>",
    "[click](https://evil.example) ![x](https://evil.example/x.png)",
    "https://evil.example www.evil.example mailto:a@evil.example",
    "**bold** _it_ ~~gone~~ # h\n# heading\n\n| x |\n|---|\n- item\n> quote\n```\ncode\n```",
    "@octocat #1 GH-1 :tada: &lt;b&gt; &#64;x $x^2$ <!-- -->",
    "```\n```\n",
    "   indented\t\x00\x1b[31m \u202e",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("inert", [code, prose])
def test_hostile_text_is_shown_as_it_is_and_is_nothing_but_text(inert, text):
    shown = inert(text)
    found = list(tokens(f"a {shown} | b"))
    html = {one.content for one in found if one.type in {"html_inline", "html_block"}}
    assert html <= OWN_HTML
    assert {one.type for one in found} <= {
        *("paragraph_open", "inline", "paragraph_close", "text", "html_inline", "text_special"),
    }
    assert "\n" not in shown
    assert not {"|", "`", "@", "#x", "<img", "://", "www."} & {*shown.replace("&#", "")}
    for mark in ("://", "www.", "@", "`", "|"):
        assert mark not in shown


def test_hostile_text_breaks_out_of_no_table():
    wrong = failed("health")
    for hostile in HOSTILE:
        document = entry(replace(wrong, seen=hostile, expected=hostile), reason=hostile)
        document |= {"service": hostile, "ending": hostile, "kind": hostile, "notes": [hostile]}
        document["next"] = {"text": hostile, "commands": [hostile], "remark": hostile}
        text = markdown([document])
        assert {len(row) for row in table(text)} == {5}
        assert len(table(text)) == len(ALL_PASSED) + 1
        html = {one.content for one in tokens(text) if one.type in {"html_inline", "html_block"}}
        assert html <= OWN_HTML
        kinds = {one.type for one in tokens(text)}
        assert not kinds & {"link_open", "image", "s_open", "em_open", "code_inline", "hr"}
        assert sum(one.type == "fence" for one in tokens(text)) == 1


def test_whatever_there_is_fits_into_a_comment():
    probes = tuple(Probe(f"p{n}", HttpProbe("/")) for n in range(200))
    long = "|" * 500
    evidence = tuple(failed(one.name, seen=long, expected=long) for one in probes)
    rollout = Scene(evidence=evidence).play(plan(probes=probes, reason=long))
    document = outcome(rollout, rollout.at)
    for documents in ([document], [document] * 5, [entry(), *[document] * 40]):
        text = markdown(documents)
        assert len(text.encode()) <= SIZE_MAX_BYTES
        told = text.count("### ")
        assert told == len(documents) or text.endswith(f"\nand {len(documents) - told} more\n")
        assert told >= min(len(documents), 10)
        assert "rejected" in text.partition("\n")[0]


def test_a_promotion_says_so_and_gives_no_reason():
    lines = [line for line in markdown([entry()]).splitlines() if line]
    assert lines[:2] == [
        "### \u2705 gate: <code>rollout of backend</code> promoted",
        "5 of 5 probes passed",
    ]
    assert passed().probe in lines[4]
