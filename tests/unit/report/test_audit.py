"""What the ledger remembers, for people."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.policy import Json
from gate.core.recorded import put_together
from gate.core.service import Condition, ConditionState, Revision
from gate.core.traffic import Split
from gate.report.audit import (
    UNFINISHED_MEANS,
    decision_blocks,
    decision_values,
    list_blocks,
    show_blocks,
)
from gate.report.columns import cells
from gate.report.lines import plain
from tests.unit.report.scenes import (
    CANDIDATE,
    HOSTILE,
    READY,
    SHOWN,
    V2_EVIDENCE,
    Scene,
    assert_safe,
    entries_of,
    hostile_evidence,
    plan,
    rollback_plan,
)

REJECTED = entries_of(Scene(evidence=V2_EVIDENCE, traffic=Split.of(())), plan())


CONFLICT = "it has two outcomes that differ, the first is shown, one is forged"
Entries = Sequence[dict[str, Json]]


def audit_list_lines(entries: Entries, width: int = 100) -> list[str]:
    """The list as plain text."""
    return plain(list_blocks(entries, width), width)


def audit_show_lines(entries: Entries, width: int = 100) -> list[str]:
    """One rollout with everything that is recorded, as plain text."""
    return plain(show_blocks(entries, verbose=True), width)


def test_events_are_counted_and_not_shown() -> None:
    end, *others = REJECTED
    more = {"format": 1, "count": 9, "encoding": "zlib+base64", "data": "eJzLSM3JyQcABiwCFQ"}
    lines = audit_show_lines(({**end, "events": more}, *others), 200)
    (line,) = (line for line in lines if line.startswith("events: "))
    where = "--project demo --region us-central1 --service backend"
    assert line == f"events: 9, gate audit replay {end['rollout']} {where}"
    assert not any("eJzLSM3JyQ" in line for line in lines)


def named(entries: tuple[dict[str, Json], ...], rollout: str) -> tuple[dict[str, Json], ...]:
    """The same entries under another id."""
    return tuple({**entry, "rollout": rollout} for entry in entries)


def rolled_back() -> tuple[dict[str, Json], ...]:
    """A rollback."""
    scene = Scene(traffic=Split.all_to(CANDIDATE))
    scene.revisions[CANDIDATE] = Revision(CANDIDATE, READY, "backend:v2")
    return entries_of(scene, rollback_plan())


def test_a_wide_list_is_one_line_a_rollout() -> None:
    entries = (*named(rolled_back(), "r2"), *named(REJECTED, "r1"))
    lines = audit_list_lines(entries, 220)
    assert [line.split("  ")[0] for line in lines[2:]] == ["2026-01-01 12:00:00"] * 2
    assert [" ".join(line.split()) for line in (lines[0], *lines[2:])] == [
        "when (UTC) id service what ending revision traffic who why",
        (
            "2026-01-01 12:00:00 r2 backend rollback rolled back backend-00001-aaa "
            "backend-00002-abc 100 % -> backend-00001-aaa 100 % alice@example.com "
            "errors since noon"
        ),
        (
            "2026-01-01 12:00:00 r1 backend rollout rejected backend-00002-abc "
            "backend-00001-aaa 100 % (as before) alice@example.com ship the new agents"
        ),
    ]


def test_a_narrow_list_is_a_paragraph_a_rollout() -> None:
    assert audit_list_lines(rolled_back(), 80) == [
        "2026-01-01 12:00:00  20260101-120000-abc123  rolled back  rollback of backend",
        "    target backend-00001-aaa, traffic backend-00002-abc 100 % ->",
        "      backend-00001-aaa 100 %",
        "    by alice@example.com: errors since noon",
    ]


def test_a_first_deploy_moved_traffic_from_nobody() -> None:
    first = tuple({**entry, "traffic_before": []} for entry in rolled_back())
    assert "nobody -> backend-00001-aaa 100 %" in "\n".join(audit_list_lines(first, 220))


def test_a_rollout_without_an_outcome_is_unfinished() -> None:
    unfinished = tuple(entry for entry in REJECTED if entry["entry"] == "intention")
    lines = audit_list_lines((*named(unfinished, "r2"), *named(REJECTED, "r1")), 200)
    assert "  unfinished  " in lines[2]
    assert "LATEST 100 % -> ?" in lines[2]
    assert "  rejected  " in lines[3]
    assert lines[-1] == UNFINISHED_MEANS


def test_what_wrote_a_moment_ago_may_have_ended_meanwhile() -> None:
    wrote = tuple(entry for entry in REJECTED if entry["entry"] == "intention")
    found = put_together(wrote)
    at = max(datetime.fromisoformat(str(entry["at"])) for entry in wrote)
    told = {
        s: plain(decision_blocks(found, 1, 220, at + timedelta(seconds=s)), 220)[-1]
        for s in (59, 61)
    }
    assert "its record may be on the way" in told[59]
    assert "killed" not in told[59]
    assert told[61] == UNFINISHED_MEANS
    unread = put_together(tuple({**entry, "traffic_now": []} for entry in wrote))
    assert "as before" not in "\n".join(plain(decision_blocks(unread, 1, 220, at), 220))


def test_a_rollout_that_another_one_took_back_is_not_unfinished() -> None:
    dead = tuple(entry for entry in REJECTED if entry["entry"] == "intention")
    recovery = tuple({**entry, "took_back": ["r2"]} for entry in named(REJECTED, "r3"))
    lines = audit_list_lines((*recovery, *named(dead, "r2")), 200)
    assert "  taken back by r3  " in lines[3]
    assert "unfinished" not in "\n".join(lines)


def test_a_hold_before_anything_was_written_is_no_move() -> None:
    outcome = next(entry for entry in REJECTED if entry["entry"] == "outcome")
    early = {**outcome, "traffic_before": [], "stable": []}
    assert "(as before)" in audit_list_lines((early,), 220)[2]
    assert (
        "nobody -> "
        in audit_list_lines((early, *(one for one in REJECTED if one != outcome)), 220)[2]
    )


@pytest.mark.parametrize("ending", ["regressed", "reverted"])
def test_what_was_moved_and_came_back_says_so(ending: str) -> None:
    entries = tuple(
        {**entry, "ending": ending} if entry["entry"] == "outcome" else entry for entry in REJECTED
    )
    assert "backend-00001-aaa 100 % (moved, and back)" in audit_list_lines(entries, 220)[2]


def test_rules_that_were_set_aside_stand_beside_what_was_asked_for() -> None:
    entries = entries_of(Scene(), plan(again=True, overruled=("no-probe",)))
    assert "  rollout --again --no-probe  " in audit_list_lines(entries, 250)[2]
    assert "  override:  --again, --no-probe" in audit_show_lines(entries)
    assert not any("override" in line for line in audit_show_lines(REJECTED))


def test_whoever_took_it_back_is_named() -> None:
    dead = tuple(entry for entry in REJECTED if entry["entry"] == "intention")
    lines = plain(show_blocks(dead, taken_back_by="r9"), 100)
    assert lines[0].endswith(": taken back")
    assert lines[-1] == (
        "no outcome is recorded: the gate was killed half-way, and r9 took it back"
    )
    back = {**outcome_of(REJECTED), "took_back": ["r1", "r2"]}
    assert "  took back: r1, r2" in audit_show_lines((back,))


@pytest.mark.parametrize(
    ("principal", "told"),
    [
        ({"name": "bob", "authenticated": "cloud run"}, "alice (as bob, by Cloud Run's word)"),
        ({"name": "alice", "authenticated": "cloud run"}, "alice"),
        ({"name": "bob", "authenticated": "claimed"}, "alice"),
        (None, "alice"),
    ],
)
def test_who_acted_is_told_by_cloud_runs_word_where_it_has_one(principal: Json, told: str) -> None:
    entry = {**outcome_of(REJECTED), "actor": "alice", "principal": principal}
    assert f"  who:       {told}" in audit_show_lines((entry,))


def test_the_build_and_the_gates_version_are_told_at_length() -> None:
    build: Json = {"system": "Cloud Build", "id": "b-1", "trigger": "main", "commit": "abc"}
    entry = {**outcome_of(REJECTED), "build": build, "gate_version": "0.9.1"}
    lines = audit_show_lines((entry,))
    assert "  gate:      0.9.1" in lines
    assert "  build:     Cloud Build b-1, trigger main, commit abc" in lines


def test_each_decision_is_one_object_with_what_is_known_beside_it() -> None:
    dead = tuple(entry for entry in REJECTED if entry["entry"] == "intention")
    forged = {**outcome_of(REJECTED), "ending": "promoted", "at": "2026-01-01T13:00:00.000Z"}
    recovery = tuple({**entry, "took_back": ["r2"]} for entry in named(REJECTED, "r3"))
    entries = (*named((forged, *REJECTED), "r4"), *recovery, *named(dead, "r2"), *named(dead, "r1"))
    found = [*decision_values(put_together(entries))]
    assert [(one["rollout"], one["ending"]) for one in found] == [
        ("r4", "rejected"),
        ("r3", "rejected"),
        ("r2", "taken back"),
        ("r1", "unfinished"),
    ]
    assert [one["record"] for one in found] == [
        {"complete": True, "intentions": 2, "taken_back_by": "", "conflict": CONFLICT},
        {"complete": True, "intentions": 2, "taken_back_by": "", "conflict": ""},
        {"complete": False, "intentions": 2, "taken_back_by": "r3", "conflict": ""},
        {"complete": False, "intentions": 2, "taken_back_by": "", "conflict": ""},
    ]


def test_more_than_is_shown_is_counted() -> None:
    found = put_together(REJECTED)
    assert plain(decision_blocks(found, 3, 220), 220)[-1] == (
        "2 older ones are not shown (--limit 1)"
    )
    assert "not shown" not in plain(decision_blocks(found, 1, 220), 220)[-1]


def test_nothing_recorded() -> None:
    assert audit_list_lines((), 80) == ["nothing is recorded yet"]
    assert audit_show_lines((), 80) == [
        "nothing is recorded under this id (`gate audit list` shows the ids)"
    ]


def test_everything_about_a_rejection() -> None:
    lines = audit_show_lines(tuple(reversed(REJECTED)), 120)
    begin = lines.index("what the gate set out to do, in order:")
    assert lines[begin : begin + 13] == [
        "what the gate set out to do, in order:",
        "  2026-01-01 12:00:01  deploy backend:v2 as backend-00002-abc at 0 %",
        "    traffic then:   LATEST 100 %",
        "    traffic wanted: backend-00001-aaa 100 %, candidate -> backend-00002-abc",
        lines[begin + 4],
        "    traffic then:   backend-00001-aaa 100 %, candidate -> backend-00002-abc",
        "    traffic wanted: backend-00001-aaa 100 %",
        "",
        f"  sha256:    {'3fa9' * 16}",
        "  asked at:  http://127.0.0.1:41009",
        "  condition: ready",
        "  traffic:   backend-00001-aaa 100 %",
        "  changed:   last by alice@example.com",
    ]
    assert lines[begin + 4].endswith("  take the tag candidate from backend-00002-abc")
    begin = lines.index("  same-user-concurrency (websocket): FAILED in 2.3 s")
    assert lines[begin : begin + 10] == [
        "  same-user-concurrency (websocket): FAILED in 2.3 s",
        "    asked: 7 sessions at once on /ws (5 of 7 right)",
        "    expected: 7 of 7 sessions go right, close 1000",
        "    seen: 5 of 7 sessions went right",
        f"    trace: {'ab' * 16}",
        "    closed: got close 1011 (Internal error), expected close 1000 (2 times)",
        "    sequence: got an error frame, expected pong (2 times)",
        "    | > GET /api/health",
        "    | < 307 Temporary Redirect",
        "    | < location: /api/health/",
    ]


def test_the_last_log_lines_of_a_candidate_that_cannot_start() -> None:
    port = Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "did not listen")
    lines = audit_show_lines(entries_of(Scene(candidate_ready=port, logs=("a", " b")), plan()))
    begin = lines.index("    its last log lines:")
    assert lines[begin + 1 : begin + 3] == ["      | a", "      |  b"]


def test_an_unfinished_rollout_says_that_it_has_no_outcome() -> None:
    unfinished = tuple(entry for entry in REJECTED if entry["entry"] == "intention")
    lines = audit_show_lines(unfinished, 100)
    assert lines[0].endswith(": unfinished")
    assert lines[-1] == (
        "no outcome is recorded: it is still going on, or the gate was killed half-way"
    )


def test_evidence_that_was_left_out_is_counted() -> None:
    entries = tuple({**entry, "left_out": 3} for entry in REJECTED)
    assert "the entry was too large: 3 parts of the evidence were left out" in audit_show_lines(
        entries
    )


def test_numbers_may_come_back_as_floats() -> None:
    def floats(value: Json) -> Json:
        match value:
            case bool() | None | str():
                return value
            case dict():
                return {key: floats(item) for key, item in value.items()}
            case list():
                return [floats(item) for item in value]
            case _:
                return float(value)

    as_floats: tuple[dict[str, Json], ...] = tuple(
        {key: floats(item) for key, item in entry.items()} for entry in REJECTED
    )
    assert audit_show_lines(as_floats) == audit_show_lines(REJECTED)


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_its_width(width: int) -> None:
    for lines in (audit_list_lines(REJECTED, width), audit_show_lines(REJECTED, width)):
        assert all(cells(line) <= width or line.startswith("  gate ") for line in lines)


def test_hostile_text_shows_and_does_nothing() -> None:
    scene = Scene(evidence=(hostile_evidence(), hostile_evidence(HOSTILE)))
    entries = entries_of(scene, plan(actor=HOSTILE, reason=HOSTILE, image=HOSTILE))
    for lines in (audit_list_lines(entries, 1000), audit_show_lines(entries, 1000)):
        assert_safe(lines)
        assert any(SHOWN in line for line in lines)


def strings(value: Json) -> Iterator[str]:
    """Every key of an entry, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


