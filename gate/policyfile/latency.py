"""From the fields of an http probe with a rate to its specification."""

from gate.core.questions import LatencyProbe
from gate.policyfile import format as form
from gate.policyfile import rates
from gate.policyfile.context import Context
from gate.policyfile.records import Fields, Key, Read
from gate.policyfile.sessions import headers

_HTTP_ONLY: tuple[Key[object], ...] = (form.JSON, form.SCHEMA, form.ANSWER_HEADERS)


def asks_at_a_rate(context: Context, ask: Fields, expect: Read[Fields] | None) -> bool:
    """Whether this is a latency probe; keys that only such a one has are refused in another."""
    if ask.given(rates.RATE):
        return True
    only = [(ask, key) for key in (rates.FOR, rates.WARM_UP)]
    only += [(expect.value, key) for key in rates.EXPECTED] if expect else []
    for fields, key in only:
        if (node := fields.entry(key.name)) is not None:
            context.problems.add(
                node.mark,
                f"{node.path}: has no meaning without a rate (expected http.rate)",
                "one answer has no percentiles: give e.g. rate: 20/s",
            )
    return False


def build_latency(
    context: Context, ask: Fields, expect: Read[Fields] | None
) -> LatencyProbe | None:
    """The specification; what is left out has its default."""
    context.no_template(ask.find(form.HTTP_PATH))
    sent = headers(context, ask.find(form.REQUEST_HEADERS))
    names = sent.names | context.names(ask.find(form.BODY))
    context.no_user(ask, names)
    given: dict[str, object] = {
        "path": ask.get(form.HTTP_PATH, "/"),
        "method": ask.get(form.METHOD, "GET"),
        "headers": sent.value,
        "body": ask.get(form.BODY, None),
        **_given(ask, {"timeout_s": form.TIMEOUT, "rate_per_s": rates.RATE}),
        **_given(ask, {"for_s": rates.FOR, "warm_up_s": rates.WARM_UP}),
    }
    if expect is None:
        return context.construct(LatencyProbe, given, ask)
    _refuse_content(context, expect.value)
    wanted = expect.value
    statuses = wanted.get(form.STATUSES, 200)
    given["status"] = (
        (statuses,) if isinstance(statuses, int) else tuple(read.value for read in statuses)
    )
    given |= _given(wanted, {"p50_s": rates.P50, "p95_s": rates.P95, "p99_s": rates.P99})
    given |= _given(wanted, {"slower_percent": rates.SLOWER, "errors_percent": rates.ERRORS})
    return context.construct(LatencyProbe, given, ask, wanted)


def _given(fields: Fields, keys: dict[str, Key[float]]) -> dict[str, object]:
    return {name: read.value for name, key in keys.items() if (read := fields.find(key))}


def _refuse_content(context: Context, expect: Fields) -> None:
    for key in _HTTP_ONLY:
        if (node := expect.entry(key.name)) is not None:
            context.problems.add(
                node.mark,
                f"{node.path}: is not looked at where a rate is given "
                "(expected status, percentiles and errors)",
                "ask for the content in a probe of its own, without a rate",
            )
