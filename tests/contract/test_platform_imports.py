"""What is imported when: each case is a fresh interpreter, where order is what matters."""

import asyncio
import json
import os
import subprocess
import sys

from tests.contract.cloud_run_in_process import (
    FIRST,
    SECOND,
    create_service,
    google_client,
    local_cloud_run,
)

ROLLBACK = """
import json, sys
from gate.cli.main import run
print(json.dumps([run(sys.argv[1:]), sorted(sys.modules)]))
"""
NEVER = {"grpc", "google", "httpx", "httpcore", "requests", "anyio", "http.client", "certifi"}
"""Each costs a rollback from 10 to 400 ms, and it uses nothing of it."""

PUT_OFF_FIRST = """
import sys
from gate.local.deferral import put_off_clients
put_off_clients()
from google.cloud.run_v2.types import service
from google.cloud.logging_v2.types import log_entry
"""
HEAVY = "{'google.auth', 'google.api_core', 'requests', 'cryptography'}"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def test_a_rollback_imports_nothing_that_it_does_not_use():
    async with local_cloud_run() as host:
        async with google_client(host) as client:
            await create_service(client)
        command = ["rollback", "--to", SECOND, "--yes", "--reason", "a test"]
        where = ["--project", "demo", "--region", "us-central1", "--service", "backend"]
        emulators = {"CLOUD_RUN_EMULATOR_HOST": host, "LOGGING_EMULATOR_HOST": host}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            ROLLBACK,
            *command,
            *where,
            env={**os.environ, **emulators},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
    code, modules = json.loads(out.decode().splitlines()[-1])
    assert code == 0, out + err
    assert FIRST in (out + err).decode()
    assert set(modules) & NEVER == set()


def test_message_types_come_without_the_clients():
    assert run(f"{PUT_OFF_FIRST}\nprint({HEAVY} & set(sys.modules))") == "set()"


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
    assert run(PUT_OFF_FIRST + print_same) == "same"


def test_a_full_import_before_is_left_alone():
    code = """
import google.cloud.run_v2 as run_v2, google.cloud.run_v2.types as types
from gate.local.deferral import put_off_clients
put_off_clients()
from google.cloud.run_v2.types import service
assert type(run_v2).__name__ == 'module' and run_v2.Service is service.Service
print(run_v2.ServicesClient.__name__)
"""
    assert run(code) == "ServicesClient"
