"""Processes on uvloop: the child runs Python for a moment, and must collect nothing there."""

import asyncio
import gc
import os
import sys
import uuid

import pytest
import uvloop

from gate.local.instances.command import Command
from gate.local.instances.process import ContainerProcess, Voice
from gate.local.instances.records import Records
from gate.local.instances.settings import InstanceSettings
from gate.probes.suite import process
from tests.fakes.local_data_plane import ListSink, revision

COLLECTING = []
os.register_at_fork(before=lambda: COLLECTING.append(gc.isenabled()))


async def a_suite(folder):
    ran = await process.run((sys.executable, "-c", "pass"), folder, dict(os.environ), 60)
    assert ran.code == 0


async def a_container(folder):
    voice = Voice(ListSink(), revision(), "i" * 64)
    settings = InstanceSettings()
    marker = uuid.uuid4().hex  # what ends with one ends all that has it
    started = ContainerProcess(marker, voice, Records(folder / "r"), settings, lambda: None)
    await started.spawn(Command((sys.executable, "-c", "pass"), folder, dict(os.environ)))
    assert await started.exited == 0
    await started.tidied()


async def two_at_once(start, folder):
    await asyncio.gather(start(folder), start(folder))


@pytest.mark.parametrize("start", [a_suite, a_container])
def test_no_garbage_is_collected_where_a_process_is_forked(tmp_path, start):
    COLLECTING.clear()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(two_at_once(start, tmp_path))
    assert COLLECTING
    assert not any(COLLECTING)
    assert gc.isenabled()
