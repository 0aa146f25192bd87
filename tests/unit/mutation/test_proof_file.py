"""The proof file: whole or not at all, and read strictly."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.core.proof import Proof, Survivor
from gate.errors import ExitCode, GateError
from gate.mutation.proof_file import (
    SIZE_MAX_BYTES,
    ProofFileError,
    check_place,
    proof_path,
    read_proof,
    write_proof,
)

PROOF = Proof(
    "0.1.0",
    "a" * 64,
    "b" * 64,
    datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    3,
    2,
    {"welcome": 1, "health": 1},
    ("beta",),
    (Survivor("GET /a: x", "contract", "a schema that requires x"),),
    {"suite": {"test_a.py::test_b": 2, "test_a.py::test_c": 0}},
    7,
    {"suite": ("test_a.py::test_c",)},
    {"suite": ("test_a.py::test_d",)},
)


def test_it_lies_beside_the_policy():
    assert proof_path(Path("policies/backend.yaml")) == Path("policies/backend.proof.json")


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "p.proof.json"
    write_proof(path, PROOF)
    assert read_proof(path) == PROOF
    assert [file.name for file in tmp_path.iterdir()] == ["p.proof.json"]
    assert json.loads(path.read_text())["kill_percent"] == 66.7


def test_the_same_proof_is_the_same_file_whatever_the_order_it_was_found_in(tmp_path):
    one, two = tmp_path / "1", tmp_path / "2"
    more = (Survivor("b", "f", "x"), Survivor("a", "f", "x"))
    write_proof(one, replace(PROOF, mutants=4, survivors=more, kills={"a": 1, "b": 1}))
    write_proof(two, replace(PROOF, mutants=4, survivors=more[::-1], kills={"b": 1, "a": 1}))
    assert one.read_bytes() == two.read_bytes()


def test_a_file_that_is_not_there_is_no_proof_and_no_mistake(tmp_path):
    assert read_proof(tmp_path / "none.proof.json") is None


def test_a_proof_of_an_earlier_release_has_met_all_that_it_knew(tmp_path):
    path = tmp_path / "p.proof.json"
    path.write_text(json.dumps(plain()))
    proof = read_proof(path)
    assert (proof.reachable, proof.met_percent, proof.untried) == (1, 100, {})


def plain():
    return {
        "format": 1, "gate": "0.1.0", "policy_digest": "a" * 64, "contract_digest": "b" * 64,
        "made_at": "2026-01-02T03:04:05Z", "mutants": 1, "killed": 1, "kill_percent": 100.0,
        "kills": {"health": 1}, "cannot_fail": [], "survivors": [],
        "tests": {"suite": {"test_a.py::test_b": 1}},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "format"),
        ({"policy_digest": "A" * 64}, "policy_digest"),
        ({"contract_digest": "b"}, "contract_digest"),
        ({"made_at": "2026-01-02"}, "made_at"),
        ({"made_at": "yesterday"}, "yesterday"),
        ({"killed": 2}, "killed"),
        ({"reachable": 0}, "reachable"),
        ({"untried": {"suite": [1]}}, "untried.suite"),
        ({"silent": ["test_a"]}, "silent"),
        ({"killed": True}, "killed"),
        ({"killed": 0}, "add up"),
        ({"mutants": -1}, "mutants"),
        ({"kills": {"health": "1"}}, "kills.health"),
        ({"kills": []}, "kills"),
        ({"cannot_fail": "health"}, "cannot_fail"),
        ({"cannot_fail": [7]}, "cannot_fail"),
        ({"survivors": [{"mutant": "x"}]}, "survivors"),
        ({"tests": []}, "tests"),
        ({"tests": {"suite": 1}}, "tests.suite"),
        ({"tests": {"suite": {"test_b": -1}}}, "tests.suite.test_b"),
        ({"more": 1}, "has besides more"),
    ],
)
def test_what_says_something_else_than_a_proof_is_refused(tmp_path, change, said):
    path = tmp_path / "p.proof.json"
    path.write_text(json.dumps(plain()))
    assert read_proof(path) is not None
    path.write_text(json.dumps(plain() | change))
    with pytest.raises(ProofFileError, match=said) as refused:
        read_proof(path)
    assert str(path) in str(refused.value)
    assert "gate policy prove" in refused.value.hint
    assert refused.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '"x"'])
def test_what_is_no_object_is_refused(tmp_path, text):
    path = tmp_path / "p.proof.json"
    path.write_text(text)
    with pytest.raises(ProofFileError):
        read_proof(path)


def test_what_is_no_text_too_large_or_no_file_is_refused(tmp_path):
    path = tmp_path / "p.proof.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ProofFileError, match="UTF-8"):
        read_proof(path)
    path.write_bytes(b" " * (SIZE_MAX_BYTES + 1))
    with pytest.raises(ProofFileError, match="too large"):
        read_proof(path)
    with pytest.raises(ProofFileError, match="not a file"):
        read_proof(tmp_path)


def test_a_folder_that_is_not_there_is_said_and_nothing_else_breaks(tmp_path):
    with pytest.raises(GateError, match="cannot be written"):
        write_proof(tmp_path / "none" / "p.proof.json", PROOF)


def test_a_file_that_lacks_what_a_proof_has_names_a_few_of_it(tmp_path):
    path = tmp_path / "p.proof.json"
    path.write_text('{"format": 1, "x": 1}')
    with pytest.raises(ProofFileError, match="lacks cannot_fail, contract_digest, gate and 8 more"):
        read_proof(path)


def test_a_place_where_no_file_can_be_is_refused_before_the_work(tmp_path):
    check_place(tmp_path / "p.proof.json")
    (tmp_path / "p.proof.json").mkdir()
    with pytest.raises(ProofFileError, match="is not a file") as refused:
        check_place(tmp_path / "p.proof.json")
    assert "--no-file" in refused.value.hint
    with pytest.raises(ProofFileError, match="cannot be written to"):
        check_place(tmp_path / "nowhere" / "p.proof.json")
