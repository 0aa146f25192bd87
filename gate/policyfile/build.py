"""From the fields of a whole policy to a core.policy.Policy, and the problems of every part."""

from collections.abc import Mapping
from dataclasses import replace

from gate.core.control import Baseline, Repeats
from gate.core.policy import (
    CandidateRule,
    Capability,
    IdentityRule,
    LogPattern,
    LogsProbe,
    OnHold,
    Policy,
    Probe,
    SecretRef,
    ServiceName,
    TemplateSource,
)
from gate.core.template import BUILTINS
from gate.core.traffic import tag_problem
from gate.policyfile import comparing as compare
from gate.policyfile import format as form
from gate.policyfile.context import Context
from gate.policyfile.digest import digest
from gate.policyfile.probes import build_probes
from gate.policyfile.records import Fields, Key, Read
from gate.policyfile.tree import Mapping as MappingNode
from gate.policyfile.tree import Sequence

_ANY_PROBE = Probe("-", LogsProbe((LogPattern(text="-"),)))
"""Stands for a probe that has problems of its own, so that its absence is not one more."""

_TIMES: Mapping[Key[float], str] = {
    form.DWELL: "dwell_s",
    form.WATCH: "watch_s",
    form.DEADLINE: "deadline_s",
    form.LEASE: "lease_s",
}

_PERCENTS: Mapping[Key[float], str] = {
    key: f"{key.name}_percent"
    for key in (compare.ALPHA, compare.BETA, compare.FLAKY, compare.BROKEN)
}


def build_policy(context: Context, fields: Fields, source: str) -> Policy | None:
    """The policy, or what is left of it where problems were noted; None where nothing is."""
    service = build_service(fields.find(form.SERVICE_KEY))
    candidate = _candidate(context, fields, service)
    probes_node = fields.entry(form.PROBES.name)
    probes: tuple[Probe, ...] = ()
    if isinstance(probes_node, MappingNode):
        probes = build_probes(context, probes_node, fields.get(form.PROBES, {}))
    if len(context.problems):
        probes = (*probes, _ANY_PROBE)
    given: dict[str, object] = {
        "service": service,
        "probes": probes,
        "candidate": candidate,
        **_comparison(context, fields),
        **_movement(context, fields),
        "on_hold": OnHold(fields.get(form.ON_HOLD, OnHold.KEEP.value)),
        "first_deploy": fields.get(form.FIRST_DEPLOY, "refuse") == "allow",
        "template": TemplateSource(fields.get(form.TEMPLATE, TemplateSource.STABLE.value)),
        "require_proof": fields.get(form.REQUIRE_PROOF, False),
        "secrets": _secrets(context, fields),
        "capabilities": _capabilities(fields),
        "source": source,
    }
    policy = context.construct(Policy, given, fields)
    return None if policy is None else replace(policy, digest=digest(policy))


def _comparison(context: Context, fields: Fields) -> dict[str, object]:
    """The baseline and the repeats that a policy asks for; what is left out has its default."""
    given: dict[str, object] = {
        "baseline": Baseline(fields.get(compare.BASELINE, Baseline.NONE.value)),
    }
    read = fields.find(compare.REPEATS)
    if read is None:
        return given
    if fields.get(compare.BASELINE, "") != Baseline.STABLE.value:
        context.problems.add(
            read.node.mark,
            "repeats: has no meaning without a baseline (expected baseline: stable)",
            "a failure is asked again of candidate and stable in turns; without stable, it stands",
        )
    rule: dict[str, object] = {
        name: read.value.get(key, 0.0) for key, name in _PERCENTS.items() if read.value.find(key)
    }
    if (most := read.value.find(compare.AT_MOST)) is not None:
        rule["at_most"] = most.value
    repeats = context.construct(Repeats, rule, read.value)
    return given if repeats is None else {**given, "repeats": repeats}


