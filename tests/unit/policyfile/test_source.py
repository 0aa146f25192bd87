import os

import pytest

from gate.policyfile import check_policy
from gate.policyfile.source import SIZE_MAX_BYTES, Unreadable, mark_after, read_text


def refused(path):
    with pytest.raises(Unreadable) as raised:
        read_text(path)
    return raised.value


def test_text_is_read_as_utf8_with_or_without_a_mark(tmp_path):
    for encoding in ("utf-8", "utf-8-sig"):
        path = tmp_path / encoding
        path.write_text("é: 1\n", encoding=encoding)
        assert read_text(path) == "é: 1\n"


def test_what_is_no_file_is_named(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "got a directory" in refused(tmp_path).message
    assert "got a device or a pipe" in refused(fifo).message
    assert "does not exist" in refused(tmp_path / "none").message
    assert "cannot be read" in refused(loop).message
    assert "got 'Not a directory'" in refused(fifo / "x").message
    assert "cannot be read" in refused(tmp_path / ("x" * 5000)).message
    assert "not a possible file name" in refused(tmp_path / "a\0b").message


def test_a_file_whose_name_is_misspelt_is_guessed(tmp_path):
    (tmp_path / "policy.yaml").write_text("a")
    assert refused(tmp_path / "polciy.yml").hint == f"did you mean {tmp_path / 'policy.yaml'}?"
    assert refused(tmp_path / "other.txt").hint == "check the name and the folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path):
    path = tmp_path / "closed"
    path.write_text("a")
    path.chmod(0)
    assert "Permission denied" in refused(path).message


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert "is too large (got 102401 KiB, expected at most 256 KiB)" in refused(path).message
    path.write_bytes(b"#" * SIZE_MAX_BYTES)
    assert len(read_text(path)) == SIZE_MAX_BYTES


@pytest.mark.parametrize(
    ("raw", "message", "line", "column"),
    [
        (b"a\0b", "is not text (got NUL bytes", 1, 1),
        ("version: 1".encode("utf-16"), "is not text (got NUL bytes", 1, 1),
        (b"a: 1\nb: \xc3\xa9\xff", "is not UTF-8 (got byte 0xff", 2, 5),
        (b"a: 1\nb: \x1b[31m", "has a control character (got U+001B", 2, 4),
        ("a: \N{ZERO WIDTH NO-BREAK SPACE}\uffff".encode(), "has a control character", 1, 5),
    ],
)
def test_what_is_no_text_is_named_with_its_place(tmp_path, raw, message, line, column):
    path = tmp_path / "f"
    path.write_bytes(raw)
    error = refused(path)
    assert message in error.message
    assert (error.mark.line, error.mark.column) == (line, column)


def test_places_count_from_one():
    assert (mark_after("").line, mark_after("").column) == (1, 1)
    assert (mark_after("ab\nc").line, mark_after("ab\nc").column) == (2, 2)


def test_an_unreadable_policy_is_one_problem_without_a_line(tmp_path):
    problem = check_policy(tmp_path / "none.yaml").problems[0]
    assert problem.where == str(tmp_path / "none.yaml")
    assert problem.hint
