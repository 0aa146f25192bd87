"""What a service answered to requests in order: when somebody visited it, and when it was played.

Values only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer.

    Attributes:
        headers: lower-case names and values, in order.
        body: its text; None where it was not kept, or is no text.
        took_s: how long it took, 0 where nobody knows.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    took_s: float = 0.0

    def header(self, name: str) -> str:
        """The value of a header, "" where it is not there."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Play:
    """What came of one journey that was played.

    Attributes:
        answers: to its steps, in order; shorter than the steps where it ended early.
        nonce: what stood for `${nonce}`.
        captured: the values that it captured, by name.
        at: the number of the step, from 0 on, whose answer was wrong; -1 where none was.
        fault: what was wrong there.
        cleaned: for each step that cleans up, what was wrong with its answer, "" where nothing was.
    """

    answers: tuple[Seen, ...]
    nonce: str
    captured: Mapping[str, str] = field(default_factory=dict, hash=False)
    at: int = -1
    fault: str = ""
    cleaned: tuple[str, ...] = ()
