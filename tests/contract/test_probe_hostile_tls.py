"""A TLS handshake that never ends, or is none: the container has not spoken, and time is kept."""

import asyncio

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.kinds.http import HttpProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.websocket import WebSocketProbe
from tests.contract.probe_servers import ask, tcp

SPECS = (
    HttpProbe("/", timeout_s=0.4),
    WebSocketProbe("/ws", open_within_s=0.4),
    SoakProbe("/ws", for_s=1.0, ping_every_s=0.3, open_within_s=0.4),
)


async def mute(reader, writer):
    await reader.read()


async def drops(reader, writer):
    hello = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(111)
    for at in range(len(hello)):
        writer.write(hello[at : at + 1])
        await writer.drain()
        await asyncio.sleep(0.5)


async def garbage(reader, writer):
    while True:
        writer.write(b"\x16\x03\x03\xff\xff" + bytes(65_535))
        await writer.drain()


@pytest.mark.parametrize("server", [mute, drops, garbage], ids=lambda one: one.__name__)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
async def test_a_handshake_that_leads_nowhere_ends_in_time_and_blames_nobody(spec, server):
    async with tcp(server) as place:
        async with asyncio.timeout(60):
            evidence = await ask(spec, place, scheme="https")
    assert evidence.outcome is Outcome.INCONCLUSIVE, evidence
    assert {one.symptom for one in evidence.findings} == {Symptom.CONNECT}
    assert evidence.duration_s < 30
