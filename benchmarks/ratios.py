"""Runs every benchmark of speed to its end, and prints one table of what was wanted and measured.

    python benchmarks/ratios.py [NAME ...]     e.g. rollback websocket; all of them without a name

Exit code 1 where one misses its target or does not end well; the others run all the same.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from targets import KEPT_IN, MISSED, Target

HERE = Path(__file__).parent
COLUMNS = ("name", "measured", "wanted", "verdict")


def main(names: Sequence[str]) -> int:
    """Runs the benchmarks of these names; returns 1 where one is not as it should be."""
    found = sorted(HERE.glob("bench_*.py"))
    scripts = [path for path in found if not names or path.stem.removeprefix("bench_") in names]
    targets = [target for script in scripts for target in run(script)]
    print("\n" + "\n".join(table(targets)))
    return 0 if targets and all(target.kept for target in targets) else 1


def run(script: Path) -> list[Target]:
    """One benchmark's numbers, and that it did not end well where it did not."""
    print(f"\n== {script.stem}", flush=True)
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl", encoding="utf-8") as kept:
        environment = {**os.environ, KEPT_IN: kept.name}
        ended = subprocess.run([sys.executable, str(script)], env=environment, check=False)
        targets = [Target(**json.loads(line)) for line in kept]
    missed = any(not target.kept for target in targets)
    if not targets or (ended.returncode != 0 and not missed):
        code = f"exit code {ended.returncode}"
        targets.append(Target(script.stem, code, "numbers", MISSED))
    return targets


def table(targets: Sequence[Target]) -> list[str]:
    """One line a number, its columns aligned."""
    rows = [COLUMNS, *(tuple(getattr(target, name) for name in COLUMNS) for target in targets)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    cells = (zip(row, widths, strict=True) for row in rows)
    lines = ["  ".join(f"{cell:{width}}" for cell, width in row).rstrip() for row in cells]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
