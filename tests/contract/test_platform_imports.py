"""Google's packages, put off: each case is a fresh interpreter, where order is what matters."""

import subprocess
import sys

import pytest

CLOUD_FIRST = """
import sys
import gate.cloud
from google.cloud.run_v2.types import service
from google.cloud.logging_v2.types import log_entry
"""
HEAVY = "{'google.auth', 'google.api_core', 'requests', 'cryptography'}"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "import_line",
    [
        "import gate.cloud.run, gate.cloud.logs, gate.cloud.decisions, gate.cloud.identity",
        "from google.cloud.run_v2.types import service",
    ],
)
def test_message_types_come_without_the_clients(import_line):
    assert (
        run(f"import sys, gate.cloud\n{import_line}\nprint({HEAVY} & set(sys.modules))") == "set()"
    )


def test_a_full_import_later_finds_the_same_classes():
    print_same = """
import google.cloud.run_v2 as run_v2, google.cloud.run_v2.types as types
assert run_v2.ServicesClient and run_v2.__version__
assert run_v2.Service is types.Service is service.Service is types.service.Service
from google.cloud.run_v2 import *
assert JobsClient and Service is service.Service
from google.cloud import logging, logging_v2
assert logging.Client is logging_v2.Client
assert logging_v2.types.LogEntry is log_entry.LogEntry
print('same')
"""
    assert run(CLOUD_FIRST + print_same) == "same"


def test_a_full_import_before_is_left_alone():
    code = """
import google.cloud.run_v2 as run_v2, google.cloud.run_v2.types as types
import gate.cloud
from google.cloud.run_v2.types import service
assert type(run_v2).__name__ == 'module' and run_v2.Service is service.Service
print(run_v2.ServicesClient.__name__)
"""
    assert run(code) == "ServicesClient"
