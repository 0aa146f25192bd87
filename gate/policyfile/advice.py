"""What a policy may say and seldom means: advice, never a reason to refuse it."""

from collections.abc import Iterator

from gate.core import template
from gate.core.control import Baseline, Contract
from gate.core.percentiles import TAIL_MIN, tail_count
from gate.core.policy import Await, HttpProbe, Json, LogsProbe, Policy, Probe, Send, WebSocketProbe
from gate.core.questions import LatencyProbe, PluginProbe, SoakProbe, SuiteProbe
from gate.core.verdict import asks_address
from gate.policyfile import sampling
from gate.policyfile.cautions import of_paths, of_questions
from gate.policyfile.problems import Mark, Problems
from gate.policyfile.tree import Mapping, Node

_Said = tuple[str, str, str]
"""Path of the place, what is to be said of it, hint."""


def advise(policy: Policy, root: Node, advice: Problems) -> None:
    """Notes what the author may want to think about.

    Args:
        policy: as built, without problems.
        root: what it was read from, for the places.
        advice: where to note it.
    """
    for path, message, hint in _everything(policy):
        advice.add(_place(root, path), f"{path}: {message}", hint)


def _everything(policy: Policy) -> Iterator[_Said]:
    for probe in policy.probes:
        where = f"probes.{probe.name}"
        if not probe.required:
            yield f"{where}.required", "a failure is only reported, it stops no promotion", ""
        if isinstance(probe.spec, WebSocketProbe):
            yield from _of_sessions(where, probe.spec)
            yield from sampling.of_budget(where, probe.spec)
        if isinstance(probe.spec, LatencyProbe):
            yield from _of_latency(where, probe.spec, policy)
    yield from _of_identity(policy)
    yield from _of_coverage(policy)
    yield from sampling.of_all(policy)
    yield from _of_comparison(policy)
    yield from of_questions(policy)
    yield from of_paths(policy)
    yield from _of_names(policy)
    yield from _of_time(policy)


def _of_sessions(where: str, spec: WebSocketProbe) -> Iterator[_Said]:
    if spec.success_percent < 100:
        yield (
            f"{where}.expect.success",
            f"{100 - spec.success_percent:g}% of the sessions may fail and the probe still passes",
            "",
        )
    handshake = [*spec.subprotocols, *(value for _, value in spec.headers)]
    fixed = _names(list(handshake)) - template.BUILTINS
    if spec.users and fixed:
        yield (
            f"{where}.websocket",
            f"has users, and every connection still offers {', '.join(sorted(fixed))}",
            "write ${user} where the connection's own user is meant",
        )
    sent: list[Json] = [step.message for step in spec.script if isinstance(step, Send)]
    if len(set(spec.users)) > 1 and template.NONCE not in _names(sent):
        yield (
            f"{where}.websocket",
            "sends no ${nonce}, so that a message for another user would not be recognised",
            "send the nonce in a message of the script",
        )
    if spec.refused and (spec.hold_s or spec.close_code is not None or spec.subprotocol):
        yield f"{where}.expect.refused", "leaves hold, close and subprotocol without a meaning", ""


def _of_latency(where: str, spec: LatencyProbe, policy: Policy) -> Iterator[_Said]:
    count = round(spec.rate_per_s * spec.for_s)
    if spec.slower_percent is not None:
        where_slower = f"{where}.expect.slower_than_stable"
        if policy.baseline is Baseline.NONE:
            yield (
                where_slower,
                "has no stable to compare with, so that the probe never passes",
                "set baseline: stable",
            )
        elif tail_count(count, spec.compared) < TAIL_MIN:
            yield where_slower, *_too_few(spec, count, spec.compared, TAIL_MIN)
    for percent, _ in spec.limits:
        if tail_count(count, percent) < 1:
            yield f"{where}.expect.p{percent:g}", *_too_few(spec, count, percent, 1)


def _too_few(spec: LatencyProbe, count: int, percent: float, beyond: int) -> tuple[str, str]:
    least = round(beyond * 100 / (100 - percent))
    message = f"{count} requests cannot tell (expected at least {least}): the probe never passes"
    return message, f"ask longer or more often, e.g. for: {-(-least // spec.rate_per_s):g}s"


