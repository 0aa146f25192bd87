"""What a policy may say and seldom means: advice, never a reason to refuse it."""

from collections.abc import Iterator
from dataclasses import fields

from gate.core.canary import least_telling
from gate.core.checks import may_be_kept
from gate.core.control import Baseline, Contract
from gate.core.policy import Policy
from gate.core.user_requests import MONITORING_LAG_S, MONITORING_PERIOD_S, Source
from gate.core.verdict import asks_address
from gate.kinds.keys import Remark, all_lacking, keys_of
from gate.policyfile.never import of_rules
from gate.policyfile.problems import Mark, Problems
from gate.policyfile.tree import Mapping, Node

_DEADLINE_S = next(one.default for one in fields(Policy) if one.name == "deadline_s")


def advise(policy: Policy, root: Node, advice: Problems) -> None:
    """Notes what the author may want to think about.

    Args:
        policy: as built, without problems.
        root: what it was read from, for the places.
        advice: where to note it.
    """
    for said in _everything(policy):
        advice.add(_place(root, said.place), f"{said.place}: {said.message}", said.hint)


def _everything(policy: Policy) -> Iterator[Remark]:
    stable = policy.baseline is Baseline.STABLE
    for probe in policy.probes:
        where = f"probes.{probe.name}"
        if not probe.required:
            told = "a failure is only reported, it stops no promotion"
            yield Remark(f"{where}.required", told)
        for said in keys_of(probe).remarks(stable=stable and not probe.spares_stable):
            yield Remark(f"{where}.{said.place}", said.message, said.hint)
    yield from (said for _, said in all_lacking(policy))
    yield from _of_writes(policy)
    yield from _of_identity(policy)
    yield from _of_kinds(policy)
    yield from _of_suites(policy)
    yield from _of_comparison(policy)
    yield from _of_steps(policy)
    yield from _of_paths(policy)
    yield from _of_names(policy)
    yield from _of_time(policy)
    yield from of_rules(policy)


def _of_kinds(policy: Policy) -> Iterator[Remark]:
    specs = [keys_of(probe) for probe in policy.probes]
    for name in dict.fromkeys(spec.facts.name for spec in specs):
        asked = [spec for spec in specs if spec.facts.name == name]
        for said in type(asked[0]).remarks_on_all(asked, secrets=bool(policy.secrets)):
            yield Remark("probes", said.message, said.hint)


def _of_identity(policy: Policy) -> Iterator[Remark]:
    asked = any(asks_address(probe) for probe in policy.probes)
    if asked and policy.candidate.identity is None:
        yield Remark(
            "candidate.identity",
            "is missing: no answer says which revision gave it, so that each rollout asks at a "
            f"tag of its own, e.g. {policy.candidate.tag}-abc",
            "name the header or field in which answers carry K_REVISION, or let the front end's "
            "log say who answered, which needs no change of the service: "
            "identity: {request_log: true}",
        )
        return
    rules = policy.candidate.identity.rules if policy.candidate.identity else ()
    if any(rule.request_log for rule in rules[:-1]):
        yield Remark(
            "candidate.identity",
            "has rules after request_log, which are never tried",
            "write request_log last: it applies to every answer",
        )
    if rules and all(rule.message for rule in rules):
        yield from _without_messages(policy)


def _without_messages(policy: Policy) -> Iterator[Remark]:
    """Probes that get no message, where only messages name a revision."""
    for probe in policy.probes:
        if asks_address(probe) and not hasattr(probe.spec, "subprotocols"):
            yield Remark(
                f"probes.{probe.name}",
                "gets no message, and so nothing that names its revision: it is never a pass",
                "add {header: ...} or {request_log: true} to candidate.identity",
            )


def _of_comparison(policy: Policy) -> Iterator[Remark]:
    for probe in policy.probes:
        if probe.contract is Contract.DECLARED and policy.baseline is Baseline.NONE:
            where = f"probes.{probe.name}.contract"
            yield Remark(where, "has no meaning without a baseline", "write baseline: stable")


def _of_suites(policy: Policy) -> Iterator[Remark]:
    """A suite asserts what its authors thought of, at the pace that it has."""
    asking = [keys_of(one).facts for one in policy.probes if one.required and asks_address(one)]
    if asking and all(facts.cases for facts in asking):
        yield Remark(
            "probes",
            "rest on suites alone: what their tests do not assert is promoted, and several sockets "
            "that a test opens for a moment may miss each other",
            "put probes of the gate's own beside them: http for what users open, websocket with "
            "several connections and `hold`",
        )


