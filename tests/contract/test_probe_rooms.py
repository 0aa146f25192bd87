"""The rooms probe against a real room server: the five uses, each with the fault that it finds."""

import asyncio
import json

import pytest
from websockets.asyncio.server import serve
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Pattern
from gate.core.policy import IdentityRule
from gate.kinds.room_parties import Party
from gate.kinds.room_steps import Step
from gate.kinds.rooms import RoomsProbe
from gate.kinds.websocket import Await
from tests.contract.probe_servers import SECRETS, ask, tcp
from tests.contract.room_server import Rooms

PATH = "/chat?room=${nonce}&name="
PARTIES = (
    ("ann", Party(f"{PATH}ann")),
    ("ben", Party(f"{PATH}ben")),
    ("carol", Party(f"{PATH}carol")),
    ("outsider", Party("/chat?room=other-${nonce}&name=outsider")),
)
HELLO = {"text": "hello ${nonce}"}


def heard(**fields):
    return Await(Pattern(fields))


def step(**keys):
    keys.setdefault("within_s", 1.0)
    keys.setdefault("for_s", 0.2)
    return Step(**keys)


def says(who="ann", message=None, **keys):
    return step(sender=who, send=message or HELLO, **keys)


def all_of(*names):
    return tuple((name, None) for name in names)


BROADCAST = (says(reaches=all_of("ann", "ben", "carol"), silent=("outsider",)),)
ALONE = (says(reaches=all_of("ann")),)
PRIVATE = (
    says(message={"to": "ben", **HELLO}, reaches=all_of("ben"), silent=("carol", "outsider")),
)
HISTORY = (
    says(reaches=all_of("ann")),
    step(join=("carol",), reaches=all_of("carol")),
    step(join=("outsider",), silent=("outsider",)),
)
COMES = (
    step(
        join=("carol",),
        reaches=tuple((one, heard(type="joined", name="carol")) for one in ("ann", "ben")),
        silent=("outsider",),
        matching=Pattern({"type": "joined"}),
    ),
)
GOES = (step(leave=("ben",), reaches=(("ann", heard(type="left", name="ben")),)),)
ORDER = (
    says(message={"text": "one ${nonce}"}),
    says(message={"text": "two ${nonce}"}),
    step(reaches=(("ben", heard(text="one ${nonce}")),)),
    step(reaches=(("ben", heard(text="two ${nonce}")),)),
)


def spec(steps, parties=PARTIES, **keys):
    return RoomsProbe("/chat", parties, steps, **{"settle_s": 0.1, **keys})


def only(evidence, symptom):
    assert [finding.symptom for finding in evidence.findings] == [symptom], evidence
    return evidence.findings[0]


@pytest.mark.parametrize("steps", [BROADCAST, PRIVATE, HISTORY, COMES, GOES, ORDER])
async def test_a_service_that_keeps_rooms_apart_is_a_pass(steps):
    rooms = Rooms()
    async with rooms.serving() as place:
        evidence = await ask(spec(steps), place)
    assert evidence.passed, evidence
    assert evidence.kind == "rooms"
    assert evidence.asked == "WebSocket /chat, with ann, ben, carol, outsider"
    assert evidence.seen == f"{len(steps)} step{'s' if len(steps) > 1 else ''} as expected"
    assert len({path.partition("&")[0] for path in rooms.paths}) == 2
    assert evidence.shape


@pytest.mark.parametrize(
    ("fault", "steps", "symptom", "seen"),
    [
        ("to nobody", BROADCAST, Symptom.TIMEOUT, "step 1 (ann says it), ben: no message"),
        (
            "to everybody",
            BROADCAST,
            Symptom.FOREIGN,
            'step 1 (ann says it), outsider: heard {"type"',
        ),
        ("private to the room", PRIVATE, Symptom.FOREIGN, "step 1 (ann says it), carol: "),
        ("no history", HISTORY, Symptom.BODY, "step 2 (carol joins), carol: nothing of what"),
        ("history of others", HISTORY, Symptom.FOREIGN, "step 3 (outsider joins), outsider: "),
        ("nobody is told who joins", COMES, Symptom.TIMEOUT, "step 1 (carol joins), ann: "),
        ("joins told everywhere", COMES, Symptom.FORBIDDEN, "step 1 (carol joins), outsider: "),
        ("nobody is told who leaves", GOES, Symptom.TIMEOUT, "step 1 (ben leaves), ann: no mess"),
        ("twice", BROADCAST, Symptom.SEQUENCE, "afterwards, ann: 2 times the same message: "),
        ("swapped", ORDER, Symptom.SEQUENCE, "step 4, ben: "),
        ("kicked", BROADCAST, Symptom.CLOSED, 'step 1 (ann says it), ben: 1011 "room failed"'),
        ("kicked", ALONE, Symptom.CLOSED, 'step 1 (ann says it), ben: 1011 "room failed" while'),
    ],
)
async def test_each_fault_is_found_and_told_with_the_step_and_the_party(
    fault, steps, symptom, seen
):
    async with Rooms(fault).serving() as place:
        evidence = await ask(spec(steps), place)
    assert evidence.outcome is Outcome.FAILED, evidence
    assert symptom in {finding.symptom for finding in evidence.findings}, evidence
    found = [one.seen for one in evidence.findings if one.symptom is symptom]
    assert any(one.startswith(seen) for one in found), evidence
    assert "gate" not in evidence.seen  # the nonce differs each time, and equal faults are equal
    assert evidence.excerpts