def _movement(context: Context, fields: Fields) -> dict[str, object]:
    """How traffic moves and how long it may take; what is left out has the core's default."""
    given: dict[str, object] = {}
    if (steps := _steps(fields)) is not None:
        given["traffic"] = steps
    for key, name in _TIMES.items():
        if (read := fields.find(key)) is not None:
            given[name] = read.value
    one_step = not fields.given(form.TRAFFIC) or (steps is not None and len(steps) == 1)
    if (dwell := fields.find(form.DWELL)) is not None and one_step:
        context.problems.add(
            dwell.node.mark,
            "dwell: has no meaning without steps (expected traffic such as [10, 100])",
            "leave it out, or give steps; `watch` is for the time after the last one",
        )
    return given


def _steps(fields: Fields) -> tuple[int, ...] | None:
    """The steps of traffic; None where none are given or some were refused."""
    read = fields.find(form.TRAFFIC)
    if read is None or not isinstance(read.node, Sequence):
        return None
    steps = tuple(item.value for item in read.value)
    return steps if len(steps) == len(read.node.items) else None


def build_service(read: Read[Fields] | None) -> ServiceName:
    """The service that the policy names; each part may be missing, or all of it."""
    if read is None:
        return ServiceName()
    service = read.value
    return ServiceName(
        service.get(form.SERVICE_PROJECT, ""),
        service.get(form.SERVICE_REGION, ""),
        service.get(form.SERVICE_NAME, ""),
    )


def names_of(fields: Fields, key: Key[object]) -> frozenset[str]:
    """The names that a mapping of the policy defines, with those whose values are bad."""
    node = fields.entry(key.name)
    return frozenset(node.entries) if isinstance(node, MappingNode) else frozenset()


def _candidate(context: Context, fields: Fields, service: ServiceName) -> CandidateRule:
    read: Read[Fields] | None = fields.find(form.CANDIDATE_KEY)
    rule = CandidateRule()
    if read is not None:
        given: dict[str, object] = {
            "tag": read.value.get(form.TAG, rule.tag),
            "ready_within_s": read.value.get(form.READY_WITHIN, rule.ready_within_s),
            "identity": _identity(context, read.value.find(form.IDENTITY)),
        }
        rule = context.construct(CandidateRule, given, read.value) or rule
    problem = tag_problem(rule.tag, service.name) if service.name else None
    if problem is not None:
        node = fields.node()
        tag = read.value.entry(form.TAG.name) if read is not None else None
        place = tag or fields.entry(form.SERVICE_KEY.name) or node
        context.problems.add(
            place.mark,
            f"candidate.tag: {problem}",
            "Cloud Run counts both together; shorten the tag",
        )
    return rule


def _identity(context: Context, read: Read[Fields] | None) -> IdentityRule | None:
    """The rule; None where the policy has none, or only a bad one, which has been noted."""
    if read is None:
        return None
    if place := read.value.find(form.IDENTITY_JSON):
        path, field = place.value.find(form.IDENTITY_PATH), place.value.find(form.IDENTITY_FIELD)
        context.no_template(path)
        context.no_template(field)
        if path is None or field is None:
            return None
        given: dict[str, object] = {"path": path.value, "field": field.value}
        return context.construct(IdentityRule, given, place.value)
    if log := read.value.find(form.IDENTITY_REQUEST_LOG):
        return context.construct(IdentityRule, {"request_log": log.value}, read.value)
    header = read.value.get(form.IDENTITY_HEADER, "")
    return IdentityRule(header=header) if header else None


def _secrets(context: Context, fields: Fields) -> Mapping[str, SecretRef]:
    reads = fields.get(form.SECRETS, {})
    for name in sorted(names_of(fields, form.SECRETS) & BUILTINS):
        node = fields.entry(form.SECRETS.name) or fields.node()
        mark = node.entries[name][0] if isinstance(node, MappingNode) else node.mark
        context.problems.add(
            mark, f"secrets.{name}: is a name that templates use themselves", "choose another name"
        )
    return {name: SecretRef(read.value.get(form.SECRET_ENV, "-")) for name, read in reads.items()}


def _capabilities(fields: Fields) -> Mapping[str, Capability]:
    reads = fields.get(form.CAPABILITIES, {})
    return {
        name: Capability(read.value.get(form.PRIORITY, "P9"), read.value.get(form.IMPACT, ""))
        for name, read in reads.items()
    }
