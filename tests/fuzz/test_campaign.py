"""A short campaign with fixed seeds; `make fuzz` is the long one."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from gate.core.policy import ServiceName
from gate.core.recording import Asked
from gate.drafting.draft import draft as drafted
from gate.drafting.writing import write_draft
from gate.policyfile import check_policy
from gate.ports import Target
from gate.probes.recording import Recorder
from tests.campaign import campaign
from tests.contract.probe_servers import SystemClock, tcp
from tests.fuzz.__main__ import played
from tests.fuzz.draw import TOKEN, draw, server_of

SEEDS = (*range(7, 19), 23, 28, 39, 66, 101, 950)
"""Each kind of probe, most ways of sending, and rounds that have found something once: half a
secret in a test runner's shortened line, a list that no schema wants, a gRPC connection that
stayed, a list of many different items."""
LISTENED_TO = (3, 9, 33, 41)


@campaign
async def test_servers_that_mean_harm_end_in_time_in_memory_and_in_plain_words():
    lines = {line["seed"]: line for line in await played(SEEDS)}
    assert set(lines) == set(SEEDS)
    bad = {seed: line["violations"] for seed, line in lines.items() if line["violations"]}
    assert not bad, "\n".join(f"make fuzz ROUNDS=1 SEED={seed}: {why}" for seed, why in bad.items())
    assert len({line["saw"] for line in lines.values()}) > 4


def test_a_seed_always_draws_the_same_round():
    assert [draw(seed) for seed in SEEDS] == [draw(seed) for seed in SEEDS]
    assert len({draw(seed).name for seed in range(200)}) > 40


def _texts(folder):
    return [file.read_text() for file in folder.rglob("*.*")]


@pytest.mark.parametrize("seed", LISTENED_TO)
async def test_whatever_stable_says_init_listens_in_time_and_writes_what_loads(seed):
    asked = Asked(("/health", "/"), websocket="/ws", apart_s=0.01, timeout_s=0.3)
    async with tcp(server_of(seed, "127.0.0.1:9")) as place:
        recorder = Recorder(Target(f"http://{place}"), {"alice": TOKEN}, SystemClock())
        async with asyncio.timeout(20):
            recording = await recorder.record(asked, ("backend-00001-abc",))
    draft = drafted(recording, asked, ServiceName(), {}, folder="it", logs=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it.yaml"
        write_draft(draft, path, force=False)
        assert check_policy(path).problems == ()
        texts = _texts(Path(folder))
    assert all(text.isascii() and TOKEN not in text for text in texts)
    assert all(line.isprintable() for text in texts for line in text.splitlines())