async def test_what_came_first_and_should_have_come_second_is_said_to_have():
    async with Rooms("swapped").serving() as place:
        finding = only(await ask(spec(ORDER), place), Symptom.SEQUENCE)
    assert finding.seen == (
        'step 4, ben: {"text":"two ${nonce}"} came before what was awaited first'
    )


async def test_what_another_conversation_says_must_not_be_heard():
    rooms = Rooms("old rooms")
    async with rooms.serving() as place:
        evidence = await ask(spec(BROADCAST, repeat=3), place)
    assert {one.symptom for one in evidence.findings} == {Symptom.FOREIGN}
    assert evidence.findings[0].seen == "ann: 1 message with another conversation's nonce"
    assert evidence.seen.startswith("round 2 of 3: ")
    assert (evidence.asked_times, evidence.right_times) == (2, 1)


async def test_in_a_room_that_others_may_be_in_their_messages_are_nobodys_fault():
    parties = (("ann", Party("/chat?room=lobby")), ("ben", Party("/chat?room=lobby")))
    steps = (says(reaches=all_of("ann", "ben")),)
    async with Rooms().serving() as place:
        evidence = await ask(spec(steps, parties, repeat=3), place)
    assert evidence.passed, evidence
    assert evidence.seen == "1 step as expected, 3 times"


async def test_a_party_may_have_many_connections_each_of_which_must_hear():
    parties = (PARTIES[0], ("crowd", Party(f"{PATH}crowd", connections=30)), PARTIES[3])
    steps = (says(reaches=all_of("crowd"), silent=("outsider",)),)
    async with Rooms().serving() as place:
        right = await ask(spec(steps, parties), place)
    async with Rooms("to nobody").serving() as place:
        wrong = await ask(spec(steps, parties), place)
    assert right.passed, right
    assert right.asked == "WebSocket /chat, with ann, 30 of crowd, outsider"
    assert only(wrong, Symptom.TIMEOUT).count == 30


async def test_parties_come_back_and_are_users_of_their_own():
    heads = {}

    def note(connection, request):
        heads[request.path.partition("name=")[2]] = request.headers.get("Authorization")

    parties = (
        ("ann", Party(f"{PATH}ann", user="alice")),
        ("ben", Party(f"{PATH}ben", user="bob", headers=(("X-User", "${user}"),))),
    )
    again = (
        says(reaches=all_of("ben")),
        step(leave=("ben",)),
        step(join=("ben",), reaches=all_of("ben")),
        says(reaches=all_of("ann", "ben")),
    )
    async with Rooms().serving(process_request=note) as place:
        evidence = await ask(spec(again, parties), place)
    assert evidence.passed, evidence
    assert heads == {"ann": f"Bearer {SECRETS['alice']}", "ben": None}
    assert not any(secret in repr(evidence) for secret in SECRETS.values())


@pytest.mark.parametrize(("codes", "right"), [((4003,), True), ((1000, 1001), False)])
async def test_a_close_by_the_server_may_be_asked_for(codes, right):
    steps = (
        says(message={"text": "kick ${nonce}"}, closed=(("ben", codes), ("carol", (4003,)))),
        says(reaches=all_of("ann")),
    )
    async with Rooms().serving() as place:
        evidence = await ask(spec(steps), place)
    assert evidence.passed is right, evidence
    if not right:
        assert only(evidence, Symptom.CLOSED).seen.startswith('step 1 (ann says it), ben: 4003 "')


def deaf(alive):
    """A server of bare bytes: lets everybody in, echoes nothing, and answers pings or does not."""

    async def handler(reader, writer):
        server = ServerProtocol()
        server.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = server.events_received()
        server.send_response(server.accept(request))
        writer.write(b"".join(server.data_to_send()))
        while data := await reader.read(1 << 16):
            server.receive_data(data)
            for event in server.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                    writer.write(b"".join(server.data_to_send()))
                    return
            answers = server.data_to_send()
            if alive:
                writer.write(b"".join(answers))

    return handler


@pytest.mark.parametrize("alive", [True, False])
async def test_the_silence_of_a_connection_that_may_be_dead_proves_nothing(alive):
    steps = (says(silent=("outsider",)),)
    async with tcp(deaf(alive)) as place:
        evidence = await ask(spec(steps), place)
    if alive:
        assert evidence.passed, evidence
    else:
        assert evidence.outcome is Outcome.INCONCLUSIVE
        assert "outsider: silent, but no pong" in only(evidence, Symptom.TIMEOUT).seen


