"""The picture of the rooms in the README is the one that import-linter holds the code to."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def layers():
    """The rooms that share a layer, from the top to the bottom, as the contract has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = [one for one in contracts if one.get("containers") == ["gate"]]
    assert contract["exhaustive"], "a new file at the root of gate needs a place"
    return [set(re.findall(r"\w+", layer)) for layer in contract["layers"]]


def drawn(rooms):
    """The same, as the README draws it: whatever comes before a row of dots or an arrow."""
    _, _, section = (ROOT / "README.md").read_text().partition("## The rooms")
    picture = section.split("```")[1]
    rows = [re.findall(r"\w+", re.split(r"[|.]", line)[0]) for line in picture.splitlines()]
    found = [{name for name in row if name in rooms} for row in rows]
    return [row for row in found if row]


def test_the_picture_in_the_readme_is_the_contract():
    assert drawn(set().union(*layers())) == layers()


def test_each_room_is_there():
    gate = ROOT / "gate"
    there = {path.stem for path in gate.iterdir() if not path.name.startswith(("_", "py.typed"))}
    assert there == set().union(*layers())
