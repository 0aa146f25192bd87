"""What was asked and learnt, each fact by itself: what one lacks does not hide the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from gate.core.access import Caller, Exposure, Reached
from gate.core.policy import Policy
from gate.core.proof import Proving
from gate.core.service import Revision, Service, ServiceRef
from gate.doctor.permissions import READ_SERVICE, Resource


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be learnt: why, and what to do."""

    why: str
    hint: str = ""


class Held(Enum):
    """Whether the caller has a permission."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether the caller has one permission on one resource, and how that is known.

    Attributes:
        why: what Google said where it is not had, or why nobody can tell.
        hint: what to do about that.
    """

    permission: str
    resource: Resource
    name: str
    held: Held
    why: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """An address that was asked once.

    Attributes:
        title: `the service` or `tag candidate`.
        seen: what came of it.
    """

    title: str
    url: str
    seen: Reached


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What is known of the policy and of what it needs here.

    Attributes:
        path: of its file, as it was given.
        missing_secrets: why each of the secrets, and of the keys that sign or verify, without a
            usable value has none, with the variable that should hold it, "" where none should.
        missing_hooks: the same of the addresses under `notify`.
        lacking: extras that are not installed, each with the key of a probe that needs it.
    """

    path: str
    policy: Policy
    proving: Proving
    missing_secrets: tuple[tuple[str, str], ...] = ()
    missing_hooks: tuple[tuple[str, str], ...] = ()
    lacking: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is judged.

    Attributes:
        ref: the service.
        at: when it was asked.
        invokers: the members that may call the service, by its own IAM policy.
        token: whether an ID token for the service can be had; None where none is needed.
        log: why the record cannot be written or read, None where it can.
        clock_ahead_s: by how much our clock is ahead of Google's.
        addresses: the service's own address and that of one of its tags, as far as it has them.
    """

    ref: ServiceRef
    at: datetime
    caller: Caller | Unknown
    service: Service | Unknown
    exposure: Exposure | Unknown
    revisions: tuple[Revision, ...] | Unknown
    invokers: tuple[str, ...] | Unknown
    grants: tuple[Grant, ...] = ()
    token: bool | Unknown | None = None
    log: Unknown | None = None
    clock_ahead_s: float | Unknown = field(default_factory=lambda: Unknown("nothing answered"))
    addresses: tuple[Address, ...] = ()
    policy: PolicyFacts | None = None

    @property
    def public(self) -> bool:
        """Whether everybody may call the service, by all that is known."""
        off = isinstance(self.exposure, Exposure) and self.exposure.invoker_disabled
        return off or (not isinstance(self.invokers, Unknown) and "allUsers" in self.invokers)

    @property
    def closed(self) -> bool:
        """Whether the caller may not even read the service, which is told as a permission."""
        return any(one.permission == READ_SERVICE and one.held is Held.NO for one in self.grants)


def by_doing(tested: Mapping[str, Grant], done: Mapping[str, Grant]) -> tuple[Grant, ...]:
    """The permissions that were asked about, corrected by what was tried.

    What worked is allowed whatever is said of it, and what was refused is not.

    Args:
        tested: by name, as Google says that they are held.
        done: by name, what a call that needs them came to.
    """
    certain = {name: one for name, one in done.items() if one.held is not Held.UNKNOWN}
    return tuple({**done, **tested, **certain}.values())
