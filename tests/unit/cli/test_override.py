"""--override and --expires: what is refused before anything is asked of anybody."""

import pytest

from gate.cli.main import run

WHERE = ("--project", "p", "--region", "r", "--service", "s")
PROMOTE = ("promote", "--revision", "s-00001-abc", "--yes", *WHERE)
WHY = ("--reason", "logins fail")


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ((*WHY, "--override", "freeze"), "needs an expiry"),
        (("--reason", "x", "--override", "freeze", "--expires", "25h"), "24h"),
        ((*WHY, "--override", "freeze", "--expires", "0s"), "at most 24 h"),
        ((*WHY, "--override", "lease", "--expires", "2h"), "no such rule (got lease"),
        ((*WHY, "--override", "freeze,guard", "--expires", "2h"), "no such rule (got guard"),
        ((*WHY, "--override", " ", "--expires", "2h"), "needs"),
        ((*WHY, "--expires", "2h"), "sets nothing aside"),
    ],
)
def test_an_override_needs_a_rule_a_reason_and_an_expiry(more, text, capsys):
    assert run([*PROMOTE, *more]) == 2
    said = capsys.readouterr()
    assert text in said.err
    assert said.out == ""


def test_a_rollout_needs_a_reason_for_it(tmp_path, capsys):
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nprobes:\n  one: {http: {path: /}}\n")
    asked = ("rollout", "--policy", str(policy), "--image", "x", *WHERE)
    assert run([*asked, "--override", "freeze", "--expires", "2h"]) == 2
    assert "needs a reason" in capsys.readouterr().err
