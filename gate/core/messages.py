"""What passes between the core and the shell: commands down, events up. Values only.

A command asks for exactly one event back; a failure is an event, too. Time enters the core only as
an event's `at`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from gate.core.annotation import RolloutAnnotation
from gate.core.approvals import Approval
from gate.core.control import Repeats
from gate.core.evidence import Evidence
from gate.core.policy import IdentityRule, Probe
from gate.core.service import Revision, Service
from gate.core.traffic import Split
from gate.core.user_requests import RequestCounts, Source


@dataclass(frozen=True, slots=True)
class Look:
    """Read the service and these revisions, after waiting a little. Answer: Seen or CallFailed.

    `ask` is an address that is asked first, as users do, "" for none: what they get there is seen,
    too. `approvals_since`: since when people's approvals are read, None where they are not.
    """

    revisions: tuple[str, ...] = ()
    after_s: float = 0.0
    ask: str = ""
    approvals_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deploy:
    """Create the candidate at 0 % and set the traffic list. Answer: Accepted or CallFailed.

    `base` is the revision whose template it gets with another image, "" the service's template.
    """

    image: str
    revision: str
    traffic: Split
    etag: str
    why: str
    annotation: RolloutAnnotation = field(default_factory=RolloutAnnotation)
    base: str = ""


@dataclass(frozen=True, slots=True)
class SetTraffic:
    """Replace the traffic list and our annotation. Answer: Accepted or CallFailed.

    `even_unrecorded`: a move to safety, which must happen although the ledger cannot keep its
    intention; any other write is not carried out then. `annotation` lacks the ledger entry's hash,
    which is known once the entry is written.
    """

    traffic: Split
    etag: str
    why: str
    even_unrecorded: bool = False
    annotation: RolloutAnnotation = field(default_factory=RolloutAnnotation)


@dataclass(frozen=True, slots=True)
class RunProbes:
    """Ask the candidate at its own URL until `until`. Answer: Probed, or Seen if interfered with.

    `service_probes` are then asked at the service's URL, as its users would; `after_s`: wait a
    little first.

    `live`: the candidate has users, who must not wait for anything but the answer.

    `audience` is the service's own URL: ID tokens for a tag URL are made out to it. `compare_with`
    are the revisions that had users' requests before; where `control` is given, they are asked the
    same as a control, and it says how often a failure is asked again. `ingress` is whom the service
    lets in, in the platform's word.

    `warm_s`: before anything is asked, one that is scaled to zero is sent requests until it
    answers, for so long at most: how long it takes to start is not what the probes ask.

    `fail_fast`: once a required probe has failed beyond doubt, what takes long is not asked.

    `ready_until`: until then an answer that says that it is too early is asked for again. `again`
    says how often a failure under users' traffic is asked again, before they are moved; `share` is
    the percent of the answers at users' address that are the candidate's.
    `stable_tag` is an address of stable that is a tag's, as the candidate's own is; "" without one.
    """

    probes: tuple[Probe, ...]
    url: str
    revision: str
    audience: str
    since: datetime
    until: datetime
    live: bool = False
    service_probes: tuple[Probe, ...] = ()
    after_s: float = 0.0
    identity: IdentityRule | None = None
    compare_with: tuple[str, ...] = ()
    control: Repeats | None = None
    warm_s: float = 0.0
    ingress: str = ""
    fail_fast: bool = False
    ready_until: datetime | None = None
    again: Repeats | None = None
    share: int = 100
    stable_tag: str = ""


@dataclass(frozen=True, slots=True)
class CountRequests:
    """Count users' own requests, after a pause. Answer: Counted, or Seen if interfered with.

    Those to `revision` since `since`, beside those to the revisions of `stable` since
    `stable_since`, up to `stable_until` where that is given. What goes to the addresses
    `not_users` is the gate's own.
    """

    revision: str
    stable: tuple[str, ...]
    source: Source
    since: datetime
    stable_since: datetime
    stable_until: datetime | None = None
    not_users: tuple[str, ...] = ()
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReadLogs:
    """Read the last log lines of a revision. Answer: LogsRead (empty where logs cannot be read).

    `control` are probes to ask of stable at `audience`, until `until` at most: what stops the
    candidate from starting may show there, too.
    """

    revision: str
    since: datetime
    control: tuple[Probe, ...] = ()
    audience: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Keep the outcome in the ledger. Answer: Recorded."""


Command = Look | Deploy | SetTraffic | RunProbes | CountRequests | ReadLogs | Record


@dataclass(frozen=True, slots=True)
class Seen:
    """The service, and those of the revisions asked for that exist.

    `unanswered`: what users get in place of an answer at the address that was asked, "" where they
    get one, where nobody can tell, or where none was asked. `unheard`: why nobody can tell.
    `approvals`: those that the ledger has, None where it was not asked or does not say;
    `unread`: why it does not.
    """

    at: datetime
    service: Service
    revisions: dict[str, Revision] = field(default_factory=dict)
    unanswered: str = ""
    unheard: str = ""
    approvals: tuple[Approval, ...] | None = None
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A write was accepted; whether it comes into effect is for Look to see.

    `generation` is the one that the service has by this very write, 0 where that is not known: one
    more than the generation that was read, unless somebody else's write came in between.
    """

    at: datetime
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Overwrote:
    """A renewal of the lease was accepted although somebody had written since the read.

    `read` and `given` are the generations that were read and that came of it.
    """

    at: datetime
    read: int
    given: int


class Failure(Enum):
    """How a call failed."""

    CONFLICT = "conflict"  # somebody else wrote since we read
    LOST = "lost"  # no answer: a write may have happened
    NOT_FOUND = "not found"
    REFUSED = "refused"  # the server said no
    DENIED = "denied"  # nor does it come to anything later: whoever asks may not
    UNRECORDED = "unrecorded"  # the ledger could not keep the intention, so nothing was done


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A call failed, with the server's own words."""

    at: datetime
    failure: Failure
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Probed:
    """What the probes saw; those that had no time are missing."""

    at: datetime
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted; None where it could not be, with the reason.

    `forbidden`: the gate may not count, so that waiting does not help.
    """

    at: datetime
    counts: RequestCounts | None
    problem: str = ""
    hint: str = ""
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class LogsRead:
    """A revision's last log lines, oldest first, redacted; and what stable showed, if asked."""

    at: datetime
    lines: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whether the ledger kept the outcome."""

    at: datetime
    kept: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A person or the system wants the gate to stop (Ctrl-C, SIGTERM)."""

    at: datetime


Event = (
    Seen | Accepted | Overwrote | CallFailed | Probed | Counted | LogsRead | Recorded | Interrupted
)
