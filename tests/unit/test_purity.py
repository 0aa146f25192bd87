"""What a fresh import loads: the core nothing of the outside world, the command line little."""

import subprocess
import sys
from pathlib import Path

import pytest

import gate

OUTSIDE = {"socket", "ssl", "asyncio", "subprocess", "logging", "select", "threading", "http"}
ROOT = Path(gate.__file__).parents[1]


def loaded_by(statement: str) -> set[str]:
    """Names of all modules that a fresh interpreter has loaded after this statement alone."""
    program = f"import sys; before = set(sys.modules); {statement}\n"
    program += "print(' '.join(sorted(set(sys.modules) - before)))"
    # -S: what the environment's .pth files import is not the gate's doing.
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["gate.core.rollout", "gate.core.verdict", "gate.errors", "gate.ledger.entry"]
)
def test_a_fresh_import_loads_nothing_of_the_outside_world(module):
    loaded = loaded_by(f"import {module}")
    assert module in loaded
    assert not loaded & OUTSIDE
    assert {name for name in loaded if name.startswith("gate.")} <= {
        name for name in loaded if name.startswith(("gate.core", "gate.errors", "gate.ledger"))
    }


def test_the_probe_of_this_test_sees_what_is_loaded():
    assert {"socket", "ssl"} & loaded_by("import ssl")


HEAVY = {
    "aiohttp",
    "google",
    "grpc",
    "httpx",
    "numpy",
    "scipy",
    "websockets",
    "uvloop",
    "yaml",
    "pydantic",
    "jsonschema",
    "regex",
    "rich",
    "tenacity",
    "asyncio",
    "ssl",
    "starlette",
    "uvicorn",
}


def test_the_entry_point_loads_no_library_and_no_command():
    loaded = loaded_by("import gate.cli.main")
    assert not loaded & HEAVY
    assert {name for name in loaded if name.startswith("gate.")} <= {
        "gate.cli",
        "gate.cli.main",
        "gate.cli.parser",
        "gate.cli.streams",
        "gate.errors",
    }


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_help_and_version_pay_for_nothing_but_arguments(word):
    loaded = loaded_by(f"import gate.cli.main as main; main.run(['{word}'])")
    dear = {"dataclasses", "importlib.metadata", "inspect", "pathlib", "shutil", "traceback"}
    assert not loaded & (dear | HEAVY)


def test_every_core_module_is_reached_from_the_rollout_or_stands_for_itself():
    loaded = loaded_by("import gate.core.rollout")
    files = {f"gate.core.{path.stem}" for path in (ROOT / "gate" / "core").glob("[a-z]*.py")}
    assert files - loaded == {
        "gate.core.access",
        "gate.core.afterwards",
        "gate.core.event_stream",
        "gate.core.expectations",
        "gate.core.fields",
        "gate.core.gcloud",
        "gate.core.lists",
        "gate.core.literals",
        "gate.core.named_secrets",
        "gate.core.patterns",
        "gate.core.percentiles",
        "gate.core.recorded",
        "gate.core.recording",
        "gate.core.redaction",
        "gate.core.secret",
        "gate.core.severity",
        "gate.core.slowness",
        "gate.core.spellings",
        "gate.core.template",
        "gate.core.texts",
        "gate.core.visits",
    }


def test_kinds_are_declared_without_the_library_that_reads_them():
    loaded = loaded_by("import gate.kinds.registry as r; [r.kind_of(name) for name in r.KINDS]")
    assert "gate.kinds.http" in loaded
    assert not loaded & (HEAVY | OUTSIDE)


def test_whoever_reads_no_policy_pays_for_no_kind():
    loaded = loaded_by("import gate.cli.rollback, gate.cli.run_rollout, gate.api.wiring")
    kinds = {name for name in loaded if name.startswith(("gate.kinds", "pydantic"))}
    assert kinds <= {"gate.kinds", "gate.kinds.registry"}
    assert "msgspec" not in loaded


def test_no_spans_are_made_and_nothing_is_loaded_for_them_unless_the_environment_names_where():
    asks = "import gate.cli.run_rollout as r; assert r.wiring.exporting() is None"
    assert not {name for name in loaded_by(asks) if name.startswith(("opentelemetry", "gate.tr"))}
    assert not {name for name in loaded_by(asks) if name.startswith("gate.notify")}
