"""Rules for people as a policy has them."""

from datetime import UTC, datetime, time, timedelta

import pytest

from gate.core.approvals import ApprovalRule
from gate.core.freeze import Freeze, WeekTime
from gate.core.permits import Permits
from gate.core.state import Kind, Plan, ServiceRef
from tests.unit.policy_files import PLAIN, advice, loaded, problems

WEEKEND = "{from: Fri 16:00, to: Mon 08:00, zone: Europe/Berlin, reason: nobody is here}"


def windows(folder, text):
    return loaded(folder, f"{PLAIN}freeze: [{text}]\n").freeze


def test_windows_of_each_week_and_of_the_calendar(tmp_path):
    weekend, holidays, hours = windows(
        tmp_path,
        f"{WEEKEND}, {{from: 2026-12-20, to: 2027-01-02}}, "
        "{from: 2026-12-24 14:00, to: 2026-12-24 18:30, zone: America/New_York}",
    )
    assert (weekend.start, weekend.end) == (WeekTime(4, time(16)), WeekTime(0, time(8)))
    assert (weekend.zone_name, weekend.reason) == ("Europe/Berlin", "nobody is here")
    assert holidays.until(datetime(2027, 1, 2, 23, 59, tzinfo=UTC)) == datetime(
        2027, 1, 3, tzinfo=UTC
    )
    assert hours.until(datetime(2026, 12, 24, 19, tzinfo=UTC)) == datetime(
        2026, 12, 24, 23, 30, tzinfo=UTC
    )
    assert isinstance(holidays, Freeze)


@pytest.mark.parametrize(
    ("window", "place", "text"),
    [
        ("{from: Fri 16:00, to: Mon 08:00, zone: Europe/Berln}", "[0].zone", "Europe/Berlin?"),
        ("{from: Fri 16:00, to: Mon 08:00, zone: berlin}", "[0].zone", "Europe/Berlin?"),
        ("{from: Fri 16:00, to: Mon 08:00, zone: CEST+2}", "[0].zone", "time zone"),
        ("{from: Fri 16:00, to: Mon 08:00, zone: ../passwd}", "[0].zone", "time zone"),
        ("{from: Fri 16:00, to: 2026-12-20}", "[0].to", "one of each"),
        ("{from: Fri 16:00, to: Fri 16:00}", "[0].to", "ends when it begins"),
        ("{from: 2026-12-21 10:00, to: 2026-12-20}", "[0].to", "ends before it begins"),
        ("{from: 2026-02-30, to: 2026-03-01}", "[0].from", "calendar"),
        ("{from: Fri 24:00, to: Mon 08:00}", "[0].from", "00 to 23"),
        ("{from: Friday 16:00, to: Mon 08:00}", "[0].from", "Fri"),
        ("{from: 16, to: Mon 08:00}", "[0].from", "quotes"),
        ("{to: Mon 08:00}", "[0]", "from is missing"),
        ("{from: Fri 16:00, to: Mon 08:00, until: never}", "[0]", "until"),
    ],
)
def test_what_is_no_window_and_where(tmp_path, window, place, text):
    (problem,) = problems(tmp_path, f"{PLAIN}freeze: [{window}]\n")
    assert f" freeze{place}: " in problem
    assert text in problem


def test_a_day_is_frozen_as_a_whole(tmp_path):
    (window,) = windows(tmp_path, "{from: 2026-12-24, to: 2026-12-24}")
    begins = datetime(2026, 12, 24, tzinfo=UTC)
    assert window.until(begins) == begins + timedelta(days=1)
    assert window.until(begins - timedelta(minutes=1)) is None


def test_a_plan_carries_them_and_the_digest_knows_them(tmp_path):
    plain, frozen = loaded(tmp_path, PLAIN), loaded(tmp_path, f"{PLAIN}freeze: [{WEEKEND}]\n")
    assert plain.digest != frozen.digest
    later = WEEKEND.replace("16:00", "17:00")
    assert loaded(tmp_path, f"{PLAIN}freeze: [{later}]\n").digest != frozen.digest
    elsewhere = WEEKEND.replace("Berlin", "Paris")
    assert loaded(tmp_path, f"{PLAIN}freeze: [{elsewhere}]\n").digest != frozen.digest
    plan = Plan.from_policy(Kind.PROMOTE, ServiceRef("p", "r", "s"), frozen)
    assert plan.freeze == frozen.freeze


