"""pyproject.toml declares what is imported, where it is imported, and nothing else.

A tool that goes by the first part of a module's name cannot tell Google's packages apart: six of
them are `google`. Here each module is looked up in the files of what is installed.
"""

import ast
import re
import sys
import tomllib
from collections import defaultdict
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OURS = {"gate", "tests", "examples", "benchmarks", "docs"}
ROOMS = {
    "gate/local/": "local",
    "gate/probes/latency/": "latency",
    "gate/core/percentiles.py": "latency",
    "gate/tracing/": "tracing",
    "gate/report/html/charts.py": "report",
    "gate/console/": "console",
    "gate/cli/audit_serve.py": "console",
    "gate/signing/": "signing",
    "gate/cli/completion.py": "completion",
    "gate/probes/suite/authority.py": "suite",
    "gate/probes/suite/junit.py": "suite",
}
"""Where an extra may be imported; everywhere else in gate the core must do."""
THEIRS = {"gate/probes/suite/pytest_plugin.py": {"pytest"}}
"""What is loaded into a process that has it: that of a suite, by its own pytest."""
UNSEEN = {"httptools", "tzdata"}
"""What is declared although another package imports it where it is there: uvicorn, zoneinfo."""


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements):
    return {normal(re.match(r"[\w.-]+", one)[0]) for one in requirements}


CORE = names(PROJECT["project"]["dependencies"])
EXTRAS = {name: names(given) for name, given in PROJECT["project"]["optional-dependencies"].items()}
ALL = CORE.union(*EXTRAS.values(), names(PROJECT["dependency-groups"]["dev"]))


@cache
def brings():
    """Module to the distributions that have its file."""
    found = defaultdict(set)
    for one in metadata.distributions():
        name = normal(one.name)
        for file in re.findall(
            r"^([\w/]+)(?:\.[\w-]+)*\.(?:py|so),", one.read_text("RECORD") or "", re.MULTILINE
        ):
            found[file.replace("/", ".").removesuffix(".__init__")].add(name)
    return found


def brought_by(module):
    """The distributions of a module, or of what it is a name in."""
    parts = module.split(".")
    whole = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((brings()[one] for one in whole if one in brings()), set())


@cache
def imports(path):
    """What a file imports of others, and whether for its types alone."""
    return tuple(_imports(path))


def _imports(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = (one for one in ast.walk(tree) if isinstance(one, ast.If))
    typing = {
        id(inner)
        for block in blocks
        if ast.unparse(block.test) == "TYPE_CHECKING"
        for inner in ast.walk(block)
    }
    beside = {one.stem for one in path.parent.glob("*.py")}  # scripts that import each other
    for node in ast.walk(tree):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        for module in modules:
            if module.partition(".")[0] not in sys.stdlib_module_names | OURS | beside:
                yield module, id(node) in typing


def files(folder):
    return sorted((ROOT / folder).rglob("*.py"))


def allowed(file, *, for_types):
    if for_types or not file.startswith("gate/"):
        return ALL
    extra = next((extra for place, extra in ROOMS.items() if file.startswith(place)), "")
    return CORE | EXTRAS.get(extra, set()) | THEIRS.get(file, set())


def undeclared(path, file):
    return [
        f"{file}: {module} ({', '.join(sorted(brought_by(module))) or 'not installed'})"
        for module, for_types in imports(path)
        if not brought_by(module) & allowed(file, for_types=for_types)
    ]


@pytest.mark.parametrize("folder", sorted(OURS))
def test_what_is_imported_is_declared(folder):
    broken = ROOT / "benchmarks/bench/suites/broken"  # imports what nobody has, on purpose
    found = [
        line
        for path in files(folder)
        if not path.is_relative_to(broken)
        for line in undeclared(path, path.relative_to(ROOT).as_posix())
    ]
    assert found == []


def test_what_is_declared_is_imported():
    used = set()
    for folder in ("gate", "examples"):
        for path in files(folder):
            used.update(*(brought_by(module) for module, _ in imports(path)))
    assert CORE.union(*EXTRAS.values()) - used == UNSEEN


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("gate/cloud/x.py", "import numpy", "numpy (numpy)"),
        ("gate/cloud/x.py", "def f():\n    from yarl import URL", "yarl.URL (yarl)"),
        ("gate/probes/grpc.py", "from google.rpc import status_pb2", "(googleapis-common-protos)"),
        ("gate/local/x.py", "from google.api_core import path", "(google-api-core)"),
        ("gate/local/x.py", "import no_such_module", "(not installed)"),
        ("gate/local/x.py", "from google.rpc import status_pb2", ""),
        ("gate/cloud/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING: import numpy", ""),
        ("tests/x.py", "import numpy, google.api_core", ""),
    ],
)
def test_this_test_sees_an_import_that_is_not_declared_for_its_room(tmp_path, file, text, told):
    path = tmp_path / "x.py"
    path.write_text(text)
    found = undeclared(path, file)
    assert len(found) == bool(told)
    assert told in "".join(found)


def locked(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.findall(r"^([\w.-]+)==\S+(?: ;[^\n]*?)? \\\n(    --hash=)?", text, re.MULTILINE)
    assert all(hashed for _, hashed in blocks)
    return {normal(name) for name, _ in blocks}


def test_the_locks_hold_what_is_declared_each_with_its_hashes():
    small = locked("requirements.txt")
    assert small >= CORE
    assert not small & (EXTRAS["latency"] | EXTRAS["suite"])
    assert locked("requirements-dev.txt") >= ALL


def test_what_makes_the_wheel_is_locked_as_it_is_for_developers():
    text = {name: (ROOT / f"requirements-{name}.txt").read_text() for name in ("build", "dev")}
    pinned = {
        name: {*re.findall(r"^[\w.-]+==\S+", lines, re.MULTILINE)} for name, lines in text.items()
    }
    assert names(PROJECT["dependency-groups"]["build"]) <= locked("requirements-build.txt")
    assert pinned["build"] <= pinned["dev"]
