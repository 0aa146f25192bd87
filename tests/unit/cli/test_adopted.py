"""Which revision a rollout adopts, as the command line and files say it."""

import argparse

import pytest

from gate.cli.adopted import ORDER_MAX, Adopted, adopted, order
from gate.cli.main import run
from gate.errors import ExitCode, UsageError

WHERE = ("--project", "demo", "--region", "us-central1", "--service", "shop")


def given(**more):
    plain = {"image": "", "revision": "", "revision_file": None, "quarantine": False, "stable": ""}
    return argparse.Namespace(**{**plain, **more})


@pytest.mark.parametrize("word", ["latest", "LATEST"])
def test_latest_is_no_name(word):
    assert adopted(given(revision=word)) == Adopted(newest=True)
    assert adopted(given(revision="shop-00001-abc")) == Adopted("shop-00001-abc")
    assert adopted(given(image="app:2")) == Adopted()


@pytest.mark.parametrize(
    "text", ["shop-00042-abc", "shop-00042-abc\n", " shop-00042-abc \r\n\n", "\ufeffshop-00042-abc"]
)
def test_a_file_names_one_revision(tmp_path, text):
    path = tmp_path / "name"
    path.write_bytes(text.encode())
    assert adopted(given(revision_file=path)) == Adopted("shop-00042-abc")


@pytest.mark.parametrize(
    ("raw", "got"),
    [
        (b"", "nothing"),
        (b" \n", "nothing"),
        (b"shop-1 shop-2", "'shop-1 shop-2'"),
        (b"shop-1\nshop-2\n", "'shop-1\\nshop-2'"),
        (b"projects/p/locations/l/services/s/revisions/shop-1", "'projects/p/"),
        (b"None\n", "'None'"),
        (b"shop_1", "'shop_1'"),
        (b"--image=x", "'--image=x'"),
        (b"\x1b[31mshop-1", "'\\x1b[31mshop-1'"),
        ("shop-1\n".encode("utf-16"), "'\\\\xff\\\\xfes"),
        (b"shop-" + b"1" * 60, "'shop-1111"),
        (b"s" * 10_000_000, "'ssss"),
    ],
)
def test_a_file_that_names_none_is_named_with_what_it_holds(tmp_path, raw, got):
    path = tmp_path / "name"
    path.write_bytes(raw)
    with pytest.raises(UsageError) as error:
        adopted(given(revision_file=path))
    said = f"gate rollout --revision-file {path}: names no revision (got {got}"
    assert error.value.message.startswith(said)
    assert error.value.exit_code is ExitCode.USAGE
    assert len(error.value.message) < len(str(path)) + 400
    assert "latestCreatedRevisionName" in error.value.hint


def test_a_file_that_cannot_be_read_is_named_with_why(tmp_path):
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UsageError, match=f"cannot be read .got {why}"):
            adopted(given(revision_file=path))


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), (str(ORDER_MAX), ORDER_MAX)])
def test_an_order_is_a_whole_number(text, number):
    assert order(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "-1", "1.5", "1e3", " 7", "1_000", "\u0667", "b7f3", str(ORDER_MAX + 1), "9" * 5000],
)
def test_any_other_order_is_a_usage_error(capsys, text):
    assert run(["rollout", "--policy", "p", "--image", "i", f"--order={text}", *WHERE]) == 2
    assert f"--order: is no order (got {text[:60]!r}, expected" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--image", "i", "--quarantine"), "--quarantine: has nothing to take users off"),
        (("--revision", "shop-1", "--stable", "shop-0"), "--stable: only --quarantine moves"),
        (("--revision", "shop-1", "--image", "i"), "not allowed with argument"),
        (("--revision", "shop-1", "--revision-file", "f"), "not allowed with argument"),
        (("--revision", ""), "one of the arguments --image --revision --revision-file"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anybody_is_asked(capsys, options, said):
    assert run(["rollout", "--policy", "p", *options, *WHERE]) == ExitCode.USAGE
    assert said in capsys.readouterr().err
