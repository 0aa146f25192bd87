"""Strikes users' requests: the front end has trouble of its own and answers in their place.

The texts are those that Cloud Run's front end is known for when something passes by itself.
"""

from collections.abc import Mapping
from typing import Final

from gate.local.faults.board import Switchboard
from gate.local.faults.rules import REQUESTS, Fault
from gate.local.ports import Access, Denial, Door, Pass

_TEMPORARY: Final = (
    b"<html><head>\n<title>502 Server Error</title>\n</head>\n<body>\n"
    b"<h1>Error: Server Error</h1>\n"
    b"<h2>The server encountered a temporary error and could not complete your request."
    b"<p>Please try again in 30 seconds.</h2>\n<h2></h2>\n</body></html>\n"
)
_LOST: Final = (
    b"upstream connect error or disconnect/reset before headers. reset reason: connection failure"
)
_ANSWERS: Final = {
    Fault.FRONT_END_502: Denial(502, _TEMPORARY, text="temporary error"),
    Fault.FRONT_END_503: Denial(503, _LOST, text=_LOST.decode()),
}


class FaultyDoor:
    """Lets requests in as another door does, unless a rule strikes them (a Door).

    Args:
        door: the other one.
        board: what is switched on.
    """

    def __init__(self, door: Door, board: Switchboard) -> None:
        self._door = door
        self._board = board

    def judge(self, target: bytes, found: Mapping[bytes, bytes], access: Access) -> Denial | Pass:
        """As `Door.judge`."""
        if self._board:
            strike = self._board.strike(REQUESTS, "", found.get(b"host", b"") + target)
            if strike is not None:
                return _ANSWERS[strike.rule.do]
        return self._door.judge(target, found, access)
