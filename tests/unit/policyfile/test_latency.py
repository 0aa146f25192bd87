"""An http probe with a rate: what the file says, what the core gets, what is refused."""

import pytest

from gate.kinds.http import HttpProbe
from gate.kinds.latency import LatencyProbe
from tests.unit.policy_files import HEAD, advice, probe, probes, problems


def spec(folder, ask, expect="{}"):
    return probe(folder, f"x: {{http: {{path: /a, {ask}}}, expect: {expect}}}", "x").spec


def test_every_key_becomes_a_value(tmp_path):
    assert spec(
        tmp_path,
        "method: POST, headers: {a: '${alice}'}, body: {n: '${nonce}'}, timeout: 5s, "
        "rate: 30/m, for: 20s, warm_up: 3s",
        "{status: [200, 204], p50: 10ms, p95: 1s, p99: 2s, slower_than_stable: 250%, errors: 1.5%}",
    ) == LatencyProbe(
        "/a",
        method="POST",
        headers=(("a", "${alice}"),),
        body={"n": "${nonce}"},
        rate_per_s=0.5,
        for_s=20,
        warm_up_s=3,
        timeout_s=5,
        status=(200, 204),
        p50_s=0.01,
        p95_s=1,
        p99_s=2,
        slower_percent=250,
        errors_percent=1.5,
    )


def test_what_is_left_out_has_its_default(tmp_path):
    assert spec(tmp_path, "rate: 50/s") == LatencyProbe("/a", rate_per_s=50)
    assert spec(tmp_path, "timeout: 1s") == HttpProbe("/a", timeout_s=1)


@pytest.mark.parametrize(
    ("ask", "expect", "said"),
    [
        ("rate: 50", "{}", "rate: has the wrong form (got the number 50, expected a rate such as"),
        ("rate: 50/h", "{}", "rate: has the wrong form (got '50/h'"),
        ("rate: 0/s", "{}", "rate: is out of range (got 0, expected 0.1 to 10000)"),
        ("rate: 5/s, for: 500ms", "{}", "for: is out of range (got 0.5, expected 1 to 3600)"),
        (
            "rate: 999/s, for: 10m",
            "{}",
            "for: makes too many requests with its warm-up (got 600399",
        ),
        ("rate: 5/s, timeout: 1s", "{p99: 2s}", "p99: is longer than a request may take at all"),
        ("rate: 5/s", "{errors: 100%}", "errors: is out of range"),
        ("rate: 5/s", "{slower_than_stable: 20}", "slower_than_stable: has the wrong form"),
        ("rate: 5/s", "{slower_than_stable: 0%}", "slower_than_stable: is out of range (got 0"),
        ("for: 10s", "{}", "for: has no meaning without a rate"),
        ("timeout: 1s", "{p95: 1s}", "p95: has no meaning without a rate"),
        ("rate: 5/s", "{json: {a: 1}}", "json: is not looked at where a rate is given"),
        ("rate: 5/s", "{schema: a.json}", "schema: is not looked at where a rate is given"),
        ("rate: 5/s, headers: {a: '${user}'}", "{}", "uses ${user}, which only websocket"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(tmp_path, ask, expect, said):
    found = problems(tmp_path, probes(f"x: {{http: {{path: /a, {ask}}}, expect: {expect}}}"))
    assert any(said in one for one in found), found


def advised(folder, expect, baseline="baseline: stable\n", ask="rate: 50/s, for: 10s"):
    text = f"x: {{http: {{path: /a, {ask}}}, expect: {expect}}}"
    told = advice(folder, probes(text).replace(HEAD, "version: 1\n" + baseline))
    return [one for one in told if "probes.x" in one]


def test_what_can_never_pass_is_advised_against(tmp_path):
    assert not advised(tmp_path, "{p95: 1s, p99: 2s, slower_than_stable: 20%}")
    (alone,) = advised(tmp_path, "{slower_than_stable: 20%}", baseline="")
    assert "has no stable to compare with" in alone
    assert "set baseline: stable" in alone
    (few,) = advised(tmp_path, "{slower_than_stable: 20%}", ask="rate: 9/s, for: 10s")
    assert "90 requests cannot tell (expected at least 100)" in few
    assert "for: 12s" in few
    (none,) = advised(tmp_path, "{p99: 1s}", ask="rate: 9/s, for: 10s")
    assert "90 requests cannot tell (expected at least 100)" in none
