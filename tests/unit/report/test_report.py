"""What holds of the whole room."""

import ast
from pathlib import Path

import gate.report

ROOM = Path(gate.report.__file__).parent


def names_of(path: Path) -> set[str]:
    """Every name that a file imports or mentions."""
    tree = ast.parse(path.read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return imported | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_how_it_ended_is_read_from_the_entry_and_never_from_a_rollout() -> None:
    reads = {path for path in ROOM.rglob("*.py") if {"Rollout", "Plan"} & names_of(path)}
    assert reads
    assert {path.parent for path in reads} == {ROOM / "progress"}
