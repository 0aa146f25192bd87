"""Who calls, what they may do, and by which clock."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime

from gate.core.access import Caller, CallerKind, Exposure
from gate.doctor import commands
from gate.doctor.facts import Facts, Grant, Held, Unknown
from gate.doctor.finding import Finding, Result
from gate.doctor.permissions import (
    MAKE_TOKEN,
    NEEDED,
    READ_LOG,
    SIGN,
    WRITE_LOG,
    Permission,
    Resource,
)

LOGIN = "gcloud auth application-default login"
SKEW_TOLD_S = 5.0
"""Beyond this much the two clocks disagree by more than a lease allows for."""
SKEW_MAX_S = 60.0
"""Beyond this much a lease that runs looks as if it had run out, or for ever."""
_OFF = ("has not been used in project", "SERVICE_DISABLED", "it is disabled")
"""How Google says that an API is switched off, beside its name."""
_API = re.compile(r"[a-z]+\.googleapis\.com")
_NEEDED = {(one.name, one.on): one for one in NEEDED}


def of_caller(facts: Facts) -> Iterator[Finding]:
    """Whether there are credentials, and whose."""
    match facts.caller:
        case Unknown(why=why, hint=hint):
            yield Finding("credentials", Result.PROBLEM, "the caller", why, hint, LOGIN)
        case Caller(kind=CallerKind.EMULATOR as kind):
            yield Finding("credentials", Result.OK, "the caller", kind.value)
        case Caller() as caller:
            yield Finding("credentials", Result.OK, caller.email or "the caller", _whose(caller))


def _whose(caller: Caller) -> str:
    until = f", its token runs until {caller.expires:%H:%M:%S} UTC" if caller.expires else ""
    nobody = "" if caller.email else ", which does not say whose it is"
    return f"{caller.kind.value}{nobody}{until}"


def of_permissions(facts: Facts) -> Iterator[Finding]:
    """Whether the caller has each permission that is needed."""
    for grant in facts.grants:
        needed = _NEEDED[grant.permission, grant.resource]
        if needed.name in (MAKE_TOKEN, SIGN) and facts.token is True:
            continue  # a key, or a machine, makes its tokens without it
        where = _where(facts, grant)
        match grant.held:
            case Held.YES:
                yield Finding("permission", Result.OK, where, f"has {needed.name}")
            case Held.NO | Held.UNKNOWN if api := _switched_off(grant.why):
                what = f"nobody can tell whether {needed.name} is held: {api} is switched off"
                hint, command = "", commands.enable(facts.ref, api)
                yield Finding("permission", _unknown(needed), where, what, hint, command)
            case Held.NO:
                yield _lacking(facts, grant, needed, where)
            case Held.UNKNOWN:
                what = f"nobody can tell whether {needed.name} is held: {grant.why}"
                hint = grant.hint or f"{needed.role} has it"
                yield Finding("permission", _unknown(needed), where, what, hint)


def _switched_off(why: str) -> str:
    """The API that Google says is not switched on in the project, "" where it says nothing so."""
    found = _API.search(why) if any(sign in why for sign in _OFF) else None
    return found[0] if found else ""


def _unknown(needed: Permission) -> Result:
    return Result.UNKNOWN if needed.holds else Result.WARNING


def _lacking(facts: Facts, grant: Grant, needed: Permission, where: str) -> Finding:
    """A permission that is missing; what only tells more does not hold a rollout."""
    result = Result.PROBLEM if needed.holds else Result.WARNING
    what = f"{needed.name} is missing ({needed.why})"
    hint = f"{needed.role} has it"
    return Finding("permission", result, where, what, hint, granting(facts, grant, needed.role))


def granting(facts: Facts, grant: Grant, role: str) -> str:
    """The command that grants the role that a permission is in, where it belongs."""
    member = member_of(facts)
    ref = facts.ref
    ways: dict[Resource, Callable[[], str]] = {
        Resource.SERVICE: lambda: commands.on_service(ref, member, role),
        Resource.PROJECT: lambda: commands.on_project(ref, member, role),
        Resource.RUNTIME_ACCOUNT: lambda: commands.on_account(ref, grant.name, member, role),
        Resource.OWN_ACCOUNT: lambda: commands.on_account(ref, grant.name, member, role),
        Resource.SECRET: lambda: commands.on_secret(ref, grant.name, member, role),
        Resource.KEY: lambda: commands.on_key(grant.name, member, role),
        Resource.STAGE_KEY: lambda: commands.on_key(grant.name, member, role),
        Resource.BUCKET: lambda: commands.on_bucket(grant.name, member, role),
    }
    return ways[grant.resource]()


def member_of(facts: Facts) -> str:
    """The caller as IAM policies name it, "" where that is not known."""
    return facts.caller.member if isinstance(facts.caller, Caller) else ""


def _where(facts: Facts, grant: Grant) -> str:
    titles = {
        Resource.SERVICE: f"service {facts.ref.name}",
        Resource.PROJECT: f"project {facts.ref.project}",
        Resource.SECRET: f"secret {grant.name}",
        Resource.KEY: f"key {grant.name}",
        Resource.STAGE_KEY: f"key {grant.name}",
        Resource.BUCKET: f"bucket {grant.name}",
    }
    return titles.get(grant.resource, grant.name or grant.resource.value)


def of_token(facts: Facts) -> Iterator[Finding]:
    """Whether a token that lets the gate in can be had."""
    where = f"service {facts.ref.name}"
    if facts.token is True:
        yield Finding("id token", Result.OK, where, "a token that it takes can be made")
    elif isinstance(facts.token, Unknown):
        told = f"it is private, and there is no token for it: {facts.token.why}"
        yield Finding("id token", Result.PROBLEM, where, told, facts.token.hint, _maker(facts))


def _maker(facts: Facts) -> str:
    """The command that lets an account make its tokens, where the caller is one."""
    if isinstance(facts.caller, Caller) and facts.caller.is_account:
        behind_iap = isinstance(facts.exposure, Exposure) and facts.exposure.iap
        name = SIGN if behind_iap else MAKE_TOKEN
        grant = Grant(name, Resource.OWN_ACCOUNT, facts.caller.email, Held.UNKNOWN)
        return granting(facts, grant, _NEEDED[name, grant.resource].role)
    return f"{LOGIN} --impersonate-service-account=ACCOUNT"


def of_log(facts: Facts) -> Iterator[Finding]:
    """Whether the record can be written and read; a permission that is missing is told as that."""
    where, names = f"project {facts.ref.project}", (WRITE_LOG, READ_LOG)
    grants = [one for one in facts.grants if one.permission in names]
    if facts.log is None:
        yield Finding("log", Result.OK, where, "the record can be written and read")
    elif all(one.held is Held.YES for one in grants):
        what = f"the record cannot be written or read: {facts.log.why}"
        yield Finding("log", Result.UNKNOWN, where, what, facts.log.hint)


def clock_ahead_s(date: str, now: datetime) -> float | None:
    """By how much our clock is ahead of the one that wrote a Date header; None if that is none.

    Args:
        date: the header, which has whole seconds: on average half of one has passed since.
        now: by our clock, as the answer came.
    """
    try:
        sent = parsedate_to_datetime(date)
    except ValueError:
        return None
    return (now - sent).total_seconds() - 0.5 if sent.tzinfo is not None else None


def of_clock(facts: Facts) -> Iterator[Finding]:
    """Whether our clock and Google's agree: leases are judged by it."""
    ahead_s = facts.clock_ahead_s
    if isinstance(ahead_s, Unknown):
        what = f"nobody can tell whether it is right: {ahead_s.why}"
        yield Finding("clock", Result.UNKNOWN, "this machine", what)
        return
    side = "ahead of" if ahead_s > 0 else "behind"
    what = f"its clock is {abs(ahead_s):.0f} s {side} Google's"
    if abs(ahead_s) <= SKEW_TOLD_S:
        yield Finding("clock", Result.OK, "this machine", "its clock agrees with Google's")
        return
    result = Result.PROBLEM if abs(ahead_s) > SKEW_MAX_S else Result.WARNING
    hint = "a lease of another rollout may look as if it had run out while it runs, or the reverse"
    yield Finding("clock", result, "this machine", what, hint, "sudo timedatectl set-ntp true")