def _of_identity(policy: Policy) -> Iterator[_Said]:
    asked = any(asks_address(probe) for probe in policy.probes)
    if asked and policy.candidate.identity is None:
        yield (
            "candidate.identity",
            (
                "is missing: no answer says which revision gave it, so that each rollout asks at a "
                f"tag of its own, e.g. {policy.candidate.tag}-abc"
            ),
            "name the header or field in which every answer carries K_REVISION",
        )


def _of_coverage(policy: Policy) -> Iterator[_Said]:
    sockets = [probe.spec for probe in policy.probes if isinstance(probe.spec, WebSocketProbe)]
    if sockets and all(spec.connections == 1 for spec in sockets):
        yield (
            "probes",
            "no websocket probe holds several connections open: what fails only then stays unseen",
            "give one probe connections: 7 or more, and a hold",
        )
    if sockets and policy.secrets and not any(spec.refused for spec in sockets):
        yield (
            "probes",
            "no probe checks that strangers are refused",
            "add one with expect: {refused: [401, 403, 1008]}",
        )


def _of_comparison(policy: Policy) -> Iterator[_Said]:
    for probe in policy.probes:
        if probe.contract is Contract.DECLARED and policy.baseline is Baseline.NONE:
            where = f"probes.{probe.name}.contract"
            yield where, "has no meaning without a baseline", "write baseline: stable"


def _of_names(policy: Policy) -> Iterator[_Said]:
    used = {name for probe in policy.probes for name in _names_in(probe)}
    for name in policy.secrets:
        if name not in used:
            yield f"secrets.{name}", "is used by no probe", ""
    for name in policy.capabilities:
        if all(probe.capability != name for probe in policy.probes):
            yield f"capabilities.{name}", "no probe speaks for it", ""


def _of_time(policy: Policy) -> Iterator[_Said]:
    least = _least_of_all_s(policy)
    if least >= policy.deadline_s:
        moves = ", dwelling and watching" if len(policy.traffic) > 1 or policy.watch_s else ""
        yield (
            "deadline" if policy.deadline_s != 1200.0 else "probes",
            (
                f"holding and settling{moves} take {least:g} s, "
                f"past the deadline ({policy.deadline_s:g} s)"
            ),
            "no rollout with this policy can end in a promotion",
        )


def _least_of_all_s(policy: Policy) -> float:
    """Every step, and the watch, takes a round of probes at both addresses at least."""
    own = sum(_least_s(probe) for probe in policy.probes)
    asked = (probe for probe in policy.probes if asks_address(probe))
    live = own + sum(_least_s(probe) for probe in asked)
    watch = max(policy.watch_s, live) if policy.watch_s else 0.0
    return own + (len(policy.traffic) - 1) * max(policy.dwell_s, live) + watch


def _least_s(probe: Probe) -> float:
    match probe.spec:
        case WebSocketProbe() as spec:
            return spec.hold_s * spec.repeat
        case LogsProbe() as spec:
            return spec.settle_s
        case SoakProbe() as spec:
            return spec.for_s
        case LatencyProbe() as spec:
            return spec.warm_up_s + spec.for_s
        case _:
            return 0.0


def _names_in(probe: Probe) -> frozenset[str]:
    match probe.spec:
        case HttpProbe() as spec:
            values: list[Json] = [value for _, value in (*spec.headers, *spec.answer_headers)]
            return _names([*values, spec.body, spec.answer.json])
        case WebSocketProbe() as spec:
            return _names(_in_sessions(spec)) | frozenset(spec.users)
        case SoakProbe() as spec:
            return _names([*spec.subprotocols, *(value for _, value in spec.headers)])
        case LatencyProbe() as spec:
            return _names([*(value for _, value in spec.headers), spec.body])
        case SuiteProbe() as spec:
            return _names([value for _, value in spec.env])
        case PluginProbe() as spec:
            return _names([dict(spec.options)])
        case _:
            return frozenset()


def _in_sessions(spec: WebSocketProbe) -> list[Json]:
    texts: list[Json] = [*spec.subprotocols, *(value for _, value in spec.headers)]
    for step in spec.script:
        match step:
            case Send(message):
                texts.append(message)
            case Await():
                texts += [step.answer.json, step.never.json, dict(step.where)]
    return texts


def _names(values: list[Json]) -> frozenset[str]:
    return template.names(values)


def _place(root: Node, path: str) -> Mark:
    """Where the path stands, or the innermost part of it that is in the file."""
    mark, node = root.mark, root
    for part in path.split("."):
        if not isinstance(node, Mapping) or part not in node.entries:
            return mark
        mark, node = node.entries[part]
    return mark
