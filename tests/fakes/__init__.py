"""In-memory implementations of gate.ports, with the platform's semantics and scripted bad luck."""

from gate.ports import Clock, Ledger, Logs, Narrator, Platform, Probes
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger
from tests.fakes.logs import FakeLogs
from tests.fakes.narrator import FakeNarrator
from tests.fakes.platform import FakePlatform
from tests.fakes.probes import FakeProbes


def fakes() -> tuple[Platform, Probes, Logs, Ledger, Clock, Narrator]:
    """One of each; that this is well typed is what matters."""
    return FakePlatform(), FakeProbes(), FakeLogs(), FakeLedger(), FakeClock(), FakeNarrator()
