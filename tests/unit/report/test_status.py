"""How a service stands, for people."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.annotation import KEY, Denied, RolloutAnnotation
from gate.core.service import Condition, ConditionState, Revision
from gate.core.traffic import Split, Target
from gate.report.columns import cells
from gate.report.machine import status_value
from gate.report.status import status_lines
from tests.unit.report.scenes import (
    CANDIDATE,
    HOSTILE,
    READY,
    SHOWN,
    STABLE,
    START,
    V2_EVIDENCE,
    Scene,
    assert_safe,
    entries_of,
    plan,
    service,
)

FAILED = Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "did not listen on 8080")
IMAGE = f"us-docker.pkg.dev/demo/repo/backend@sha256:{'0123456789abcdef' * 4}"
REVISIONS = (
    Revision(CANDIDATE, FAILED, IMAGE, START + timedelta(minutes=5)),
    Revision(STABLE, READY, "backend:v1", START),
)


def test_a_pinned_service_from_top_to_bottom() -> None:
    stands = service(Split.all_to(STABLE, {"candidate": CANDIDATE}), latest_created=CANDIDATE)
    assert status_lines(stands, REVISIONS, entries_of(Scene(), plan()), START, 100) == [
        "backend (demo/us-central1)",
        "  url:         http://127.0.0.1:41000",
        "  state:       ready",
        "  last change: by alice@example.com at 2026-01-01 12:00:00 UTC",
        "  traffic:     backend-00001-aaa 100 % (desired and effective agree)",
        "  tag:         candidate -> backend-00002-abc at http://127.0.0.1:41009",
        "",
        (
            "A plain `gcloud run deploy` serves nobody: traffic is pinned to named revisions. "
            "The way out, if it"
        ),
        "  is wanted:",
        (
            "  gcloud run services update-traffic backend --to-latest "
            "--project demo --region us-central1"
        ),
        (
            "The newest revision, backend-00002-abc, is not ready; the newest that is ready is "
            "backend-00001-aaa."
        ),
        "",
        "revisions, newest first:",
        "  revision           traffic  tags       state      created (UTC)     image",
        f"  {'-' * 17}  {'-' * 7}  {'-' * 9}  {'-' * 9}  {'-' * 16}  {'-' * 27}",
        (
            "  backend-00002-abc  0 %      candidate  NOT READY  2026-01-01 12:05  "
            "backend@sha256:0123456789ab"
        ),
        "  backend-00001-aaa  100 %    -          ready      2026-01-01 12:00  backend:v1",
        "  backend-00002-abc: HEALTH_CHECK_CONTAINER_ERROR: did not listen on 8080",
        "",
        "last decisions of the gate, newest first:",
        "2026-01-01 12:00:00  20260101-120000-abc123  promoted     rollout of backend",
        (
            "    candidate backend-00002-abc, traffic backend-00001-aaa 100 % -> "
            "backend-00002-abc 100 %"
        ),
        "    by alice@example.com: ship the new agents",
    ]


def test_traffic_on_latest_says_what_a_plain_deploy_would_do() -> None:
    lines = status_lines(service(Split.of(())), REVISIONS, (), START, 200)
    assert (
        "  traffic:     LATEST 100 %, which is backend-00001-aaa (desired and effective agree)"
        in lines
    )
    assert (
        "A plain `gcloud run deploy` gets 100 % of the traffic as soon as it is ready, unprobed: "
        "traffic follows LATEST. The next `gate rollout` pins it."
    ) in lines
    assert not any("serves nobody" in line for line in lines)
    assert not any("newest revision" in line for line in lines)
    assert lines[-1] == "nothing is recorded yet"


def test_a_ledger_that_gave_no_answer_is_not_told_as_an_empty_one() -> None:
    told = "they cannot be read"
    lines = status_lines(service(Split.of(())), REVISIONS, (), START, 200, told)
    assert lines[-1] == told
    assert "nothing is recorded yet" not in lines


def test_traffic_that_is_not_in_effect_is_loud() -> None:
    stands = service(Split.all_to(CANDIDATE), Split.all_to(STABLE), ready=FAILED)
    lines = status_lines(stands, REVISIONS, (), START, 100)
    assert "  state:       FAILED (HEALTH_CHECK_CONTAINER_ERROR: did not listen on 8080)" in lines
    begin = lines.index(
        "  traffic:     DESIRED AND EFFECTIVE DIFFER, requests do not go where they should"
    )
    assert lines[begin + 1 : begin + 3] == [
        "  desired:     backend-00002-abc 100 %",
        "  effective:   backend-00001-aaa 100 %",
    ]


def test_a_change_under_way_is_said() -> None:
    reconciling = Condition(ConditionState.RECONCILING)
    wanted = Split.all_to(CANDIDATE)
    stands = service(wanted, Split.all_to(STABLE), reconciling=True, ready=reconciling)
    lines = status_lines(stands, REVISIONS, (), START, 100)
    assert "  state:       RECONCILING" in lines
    assert "  traffic:     A CHANGE IS UNDER WAY, traffic may still move" in lines


def test_an_update_that_moves_nobody_is_told_calmly_unless_traffic_follows_latest() -> None:
    reconciling = Condition(ConditionState.RECONCILING)
    pinned = Split.all_to(STABLE)
    stands = service(pinned, pinned, reconciling=True, ready=reconciling)
    told = "  traffic:     backend-00001-aaa 100 % (in effect; Cloud Run is still at work)"
    assert told in status_lines(stands, REVISIONS, (), START, 100)
    latest = Split.of([Target(None, 100)])
    moves = service(latest, Split.all_to(STABLE), reconciling=True, latest_ready=STABLE)
    text = "\n".join(status_lines(moves, REVISIONS, (), START, 100))
    assert "A CHANGE IS UNDER WAY" in text


def test_a_newest_revision_that_is_ready_and_retired_is_not_called_unready() -> None:
    retired = Condition(ConditionState.SUCCEEDED, "RETIRED", "Revision retired.")
    revisions = (replace(REVISIONS[0], ready=retired), REVISIONS[1])
    stands = service(Split.all_to(STABLE), latest_created=CANDIDATE)
    text = " ".join(status_lines(stands, revisions, (), START, 100))
    assert "The newest revision, backend-00002-abc, is ready, but was never reached;" in text
    assert "is not ready" not in text


def test_a_tag_without_an_address_and_a_service_without_a_revision() -> None:
    stands = service(
        Split.of(()), (), latest_ready="", latest_created=CANDIDATE, uri="", last_modifier=""
    )
    lines = status_lines(stands, (), (), START, 100)
    assert "  url:         none yet" in lines
    assert "  desired:     LATEST 100 %, which is nothing, since none is ready" in lines
    assert (
        "The newest revision, backend-00002-abc, is not ready; the newest that is ready is none."
        in lines
    )
    tagged = service(Split.all_to(STABLE, {"mine": STABLE}), Split.all_to(STABLE))
    assert "  tag:         mine -> backend-00001-aaa, which has no address yet" in status_lines(
        tagged, (), (), START, 100
    )


def test_only_recent_revisions_are_listed_and_those_that_matter() -> None:
    names = [f"backend-{i:05d}-xyz" for i in range(30, 0, -1)]
    revisions = [Revision(name, READY, "backend:v1", START) for name in names]
    stands = service(
        Split.all_to("backend-00003-xyz", {"mine": "backend-00005-xyz"}), latest_ready=names[0]
    )
    lines = status_lines(stands, revisions, (), START, 100)
    listed = [line.split()[0] for line in lines if line.startswith("  backend-")]
    assert listed == [*names[:10], "backend-00005-xyz", "backend-00003-xyz"]
    assert "  and 18 older ones" in lines


def test_only_the_last_decisions_are_shown() -> None:
    entries = tuple(
        {**entry, "rollout": f"r{i}"} for i in range(9) for entry in entries_of(Scene(), plan())
    )
    lines = status_lines(service(Split.all_to(STABLE)), REVISIONS, entries, START, 100)
    assert sum("promoted" in line for line in lines) == 5


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_its_width_but_for_commands_to_copy(width: int) -> None:
    stands = service(Split.all_to(STABLE, {"candidate": CANDIDATE}), latest_created=CANDIDATE)
    for line in status_lines(stands, REVISIONS, entries_of(Scene(), plan()), START, width):
        assert cells(line) <= width or line.startswith("  gcloud ")


def test_hostile_text_shows_and_does_nothing() -> None:
    condition = Condition(ConditionState.FAILED, HOSTILE, HOSTILE)
    stands = service(
        Split.all_to(HOSTILE, {HOSTILE: HOSTILE}),
        ready=condition,
        uri=HOSTILE,
        last_modifier=HOSTILE,
        latest_created=HOSTILE,
    )
    revisions = (Revision(HOSTILE, condition, HOSTILE, START),)
    lines = status_lines(stands, revisions, entries_of(Scene(), plan(reason=HOSTILE)), START, 1000)
    assert_safe(lines)
    assert sum(SHOWN in line for line in lines) >= 8


BEFORE = Split.all_to(STABLE)
WHICH = "--project demo --region us-central1 --service backend"


def led(*arguments: object) -> list[str]:
    """What status leads with, and the same for machines."""
    lines = status_lines(*arguments, START, 200)  # type: ignore[arg-type]
    value = status_value(*arguments, START)  # type: ignore[arg-type]
    assert isinstance(value, dict)
    begins = lines[0].startswith("next: ")
    assert value["next"] == (lines[1].strip() if begins else "")
    return lines[:2] if begins else []


def test_a_service_that_is_well_has_no_next_command() -> None:
    assert led(service(Split.all_to(STABLE)), REVISIONS, ()) == []


LEFT = Denied("backend-00000-old", IMAGE, "bob@example.com", "orders fail")
HELD = service(Split.all_to(STABLE, {"candidate": CANDIDATE}))


@pytest.mark.parametrize(
    "bar", [LEFT, replace(LEFT, revision=CANDIDATE, image="")], ids=["image", "revision"]
)
def test_a_held_candidate_that_people_have_left_is_not_promoted_but_followed(bar: Denied) -> None:
    stands = replace(HELD, annotations=((KEY, RolloutAnnotation(denylist=(bar,)).text()),))
    entries = entries_of(Scene(evidence=V2_EVIDENCE[:1]), plan())
    why, command = led(stands, (replace(REVISIONS[0], ready=READY), REVISIONS[1]), entries)
    assert command == f"  gate rollout --policy POLICY --image IMAGE {WHICH}"
    assert why == (
        f"next: {CANDIDATE} is held, its image is barred: bob@example.com moved users away from "
        f"{bar.revision} (orders fail); roll out another one, or this one with --again --reason"
    )


def test_a_bar_that_only_the_rollout_could_see_is_told_by_its_record() -> None:
    entries = entries_of(Scene(evidence=V2_EVIDENCE[:1]), plan())
    reason = {"subject": "barred", "text": "nobody knows the digest"}
    barred = tuple(
        {**one, "verdict": {"reasons": [reason]}} if one["entry"] == "outcome" else one
        for one in entries
    )
    why, command = led(HELD, (replace(REVISIONS[0], ready=READY), REVISIONS[1]), barred)
    assert command.startswith("  gate rollout --policy POLICY --image IMAGE ")
    assert "its image is barred: nobody knows the digest; roll out another" in why


def test_a_held_candidate_is_what_comes_next_and_costs() -> None:
    stands = service(Split.all_to(STABLE, {"candidate": CANDIDATE}))
    entries = entries_of(Scene(evidence=V2_EVIDENCE[:1]), plan())
    kept = (replace(REVISIONS[0], ready=READY, min_instances=1), REVISIONS[1])
    assert led(stands, kept, entries)[1] == (
        f'  gate promote --revision {CANDIDATE} {WHICH} --reason "..." --yes'
    )
    lines = status_lines(stands, kept, entries, START, 200)
    assert (
        f"  held:        {CANDIDATE}; 1 minimum instance of it kept running, at a cost, meanwhile; "
        "on_hold: drop lets it go"
    ) in lines
    assert led(service(Split.all_to(STABLE)), kept, entries) == []  # its tag is gone


def test_after_a_stuck_end_that_still_stands_it_says_where_to_go() -> None:
    entries = [
        {**entry, "ending": "stuck"} if entry["entry"] == "outcome" else entry
        for entry in entries_of(Scene(), plan())
    ]
    ready = (replace(REVISIONS[0], ready=READY), REVISIONS[1])
    stands = service(Split.all_to(CANDIDATE))
    assert f"--to {STABLE} " in led(stands, ready, entries)[1]
    assert led(service(Split.all_to(STABLE)), ready, entries) == []  # somebody has mended it


def test_beside_a_rollout_nothing_is_said_that_would_move_users_to_latest() -> None:
    mark = RolloutAnnotation(
        4, holder="r7", until=START + timedelta(minutes=1), wrote=((STABLE, 100),)
    )
    stands = replace(service(Split.all_to(STABLE)), annotations=((KEY, mark.text()),))
    assert not any("to-latest" in line for line in status_lines(stands, REVISIONS, (), START, 200))


def test_a_rollout_that_ended_before_its_record_came_was_not_killed() -> None:
    entries = [one for one in entries_of(Scene(), plan()) if one["entry"] != "outcome"]
    rollout = str(entries[0]["rollout"])
    mark = RolloutAnnotation(4, writer=rollout, wrote=((STABLE, 100),))
    stands = replace(service(Split.all_to(STABLE)), annotations=((KEY, mark.text()),))
    text = "\n".join(status_lines(stands, REVISIONS, entries, START, 200))
    assert "ended; its record is on the way" in text
    assert "killed" not in text
    unknown = "\n".join(status_lines(service(BEFORE), REVISIONS, entries, START, 200))
    assert "killed half-way" in unknown


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (60, "it is at work, or was killed: the lease on the service runs until"),
        (-60, "the gate was killed half-way: `gate recover` takes back what it left"),
    ],
)
def test_of_a_decision_without_an_end_it_says_which_it_is(seconds: int, told: str) -> None:
    entries = [one for one in entries_of(Scene(), plan()) if one["entry"] != "outcome"]
    until = START + timedelta(seconds=seconds)
    mark = RolloutAnnotation(4, holder=str(entries[0]["rollout"]), until=until)
    stands = replace(service(Split.all_to(STABLE)), annotations=((KEY, mark.text()),))
    text = "\n".join(status_lines(stands, REVISIONS, entries, START, 400))
    assert f"unfinished: no outcome is recorded; {told}" in text
    assert "`gate status` says" not in text