CI = '"serviceAccount:ci@demo.iam.gserviceaccount.com"'


@pytest.mark.parametrize(
    ("keys", "place", "text"),
    [
        ("approve: {count: 2}\nallow: {approve: [a@x.org]}", "approve.count", "never be met"),
        ("approve: {}\nallow: {approve: []}", "approve.count", "asks for 1, and 0 may"),
        (
            f"approve: {{}}\nallow: {{approve: [{CI}], rollout: [{CI}]}}",
            "approve.count",
            "0 may approve beside who asks",
        ),
        ("approve: {}\non_hold: drop", "on_hold", "nobody can look"),
        ("allow: {rollout: []}", "allow.rollout", "nobody"),
        ("allow: {approve: [a@x.org]}", "allow.approve", "no meaning"),
        (
            "freeze: [{from: Mon 08:00, to: Fri 08:00}, {from: Fri 07:00, to: Mon 09:00}]",
            "freeze",
            "no time in any week",
        ),
    ],
)
def test_rules_that_nobody_can_ever_meet_are_told(tmp_path, keys, place, text):
    told = [one for one in advice(tmp_path, f"{PLAIN}{keys}\n") if f" {place}: " in one]
    assert any(text in one for one in told)


@pytest.mark.parametrize(
    "keys",
    [
        'approve: {count: 2}\nallow: {approve: [a@x.org, "user:*@y.org"]}',
        "approve: {count: 2}\nallow: {approve: [a@x.org, b@x.org]}",
        f"approve: {{}}\nallow: {{approve: [a@x.org], rollout: [{CI}], rollback: []}}",
        "freeze: [{from: Mon 08:00, to: Fri 08:00}, {from: Fri 09:00, to: Mon 08:00}]",
        "freeze: [{from: 2026-01-01, to: 2999-01-01}]",
    ],
)
def test_rules_that_can_be_met_are_not(tmp_path, keys):
    told = "\n".join(advice(tmp_path, f"{PLAIN}{keys}\n"))
    for place in ("approve", "allow", "freeze", "on_hold"):
        assert f" {place}" not in told


def test_who_may_do_what_and_how_many_must_approve(tmp_path):
    keys = 'approve: {count: 2, not_author: false, within: 8h}\nallow: {promote: ["*@x.org"]}\n'
    policy = loaded(tmp_path, PLAIN + keys)
    assert policy.approve == ApprovalRule(2, not_author=False, within_s=8 * 3600.0)
    assert policy.allow == Permits({"promote": ("*@x.org",)})
    claims = loaded(tmp_path, f"{PLAIN}allow: {{claimed: accept}}\n").allow
    assert (claims.claimed, claims.by_verb) == (True, {})
    assert loaded(tmp_path, PLAIN + keys).digest != loaded(tmp_path, PLAIN).digest
    fewer = loaded(tmp_path, PLAIN + keys.replace("*@x.org", "ana@x.org"))
    assert fewer.digest != policy.digest


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("approve: {count: 0}", "approve.count"),
        ("approve: {count: 21}", "1 to 20"),
        ("approve: {within: 0s}", "within"),
        ("approve: {within: 25h}", "at most 24h"),
        ("allow: {promote: [group:sre]}", "allow.promote[0]"),
        ("allow: {promote: ['group:sre@x.org']}", "name its members, as user:ana@x.org"),
        ("allow: {promote: ['principalSet://goog/group/x']}", "nobody is asked who is in a group"),
        ("allow: {promote: ['domain:x.org']}", "write *@x.org"),
        (r'allow: {promote: ["domain:x\e[31m.org"]}', "write *@example.com"),
        ("allow: {promote: [allUsers]}", "leave the key out"),
        ("allow: {promote: ['User:ana@x.org']}", "write user: before the address"),
        ("allow: {promote: ana@x.org}", "list"),
        ("allow: {deploy: [ana@x.org]}", "deploy"),
        ("allow: {claimed: maybe}", "accept or refuse"),
    ],
)
def test_what_is_no_rule_and_where(tmp_path, keys, text):
    (problem,) = problems(tmp_path, f"{PLAIN}{keys}\n")
    assert text in problem
