"""Whether the service and its tags can be asked from here, and who answers: platform or service."""

from collections.abc import Iterator

from gate.core.access import Exposure, Reached
from gate.doctor import commands
from gate.doctor.caller import member_of
from gate.doctor.facts import Address, Facts, Unknown
from gate.doctor.finding import Finding, Result

_OPEN = ("", "all")
_REFUSALS = (401, 403, 404)


def of_exposure(facts: Facts) -> Iterator[Finding]:
    """Whom its settings let in."""
    exposure, where = facts.exposure, f"service {facts.ref.name}"
    if isinstance(exposure, Unknown):
        if facts.closed:
            return
        what = f"nobody can tell whom it lets in: {exposure.why}"
        yield Finding("ingress", Result.UNKNOWN, where, what, exposure.hint)
        return
    answered = _answered(facts)
    yield _ingress(facts, exposure, where, answered=answered)
    yield _default_url(facts, exposure, where)
    yield _iap(facts, exposure, where, answered=answered)
    yield _invoker(facts, exposure, where)


def _answered(facts: Facts) -> bool:
    """Whether the application itself was heard from here."""
    return any(one.seen.status and not one.seen.instead for one in facts.addresses)


def _ingress(facts: Facts, exposure: Exposure, where: str, *, answered: bool) -> Finding:
    if exposure.ingress in _OPEN:
        return Finding("ingress", Result.OK, where, "it may be reached from everywhere")
    what = f"its ingress is {exposure.ingress}"
    if answered:
        return Finding("ingress", Result.OK, where, f"{what}, and lets this machine in")
    hint = (
        "the addresses of tags answer 404 to callers from elsewhere: run the gate where the "
        "service lets it in, e.g. in a private pool of its network; this lists those that are there"
    )
    result = Result.PROBLEM if facts.addresses else Result.WARNING
    return Finding("ingress", result, where, what, hint, commands.pools(facts.ref))


def _default_url(facts: Facts, exposure: Exposure, where: str) -> Finding:
    if not exposure.default_url_disabled:
        return Finding("default url", Result.OK, where, "tags get addresses of their own")
    what = "its default URL is switched off, so that no tag has an address to be asked at"
    hint = "the gate asks each candidate at its tag's address"
    # gcloud has no released flag for it in every version; the annotation's own is beta's
    command = f"gcloud beta {commands.of_service(facts.ref, 'update', '--default-url')[7:]}"
    return Finding("default url", Result.PROBLEM, where, what, hint, command)


def _iap(facts: Facts, exposure: Exposure, where: str, *, answered: bool) -> Finding:
    if not exposure.iap:
        return Finding("iap", Result.OK, where, "Identity-Aware Proxy is off")
    if answered:
        return Finding("iap", Result.OK, where, "Identity-Aware Proxy is on, and let the gate in")
    what = "Identity-Aware Proxy stands before every address of it, those of tags, too"
    hint = "whoever probes must have roles/iap.httpsResourceAccessor, and a token that IAP takes"
    command = commands.past_iap(facts.ref, member_of(facts))
    return Finding("iap", Result.PROBLEM, where, what, hint, command)


def _invoker(facts: Facts, exposure: Exposure, where: str) -> Finding:
    if exposure.invoker_disabled:
        return Finding("invoker", Result.OK, where, "everybody may call it: nobody is asked who")
    if isinstance(facts.invokers, Unknown):
        what = f"taken for private: its IAM policy cannot be read ({facts.invokers.why})"
        return Finding("invoker", Result.WARNING, where, what)
    if facts.public:
        return Finding("invoker", Result.OK, where, "everybody may call it")
    shown = ", ".join(facts.invokers[:5]) or "whoever has the role on the project"
    more = f" and {len(facts.invokers) - 5} more" if len(facts.invokers) > 5 else ""
    return Finding("invoker", Result.OK, where, f"private; may be called by {shown}{more}")


def of_addresses(facts: Facts) -> Iterator[Finding]:
    """Who answers at the service's address and at a tag's: the front end, or the application."""
    for address in facts.addresses:
        yield _told(facts, address)


def _told(facts: Facts, address: Address) -> Finding:
    seen, where = address.seen, f"{address.title} at {address.url}"
    if seen.unreached:
        what = f"nothing answers: {seen.unreached}"
        return Finding("answer", Result.UNKNOWN, where, what, "", f"curl -v {address.url}/")
    if seen.instead:
        return _instead(facts, seen, where)
    if seen.asked == "":
        return _unasked(seen, where)
    if seen.status in _REFUSALS and not seen.asked:
        return _unconfirmed(seen, where)
    what = f"the application itself answers HTTP {seen.status}"
    if seen.status in _REFUSALS:
        what += f", and not the front end, whose log has it from {seen.asked}"
    return Finding("answer", Result.OK, where, what)


def _unconfirmed(seen: Reached, where: str) -> Finding:
    """A refusal in nobody's known words, of which the log says nothing."""
    words = " without a word" if seen.empty else ""
    what = f"HTTP {seen.status}{words}: the application's, or that of something before it"
    hint = (
        "not in the words of Cloud Run's front end, whose log does not say yet whom it asked: "
        "where nothing logs it, look at what stands before the service"
    )
    return Finding("answer", Result.WARNING, where, what, hint)


def _unasked(seen: Reached, where: str) -> Finding:
    what = f"HTTP {seen.status}, and by the front end's log no revision was asked"
    hint = "something before the container refuses: IAM, IAP, Cloud Armor or an organization policy"
    return Finding("answer", Result.PROBLEM, where, what, hint)


def _instead(facts: Facts, seen: Reached, where: str) -> Finding:
    """The front end spoke: every probe would hear the same."""
    what = f"HTTP {seen.status}: {seen.instead}"
    if not seen.refused and not seen.nowhere:
        return Finding("answer", Result.WARNING, where, what, seen.hint)
    command, hint = "", seen.hint
    if seen.iap:
        command = commands.past_iap(facts.ref, member_of(facts))
    elif seen.refused:
        command = commands.on_service(facts.ref, member_of(facts), "roles/run.invoker")
    elif isinstance(facts.exposure, Exposure) and facts.exposure.ingress not in _OPEN:
        command, hint = commands.pools(facts.ref), f"its ingress is {facts.exposure.ingress}"
    return Finding("answer", Result.PROBLEM, where, what, hint, command)
