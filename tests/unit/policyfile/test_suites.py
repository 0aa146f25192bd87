"""Suite probes in policies: what they become, and every way to write one wrong."""

import pytest

from gate.kinds.suite import Least, SuiteProbe
from tests.unit.policy_files import loaded, problems

WHOLE = """\
version: 1
secrets: {alice: {env: TOKEN_OF_ALICE}}
probes:
  suite:
    suite:
      run: [python, -m, pytest, tests]
      env: {BASE_URL: "${url}/v1", TOKEN: "${alice}", EMPTY: ""}
      directory: tests/staging
      timeout: 90s
      hosts: [api.example.com]
    expect:
      tests: ["a.py::test_b[1]"]
      skipped: 2
      pass_rate: {P1: 100%, all: 95.5%}
      counted: 45.5%
      evidence: results
"""


def test_a_whole_suite_probe_becomes_a_value(tmp_path):
    policy = loaded(tmp_path, WHOLE)
    assert policy.probes[0].spec == SuiteProbe(
        run=("python", "-m", "pytest", "tests"),
        env=(("BASE_URL", "${url}/v1"), ("TOKEN", "${alice}"), ("EMPTY", "")),
        directory="tests/staging",
        timeout_s=90.0,
        hosts=("api.example.com",),
        tests=("a.py::test_b[1]",),
        skipped=2,
        pass_rate={"P1": 100.0, "": 95.5},
        network=False,
        counted=Least(percent=45.5),
    )
    assert policy.folder == str(tmp_path)


def test_what_is_left_out_has_its_default_and_the_digest_knows_what_is_not(tmp_path):
    head = "version: 1\nprobes:\n  s:\n    suite: {run: [pytest]}\n"
    policy = loaded(tmp_path, head)
    assert policy.probes[0].spec == SuiteProbe(("pytest",))
    (tmp_path / "elsewhere").mkdir()
    assert loaded(tmp_path / "elsewhere", head).digest == policy.digest
    spelt = head + "    expect: {skipped: 0, evidence: network}\n"
    assert loaded(tmp_path, spelt).digest == policy.digest
    for more in (
        "{skipped: 1}",
        "{pass_rate: {P1: 1%}}",
        "{tests: [a]}",
        "{evidence: results}",
        "{counted: 1}",
    ):
        assert loaded(tmp_path, f"{head}    expect: {more}\n").digest != policy.digest


@pytest.mark.parametrize(
    ("suite", "expect", "said"),
    [
        ("{run: []}", "{}", "suite.run: has the wrong length"),
        ("{}", "{}", "suite: run is missing"),
        ("{run: pytest}", "{}", "suite.run: has the wrong form"),
        ('{run: ["${url}"]}', "{}", "suite.run[0]: holds a template where none is rendered"),
        ("{run: [a], directory: ../b}", "{}", "suite.directory: leads out"),
        ("{run: [a], directory: /b}", "{}", "suite.directory: leads out"),
        ("{run: [a], timeout: 0s}", "{}", "suite.timeout: must be more than 0"),
        ("{run: [a], timeout: 30}", "{}", "suite.timeout: has the wrong form"),
        ("{run: [a], env: {GATE_JUNIT_XML: b}}", "{}", "suite.env: has a wrong name"),
        ("{run: [a], env: {A=B: b}}", "{}", "suite.env: has a wrong name"),
        ('{run: [a], env: {A: "${b}"}}', "{}", "suite.env.A: names an unknown secret"),
        ("{run: [a], hosts: ['https://a.b']}", "{}", "suite.hosts[0]: has the wrong form"),
        ("{run: [a]}", "{pass_rate: {P1: 0%}}", "expect.pass_rate: cannot fail"),
        ("{run: [a]}", "{pass_rate: {P1: 101%}}", "expect.pass_rate.P1: has the wrong form"),
        ("{run: [a]}", "{evidence: exit_code}", "expect.evidence: has the wrong form"),
        ("{run: [a]}", "{skipped: -1}", "expect.skipped: has the wrong form"),
        ("{run: [a]}", "{counted: 0}", "expect.counted: has the wrong form"),
        ("{run: [a]}", "{counted: 0%}", "expect.counted: has the wrong form"),
        ("{run: [a]}", "{counted: 101%}", "expect.counted: has the wrong form"),
        ("{run: [a]}", "{counted: 1.5}", "expect.counted: has the wrong form"),
        ("{run: [a]}", "{counted: true}", "expect.counted: has the wrong form"),
        ("{run: [a]}", "{status: 200}", "expect: has an unknown key (got 'status')"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path, suite, expect, said):
    text = f"version: 1\nprobes:\n  s:\n    suite: {suite}\n    expect: {expect}\n"
    found = problems(tmp_path, text)
    assert len(found) == 1, found
    assert f"probes.s.{said}" in found[0]


def test_a_value_of_the_environment_is_not_shown(tmp_path):
    text = "version: 1\nprobes:\n  s:\n    suite: {run: [a], env: {TOKEN: 12345678}}\n"
    found = problems(tmp_path, text)
    assert "env.TOKEN: has the wrong form" in found[0]
    assert "12345678" not in found[0]
