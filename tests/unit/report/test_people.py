"""Approvals and overrides in a report: who, when, what for, and which do not count and why."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from gate.report.approvals import UNREAD, given
from gate.report.audit import show_blocks
from gate.report.html.page import of_documents
from gate.report.lines import plain

IMAGE = "backend@sha256:2"
LATER = "was given once this had ended: it is for what is rolled out next"
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"
OUTCOME = {
    "entry": "outcome",
    "rollout": "r1",
    "at": "2026-01-01T13:00:00.000Z",
    "started_at": "2026-01-01T12:00:00.000Z",
    "kind": "rollout",
    "project": "demo",
    "region": "us-central1",
    "service": "backend",
    "ending": "promoted",
    "exit_code": 0,
    "actor": "ana",
    "reason": "the shop is down",
    "candidate": {"revision": "backend-00002-abc", "digest": IMAGE},
    "policy_digest": "d1",
    "approvals": [{"digest": "ab" * 32, "name": "bob", "at": "2026-01-01T12:10:00.000Z"}],
    "overrides": ["freeze", "stop", "again"],
    "override": {
        "rules": ["freeze", "stop"],
        "overrode": ["freeze"],
        "until": "2026-01-01T14:00:00.000Z",
    },
}


def approval(name="bob", minute=10, **fields):
    usual = {
        "entry": "approval",
        "rollout": "r1",
        "at": f"2026-01-01T12:{minute:02d}:00.000Z",
        "kind": "approve",
        "principal": {"name": name, "authenticated": "credentials"},
        "reason": "looks right",
        "candidate": {"revision": "backend-00002-abc", "digest": IMAGE},
        "policy_digest": "d1",
    }
    return {**usual, **fields}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([approval()], [("bob", True, "")]),
        ([], [("bob", True, "")]),
        ([approval("eve", 5)], [("eve", False, "did not count: the verdict says why"), ("bob",)]),
        (
            [approval("eve", 1, kind="withdraw"), approval("eve", 0)],
            [("eve", False, "was withdrawn"), ("eve", False, "takes an approval back"), ("bob",)],
        ),
        (
            [approval("eve", 5, candidate={"revision": "backend-00002-abc", "digest": ""})],
            [("eve", False, "names no image: its digest was not known"), ("bob",)],
        ),
        (
            [approval("eve", 5, candidate={"revision": "backend-00002-abc", "digest": "x"})],
            [("eve", False, "is for another image"), ("bob",)],
        ),
        (
            [approval("eve", 5, candidate={"revision": "backend-00001-aaa", "digest": IMAGE})],
            [("eve", False, "is for the revision backend-00001-aaa"), ("bob",)],
        ),
        (
            [approval("eve", 5, policy_digest="d2")],
            [("eve", False, "is for another state of the policy"), ("bob",)],
        ),
        (
            [approval("eve", at="2026-01-01T13:30:00.000Z")],
            [
                ("bob",),
                ("eve", False, "was given once this had ended: it is for what is rolled out next"),
            ],
        ),
        ([{"entry": "approval"}, {}, {"entry": "intention"}], [("somebody",), ("bob",)]),
    ],
)
def test_each_approval_says_whether_it_counts_or_why_it_does_not(entries, found):
    told = [(one.who, one.counts, one.why_not) for one in given(OUTCOME, entries)]
    assert [one[: len(other)] for one, other in zip(told, found, strict=True)] == found


def test_an_approval_of_what_asked_for_none_or_is_at_work_says_so():
    plain = {key: one for key, one in OUTCOME.items() if key != "approvals"}
    (one,) = given(plain, [approval()])
    assert one.why_not == "this decision was asked for none"
    (one,) = given({"entry": "intention", "rollout": "r1"}, [approval()])
    assert one.why_not == "no outcome says so yet"


def test_a_report_tells_of_people_with_names_as_text():
    hostile = approval(HOSTILE, 5, reason=HOSTILE, policy_digest=HOSTILE)
    parsed = LexborHTMLParser(
        of_documents([OUTCOME], [hostile, {**approval("eve"), "rollout": "r2"}], pictures=False)
    )
    assert not parsed.css("script")
    told = " ".join(parsed.css_first("main").text(separator=" ").split())
    assert "Approvals: 1 of 2 count" in told
    assert f"bob 2026-01-01 12:10:00 backend-00002-abc {UNREAD} yes" in told
    assert "no: is for another state of the policy" in told
    assert "eve" not in told
    assert "\u202e" not in told
    red = [one.text().strip() for one in parsed.css("header p.bad")]
    assert red == [
        "OVERRODE freeze until 2026-01-01 14:00:00 UTC",
        "rules were set aside: --again",
    ]
    assert "was to override stop" in parsed.css_first("header p.unsure").text()


def test_an_approval_under_another_id_is_told_of_whole_and_nobody_is_vouched_for_unread():
    claimed = {"name": "bob", "authenticated": "claimed"}
    other = {**approval(principal=claimed), "rollout": "r0"}
    shown = "\n".join(plain(show_blocks([OUTCOME], elsewhere=[other]), 200))
    assert "approved by bob (as they say) at 2026-01-01 12:10:00 UTC\n" in shown
    assert f"  rollout: r0\n  image:   {IMAGE}\n  why:     looks right" in shown
    parsed = LexborHTMLParser(of_documents([OUTCOME], [other], pictures=False))
    (row,) = parsed.css("section[aria-labelledby$=approvals] tbody tr")
    assert " ".join(row.text(separator=" ").split()) == (
        f"bob (as they say) 2026-01-01 12:10:00 backend-00002-abc {IMAGE} looks right yes"
    )
    unread = "\n".join(plain(show_blocks([OUTCOME]), 200))
    assert f"approved by bob at 2026-01-01 12:10:00 UTC ({UNREAD})" in unread


def test_where_nobody_approved_there_is_no_such_section():
    plain = {key: one for key, one in OUTCOME.items() if key not in {"approvals", "override"}}
    parsed = LexborHTMLParser(of_documents([plain], [], pictures=False))
    assert not parsed.css("section[aria-labelledby$=approvals]")
