import pytest

from gate.local.logging.journal import Journal
from gate.local.logging.store import LogStore
from tests.unit.local.logging.lines import Clock, written


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "log-entries"


def kept(path):
    return [entry.text_payload for entry in Journal(path).restore()]


def test_nothing_is_made_before_the_first_entry(path):
    journal = Journal(path)
    journal.keep([])
    journal.close()
    assert not path.parent.exists()
    assert kept(path) == []


def test_entries_are_on_disk_as_soon_as_they_are_kept(path):
    journal = Journal(path)
    journal.keep([written(text="a"), written(text="b")])
    assert kept(path) == ["a", "b"]  # the first journal is still open, as after a SIGKILL
    journal.keep([written(text="c")])
    assert kept(path) == ["a", "b", "c"]


def test_a_second_process_adds_to_what_is_there(path):
    for text in "ab":
        journal = Journal(path)
        list(journal.restore())
        journal.keep([written(text=text)])
        journal.close()
    assert kept(path) == ["a", "b"]


@pytest.mark.parametrize("lost", [1, 3, 10, 30])
def test_a_torn_write_is_cut_off_and_the_next_entry_is_readable(path, lost):
    journal = Journal(path)
    journal.keep([written(text="whole")])
    size = path.stat().st_size
    journal.keep([written(text="torn" * 10)])
    journal.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - lost)
    assert kept(path) == ["whole"]
    assert path.stat().st_size == size
    again = Journal(path)
    again.keep([written(text="after")])
    assert kept(path) == ["whole", "after"]


@pytest.mark.parametrize(
    "garbage", [b"\xff\xff\xff\xff rest", b"\x00\x00\x00\x02\xff\xff", b"\x00\x00\x00\x00"]
)
def test_a_damaged_file_is_set_aside_and_what_is_readable_goes_on(path, garbage):
    journal = Journal(path)
    journal.keep([written(text="whole")])
    journal.close()
    with path.open("ab") as file:
        file.write(garbage)
    assert kept(path) == ["whole"]
    if garbage != b"\x00\x00\x00\x00":
        assert path.with_name("log-entries.damaged").read_bytes().endswith(garbage)


def test_a_file_of_another_kind_is_set_aside(path):
    path.parent.mkdir()
    path.write_bytes(b"something else entirely")
    journal = Journal(path)
    assert list(journal.restore()) == []
    assert path.with_name("log-entries.damaged").read_bytes() == b"something else entirely"
    journal.keep([written(text="fresh")])
    assert kept(path) == ["fresh"]


def test_a_rewrite_replaces_everything_and_leaves_no_other_file(path):
    journal = Journal(path)
    journal.keep([written(text=str(n)) for n in range(10)])
    journal.rewrite([written(text="only")])
    journal.keep([written(text="next")])
    assert kept(path) == ["only", "next"]
    assert [file.name for file in path.parent.iterdir()] == ["log-entries"]


def test_a_rewrite_may_come_first(path):
    Journal(path).rewrite([written(text="only")])
    assert kept(path) == ["only"]


def test_it_asks_to_be_rewritten_from_its_size_on(path):
    journal = Journal(path, max_bytes=500)
    journal.keep([written(text="x")])
    assert not journal.overgrown()
    journal.keep([written(text="x" * 500)])
    assert journal.overgrown()
    journal.rewrite([written(text="x")])
    journal.keep([written(text="y")])
    assert not journal.overgrown()


def test_a_store_comes_back_from_its_file(path):
    first = LogStore(clock=Clock(), journal=Journal(path))
    first.write([written(text="decision", insert_id="d1")])
    second = LogStore(clock=Clock(), journal=Journal(path))  # the first was not closed
    assert second.restore() == 1
    (record,) = second.records(frozenset({"projects/demo"}), 0, 1 << 62)
    assert record.entry().insert_id == "d1"
