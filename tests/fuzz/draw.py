"""A seed to a round: what the server does, what it is asked, and how long this may take."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, replace

from gate.core.expectations import Pattern, Schema
from gate.core.policy import ProbeSpec
from gate.core.severity import Severity
from gate.kinds.diff import DiffProbe
from gate.kinds.grpc import GrpcProbe
from gate.kinds.http import HttpProbe
from gate.kinds.latency import LatencyProbe
from gate.kinds.logs import LogPattern, LogsProbe
from gate.kinds.plugin import PluginProbe
from gate.kinds.routes import RoutesProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.startup import StartupProbe
from gate.kinds.stream import AwaitEvent, Format, StreamProbe
from gate.kinds.suite import SuiteProbe
from gate.kinds.websocket import Await, Send, WebSocketProbe
from gate.probes.latency.probe import FIRST_WITHIN_S
from gate.probes.startup import WARM_TIMEOUT_S
from gate.probes.suite.channel import DRAIN_S
from gate.probes.suite.process import CLOSING_S, GRACE_S
from tests.contract.suite_stage import ENV, PYTEST
from tests.fuzz import mischief

TOKEN = "Zm9vYmFyLXNlY3JldC1vZi1hbGljZQ"
SCHEMA = Schema(
    "a.json",
    {
        "anyOf": [
            {"type": "array", "items": {"type": "string"}},
            {"properties": {"items": {"uniqueItems": True, "items": {"type": "string"}}}},
        ],
        "required": ["status"],
        "if": {"type": "object"},
        "then": {"properties": {"status": {"const": "ok"}}},
        "else": False,
    },
)
HEADERS = (("Authorization", "Bearer ${alice}"), ("X-Key", "${alice}"))
LIVES_S = 1.5
"""So long a connection lives with those that wait for a first answer, for a minute by design."""
SLACK_S = 2.5
"""What a busy machine may add; no probe has anything to do with it."""


@dataclass(frozen=True)
class Round:
    """One server and one question.

    Attributes:
        limit_s: by its own deadlines, the probe has ended by then.
        control: whether the server is asked as stable, too.
    """

    seed: int
    name: str
    spec: ProbeSpec
    limit_s: float
    control: bool


def draw(seed):
    """The round of a seed; always the same."""
    rng = random.Random(f"question {seed}")
    if seed % 5 > 2:
        kind = rng.choice(["suite", "plugin", *_BEYOND])
        spec, limit_s = _BEYOND[kind](rng)
    else:
        kind = rng.choice(["http"] * 6 + ["websocket"] * 6 + list(_KINDS))
        spec, limit_s = _KINDS[kind](rng)
    control = kind in ("http", "websocket") and rng.random() < 0.15
    times = 2 if control else 1
    name = kind if kind in ("diff", "logs") else f"{kind} {_how(seed)[0]}"
    return Round(seed, name, spec, limit_s * times + SLACK_S, control)


def _http(rng):
    timeout_s = rng.choice([0.25, 0.5])
    answer = rng.choice(
        [Pattern(json={"status": "ok"}), Pattern(schema=SCHEMA), Pattern({"a": 1}, SCHEMA)]
    )
    wanted = rng.choice([(), (("X-Evil", "x"),)])
    return HttpProbe(
        "/x", headers=HEADERS, timeout_s=timeout_s, answer=answer, answer_headers=wanted
    ), timeout_s


def _routes(rng):
    return RoutesProbe("/openapi.json", timeout_s=0.4), 0.9


def _websocket(rng):
    within_s = rng.choice([0.2, 0.5])
    wait = Await(rng.choice([Pattern({"type": "pong"}), Pattern(schema=SCHEMA)]), within_s=within_s)
    row = Await(sequence=("a", "b"), never=Pattern(schema=SCHEMA), within_s=within_s)
    script = rng.choice([(wait,), (Send({"nonce": "${nonce}"}), wait), (row,), ()])
    strangers = not script and rng.random() < 0.4
    hold_s = rng.choice([0.0, 0.2])
    spec = WebSocketProbe(
        "/ws",
        subprotocols=rng.choice([(), ("jwt-auth", "jwt.${alice}")]),
        headers=rng.choice([(), HEADERS]),
        script=script,
        connections=rng.choice([1, 1, 4]),
        hold_s=hold_s,
        open_within_s=within_s,
        refused=(401, 1008) if strangers else (),
        close_code=None,
    )
    listening_s = sum(step.within_s for step in script if isinstance(step, Await))
    return spec, within_s * (2 if strangers else 1) + listening_s + hold_s + 2.0


def _startup(rng):
    spec = StartupProbe("/x", first_s=0.3, warm_requests=1, warm_s=0.2)
    return spec, spec.first_s + WARM_TIMEOUT_S


def _latency(rng):
    spec = LatencyProbe(
        "/x", headers=HEADERS, rate_per_s=20, for_s=1.0, warm_up_s=0.0, timeout_s=0.3, p95_s=0.2
    )
    return spec, FIRST_WITHIN_S + 2 * (spec.for_s + spec.timeout_s) + 2.0


def _soak(rng):
    spec = SoakProbe("/ws", for_s=1.0, ping_every_s=0.3, open_within_s=0.3, headers=HEADERS)
    return spec, spec.open_within_s + spec.for_s + spec.ping_every_s + 6.0


def _stream(rng):
    spec = StreamProbe(
        "/x",
        headers=HEADERS,
        format=rng.choice(list(Format)),
        connections=rng.choice([1, 1, 4]),
        first_within_s=0.3,
        within_s=1.0,
        status=rng.choice([(200,), tuple(range(200, 600))]),
        content_type=rng.choice(["", "application/json"]),
        least=rng.choice([1, 3]),
        end=rng.random() < 0.5,
    )
    if spec.format is not Format.PIECES:
        pattern = Pattern(schema=rng.choice([None, SCHEMA]), json={"status": "ok"})
        spec = replace(spec, events=(AwaitEvent(pattern, within_s=0.5),), each=pattern)
    return spec, spec.within_s + 2.0 + 2.0


def _grpc(rng):
    return GrpcProbe(within_s=0.4), 0.4 + 1.0


def _suite(rng):
    spec = SuiteProbe(
        (*PYTEST, "asks.py"), env=(*ENV, ("TOKEN", "${alice}")), directory="suite", timeout_s=5.0
    )
    looking_s = LIVES_S + 0.5
    return spec, looking_s + spec.timeout_s + GRACE_S + CLOSING_S + DRAIN_S


def _diff(rng):
    return DiffProbe(), 0.5


def _logs(rng):
    bad = rng.choice([LogPattern(Severity.ERROR), LogPattern(text="a"), LogPattern(text=TOKEN)])
    spec = LogsProbe((bad, LogPattern(Severity.WARNING, "x")), settle_s=0.3)
    return spec, spec.settle_s + 0.5


def _plugin(rng):
    options = {"seed": rng.randrange(10**6), "key": "${alice}"}
    return PluginProbe("mischief", options, 0.5), 0.5 + 0.5


_BEYOND = {"suite": _suite, "diff": _diff, "logs": _logs, "plugin": _plugin}
"""What asks more than the server of a round, or somebody else."""
_KINDS = {
    "grpc": _grpc,
    "http": _http,
    "websocket": _websocket,
    "routes": _routes,
    "latency": _latency,
    "soak": _soak,
    "stream": _stream,
    "startup": _startup,
}


def _how(seed):
    """The name of what the server does, its randomness, and the two pieces that make it."""
    rng = random.Random(f"server {seed}")
    way = rng.choice(["answer"] * 4 + ["frames"] * 4 + ["echo", "mute", "gone"])
    make = rng.choice(mischief.ANSWERS)
    send = rng.choice(mischief.SENDING)
    parts = {"answer": f"{make.__name__} {send.__name__}", "frames": f"frames {send.__name__}"}
    return parts.get(way, way), rng, way, make, send


def server_of(seed, canary):
    """What the server of a round does with each connection.

    Args:
        seed: of the round.
        canary: host:port of somebody whom nobody may be led to.
    """
    _, rng, way, make, send = _how(seed)
    patient = isinstance(draw(seed).spec, LatencyProbe | StartupProbe | SuiteProbe)

    async def handler(reader, writer):
        async with asyncio.timeout(LIVES_S if patient else None):
            await meet(reader, writer)

    async def meet(reader, writer):
        if way == "mute":
            await asyncio.Event().wait()
        if way == "gone":
            return
        head = await reader.readuntil(b"\r\n\r\n")
        swallowing = asyncio.create_task(_swallow(reader))
        try:
            if way == "echo":
                await send(writer, mischief.echo(head, rng), rng)
            elif way == "frames" and b"sec-websocket-key" in head.lower():
                writer.write(mischief.shaken(head, rng, canary))
                await send(writer, mischief.frames(rng, canary), rng)
            else:
                await send(writer, make(rng, canary), rng)
        finally:
            swallowing.cancel()

    return handler


async def _swallow(reader):
    with contextlib.suppress(ConnectionError):
        while await reader.read(65_536):
            pass
