"""What core knows of a question: facts and a few changes, but never which kind it is of."""

from collections.abc import Sequence
from typing import Protocol, Self

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Facts(Protocol):
    """What decides when a kind of probe is asked (gate.kinds declares it)."""

    @property
    def asks_users(self) -> bool:
        """Whether users' address is asked, too, once the candidate has some."""
        ...

    @property
    def once(self) -> bool:
        """Whether it asks what a revision is, which is the same when it has users."""
        ...

    @property
    def compares(self) -> bool:
        """Whether it compares the candidate with what users had before."""
        ...

    @property
    def quick(self) -> bool:
        """Whether it takes one quick request."""
        ...


class ProbeSpec(Protocol):
    """What a probe asks and expects: the keys of its kind, as values."""

    @property
    def facts(self) -> Facts:
        """What its kind is."""
        ...

    @property
    def expects(self) -> Sequence[Json]:
        """Values that some answer must have, as the policy writes them."""
        ...

    @property
    def long(self) -> bool:
        """Whether asking it takes far longer than a request."""
        ...

    @property
    def writes(self) -> bool:
        """Whether asking it may change what the service keeps."""
        ...

    def alone(self) -> Self:
        """The same question where there is no stable beside the candidate."""
        ...

    def proven(self, can_fail: frozenset[str], untried: frozenset[str]) -> Self:
        """The question, told which of its tests were seen to fail, and which had no time to."""
        ...
