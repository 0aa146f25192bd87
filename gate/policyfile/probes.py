"""From a probe's fields to its specification; what a script reference takes over is in sessions."""

from collections.abc import Mapping

from gate.core.control import Contract
from gate.core.policy import (
    HttpProbe,
    LogPattern,
    LogsProbe,
    Probe,
    ProbeSpec,
    Severity,
    WebSocketProbe,
)
from gate.core.template import USER
from gate.policyfile import format as form
from gate.policyfile import suites
from gate.policyfile.asked import build_asked
from gate.policyfile.comparing import CONTRACT
from gate.policyfile.context import Context
from gate.policyfile.keeping import bodies_of
from gate.policyfile.latency import asks_at_a_rate, build_latency
from gate.policyfile.problems import shown
from gate.policyfile.records import Fields, Read
from gate.policyfile.sessions import Sessions, headers
from gate.policyfile.suite_build import build_suite
from gate.policyfile.tree import Mapping as MappingNode


def build_probes(
    context: Context, node: MappingNode, reads: Mapping[str, Read[tuple[str, Fields]]]
) -> tuple[Probe, ...]:
    """The probes that can be built, in the file's order; every problem of the others is noted.

    Args:
        context: the file.
        node: the `probes` mapping, for the names of all, the bad ones included.
        reads: each probe's kind and keys, of those that had their shape.
    """
    sockets = {
        name: ask.value
        for name, read in reads.items()
        if (ask := read.value[1].find(form.ASK_WS)) is not None
    }
    sessions = Sessions(context, sockets, node)
    probes = (_probe(context, name, read.value[1], sessions) for name, read in reads.items())
    return tuple(probe for probe in probes if probe is not None)


def _probe(context: Context, name: str, fields: Fields, sessions: Sessions) -> Probe | None:
    capability = fields.find(form.STAKE)
    if capability is not None and capability.value not in context.capabilities:
        context.problems.add(
            capability.node.mark,
            f"{capability.node.path}: is not defined (got {shown(capability.value)})",
            context.problems.guess(
                capability.value, context.capabilities, "define it under capabilities"
            ),
        )
    spec = _spec(context, name, fields, sessions)
    if spec is None:
        return None
    stake = "" if capability is None else capability.value
    contract = Contract(fields.get(CONTRACT, Contract.STABLE.value))
    required = fields.get(form.REQUIRED, True)
    return Probe(name, spec, stake, required, contract, bodies_of(fields))


def _spec(context: Context, name: str, fields: Fields, sessions: Sessions) -> ProbeSpec | None:
    http = fields.find(form.ASK_HTTP)
    if http is not None:
        expected = fields.find(form.EXPECT_HTTP)
        if asks_at_a_rate(context, http.value, expected):
            return build_latency(context, http.value, expected)
        return _http(context, http.value, expected)
    socket = fields.find(form.ASK_WS)
    if socket is not None:
        return _socket(context, name, socket.value, fields.find(form.EXPECT_WS), sessions)
    logs = fields.find(form.ASK_LOGS)
    expect = fields.find(form.EXPECT_LOGS)
    if logs is not None and expect is not None:
        return _logs(context, logs.value, expect.value)
    suite = fields.find(suites.ASK_SUITE)
    if suite is not None:
        return build_suite(context, suite.value, fields.find(suites.EXPECT_SUITE))
    return build_asked(context, fields)


