"""The history of traffic: in order, and bounded."""

from datetime import UTC, datetime

from gate.local.history import (
    MOMENTS_MAX,
    SERVICES_MAX,
    History,
    Line,
    Moment,
    What,
    lines_of,
)
from gate.local.ports import ServiceKey

AT = datetime(2026, 1, 1, tzinfo=UTC)


def key(name):
    return ServiceKey("p", "l", name)


def moment(percent=100):
    return Moment(
        AT, What.ASKED, (Line("a", percent), Line("b", 0, "blue")), "eve", (("k", "v"),), 3
    )


def test_a_moment_in_json():
    history = History()
    history.note(key("s"), moment())
    assert history.of(key("s")) == [
        {
            "number": 1,
            "at": "2026-01-01T00:00:00+00:00",
            "what": "asked",
            "traffic": [
                {"revision": "a", "percent": 100, "tag": ""},
                {"revision": "b", "percent": 0, "tag": "blue"},
            ],
            "caller": "eve",
            "annotations": {"k": "v"},
            "generation": 3,
        }
    ]


def test_moments_are_numbered_over_all_services_and_each_has_its_own():
    history = History()
    for name in ("s", "t", "s"):
        history.note(key(name), moment())
    assert [each["number"] for each in history.of(key("s"))] == [1, 3]
    assert history.of(key("nobody")) == []


def test_the_oldest_moments_and_the_services_that_changed_first_are_forgotten():
    history = History()
    for number in range(MOMENTS_MAX + 1):
        history.note(key("s"), moment(number % 100))
    assert len(history.of(key("s"))) == MOMENTS_MAX
    assert history.of(key("s"))[0]["number"] == 2
    for number in range(SERVICES_MAX):
        history.note(key(f"t{number}"), moment())
    assert history.of(key("s")) == []
    assert history.of(key("t0")) != []


def test_routes_as_a_traffic_list():
    assert lines_of([("a", 60), ("b", 40)], [("blue", "a")]) == (
        Line("a", 60),
        Line("b", 40),
        Line("a", 0, "blue"),
    )
