"""What a kind of probe is, beside its keys: facts that rooms read instead of asking its name."""

from dataclasses import dataclass
from enum import Enum, IntEnum


class LeadsTo(Enum):
    """What a question is put to."""

    ADDRESS = "address"  # the revision's own URL, and users' one
    CONFIGURATION = "configuration"  # how Cloud Run has set the revision up
    LOGS = "logs"  # what the revision wrote


class Turn(IntEnum):
    """When it is asked, whatever its place in the policy; lower ones come first."""

    FIRST = 0  # before any request
    COLD = 1  # with the first request
    IN_ORDER = 5
    LAST = 9


class Control(Enum):
    """How stable is asked the same, where there is a control."""

    NONE = "none"
    BESIDE = "beside"  # in turns with the candidate
    AFTER_FAILURE = "after failure"  # logs are scarce, and suites are long
    ITSELF = "itself"  # the probe asks both: one after the other, the two could not be compared


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of question.

    Attributes:
        name: how evidence calls it.
        about: what it asks, in one line.
        ask: what asks it, as `module:function`; imported when its first probe is due.
        key: the key of the file, `name` unless given; several kinds may share one.
        where: of those, the one with this key in the mapping is meant.
        elsewhere: what is said of its keys where the other one is meant: message and hint.
        leads_to: what it asks.
        turn: when.
        once: whether it asks what a revision is: the same when it has users, and not asked again.
        compares: whether it compares the candidate with what users had before.
        control: how stable is asked.
        again: whether a failure is asked again of both then.
        quick: whether it takes one quick request, worth asking stable where nothing else is known.
        long: whether asking it takes far longer than a request: left out once a required probe has
            failed beyond doubt.
        recalls: whether one of its requests relies on what another one has left in the service, so
            that two revisions that share the traffic must have that in common.
        cases: whether its evidence has tests of its own, each of which must be seen to fail.
        rank: when it meets a mutant among others; quick ones come first.
        plain: whether `ask` is a plain function (gate.probes.plugin: Question to Answer), as other
            packages bring it: asked in a thread of its own, and not believed blindly.
        past_proxy: why no proxy can come between it and the service, "" where one can.
        script: a key that may name another probe of this kind, whose value is meant then.
        along: keys that come along with it, unless given.
    """

    name: str
    about: str
    ask: str
    key: str = ""
    where: str = ""
    elsewhere: tuple[str, str] = ("", "")
    leads_to: LeadsTo = LeadsTo.ADDRESS
    turn: Turn = Turn.IN_ORDER
    once: bool = False
    compares: bool = False
    control: Control = Control.BESIDE
    again: bool = False
    quick: bool = False
    long: bool = False
    recalls: bool = False
    cases: bool = False
    rank: int = 7
    plain: bool = False
    past_proxy: str = ""
    script: str = ""
    along: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key or self.name)

    @property
    def asks_users(self) -> bool:
        """Whether users' address is asked, too, once the candidate has some."""
        return self.leads_to is LeadsTo.ADDRESS and not self.once

    @property
    def addressed(self) -> bool:
        """Whether it asks an address, where anybody may answer."""
        return self.leads_to is LeadsTo.ADDRESS