def _http(context: Context, ask: Fields, expect: Read[Fields] | None) -> HttpProbe | None:
    context.no_template(ask.find(form.HTTP_PATH))
    sent = headers(context, ask.find(form.REQUEST_HEADERS))
    context.no_user(ask, sent.names | context.names(ask.find(form.BODY)))
    given: dict[str, object] = {
        "path": ask.get(form.HTTP_PATH, "/"),
        "method": ask.get(form.METHOD, "GET"),
        "headers": sent.value,
        "body": ask.get(form.BODY, None),
        "timeout_s": ask.get(form.TIMEOUT, 10.0),
    }
    if expect is None:
        return context.construct(HttpProbe, given, ask)
    answer = context.pattern(expect.value)
    if not answer.empty and given["method"] == "HEAD":
        context.problems.add(
            expect.node.mark,
            f"{expect.node.path}: asks for a body, which an answer to HEAD never has",
        )
    wanted = headers(context, expect.value.find(form.ANSWER_HEADERS), received=True)
    context.no_user(expect.value, wanted.names | context.names(expect.value.find(form.JSON)))
    given["answer"] = answer
    given["answer_headers"] = wanted.value
    given["status"] = _numbers(expect.value.get(form.STATUSES, 200))
    return context.construct(HttpProbe, given, ask, expect.value)


def _socket(
    context: Context, name: str, ask: Fields, expect: Read[Fields] | None, sessions: Sessions
) -> WebSocketProbe | None:
    context.no_template(ask.find(form.WS_PATH))
    parts = sessions.parts(name)
    given: dict[str, object] = {
        "path": ask.get(form.WS_PATH, "/"),
        "users": _users(context, ask),
        "script": parts.script.value,
        "subprotocols": parts.subprotocols.value,
        "headers": parts.headers.value,
        "connections": ask.get(form.CONNECTIONS, 1),
        "hold_s": ask.get(form.HOLD, 0.0),
        "repeat": ask.get(form.REPEAT, 1),
        "open_within_s": ask.get(form.OPEN_WITHIN, 10.0),
    }
    if USER in parts.names and ask.entry(form.USERS.name) is None:
        context.problems.add(
            ask.node().mark,
            f"{ask.node().path}: uses ${{user}}, its own or taken over, but has no users",
            "name the secrets that the connections take turns with: users: [alice, bob]",
        )
    if expect is None:
        return context.construct(WebSocketProbe, given, ask)
    wanted = expect.value
    selected = wanted.find(form.SUBPROTOCOL)
    if selected is not None and selected.value not in parts.subprotocols.value:
        context.problems.add(
            selected.node.mark,
            f"{selected.node.path}: is not offered (got {shown(selected.value)})",
            context.problems.guess(
                selected.value, parts.subprotocols.value, "add it to subprotocols"
            ),
        )
    given["success_percent"] = wanted.get(form.SUCCESS, 100.0)
    given["foreign_messages"] = wanted.get(form.FOREIGN, 0)
    given["close_code"] = wanted.get(form.CLOSE, None)
    given["refused"] = _numbers(wanted.get(form.REFUSED, ()))
    given["subprotocol"] = wanted.get(form.SUBPROTOCOL, "")
    return context.construct(WebSocketProbe, given, ask, wanted)


def _users(context: Context, ask: Fields) -> tuple[str, ...]:
    users = ask.get(form.USERS, ())
    for user in users:
        if user.value not in context.secrets:
            context.problems.add(
                user.node.mark,
                f"{user.node.path}: is not a secret of this policy (got {shown(user.value)})",
                context.problems.guess(user.value, context.secrets, "define it under secrets"),
            )
    return tuple(user.value for user in users)


def _logs(context: Context, ask: Fields, expect: Fields) -> LogsProbe | None:
    patterns: list[LogPattern] = []
    for read in expect.get(form.NONE, ()):
        text = read.value.find(form.LOG_TEXT)
        severity = read.value.find(form.SEVERITY)
        context.no_template(text)
        if text is not None or severity is not None:
            level = None if severity is None else Severity[severity.value]
            patterns.append(LogPattern(level, "" if text is None else text.value))
    if not patterns:
        return None
    given: dict[str, object] = {"none": tuple(patterns), "settle_s": ask.get(form.SETTLE, 15.0)}
    return context.construct(LogsProbe, given, ask, expect)


def _numbers(value: int | tuple[Read[int], ...]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(read.value for read in value)
