"""In-memory implementations of gate.ports, with the platform's semantics and scripted bad luck."""

from gate.ports import Clock, Ledger, Logs, Platform
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger
from tests.fakes.logs import FakeLogs
from tests.fakes.platform import FakePlatform


def fakes() -> tuple[Platform, Logs, Ledger, Clock]:
    """One of each; that this is well typed is what matters."""
    return FakePlatform(), FakeLogs(), FakeLedger(), FakeClock()