def _of_writes(policy: Policy) -> Iterator[Remark]:
    """What changes something is not asked of stable, whose data are users' data."""
    for probe in policy.probes:
        keys, where = keys_of(probe), f"probes.{probe.name}"
        if probe.stable_writes and not keys.writes:
            told = "has no meaning: asking this probe changes nothing"
            yield Remark(f"{where}.stable_writes", told)
        elif probe.stable_writes and policy.baseline is Baseline.NONE:
            told = "has no meaning without a baseline"
            yield Remark(f"{where}.stable_writes", told, "write baseline: stable")
        elif probe.spares_stable and policy.baseline is Baseline.STABLE:
            yield Remark(
                f"{where}.{keys.facts.key}",
                "changes something, so that stable is not asked: nothing tells whose fault a "
                "failure is",
                "where it may be asked of the service that users have: stable_writes: true",
            )


def _of_steps(policy: Policy) -> Iterator[Remark]:
    """At a step, what one probe asks reaches two revisions; too few requests tell nothing."""
    fewest = min((one for one in policy.requests if one), default=0)
    if fewest and fewest < (needed := least_telling(policy.metrics)):
        yield Remark(
            "traffic",
            f"asks for {fewest} requests, of which nobody can tell what `metrics` asks: a step "
            f"waits for {needed} at least",
            f"write requests: {needed} or more, or let `metrics.errors` be larger",
        )
    split = [one.name for one in policy.probes if keys_of(one).facts.recalls and one.required]
    if split and len(policy.traffic) > 1:
        yield Remark(
            "traffic",
            f"has steps, at which the requests of one probe ({', '.join(split)}) reach two "
            "revisions: what one keeps in its own memory the other does not know",
            "write traffic: [100], unless the service keeps sessions, rooms and data where both "
            "find them",
        )


def _of_paths(policy: Policy) -> Iterator[Remark]:
    """Paths that the front end may keep for itself."""
    asked = [
        (f"probes.{probe.name}.{keys_of(probe).facts.key}.{key}", path)
        for probe in policy.probes
        for key, path in keys_of(probe).paths
    ]
    rules = policy.candidate.identity.rules if policy.candidate.identity else ()
    asked += [("candidate.identity.json.path", rule.path) for rule in rules if rule.path]
    for where, path in asked:
        if may_be_kept(path):
            yield Remark(
                where,
                f"{path} ends in z: Cloud Run's front end keeps some such paths for itself",
                "a path that ends otherwise, e.g. /health, always reaches the container",
            )


def _of_names(policy: Policy) -> Iterator[Remark]:
    used = {name for probe in policy.probes for name in keys_of(probe).names}
    used |= {one.secret for one in policy.notify}
    for name, ref in policy.secrets.items():
        if name not in used:
            yield Remark(f"secrets.{name}", "is used by no probe")
        if ref.secret.endswith("/latest"):
            yield Remark(
                f"secrets.{name}.secret",
                "is whatever version is the latest: two rollouts need not ask with the same one",
                "name a version, e.g. versions/7; the record says which one was used",
            )
    for name in policy.capabilities:
        if all(probe.capability != name for probe in policy.probes):
            yield Remark(f"capabilities.{name}", "no probe speaks for it")


def _of_time(policy: Policy) -> Iterator[Remark]:
    least = _least_of_all_s(policy)
    if least >= policy.deadline_s:
        moves = ", dwelling and watching" if len(policy.traffic) > 1 or policy.watch_s else ""
        moves += ", and Cloud Monitoring's lag" if _least_of_counting_s(policy) else ""
        yield Remark(
            "deadline" if policy.deadline_s != _DEADLINE_S else "probes",
            f"holding and settling{moves} take {least:g} s, "
            f"past the deadline ({policy.deadline_s:g} s)",
            "no rollout with this policy can end in a promotion",
        )


def _least_of_all_s(policy: Policy) -> float:
    """Every step, and the watch, takes a round of probes at both addresses at least."""
    own = sum(keys_of(probe).least_s for probe in policy.probes)
    asked = (probe for probe in policy.probes if asks_address(probe))
    live = own + sum(keys_of(probe).least_s for probe in asked)
    watch = max(policy.watch_s, live) if policy.watch_s else 0.0
    dwells = (len(policy.traffic) - 1) * max(policy.dwell_s, live)
    return own + dwells + watch + _least_of_counting_s(policy)


def _least_of_counting_s(policy: Policy) -> float:
    """Monitoring shows a whole minute of a step at first when that is old enough."""
    if policy.metrics.source is not Source.MONITORING:
        return 0.0
    return sum(map(bool, policy.requests)) * (MONITORING_LAG_S + MONITORING_PERIOD_S)


def _place(root: Node, path: str) -> Mark:
    """Where the path stands, or the innermost part of it that is in the file."""
    mark, node = root.mark, root
    for part in path.split("."):
        if not isinstance(node, Mapping) or part not in node.entries:
            return mark
        mark, node = node.entries[part]
    return mark
