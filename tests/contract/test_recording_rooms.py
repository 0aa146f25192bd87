"""What a policy notices that was drafted of a room's messages alone."""

import asyncio

import pytest
from websockets.asyncio.server import serve

from gate.core.evidence import Outcome
from gate.core.policy import SecretRef, ServiceName
from gate.core.recording import Asked
from gate.core.redaction import Redactor
from gate.drafting.draft import draft
from gate.drafting.writing import write_draft
from gate.policyfile import load_policy
from gate.ports import Target
from gate.probes.recording import Recorder
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import SystemClock
from tests.contract.room_server import Rooms

SAY = '{"text": "hello ${nonce}"}'
ROOM = "/chat?room=${nonce}"


async def drafted(folder, **asked):
    asking = Asked((), websocket=ROOM, say=SAY, apart_s=0.02, start_within_s=1.0, **asked)
    async with Rooms().serving() as place:
        target = Target(f"http://{place}")
        recording = await Recorder(target, {}, SystemClock()).record(asking)
    found = draft(recording, asking, ServiceName(), {}, folder="it", logs=False)
    write_draft(found, folder / "it.yaml", force=True)
    return load_policy(folder / "it.yaml")


async def failing(policy, fault):
    rooms = [probe for probe in policy.probes if probe.name.startswith("room")]
    async with Rooms(fault).serving() as place:
        runner = ProbeRunner({}, None, SystemClock(), Redactor({}))
        evidence = await runner.run(rooms, Target(f"http://{place}"), lambda _: None)
    return {item.probe for item in evidence if item.outcome is not Outcome.PASSED}


async def test_a_room_is_held_by_who_hears_whom_and_who_does_not(tmp_path):
    policy = await drafted(tmp_path)
    names = {"room", "room-order", "room-presence", "room-history"}
    assert names <= {probe.name for probe in policy.probes}
    faults = {
        "": set(),
        "to nobody": {"room", "room-order"},
        "to everybody": {"room"},
        "twice": {"room"},
        "swapped": {"room-order"},
        "kicked": {"room"},
        "no history": {"room-history"},
        "history of others": {"room-history"},
        "nobody is told who joins": {"room-presence"},
        "nobody is told who leaves": {"room-presence"},
    }
    found = await asyncio.gather(*(failing(policy, fault) for fault in faults))
    for (fault, probes), failed in zip(faults.items(), found, strict=True):
        assert failed >= probes, fault
        assert bool(failed) is bool(fault), fault


@pytest.mark.parametrize("users", [(), ("alice", "bob")])
async def test_a_second_user_is_the_second_party(tmp_path, users):
    async def session(ws):
        who = ws.request.headers.get("authorization", "nobody").removeprefix("Bearer token-of-")
        here.append(ws)
        async for text in ws:
            told = f'{{"from": "{who}", "said": {text}}}'
            await asyncio.gather(*(one.send(told) for one in here), return_exceptions=True)

    here = []
    secrets = {name: f"token-of-{name}" for name in users}
    header = (("Authorization", "Bearer ${user}"),) if users else ()
    asking = Asked((), header, ROOM, (), SAY, apart_s=0.02, start_within_s=1.0, users=users)
    async with serve(session, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        recording = await Recorder(Target(url), secrets, SystemClock()).record(asking)
    refs = {name: SecretRef(name.upper()) for name in users}
    found = draft(recording, asking, ServiceName(), refs, folder="it", logs=False)
    write_draft(found, tmp_path / "it.yaml", force=False)
    spec = next(one.spec for one in load_policy(tmp_path / "it.yaml").probes if one.name == "room")
    parties = dict(spec.parties)
    assert (parties["first"].user, parties["second"].user) == (users or ("", ""))
    heard = [dict(step.reaches)["first"].answer.json["from"] for step in spec.steps]
    assert heard == [*(users or ("nobody", "nobody"))]
    assert not any(step.silent for step in spec.steps)  # they hear everything everywhere
