"""`gate recover`: the worst of several outcomes decides."""

from gate.cli import recover
from gate.errors import ExitCode


def test_every_exit_code_has_its_place_among_the_worst():
    """A service that does not exist ends with 2, beside all that a recovery can end with."""
    assert sorted(recover._WORST_LAST) == sorted(ExitCode)
    assert recover._WORST_LAST[0] is ExitCode.DONE
    assert recover._WORST_LAST[-1] is ExitCode.STUCK
