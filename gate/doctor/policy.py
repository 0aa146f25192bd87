"""What the policy needs here: secrets, extras, a proof, a tag that fits, sockets that may last."""

from collections.abc import Iterator
from shlex import quote

from gate.core.policy import Policy
from gate.core.service import Service
from gate.core.traffic import tag_problem
from gate.doctor import commands
from gate.doctor.facts import Facts, PolicyFacts, Unknown
from gate.doctor.finding import Finding, Result
from gate.kinds.extras import in_image, install
from gate.kinds.keys import keys_of

_NEEDED = "no rollout starts without it"


def of_policy(facts: Facts) -> Iterator[Finding]:
    """Nothing where there is no policy."""
    known = facts.policy
    if known is None:
        return
    where = known.path
    yield from _secrets(known, where)
    yield from _extras(known, where)
    yield _proof(known, where)
    if problem := tag_problem(known.policy.candidate.tag, facts.ref.name):
        hint = "name a shorter one in candidate.tag"
        yield Finding("tag", Result.PROBLEM, where, problem, hint)
    if isinstance(facts.service, Service) and not isinstance(facts.revisions, Unknown):
        yield from _sockets(facts, facts.service, known.policy, where)


def _secrets(known: PolicyFacts, where: str) -> Iterator[Finding]:
    for problem, variable in known.missing_secrets:
        yield Finding("secret", Result.PROBLEM, where, problem, _NEEDED, _export(variable))
    count = len(known.policy.secrets)
    if count and not known.missing_secrets:
        what = "its secret is there" if count == 1 else f"all {count} secrets are there"
        yield Finding("secret", Result.OK, where, what)
    for problem, variable in known.missing_hooks:
        hint = "a rollout goes on, and nobody is told there how it ended"
        yield Finding("notify", Result.WARNING, where, problem, hint, _export(variable))


def _export(variable: str) -> str:
    """The command that sets a variable without showing its value, "" for none."""
    return f"read -rs {variable} && export {variable}" if variable else ""


def _extras(known: PolicyFacts, where: str) -> Iterator[Finding]:
    for extra, place in known.lacking:
        what = f"{place} needs the extra {extra}, which is not installed here"
        found = Finding("extra", Result.PROBLEM, where, what, in_image([extra]), install([extra]))
        yield found
    if not known.lacking:
        yield Finding("extra", Result.OK, where, "all that it needs is installed")


def _proof(known: PolicyFacts, where: str) -> Finding:
    lacks = known.proving.lacking(known.policy.probes)
    if not lacks:
        return Finding("proof", Result.OK, where, known.proving.note or "its proof is fresh")
    required = known.proving.required
    hint = "require_proof holds every rollout without one" if required else ""
    result = Result.PROBLEM if required else Result.WARNING
    return Finding("proof", result, where, lacks, hint, f"gate policy prove {quote(where)}")


def _sockets(facts: Facts, service: Service, policy: Policy, where: str) -> Iterator[Finding]:
    """Probes that hold a connection for longer than Cloud Run lets any last."""
    assert not isinstance(facts.revisions, Unknown)
    shares = service.effective_shares
    limits = [one.timeout_s for one in facts.revisions if one.name in shares]
    if not limits:
        return
    longest = max(limits)
    for probe in policy.probes:
        held_s = keys_of(probe).held_s
        if held_s >= longest:
            what = (
                f"probes.{probe.name} holds a connection for {held_s:g} s, and Cloud Run ends "
                f"every request of the service after {longest:g} s"
            )
            hint = (
                "hold it for less, or raise the request timeout (60m at most): this makes a "
                "revision without users that has another one, to be rolled out with --revision"
            )
            flag = f"--timeout={min(int(held_s) + 60, 3600)}"
            command = commands.of_service(facts.ref, "update", "--no-traffic", flag)
            yield Finding("timeout", Result.PROBLEM, where, what, hint, command)
