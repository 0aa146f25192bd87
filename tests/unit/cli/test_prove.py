"""`gate policy prove` writes nothing to the service that users have, unless that is wanted."""

import pytest

from gate.cli.main import run

POLICY = """\
version: 1
service: {project: p, region: r, name: s}
probes:
  look: {http: {path: /}}
  write: {%s}
"""


@pytest.mark.parametrize(
    "asks", ["http: {path: /, method: POST}", "journey: {steps: [{get: /}], always: [{delete: /}]}"]
)
def test_a_policy_that_writes_is_proved_elsewhere(tmp_path, capsys, monkeypatch, asks):
    policy = tmp_path / "p.yaml"
    policy.write_text(POLICY % asks)
    assert run(["policy", "prove", str(policy), "--no-file"]) == 2
    said = capsys.readouterr().err
    assert "changes what the service keeps" in said
    assert "(got the probes write, expected --url or --writes)" in said
    assert run(["policy", "prove", str(policy), "--no-file", "--url", "http://127.0.0.1:1"]) == 3
