"""docs/operations.md can be believed where a machine can check it."""

import re
from pathlib import Path

import pytest

from gate.cli.main import COMMANDS, run
from gate.core.annotation import KEY
from gate.core.lease import LEEWAY, LeaseState
from gate.core.stable import IRREVERSIBLE
from gate.core.state import Ending
from gate.core.transitions import SAFE_WITHIN_S

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "operations.md").read_text()


def test_every_command_and_option_that_it_names_exists(capsys):
    adoption = set(re.findall(r"`(?:gate [a-z]+ )?(--[a-z-]+)", (DOCS / "adoption.md").read_text()))
    assert adoption >= {"--quarantine", "--stable", "--revision-file"}
    named = set(re.findall(r"gate ([a-z]+)", PAGE)) & set(COMMANDS)
    assert {"rollout", "rollback", "promote", "recover", "unlock", "status"} <= named
    options = adoption | set(re.findall(r"`?(--[a-z][a-z-]*)", PAGE))
    known = ""
    for command in COMMANDS:
        run([command, "--help"])
        known += capsys.readouterr().out
    assert {option for option in options if option not in known} == set()


@pytest.mark.parametrize("word", [KEY, IRREVERSIBLE, *(one.value for one in LeaseState)])
def test_names_are_as_in_the_code(word):
    assert f"`{word}`" in PAGE


def test_numbers_are_as_in_the_code():
    assert f"only {LEEWAY.total_seconds():g} s after its time" in PAGE
    assert f"traffic is safe within {SAFE_WITHIN_S:g} s" in PAGE


def test_endings_that_people_meet_here_are_explained():
    for ending in (Ending.BUSY, Ending.HELD, Ending.REGRESSED, Ending.INTERRUPTED):
        assert f"`{ending.value}`" in PAGE


@pytest.mark.parametrize("page", ["policy.md", "operations.md", "adoption.md"])
def test_links_between_the_pages_lead_somewhere(page):
    links = re.findall(r"\]\(([A-Za-z./]+\.md)?(?:#([a-z-]+))?\)", (DOCS / page).read_text())
    assert links
    for target, anchor in links:
        file = DOCS / (target or page)
        assert file.exists(), target
        heads = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert not anchor or anchor in slugs, f"{target}#{anchor}"
