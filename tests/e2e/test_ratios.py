"""`make ratios` runs every benchmark to its end, whatever the others do, and tabulates them."""

import shutil
import subprocess
import sys

import pytest

from tests.e2e.stage import ROOT

SCRIPTS = {
    "crashes": "import sys; from targets import at_most; at_most('a number', 1, 2); sys.exit(3)",
    "misses": "from targets import at_most; raise SystemExit(not at_most('quick', 1.234, 1))",
    "passes": "from targets import at_least, skipped; at_least('many', 7, 5, '.0f'); "
    "skipped('a peer', 'k6 is not installed')",
    "says_nothing": "",
}


def ratios(folder, *names):
    for name in ("ratios.py", "targets.py"):
        shutil.copy(ROOT / "benchmarks" / name, folder)
    for name, text in SCRIPTS.items():
        (folder / f"bench_{name}.py").write_text(text)
    command = [sys.executable, folder / "ratios.py", *names]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    table = ended.stdout.partition("name ")[2].splitlines()[2:]
    return ended.returncode, [line.split("  ", 1)[0] + "|" + line.split()[-1] for line in table]


def test_all_are_run_and_one_table_is_printed_also_where_some_miss(tmp_path):
    assert ratios(tmp_path) == (
        1,
        [
            "a number|ok",
            "bench_crashes|MISSED",
            "quick|MISSED",
            "many|ok",
            "a peer|skipped",
            "bench_says_nothing|MISSED",
        ],
    )


@pytest.mark.parametrize(("name", "code"), [("passes", 0), ("misses", 1), ("no such", 1)])
def test_the_exit_code_says_whether_all_is_as_wanted(tmp_path, name, code):
    assert ratios(tmp_path, name)[0] == code
