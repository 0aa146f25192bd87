"""What an unfinished mutation run leaves behind: only the same run goes on from it."""

from dataclasses import replace

import pytest

from gate.core.proof import Trial
from gate.mutation.part_file import PartFile, part_path

MET = Trial(
    "GET /: status 500",
    "answer",
    "an exact status",
    exercised=True,
    ran=("page", "suite"),
    noticed=("suite",),
    judged=("suite",),
    killed=True,
    failed={"suite": frozenset({"test_a"})},
)
UNMET = Trial("GET /: status 404", "answer", "an exact status")


def test_what_was_met_is_known_again_and_nothing_else(tmp_path):
    part = PartFile(part_path(tmp_path / "p.yaml"), {"policy_digest": "a"})
    part.keep([MET, UNMET])
    (known,) = part.read()
    names = ("mutant", "exercised", "ran", "noticed", "judged", "failed")
    assert [getattr(known, name) for name in names] == [getattr(MET, name) for name in names]
    assert replace(part, stamp={"policy_digest": "b"}).read() == ()
    part.drop()
    part.drop()
    assert part.read() == ()
    assert [*tmp_path.iterdir()] == []


def test_a_run_that_has_met_nothing_leaves_nothing(tmp_path):
    PartFile(tmp_path / "p.proof.part", {}).keep([UNMET])
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"for": {"format": 1}}',
        '{"for": {"format": 1}, "trials": [{}]}',
        "ÿ",
        '{"for": {"format": 1}, "trials": [{"mutant": "x", "ran": 1}]}',
    ],
)
def test_a_file_that_cannot_be_read_counts_as_none(tmp_path, text):
    path = tmp_path / "p.proof.part"
    path.write_text(text)
    assert PartFile(path, {}).read() == ()


def test_a_place_that_cannot_be_written_to_stops_nobody(tmp_path):
    PartFile(tmp_path / "gone" / "p.proof.part", {}).keep([MET])
