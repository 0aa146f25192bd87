"""From the fields of the kinds in questions to their specifications."""

from collections.abc import Callable, Mapping

from gate.core.policy import Json, ProbeSpec
from gate.core.questions import (
    DiffProbe,
    GrpcProbe,
    PluginProbe,
    RoutesProbe,
    SoakProbe,
    StartupProbe,
)
from gate.policyfile import questions as form
from gate.policyfile.context import Context
from gate.policyfile.records import Fields, Read
from gate.policyfile.sessions import Part, headers, subprotocols
from gate.policyfile.tree import as_json

Names = str | tuple[Read[str], ...]
_PARTS = (
    form.DIFF_ENV,
    form.DIFF_SECRETS,
    form.DIFF_RESOURCES,
    form.DIFF_IMAGE,
    form.DIFF_PORTS,
    form.DIFF_IDENTITY,
    form.DIFF_SCALING,
    form.DIFF_NETWORK,
    form.DIFF_VOLUMES,
)


def build_asked(context: Context, fields: Fields) -> ProbeSpec | None:
    """The specification of a probe of one of these kinds; None where it is of none, or refused."""
    for ask, *expect in form.KINDS:
        if (read := fields.find(ask)) is not None:
            wanted = fields.find(expect[0]) if expect else None
            return _BUILDERS[ask.name](context, read.value, wanted.value if wanted else None)
    return None


def _diff(context: Context, ask: Fields, expect: Fields | None) -> DiffProbe | None:
    """What is compared, and what may differ."""
    given: dict[str, object] = {key.name: ask.get(key, None) for key in _PARTS if ask.find(key)}
    if expect is None:
        return context.construct(DiffProbe, given, ask)
    for key in (form.MISSING, form.CHANGED):
        if (read := expect.find(key)) is not None:
            given[key.name] = _names(context, read.value)
    return context.construct(DiffProbe, given, ask, expect)


def _routes(context: Context, ask: Fields, expect: Fields | None) -> RoutesProbe | None:
    """Where the document is, and which routes may be gone or changed."""
    context.no_template(ask.find(form.ROUTES_PATH))
    given: dict[str, object] = {
        "path": ask.get(form.ROUTES_PATH, "/openapi.json"),
        "timeout_s": ask.get(form.ROUTES_TIMEOUT, 10.0),
    }
    if expect is None:
        return context.construct(RoutesProbe, given, ask)
    for key in (form.REMOVED, form.STRICTER):
        given[key.name] = tuple(read.value for read in expect.get(key, ()))
    return context.construct(RoutesProbe, given, ask, expect)


def _startup(context: Context, ask: Fields, expect: Fields | None) -> StartupProbe | None:
    """What is asked first, how often then, and how soon each answer must come."""
    context.no_template(ask.find(form.STARTUP_PATH))
    given: dict[str, object] = {
        "path": ask.get(form.STARTUP_PATH, "/"),
        "warm_requests": ask.get(form.WARM_REQUESTS, 5),
    }
    if expect is None:
        return context.construct(StartupProbe, given, ask)
    status = expect.get(form.STARTUP_STATUS, 200)
    given["status"] = (status,) if isinstance(status, int) else tuple(read.value for read in status)
    given["first_s"] = expect.get(form.FIRST, 60.0)
    given["warm_s"] = expect.get(form.WARM, 2.0)
    return context.construct(StartupProbe, given, ask, expect)


def _soak(context: Context, ask: Fields, expect: Fields | None) -> SoakProbe | None:
    """What is held open, for how long, and what the server must do meanwhile."""
    context.no_template(ask.find(form.SOAK_PATH))
    offered = subprotocols(context, ask.find(form.SOAK_OFFERED)) or Part(())
    sent = headers(context, ask.find(form.SOAK_HEADERS))
    context.no_user(ask, offered.names | sent.names)
    given: dict[str, object] = {
        "path": ask.get(form.SOAK_PATH, "/"),
        "for_s": ask.get(form.SOAK_FOR, 120.0),
        "ping_every_s": ask.get(form.PING_EVERY, 10.0),
        "open_within_s": ask.get(form.SOAK_OPEN, 10.0),
        "subprotocols": offered.value,
        "headers": sent.value,
    }
    if expect is None:
        return context.construct(SoakProbe, given, ask)
    given["server_pings"] = expect.get(form.SERVER_PINGS, 0)
    return context.construct(SoakProbe, given, ask, expect)


def _grpc(context: Context, ask: Fields, _: Fields | None) -> GrpcProbe | None:
    """Whose health is asked for."""
    given: dict[str, object] = {
        "service": ask.get(form.GRPC_SERVICE, ""),
        "within_s": ask.get(form.GRPC_WITHIN, 10.0),
    }
    return context.construct(GrpcProbe, given, ask)


def _plugin(context: Context, ask: Fields, _: Fields | None) -> PluginProbe | None:
    """Which plug-in is asked; every key that is not the gate's own is an option of the plug-in."""
    kind = ask.find(form.PLUGIN_KIND)
    own = {key.name for key in form.PLUGIN.keys}
    options: dict[str, Json] = {}
    names: frozenset[str] = frozenset()
    for name, (_mark, node) in ask.node().entries.items():
        if name not in own:
            names |= context.names(Read(None, node))
            options[name] = as_json(node)
    context.no_user(ask, names)
    if kind is None:
        return None
    given: dict[str, object] = {
        "kind": kind.value,
        "options": options,
        "timeout_s": ask.get(form.PLUGIN_TIMEOUT, 60.0),
    }
    return context.construct(PluginProbe, given, ask)


def _names(context: Context, value: Names) -> tuple[str, ...] | None:
    """The names that are allowed; None where all are."""
    if isinstance(value, str):
        return None if value == "any" else ()
    for read in value:
        context.no_template(read)
    return tuple(read.value for read in value)


_BUILDERS: Mapping[str, Callable[[Context, Fields, Fields | None], ProbeSpec | None]] = {
    form.ASK_DIFF.name: _diff,
    form.ASK_ROUTES.name: _routes,
    form.ASK_STARTUP.name: _startup,
    form.ASK_SOAK.name: _soak,
    form.ASK_GRPC.name: _grpc,
    form.ASK_PLUGIN.name: _plugin,
}
