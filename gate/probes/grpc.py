"""Asks the standard health service of gRPC: grpc.health.v1.Health/Check.

The health messages and the stub are the ones that grpcio-health-checking brings. What Cloud Run's
front end answers in the container's place comes as an HTTP status, which gRPC tells in words only.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import grpc
import grpc.aio

from gate.core.evidence import Evidence, Symptom
from gate.kinds.grpc import GrpcProbe
from gate.probes import faults, headers
from gate.probes.frontend import FrontEndAnswer
from gate.probes.identity import Doubt, known_by
from gate.probes.inquiry import Inquiry, Run
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.readiness import says_so

if TYPE_CHECKING:
    from grpc_health.v1.health_pb2 import HealthCheckResponse

KIND = "grpc"
SERVING = "SERVING"
ANSWER_MAX = 64 * 1024
"""Most bytes of an answer: two are usual."""
_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.max_receive_message_length", ANSWER_MAX),
    ("grpc.enable_http_proxy", 0),  # no proxy of the environment diverts the question
    ("grpc.enable_retries", 0),  # asking again is for Patience to say
)
_HTTP_STATUS = re.compile(r"http2 header with status: (\d{3})")
_UNREACHED = re.compile(r"failed to connect|errors resolving|DNS resolution failed|lookup")
_NOT_HTTP2 = re.compile(r"http1\.x|HTTP/1|settings frame|HTTP2 preface", re.IGNORECASE)
_BROKEN = re.compile(r"socket closed|connection reset|goaway|eof", re.IGNORECASE)
_FRONT_END: Mapping[int, FrontEndAnswer] = {
    404: FrontEndAnswer(
        "the front end knows no such address, or what answers is no gRPC server",
        "the tag's URL may not be served yet; if it is, the container speaks HTTP, not gRPC",
        unknown=True,
    ),
    401: FrontEndAnswer(
        "the caller was refused before any gRPC server saw it",
        "the service is private: the caller needs roles/run.invoker and an ID token whose audience "
        "is the service's own URL",
    ),
    429: FrontEndAnswer(
        "no instance could take the request",
        "all instances were busy or starting: look at max instances, concurrency and start-up time",
        busy=True,
    ),
}
_SAME_AS = {403: 401, 503: 429, 502: 429}


class _Reply(NamedTuple):
    """What came of one call."""

    seen: str
    fault: Fault | None = None
    front_end: FrontEndAnswer | None = None
    name: str = ""
    doubt: Doubt | None = None

    @property
    def wrong(self) -> Fault | None:
        return self.doubt.fault if self.doubt else self.fault


async def ask(inquiry: Inquiry[GrpcProbe]) -> Evidence:
    """Calls Check, and again where the candidate cannot have seen the question.

    Raises:
        CannotAskError: the address is none, or the health messages are not installed.
    """
    run, spec = inquiry.run, inquiry.spec
    trace = headers.Trace()
    asked = f"grpc.health.v1.Health/Check {spec.service or '(the whole server)'}"
    draft = inquiry.begin(KIND, asked, f"{SERVING} within {spec.within_s:g} s")
    patience = run.patience()
    again: list[str] = []
    reply = await _call(run, spec, trace)
    while True:
        other = reply.doubt.other if reply.doubt else ""
        pause_s = patience.pause_s(reply.front_end, other=other)
        if pause_s is None:
            break
        again.append(reply.seen)
        await run.clock.sleep(pause_s)
        reply = await _call(run, spec, trace)
    faults = [reply.wrong] if reply.wrong else []
    excerpts = map(run.words.line, _excerpts(run, asked, again, reply))
    seen = faults[0].seen if faults else reply.seen
    return draft.end(seen, faults, excerpts, trace=trace.id, answered_by=reply.name)


async def _call(run: Run, spec: GrpcProbe, trace: headers.Trace) -> _Reply:
    from grpc_health.v1.health_pb2 import HealthCheckRequest  # noqa: PLC0415 - lazy, as its user
    from grpc_health.v1.health_pb2_grpc import HealthStub  # noqa: PLC0415

    metadata = tuple(_metadata(run, trace))
    channel = _channel(run, spec.within_s)
    try:
        call = HealthStub(channel).Check(
            HealthCheckRequest(service=spec.service), timeout=spec.within_s, metadata=metadata
        )
        answer = await call
        initial = await call.initial_metadata()
        reply = _answered(answer, spec)
        return _attributed(run, reply, _pairs(initial))
    except grpc.aio.AioRpcError as error:
        ready = channel.get_state() is grpc.ChannelConnectivity.READY
        reply = _refused(error, spec, ready=ready)
        pairs = _pairs(error.trailing_metadata()) | _pairs(error.initial_metadata())
        return _attributed(run, reply, pairs)
    finally:
        await channel.close(grace=None)


def _metadata(run: Run, trace: headers.Trace) -> Iterator[tuple[str, str]]:
    """The target's headers; who asks is told by the channel."""
    for name, value in headers.render(trace, run.target.headers, (), {}):
        if name.lower() != "user-agent":
            yield name.lower(), value


