import json

import pytest

from tests.unit.policy_files import loaded

TEXT = """\
version: 1
deadline: 15m
secrets: {alice: {env: A}, bob: {env: B}}
probes:
  one: {http: {path: /a, timeout: 2s}, expect: {schema: a.json, json: {x: 1}}}
  two: {websocket: {path: /ws, script: [{send: a}, {send: b}]}, expect: {success: 99%}}
"""


@pytest.fixture
def digest(tmp_path):
    def of(text=TEXT, schema='{"type": "object", "title": "a"}', name="policy.yaml"):
        (tmp_path / "a.json").write_text(schema)
        return loaded(tmp_path, text).digest

    return of


def test_a_digest_is_a_sha256(digest):
    assert len(digest()) == 64
    assert int(digest(), 16)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("version: 1\n", "# a comment\nversion: 1\n\n"),
        ("deadline: 15m", "deadline: 900s"),
        ("{alice: {env: A}, bob: {env: B}}", "\n  bob: {env: B}\n  alice:\n    env: A"),
        ("{path: /a, timeout: 2s}", "{timeout: 2000ms, method: GET, path: /a}"),
        ("success: 99%", "success: 99.0%, foreign_messages: 0"),
        ("deadline: 15m\n", "deadline: 15m\non_hold: keep\ntraffic: [100]\n"),
    ],
)
def test_the_same_policy_written_otherwise_has_the_same_digest(digest, written, instead):
    assert written in TEXT
    assert digest(TEXT.replace(written, instead)) == digest()


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("deadline: 15m", "deadline: 14m"),
        ("env: B", "env: C"),
        ("path: /a", "path: /b"),
        ("json: {x: 1}", "json: {x: true}"),
        ("json: {x: 1}", 'json: {x: "1"}'),
        ("[{send: a}, {send: b}]", "[{send: b}, {send: a}]"),
        ("  one:", "  uno:"),
        ("expect: {success: 99%}", "expect: {success: 99%}, required: false"),
        ("version: 1\n", "version: 1\non_hold: drop\n"),
        ("version: 1\n", "version: 1\ncandidate: {identity: {header: x}}\n"),
    ],
)
def test_another_policy_has_another_digest(digest, written, instead):
    assert written in TEXT
    assert digest(TEXT.replace(written, instead)) != digest()


def test_the_order_of_probes_counts(digest):
    lines = TEXT.splitlines(keepends=True)
    assert digest("".join([*lines[:-2], lines[-1], lines[-2]])) != digest()


def test_a_changed_schema_changes_the_digest_and_its_layout_does_not(digest):
    assert digest(schema=json.dumps({"title": "a", "type": "object"}, indent=4)) == digest()
    assert digest(schema='{"type": "array", "title": "a"}') != digest()


def test_the_digest_of_a_known_policy_stays(digest):
    """Entries of the ledger name policies by digest: another canonical form would orphan them."""
    assert digest() == "d92aab232bfda24ffdeb52e1073acbd88b9b7fd35d1fb41bd4264eea321c8375"