KEYS = sorted({key for entry in REJECTED for key in strings(entry)})
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=20)
    | st.sampled_from(["outcome", "passed", "2026-01-01T12:00:00Z", "0001-01-01T00:00:00+23:00"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8), max_size=3))
def test_whatever_the_log_holds_can_be_shown(entries: list[dict[str, Json]]) -> None:
    assert_safe(audit_list_lines(entries))
    assert_safe(audit_show_lines(entries))


def outcome_of(entries: Entries) -> dict[str, Json]:
    return next(entry for entry in entries if entry["entry"] == "outcome")


def test_a_second_outcome_replaces_no_first_one_and_is_told() -> None:
    forged = {**outcome_of(REJECTED), "ending": "promoted", "at": "2026-01-01T13:00:00.000Z"}
    for lines in (
        audit_list_lines((forged, *REJECTED), 220),
        audit_show_lines((forged, *REJECTED)),
    ):
        assert any("rejected" in line for line in lines)
        assert any("it has two outcomes that differ" in line for line in lines)
    again = (outcome_of(REJECTED), *REJECTED)
    assert audit_list_lines(again, 220) == audit_list_lines(REJECTED, 220)


def test_writes_that_an_outcome_does_not_know_or_that_are_gone_are_told() -> None:
    end, *writes = REJECTED
    end = {**end, "intentions": ["a" * 64, "b" * 64]}
    for entries, told in (
        ((end, *writes[1:]), "it names 2 writes, of which the ledger has 1"),
        ((end, {**writes[0], "why": "x"}, *writes), "it names 2 writes, and the ledger has 3"),
    ):
        assert any(told in line for line in audit_show_lines(entries))
        assert put_together(entries, whole=True)[0].doubt.startswith(told)
        assert put_together(entries)[0].doubt == ""  # a part of the ledger proves nothing
    again = (end, *writes, *writes)
    assert not any("conflicting" in line for line in audit_show_lines(again))


def test_a_promotion_that_nobody_wrote_is_told() -> None:
    invented = {**outcome_of(REJECTED), "ending": "promoted", "rollout": "r9"}
    for lines in (audit_list_lines((invented,), 220), audit_show_lines((invented,))):
        assert any("r9: it says promoted, and knows of no write" in line for line in lines)
    old = {key: value for key, value in invented.items() if key != "intentions"}
    assert not any("invented" in line for line in audit_list_lines((old,), 220))