def _channel(run: Run, within_s: float) -> grpc.aio.Channel:
    """One connection; over TLS it trusts whom the run's own context trusts.

    Args:
        run: whom to ask.
        within_s: how long it may take to connect; gRPC would go on for 20 s by itself, even once
            the channel is closed.

    Raises:
        CannotAskError: the target's URL is none.
    """
    parts = urlsplit(run.target.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CannotAskError("an address that is none", "an http or https URL")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    options = (
        *_OPTIONS,
        ("grpc.primary_user_agent", headers.user_agent()),
        ("grpc.default_authority", parts.netloc),
        ("grpc.min_reconnect_backoff_ms", max(1, int(within_s * 1000))),
    )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if not secure:
        return grpc.aio.insecure_channel(f"{host}:{port}", options)
    roots = map(ssl.DER_cert_to_PEM_cert, run.tls().get_ca_certs(binary_form=True))
    credentials = grpc.ssl_channel_credentials("".join(roots).encode())
    return grpc.aio.secure_channel(f"{host}:{port}", credentials, options)


def _answered(answer: "HealthCheckResponse", spec: GrpcProbe) -> _Reply:
    names = type(answer).ServingStatus
    status = names.Name(answer.status) if answer.status in names.values() else str(answer.status)
    if status == SERVING:
        return _Reply(SERVING)
    what = spec.service or "the server"
    return _Reply(status, Fault(Symptom.STATUS, f"{status} ({what} says so itself)", SERVING))


def _refused(error: grpc.aio.AioRpcError, spec: GrpcProbe, *, ready: bool) -> _Reply:
    """What a status other than OK means; the server's own words are kept."""
    code, details = error.code(), error.details() or ""
    told = f"{code.name}: {details}" if details else code.name
    if match := _HTTP_STATUS.search(details):
        return _http(int(match[1]), told)
    return _Reply(told, _fault(code, told, spec, ready=ready))


def _http(status: int, told: str) -> _Reply:
    """An HTTP status in place of a gRPC answer."""
    answer = _FRONT_END.get(_SAME_AS.get(status, status))
    if answer is None:
        hint = "the container may not speak gRPC: its port must be named h2c on Cloud Run"
        return _Reply(told, Fault(Symptom.PROTOCOL, told, "a gRPC answer", hint))
    return _Reply(told, answer.fault(f"HTTP {status}", SERVING), answer)


def _fault(code: grpc.StatusCode, told: str, spec: GrpcProbe, *, ready: bool) -> Fault:
    match code:
        case grpc.StatusCode.UNIMPLEMENTED:
            hint = "the server has no grpc.health.v1.Health: add the standard health service to it"
            return Fault(Symptom.STATUS, told, SERVING, hint)
        case grpc.StatusCode.NOT_FOUND:
            hint = f"the health service knows no {spec.service!r}: register it, or ask for another"
            return Fault(Symptom.STATUS, told, SERVING, hint)
        case grpc.StatusCode.DEADLINE_EXCEEDED if ready:
            return Fault(Symptom.TIMEOUT, f"no answer within {spec.within_s:g} s", SERVING)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return faults.unreached(f"none within {spec.within_s:g} s")
        case grpc.StatusCode.UNAVAILABLE:
            return _unavailable(told)
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "larger than max" in told:
            return Fault(Symptom.TOO_LARGE, told, f"at most {ANSWER_MAX} bytes")
        case _:
            return Fault(Symptom.STATUS, told, SERVING, not_yet=says_so(told))


def _unavailable(told: str) -> Fault:
    """Unreached, broken off, no HTTP/2, or the server's own word; gRPC tells by text alone."""
    if _NOT_HTTP2.search(told):
        hint = "gRPC needs HTTP/2 to the container: name its port h2c on Cloud Run"
        return Fault(Symptom.PROTOCOL, told, "HTTP/2", hint)
    if _UNREACHED.search(told):
        return faults.unreached(told)
    if _BROKEN.search(told):
        return faults.broken_off(told, SERVING)
    return Fault(Symptom.STATUS, told, SERVING, not_yet=says_so(told))


def _attributed(run: Run, reply: _Reply, metadata: Mapping[str, str]) -> _Reply:
    """Says whose answer it is; one without any metadata came from nobody that could be named."""
    identity = run.identity
    name = identity.name_in(lambda header: metadata.get(header.lower()))
    silent = reply.fault is not None and not metadata
    if reply.fault is not None and not name and (silent or reply.front_end):
        return reply._replace(fault=identity.unanswered(reply.fault))
    doubt = identity.doubt(name, reply.seen, reply.fault)
    return reply._replace(name=known_by(name, doubt), doubt=doubt)


def _pairs(metadata: object) -> dict[str, str]:
    """Text metadata by name; what is binary is left out."""
    pairs = tuple(metadata) if isinstance(metadata, grpc.aio.Metadata | tuple) else ()
    return {name.lower(): value for name, value in pairs if isinstance(value, str)}


def _excerpts(run: Run, asked: str, again: list[str], reply: _Reply) -> Iterator[str]:
    if again:
        yield f"= {len(again)} times before: {again[-1]}"
    yield f"> {asked} at {run.target.url}"
    if reply.name:
        yield f"= answered by {reply.name}"
    yield f"< {reply.seen}"
