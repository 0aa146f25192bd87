"""What happened in a round: everything that the check looks at."""

from dataclasses import dataclass, field

from tests.chaos.draw import Round


@dataclass
class Run:
    """One gate of a round.

    Attributes:
        code: its exit code; negative after a signal.
        cut: number of the history's last moment when it had ended.
        outcome: what it printed, or None.
    """

    role: str
    image: str
    kind: str
    code: int
    killed: bool
    hung: bool
    signals: tuple[str, ...]
    cut: int
    outcome: dict | None
    said: str = ""


@dataclass
class Record:
    """One round.

    Attributes:
        moments: the history of the service, as the local Cloud Run gives it.
        entries: the ledger's, oldest first.
        final: the service at the end, None where there is none.
        begun: number of the history's last moment before any gate began.
        settled: whether nothing was in flight at the end.
        done: what was done, in words, in order.
        struck: faults that struck, by kind.
        calls: the calls that they struck, or that were held.
    """

    round: Round
    revisions: dict[str, str]
    runs: list[Run] = field(default_factory=list)
    moments: list[dict] = field(default_factory=list)
    entries: list[dict] = field(default_factory=list)
    final: dict | None = None
    begun: int = 0
    settled: bool = True
    seconds: float = 0.0
    done: list[str] = field(default_factory=list)
    struck: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    kills: list[str] = field(default_factory=list)
    deeds: list[str] = field(default_factory=list)
