import json
import os
from dataclasses import asdict

import pytest

from gate.local.instances.records import ProcessRecord, Records, started

ME = os.getpid()
NOBODY = 2**22 + 1  # above the highest number a process can have


def files(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def write(tmp_path, **changes):
    record = ProcessRecord(ME, started(ME) or "", "MARK=1", NOBODY, "then")
    path = tmp_path / f"{changes.get('pid', ME)}.json"
    path.write_text(json.dumps(asdict(record) | changes))


def test_a_process_has_a_start_and_nobody_has_none():
    assert started(ME) == started(ME)
    assert started(ME) != started(os.getppid())
    assert started(NOBODY) is None


def test_a_record_is_written_and_removed(tmp_path):
    records = Records(tmp_path / "deep" / "er")
    records.add(ME, "MARK=1")
    assert files(tmp_path / "deep" / "er") == [f"{ME}.json"]
    records.remove(ME)
    records.remove(ME)
    assert files(tmp_path / "deep" / "er") == []


def test_a_process_that_is_gone_already_is_not_recorded(tmp_path):
    Records(tmp_path).add(NOBODY, "MARK=1")
    assert files(tmp_path) == []


def test_instances_of_a_local_cloud_run_that_lives_are_no_orphans(tmp_path):
    records = Records(tmp_path)
    records.add(ME, "MARK=1")
    assert list(records.orphans()) == []
    assert files(tmp_path) == [f"{ME}.json"]


def test_instances_of_one_that_is_gone_are_orphans(tmp_path):
    write(tmp_path)
    (orphan,) = Records(tmp_path).orphans()
    assert orphan.pid == ME


def test_an_owner_whose_number_was_used_again_is_gone(tmp_path):
    write(tmp_path, owner_pid=ME, owner_started="another boot:1")
    assert len(list(Records(tmp_path).orphans())) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": "1"},
        {"pid": 1},
        {"pid": True},
        {"owner_pid": 0},
        {"started": ""},
        {"started": 3},
        {"marker": "no equals sign"},
        {"extra": 1},
    ],
)
def test_a_record_that_is_not_sound_is_removed_and_nothing_is_killed(tmp_path, changes):
    write(tmp_path, **changes)
    assert list(Records(tmp_path).orphans()) == []
    assert files(tmp_path) == []


def test_garbage_is_removed(tmp_path):
    (tmp_path / "1.json").write_bytes(b"\xff" * 10_000)
    assert list(Records(tmp_path).orphans()) == []
    assert files(tmp_path) == []
