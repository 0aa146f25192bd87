"""Who is at work, what is left and what is barred, for people and for machines."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gate.core.annotation import KEY, Denied, RolloutAnnotation
from gate.core.service import Service
from gate.core.traffic import Split, Target
from gate.report import lease
from gate.report.lines import plain
from tests.unit.report.progress.test_steps import HELD
from tests.unit.report.scenes import (
    CANDIDATE,
    HOSTILE,
    SHOWN,
    STABLE,
    START,
    assert_safe,
)
from tests.unit.report.scenes import service as unmarked

THERE = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10)])
"""Where the rollout at work has brought users."""
LATE = START + timedelta(seconds=65)
FLAGS = "--project demo --region us-central1 --service backend"


def service(mark: RolloutAnnotation | str, traffic: Split | None = None) -> Service:
    text = mark if isinstance(mark, str) else mark.text()
    return unmarked(traffic or Split.all_to(STABLE), annotations=((KEY, text),))


def shown(stands: Service, now: datetime = START) -> list[str]:
    return plain([*lease.lease_lines(stands, now), *lease.denylist_lines(stands)], 100)


def test_nobody_at_work_is_worth_no_line() -> None:
    assert shown(unmarked(Split.all_to(STABLE))) == []
    assert shown(service(RolloutAnnotation(4, wrote=((STABLE, 100),)))) == []


def test_a_rollout_at_work() -> None:
    assert shown(service(HELD, THERE)) == [
        "  at work:     rollout r7 (bob@example.com), since 2026-01-01 12:00:00 UTC",
        "  phase:       dwelling, candidate backend-00002-abc",
        "  lease:       until 2026-01-01 12:01:00 UTC, unless it is renewed",
    ]


def test_a_rollout_that_died_and_the_way_out() -> None:
    assert shown(service(HELD, THERE), LATE) == [
        (
            "  UNFINISHED:  rollout r7 (bob@example.com), since 2026-01-01 12:00:00 UTC died: "
            "dwelling, candidate"
        ),
        "    backend-00002-abc",
        "  lease:       ran out at 2026-01-01 12:01:00 UTC",
        "  it leaves:   traffic to go back to backend-00001-aaa 100 %",
        "  way out:     the next rollout takes back what it left; at once, that does",
        f"               gate recover {FLAGS}",
    ]


def test_an_annotation_that_nobody_can_read_and_the_way_out() -> None:
    lines = shown(service("scribble"))
    assert lines == [
        "  lease:       UNREADABLE, the gate's own annotation is not readable (got 'scribble')",
        "  way out:     no rollout starts before a person has looked, and then given",
        f'               gate unlock {FLAGS} --reason "..."',
    ]


def test_traffic_that_others_have_moved_since() -> None:
    line, bar, *_ = shown(service(RolloutAnnotation(4, wrote=((CANDIDATE, 100),))))
    assert bar == (
        f"  barred:      {CANDIDATE}, lost its users by other means than the gate "
        "(alice@example.com)"
    )
    assert line == (
        "  others:      somebody has moved traffic since the gate set backend-00002-abc 100 %"
    )
    shares = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10)])
    assert shown(service(RolloutAnnotation(4, wrote=((CANDIDATE, 10), (STABLE, 90))), shares)) == []


def test_barred_revisions_with_who_and_why_newest_first() -> None:
    bars = (Denied("a-1", "img", "bob", "orders fail"), Denied("a-2"))
    assert shown(service(RolloutAnnotation(4, denylist=bars))) == [
        "  barred:      a-2, rolled back by somebody",
        "  barred:      a-1, rolled back by bob: orders fail",
        "               no rollout promotes these again, unless with --again and --reason",
    ]
    many = tuple(Denied(f"a-{i}") for i in range(25))
    lines = shown(service(RolloutAnnotation(4, denylist=many)))
    assert lines[0].endswith("a-24, rolled back by somebody")
    assert lines[lease.DENYLIST_SHOWN_MAX] == "               and 22 older ones"


@pytest.mark.parametrize(
    ("mark", "now", "text"),
    [
        ("", START, "backend (demo/us-central1): nothing to recover"),
        (HELD, LATE, "backend (demo/us-central1): nothing to recover"),
        (
            HELD,
            START,
            (
                "backend (demo/us-central1): rollout r7 (bob@example.com), since 2026-01-01 "
                "12:00:00 UTC is at work, its lease runs until 2026-01-01 12:01:00 UTC: left alone"
            ),
        ),
    ],
)
def test_why_nothing_is_recovered(mark: RolloutAnnotation | str, now: datetime, text: str) -> None:
    if mark is HELD and now is LATE:
        mark = ""  # a lapsed one is recovered, not told of
    assert plain(lease.idle_lines(service(mark), now), 200)[0] == text


def test_a_living_rollout_is_left_alone_and_what_ends_it_is_said() -> None:
    lines = plain(lease.idle_lines(service(HELD), START), 200)
    which = '--project demo --region us-central1 --service backend --reason "..." --yes'
    assert [line for line in lines if line.startswith("  gate")] == [
        f"  gate rollback {which}",
        f"  gate unlock {which}",
    ]


def test_what_cannot_be_read_is_no_reason_to_be_calm() -> None:
    lines = plain(lease.idle_lines(service("?"), START), 200)
    assert lines[0] == "backend (demo/us-central1):"
    assert "UNREADABLE" in lines[1]


@pytest.mark.parametrize(
    ("mark", "now", "state", "rollout"),
    [
        ("", START, "free", ""),
        (HELD, START, "held", "r7"),
        (HELD, LATE, "lapsed", "r7"),
        ("?", START, "unreadable", ""),
    ],
)
def test_for_machines(
    mark: RolloutAnnotation | str, now: datetime, state: str, rollout: str
) -> None:
    value = lease.lease_value(service(mark), now)
    assert isinstance(value, dict)
    assert (value["state"], value["rollout"]) == (state, rollout)
    assert lease.denylist_value(service(mark, THERE)) == []


def test_the_fields_of_a_held_lease() -> None:
    assert lease.lease_value(service(HELD), START) == {
        "state": "held",
        "rollout": "r7",
        "actor": "bob@example.com",
        "since": "2026-01-01T12:00:00.000Z",
        "until": "2026-01-01T12:01:00.000Z",
        "phase": "dwelling",
        "candidate": CANDIDATE,
        "fence": 3,
    }


def test_hostile_text_shows_and_does_nothing() -> None:
    mark = replace(
        HELD,
        holder=HOSTILE,
        actor=HOSTILE,
        phase=HOSTILE,
        candidate=HOSTILE,
        safe=((HOSTILE, 100),),
        denylist=(Denied(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
    )
    for now in (START, LATE):
        lines = shown(service(mark), now)
        assert_safe(lines)
        assert SHOWN[:20] in "\n".join(lines)
    assert_safe(shown(service(HOSTILE)))


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_time_out_of_this_world_is_not_readable(year: str) -> None:
    text = HELD.text().replace("2026-01-01T12:01", f"{year}-01-01T12:01")
    assert "UNREADABLE" in shown(service(text))[0]
