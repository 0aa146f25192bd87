"""A decision in brief: a list shows the same of it as of the whole."""

import json

import pytest

from gate.core.recorded import put_together
from gate.ledger.brief import brief, decision_of, words_of
from gate.report.attempts import shown
from gate.report.audit import attempt_list
from gate.report.lines import plain
from gate.report.summary import why_of
from tests.unit.ledger.recorded import at, intention, outcome, reasons, saw

WIDTHS = (400, 90)
ASIDE = {"rules": ["freeze", "stop"], "overrode": ["freeze"], "until": "2026-01-02T00:00:00.000Z"}
DECISIONS = {
    "promoted": [intention("r", traffic_now=[{"revision": "a", "percent": 100}]), outcome("r")],
    "rejected": [outcome("r", "rejected", evidence=[saw("x")], verdict=reasons("x", "y"))],
    "held by a rule": [
        outcome("r", "held", exit_code=5, verdict=reasons("stop", decision="hold"), notes=["n"])
    ],
    "overridden": [
        outcome("r", overrides=["freeze", "again"], override=ASIDE, actor="ana", reason="now")
    ],
    "failed with a note": [outcome("r", "failed", verdict=None, notes=["one", "the last"])],
    "unfinished": [intention("r", reason="why", traffic_now=[{"revision": "", "percent": 100}])],
    "taken back": [intention("r")],
    "two outcomes": [outcome("r"), outcome("r", "held", evidence=[saw("x")])],
    "invented": [outcome("r", intentions=[])],
    "other writes": [outcome("r"), intention("r"), intention("r", when=at(1))],
    "latest, and a quarantine": [
        outcome(
            "r",
            "rejected",
            stable=[],
            quarantine={"users_were_on": {"a": 90, "b": 10}},
            traffic_before=[{"revision": "", "percent": 100}],
        )
    ],
    "a rollback": [outcome("r", "rolled back", kind="rollback", principal={"name": "robot"})],
    "of nothing": [outcome("r", "busy", exit_code=5, verdict=7, candidate=[], notes=[5])],
}


def listed(decision):
    attempt = shown(decision)
    told = [plain(attempt_list([attempt], width), width) for width in WIDTHS]
    return told, why_of(decision.outcome) if decision.outcome else "", decision.doubt


@pytest.mark.parametrize("name", DECISIONS)
def test_a_list_shows_the_same_of_a_brief_as_of_the_whole(name):
    by = {"r": "r9"} if name == "taken back" else {}
    newest = sorted(DECISIONS[name], key=lambda entry: entry["at"], reverse=True)
    (whole,) = put_together(newest, by.items(), whole=True)
    kept = json.loads(json.dumps(brief(whole)))
    again = decision_of("r", kept, by.get("r", ""), whole=True)
    assert listed(again) == listed(whole)
    assert words_of(again) == words_of(whole)


def test_what_only_a_report_tells_of_is_left_out():
    big = "W" * 100_000
    (whole,) = put_together(
        [outcome("r", "held", evidence=[saw(big)], verdict=reasons(big), notes=[big], events=big)]
    )
    assert len(json.dumps(brief(whole))) < 3_000
