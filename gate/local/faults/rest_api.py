"""The faults face: what to make go wrong, over REST/JSON, while the local Cloud Run runs.

    PUT    /local/faults/NAME          switches a set of rules on (`rules`)
    GET    /local/faults[/NAME]        what is switched on, and what it has struck so far;
                                       ?wait=SECONDS answers once a call is held
    POST   /local/faults/NAME:release  lets go of held calls; {"carry_out": false} loses them
    DELETE /local/faults[/NAME]        switches off, lets go of whatever was held
    GET    /local/history/projects/P/locations/L/services/S

It is no part of Cloud Run, and none of its paths can be one of Cloud Run's.
"""

import math
import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import error_response, json_response, read_body
from gate.local.faults.board import Switchboard
from gate.local.faults.rules import RuleError, parse_rules
from gate.local.history import History
from gate.local.ports import JsonValue, ServiceKey

WAIT_MAX_S: Final = 60.0
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SETS: Final = "/local/faults"
_SERVICE: Final = "/projects/{project}/locations/{location}/services/{service}"


class FaultsRestApi:
    """The calls of /local.

    Args:
        board: what is switched on.
        history: what happened.
    """

    def __init__(self, board: Switchboard, history: History) -> None:
        self._board = board
        self._history = history

    def routes(self) -> list[Route]:
        """Gives the routes to mount."""
        one = f"{_SETS}/{{name}}"
        return [
            _route("GET", _SETS, self.list_all),
            _route("DELETE", _SETS, self.drop_all),
            _route("POST", f"{one}:release", self.release),
            _route("PUT", one, self.put),
            _route("GET", one, self.get),
            _route("DELETE", one, self.drop),
            _route("GET", f"/local/history{_SERVICE}", self.history),
        ]

    async def list_all(self, _: Request) -> JsonValue:
        """GET /local/faults."""
        return {"faults": [self._board.shown(name) for name in self._board.names]}

    async def drop_all(self, _: Request) -> JsonValue:
        """DELETE /local/faults."""
        for name in self._board.names:
            self._board.drop(name)
        return {}

    async def put(self, request: Request) -> JsonValue:
        """PUT /local/faults/NAME."""
        name = _name(request)
        try:
            self._board.put(name, parse_rules(await read_body(request)))
        except (RuleError, OverflowError) as error:
            raise ApiError(Code.INVALID_ARGUMENT, str(error)) from None
        return self._board.shown(name)

    async def get(self, request: Request) -> JsonValue:
        """GET /local/faults/NAME?wait=SECONDS."""
        name = self._known(request)
        wait_s = _seconds(request.query_params.get("wait", "0"))
        if wait_s:
            await self._board.holding(name, wait_s)
        return self._board.shown(self._known(request))

    async def drop(self, request: Request) -> JsonValue:
        """DELETE /local/faults/NAME; gives the set as it was."""
        name = self._known(request)
        shown = self._board.shown(name)
        self._board.drop(name)
        return shown

    async def release(self, request: Request) -> JsonValue:
        """POST /local/faults/NAME:release."""
        carry_out = (await read_body(request)).get("carry_out", True)
        if not isinstance(carry_out, bool):
            raise ApiError(Code.INVALID_ARGUMENT, "carry_out: expected true or false")
        return {"released": self._board.release(self._known(request), carry_out=carry_out)}

    async def history(self, request: Request) -> JsonValue:
        """GET /local/history/projects/P/locations/L/services/S."""
        where = request.path_params
        key = ServiceKey(where["project"], where["location"], where["service"])
        return {"moments": self._history.of(key)}

    def _known(self, request: Request) -> str:
        name = _name(request)
        if name not in self._board.names:
            raise ApiError(Code.NOT_FOUND, f"faults {name!r}: not switched on")
        return name


def _route(method: str, path: str, call: Callable[[Request], Awaitable[JsonValue]]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return json_response(await call(request))
        except ApiError as error:
            return error_response(error)

    return Route(path, endpoint, methods=[method])


def _name(request: Request) -> str:
    name = str(request.path_params["name"])
    if not _NAME.fullmatch(name):
        expected = "lowercase letters, digits and hyphens, at most 63"
        raise ApiError(Code.INVALID_ARGUMENT, f"name: got {name[:80]!r}, expected {expected}")
    return name


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= WAIT_MAX_S:
        what = f"wait: got {text[:40]!r}, expected seconds from 0 to {WAIT_MAX_S:g}"
        raise ApiError(Code.INVALID_ARGUMENT, what)
    return number