async def test_a_latecomer_that_is_refused_is_named():
    def guard(connection, request):
        return connection.respond(403, "full") if "carol" in request.path else None

    async with Rooms().serving(process_request=guard) as place:
        evidence = await ask(spec(HISTORY), place)
    assert only(evidence, Symptom.REFUSED).seen.startswith("step 2 (carol joins), carol: 403 For")


async def test_a_flood_ends():
    async def flood(ws):
        while True:
            await ws.send("x" * 100_000)

    async with serve(flood, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        evidence = await ask(spec((says(silent=("outsider",), for_s=20.0),)), place)
    assert evidence.outcome is Outcome.FAILED
    assert {one.symptom for one in evidence.findings} == {Symptom.TOO_LARGE}
    assert evidence.duration_s < 15


# What every probe must do with a service that is no service.


async def test_an_address_that_is_not_reached_says_nothing_of_the_candidate():
    async with tcp(deaf(alive=True)) as place:
        pass
    evidence = await ask(spec(BROADCAST), place)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert {one.symptom for one in evidence.findings} == {Symptom.CONNECT}


@pytest.mark.parametrize(
    ("sent", "symptom"),
    [
        (b"\x00\x01 no HTTP\r\n\r\n", Symptom.PROTOCOL),
        (b"HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n", Symptom.REFUSED),
        (b"", Symptom.TIMEOUT),
    ],
)
async def test_no_handshake_is_a_failure(sent, symptom):
    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        await reader.read()

    async with tcp(handler) as place:
        evidence = await ask(spec(BROADCAST, open_within_s=0.5), place)
    assert evidence.outcome is Outcome.FAILED
    assert {one.symptom for one in evidence.findings} == {symptom}
    assert evidence.findings[0].seen.startswith("joining, ann: ")


async def test_one_of_the_subprotocols_offered_must_be_selected():
    async with Rooms().serving(select_subprotocol=lambda *_: None) as place:
        evidence = await ask(spec(BROADCAST, subprotocols=("v1",)), place)
        said = await ask(spec(BROADCAST, subprotocols=("v1",), subprotocol="none"), place)
    assert {one.symptom for one in evidence.findings} == {Symptom.SUBPROTOCOL}
    assert said.passed, said


async def test_another_revisions_answer_is_no_evidence():
    def named(connection, request, response):
        response.headers["x-revision"] = "backend-00001-old"

    rule = IdentityRule("x-revision")
    async with Rooms().serving(process_response=named) as place:
        wrong = await ask(spec(BROADCAST), place, revision="backend-00002-new", identity=rule)
        right = await ask(spec(BROADCAST), place, revision="backend-00001-old", identity=rule)
    assert wrong.outcome is Outcome.INCONCLUSIVE
    assert {one.symptom for one in wrong.findings} == {Symptom.IDENTITY}
    assert (right.passed, right.answered_by) == (True, "backend-00001-old")


async def test_a_message_is_known_again_however_it_is_wrapped():
    async def odd(ws):
        async for text in ws:
            inner = json.loads(text)["text"]
            told = {"type": "said", "html": f"<p>{inner}</p>"}
            await asyncio.sleep(0)
            await ws.send(json.dumps({"payload": json.dumps(told)}))

    message = {"text": 'say "${nonce}" ü'}
    steps = (says(message=message, reaches=all_of("ann"), silent=("ben",)),)
    async with serve(odd, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        evidence = await ask(spec(steps), place)
    assert evidence.passed, evidence


@pytest.mark.parametrize(
    ("names", "outcome"),
    [
        (["new"], Outcome.PASSED),
        (["new", "old", "new"], Outcome.PASSED),  # the round is done again
        (["old"], Outcome.INCONCLUSIVE),
        ([], Outcome.INCONCLUSIVE),
    ],
)
async def test_who_answers_is_told_by_a_message_where_the_handshake_says_nothing(names, outcome):
    names = [f"backend-0000{number}-{name}" for number, name in enumerate(names)]
    candidate = next((name for name in names if name.endswith("new")), "backend-00009-new")
    names = [candidate if name.endswith("new") else name for name in names]
    async with Rooms(names=names).serving() as place:
        spec = RoomsProbe(PATH, PARTIES, BROADCAST)
        rule = IdentityRule(message="revision")
        more = {"identity": rule, "arrival_s": 2}
        evidence = await ask(spec, place, revision=candidate, **more)
    assert evidence.outcome is outcome, evidence
    if outcome is not Outcome.PASSED:
        assert {finding.symptom for finding in evidence.findings} == {Symptom.IDENTITY}
    else:
        assert evidence.answered_by == candidate
