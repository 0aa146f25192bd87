"""A rollout as one HTML file, read by a browser's own parser; what is hostile stays text."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from selectolax.lexbor import LexborHTMLParser

from gate.core.policy import Probe
from gate.core.proof import Proof, Proving
from gate.kinds.http import HttpProbe
from gate.ledger.entry import outcome
from gate.report.attempts import attempts
from gate.report.audit import decisions, show_blocks
from gate.report.html import charts
from gate.report.html.conversation import said
from gate.report.html.page import html, of_documents, policy
from gate.report.lines import plain
from gate.report.summary import ending_of, why_of
from tests.unit.report.scenes import (
    ALL_PASSED,
    CANDIDATE,
    SESSIONS_FAILED,
    STABLE,
    START,
    Scene,
    Scribe,
    failed,
    passed,
    plan,
)

TALK = (
    "> 7 sessions at once on /ws",
    "1 of 7 +0.01 s > hello",
    '1 of 7 +0.12 s < {"type":"welcome"}',
    "1 of 7 +0.50 s = close 1011 (Internal error)",
)
TIMES = ((0, 900), (50, 4000), (95, 9000), (100, 20_000))
HOSTILE = (
    "<script>alert(1)</script>",
    '" onmouseover=alert(1) x="',
    "<img src=//127.0.0.1:1/x onerror=alert(1)>",
    "</style><style>*{background:url(//127.0.0.1:1/y)}",
    "<svg onload=alert(1)><a href=javascript:alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eevil\u200b\x00\x1b[2J",
    "</pre></main><base href=//127.0.0.1:1>",
)


def entries(*evidence):
    scene = Scene(evidence=evidence or ALL_PASSED)
    scribe = Scribe(scene)
    scene.play(plan(), scribe)
    return scribe.entries


def page(found, *, pictures=False):
    """The parsed page; drawing pictures takes seconds, and has a test of its own."""
    return LexborHTMLParser(html(attempts(found[::-1]), pictures=pictures))


def words(node):
    return " ".join(node.text(separator=" ").split())


def test_the_verdict_and_its_one_reason_come_first_and_every_part_is_there():
    slow = passed("health", kind="latency", percentiles=TIMES)
    beside = replace(slow, address="stable", percentiles=((50, 3000),))
    wrong = replace(SESSIONS_FAILED, excerpts=TALK)
    tree = page(entries(slow, beside, failed("api-health"), wrong))
    main = tree.css_first("main")
    assert words(main).startswith(
        "rollout of backend: rejected api-health: redirect: got 307 to /api/health/, expected "
    )
    titles = [words(one) for one in tree.css("h2")]
    assert titles == [
        "What is at stake",
        "Why: the verdict is reject",
        "Probes: 1 of 5 passed",
        "How long answers took",
        "What was said, message by message",
        "Traffic, step by step",
        "Proof that the probes can fail",
        "The record, and how to check it",
    ]
    assert "chat worth P1, $120K MRR" not in words(main)
    assert "discovery P2, $80K MRR" in words(main)
    numbers = [words(row) for row in tree.css("table caption ~ tbody tr")]
    assert numbers == ["0 0.90", "50 4.00 3.00", "95 9.00", "100 20.00"]
    assert [one.attributes["class"] for one in tree.css(".talk li")] == [
        *("sent", "sent", "received", "of"),
    ]


def test_traffic_is_told_with_every_step_that_the_gate_set_out_to_take():
    kept = entries()
    rows = [words(row) for row in page(kept).css("#r1-traffic ~ table tbody tr")]
    assert len(rows) == len(kept) + 1
    assert f"before {STABLE} 100 %" in rows[0]
    assert f"in effect, promoted {CANDIDATE} 100 %" in rows[-1]
    alone = LexborHTMLParser(of_documents(kept[-1:], pictures=False))
    assert "none of them was at hand" in words(alone.css_first("main"))
    together = LexborHTMLParser(of_documents(kept[-1:], kept[:-1], pictures=False))
    assert [words(row) for row in together.css("#r1-traffic ~ table tbody tr")] == rows


def test_what_is_at_work_says_so_and_no_entry_at_all_is_no_error():
    assert "No outcome is recorded" in words(page(entries()[:1]).css_first(".verdict"))
    assert "Nothing is recorded" in words(page([]).css_first("main"))
    refused = {"kind": "rollout", "ending": "not begun", "exit_code": 2, "notes": ["no policy"]}
    told = words(page([{**refused, "entry": "outcome"}]).css_first("main"))
    assert told.startswith("rollout: not begun no policy")
    assert "Traffic" not in told


@pytest.mark.parametrize(
    ("by", "word", "why"),
    [
        ("r9", "taken back", "the gate was killed half-way, and r9 took it back"),
        ("", "unfinished", "it is still going on, or the gate was killed half-way"),
    ],
)
def test_what_has_no_outcome_has_one_word_and_one_sentence_everywhere(by, word, why):
    dead = entries()[:-1]
    told = plain(show_blocks(dead, taken_back_by=by), 100)
    assert told[0].endswith(f": {word}")
    assert told[-1] == f"no outcome is recorded: {why}"
    documents = decisions(dead, taken_back_by=by)
    assert [(ending_of(one), why_of(one)) for one in documents] == [(word, told[-1])]
    (attempt,) = attempts(dead[::-1])
    served = html([replace(attempt, taken_back_by=by)], pictures=False)
    for one in (of_documents(documents, dead, pictures=False), served):
        tree = LexborHTMLParser(one)
        assert words(tree.css_first("h1")) == f"rollout of backend: {word}"
        assert words(tree.css_first(".verdict")) == f"No outcome is recorded: {why}."
        assert "exit code" not in words(tree.css_first("main"))


def test_a_place_in_the_chain_and_a_proof_are_told_where_the_entry_has_them():
    (*_, document) = entries()
    chained = {
        **document,
        "sequence": 42,
        "previous": "ab" * 32,
        "principal": {"name": "bob@example.com", "authenticated": "claimed"},
        "overrides": ["no-probe"],
        "proof": {"mutants": 20, "killed": 19, "reachable": 25, "made_at": "2026-01-01T00:00:00Z"},
    }
    told = words(page([chained]).css_first("main"))
    assert "noticed 19 (95 %)" in told
    assert "gate audit verify --project demo" in told
    assert "position in the ledger 42" in told
    assert "bob@example.com (only claimed: nobody vouches for it)" in told
    assert "rules were set aside: --no-probe" in told
    older = {key: one for key, one in document.items() if key not in {"sequence", "previous"}}
    assert "before the ledger was a chain" in words(page([older]).css_first("main"))


def everywhere(value, text):
    """The same document with one text in every place that may hold one, keys of words too."""
    match value:
        case dict():
            keys = {key: everywhere(one, text) for key, one in value.items()}
            free = {"stakes", "effective_after"}
            return {k: ({text: v} if k in free else v) for k, v in keys.items()}
        case list():
            return [everywhere(one, text) for one in value]
        case str():
            return text
    return value


def elements(tree):
    return {(one.tag, *sorted(one.attributes)) for one in tree.root.traverse()}


@pytest.mark.parametrize("text", [*HOSTILE, "x" * 1_000_000, "\u05d0\u05d1 " * 1000])
def test_hostile_text_adds_no_element_and_no_attribute(text):
    kept = entries(replace(SESSIONS_FAILED, excerpts=TALK), failed("api-health"))
    honest = page(kept)
    (*_, document) = kept
    hostile = {**everywhere(document, text), "entry": "outcome"}
    made = html(attempts([hostile]), pictures=False)
    tree = LexborHTMLParser(made)
    assert elements(tree) <= elements(honest)
    assert not tree.css("script, base, iframe, object, embed, form, link, a[href^='javascript']")
    assert len(made) < 2_000_000
    shown = json.dumps(words(tree.body), ensure_ascii=False)
    assert "\u202e" not in made
    assert "49{%" not in shown


@pytest.mark.parametrize("junk", [3, "text", None, [], {"reasons": 3}, [[1]], True, 1e308])
def test_an_entry_with_junk_in_it_is_shown_as_far_as_it_goes(junk):
    (*_, document) = entries(failed("api-health"))
    for key in document:
        if key not in {"rollout", "entry"}:
            assert "</html>" in html(attempts([{**document, key: junk}]), pictures=False)


def test_nothing_may_run_and_nothing_may_be_fetched():
    tree = page(entries())
    (meta,) = tree.css("meta[http-equiv]")
    assert meta.attributes == {"http-equiv": "Content-Security-Policy", "content": policy()}
    assert policy().startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy()
    assert not tree.css("[style], [src], link, script")


@pytest.mark.parametrize(
    ("line", "way", "who"),
    [
        ("1 of 7 +0.01 s > hello", "sent", "1 of 7"),
        ("alice #2 +12.50 s = close 1000", "of the connection", "alice #2"),
        ("> GET /", "sent", ""),
        ("1 of 7 (3 more frames)", "", ""),
        ("", "", ""),
    ],
)
def test_a_line_of_an_excerpt_is_a_message_where_it_is_one(line, way, who):
    assert (said(line).way, said(line).who) == (way, who)


def test_only_shapes_and_text_are_kept_of_what_a_library_draws():
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="5" height="4" onload="x()"><style>a</style>'
        '<a href="javascript:x()"><text>in a link</text></a><script>x()</script>'
        '<g style="fill:red" fill="url(#a)"><text onclick="x()" x="1">&lt;b&gt;</text></g></svg>'
    )
    kept = charts.only_shapes(drawn)
    assert kept == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 5 4" aria-hidden="true">'
        '<g><text x="1">&lt;b&gt;</text></g></svg>'
    )


def test_pictures_are_drawn_of_what_was_measured_and_the_numbers_stay_beside_them():
    pytest.importorskip("vl_convert", reason="needs the extra `report`")
    slow = passed("health", kind="latency", percentiles=TIMES)
    tree = page(entries(slow, *ALL_PASSED[1:]), pictures=True)
    drawn = [words(one) for one in tree.css("figure svg")]
    assert len(drawn) == 2
    assert "candidate" in drawn[0]
    assert STABLE in drawn[1]
    assert CANDIDATE in drawn[1]
    assert len(tree.css("#r1-took ~ details tbody tr")) == len(TIMES)
    assert not tree.css("svg [style], svg [class], svg a, svg image")


def test_the_entry_has_the_kill_rate_of_a_proof_that_speaks_of_the_policy():
    made = Proof("1", "p", "c", START - timedelta(days=1), 20, 19, {}, reachable=25)
    fresh = Proving(False, "proof.json", "p", "c", made)
    stale = replace(fresh, policy_digest="other")
    probes = (Probe("health", HttpProbe("/")),)
    for proving, kept in ((fresh, 19), (stale, None)):
        rollout = Scene(evidence=(passed("health"),)).play(plan(proof=proving, probes=probes))
        assert outcome(rollout, rollout.at).get("proof", {}).get("killed") == kept
