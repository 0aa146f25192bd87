"""The pages about the record can be believed where a machine can check it."""

import re
from pathlib import Path

import pytest

from gate.cli.main import run
from gate.ledger.index import RENEWED_AFTER

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("record", "retention", "review", "sql", "statistics")


def page(name):
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_what_it_links_to_is_there(name):
    for target, anchor in re.findall(r"\]\(([\w./-]+\.md)?(#[\w-]+)?\)", page(name)):
        text = (DOCS / (target or f"{name}.md")).read_text(encoding="utf-8")
        heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        slugs = {"#" + re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert not anchor or anchor in slugs, (target, anchor)


@pytest.mark.parametrize("name", PAGES)
def test_commands_and_options_that_it_names_exist(name, capsys):
    for command, rest in re.findall(r"gate audit ([a-z]+)(?![a-z]*\))([^\n`]*)", page(name)):
        assert run(["audit", command, "--help"]) == 0
        known = capsys.readouterr().out
        for option in re.findall(r"--[a-z][a-z-]*", rest.partition("|")[0]):
            assert option in known, (command, option)


@pytest.mark.parametrize("name", ["retention", "sql"])
def test_terraform_is_terraform(name):
    hcl2 = pytest.importorskip("hcl2", reason="python-hcl2 is not installed")
    blocks = re.findall(r"```hcl\n(.*?)```", page(name), re.DOTALL)
    assert blocks
    for block in blocks:
        kinds = {kind.strip('"') for one in hcl2.loads(block)["resource"] for kind in one}
        assert all(kind.startswith("google_") for kind in kinds)


def test_numbers_are_as_in_the_code():
    assert f"made anew after {RENEWED_AFTER.days} days at most" in page("retention")
