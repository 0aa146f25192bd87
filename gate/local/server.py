"""Puts the local Cloud Run together: control plane, instances, front end and logs on one loop."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir, mkdtemp

import grpc
from google.protobuf.json_format import ParseError
from starlette.routing import Route

from gate.local.access.door import LocalDoor
from gate.local.access.iam_credentials import IamCredentialsApi
from gate.local.access.issuer import Issuer
from gate.local.access.metadata import MetadataServer
from gate.local.admin.absent import absent_route
from gate.local.admin.control import ControlPlane
from gate.local.admin.etags import V2Etags
from gate.local.admin.grpc_api import admin_handlers
from gate.local.admin.iam_rest import IamRestApi
from gate.local.admin.interference import interference
from gate.local.admin.projects import project_route
from gate.local.admin.rest_api import RestApi
from gate.local.admin.rest_api_v1 import V1RestApi
from gate.local.admin.surroundings import real_surroundings
from gate.local.api.errors import ApiError
from gate.local.faults.delays import Faults
from gate.local.faults.door import FaultyDoor
from gate.local.faults.interceptor import FaultInterceptor
from gate.local.faults.rest import struck
from gate.local.faults.rest_api import FaultsRestApi
from gate.local.faults.rules import denials
from gate.local.faults.strikes import Strikes
from gate.local.frontend.loopback import LoopbackFrontEnd
from gate.local.http_server import HttpServer
from gate.local.images import ImageSource
from gate.local.instances.fleet import ProcessInstances
from gate.local.logging import Journal, LogStore, logging_handlers, logging_routes
from gate.local.monitoring import monitoring_handlers, monitoring_routes
from gate.local.one_port import HOST, OnePort
from gate.local.secret_manager import secret_route
from gate.local.state import NoState, StateDir, StateError

DEFAULT_CALLER = "local-user@example.com"
_FLUSH_S = 0.25
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class PortInUseError(Exception):
    """A port that was asked for belongs to somebody else.

    Args:
        port: the port.
    """

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of {HOST} is in use")
        self.port = port


@dataclass(frozen=True, slots=True)
class Settings:
    """How a local Cloud Run is to be.

    Attributes:
        state: directory for what outlives the process; None keeps nothing (ephemeral).
        images: what to run for an image reference, and the secrets.
        port: of gRPC and REST; REST alone gets the next one too. 0: any free ones.
        seed: of every artificial delay and of the traffic split.
        calm: no artificial delay.
        caller: who calls when a request names nobody.
        v2_etags: what the etag of a v2 write does.
        metrics_lag_s: so long after the end of a minute Cloud Monitoring shows it.
        require_auth: whether a service wants to know who calls, as its IAM policy says.
        denied: permissions that callers lack, until a fault of this name is switched off.
        identities: whether the metadata server gives ID tokens; the one of Cloud Build does not.
    """

    state: Path | None
    images: ImageSource
    port: int
    seed: int
    calm: bool
    caller: str = DEFAULT_CALLER
    v2_etags: V2Etags = V2Etags.IGNORED
    require_auth: bool = False
    denied: tuple[str, ...] = ()
    identities: bool = True
    metrics_lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a local Cloud Run listens.

    Attributes:
        grpc: host:port of the Admin API v2 and the Logging API over gRPC, plaintext; the same
            port answers all that `rest` answers.
        rest: base URL of the Admin API over REST/JSON, and of what gcloud speaks.
        reaped: how many processes of a killed run were ended.
    """

    grpc: str
    rest: str
    reaped: int


def _private(directory: Path) -> Path:
    """The directory if it is this user's and closed to others, else a new one that is."""
    with suppress(OSError):
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o77:
            return directory
    return Path(mkdtemp(prefix="gate-local-"))


class LocalCloudRun:
    """A Cloud Run on this machine, from `start` to `stop`, inside a running event loop.

    Args:
        settings: how it is to be.

    Raises:
        StateError: the state directory cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state: StateDir | NoState = (
            NoState() if settings.state is None else StateDir(settings.state)
        )
        self._faults = Faults(settings.seed, calm=settings.calm)
        if settings.denied:
            self._faults.board.put("denied", denials(settings.denied))
        self._logs = LogStore(
            clock=lambda: datetime.now(UTC),
            ingestion_delay_s=self._faults.ingest_s,
            journal=Journal(settings.state / "log-entries") if settings.state else None,
        )
        self._instances = ProcessInstances(settings.images, self._logs, self._directory())
        self._issuer = Issuer(lambda: datetime.now(UTC))
        self._front_end = LoopbackFrontEnd(
            self._instances, self._logs, self._faults.rng("split"), door=self._door_keeper()
        )
        self._surroundings = real_surroundings(self._faults, settings.images, self._logs)
        self._control = self._restored()
        self._strikes = Strikes(self._faults.board, interference(self._control))
        interceptor = FaultInterceptor(self._strikes)
        self._grpc = grpc.aio.server(interceptors=[interceptor], options=_grpc_options())
        self._http: HttpServer | None = None
        self._door: OnePort | None = None
        self._flusher: asyncio.Task[None] | None = None

    async def start(self) -> Endpoints:
        """Starts everything; returns when every endpoint answers.

        Raises:
            PortInUseError: a port that was asked for is taken.
        """
        reaped = await self._instances.reap_orphans()
        shared, listener = _bind_both(self._settings.port)
        grpc_port = self._bind_grpc()
        self._logs.restore()
        await self._control.resume()
        await self._grpc.start()
        self._http = HttpServer(self._routes(), listener)
        await self._http.start()
        port = shared.getsockname()[1]
        self._door = OnePort(shared, grpc_port, self._http.protocol)
        self._door.start()
        self._flusher = asyncio.get_running_loop().create_task(self._flush())
        return Endpoints(f"{HOST}:{port}", f"http://{HOST}:{listener.getsockname()[1]}", reaped)

    async def stop(self) -> None:
        """Stops everything that was started, processes included."""
        if self._door is not None:
            await self._door.stop()
        if self._http is not None:
            await self._http.stop()
        await self._grpc.stop(grace=0.5)
        if self._door is not None:
            self._door.cut()
        await self._strikes.close()
        await self._control.close()
        await self._front_end.close()
        await self._instances.close()
        if self._flusher is not None:
            self._flusher.cancel()
            with suppress(asyncio.CancelledError):
                await self._flusher
        self._logs.close()
        self._state.close()

    def _routes(self) -> list[Route]:
        caller, strikes = self._settings.caller, self._strikes
        v1 = V1RestApi(self._control, caller)
        project = self._control.tables.only_project
        identities = self._settings.identities
        metadata = MetadataServer(self._issuer, caller, project, identities=identities)
        tokens, secret = IamCredentialsApi(self._issuer), secret_route(self._settings.images)
        return [
            *struck(strikes, IamRestApi(self._control.iam).routes(), lambda _, __: ""),
            *struck(strikes, RestApi(self._control, caller).routes(), lambda _, __: ""),
            *struck(strikes, v1.routes(), v1.places.full_names),
            *struck(strikes, logging_routes(self._logs), lambda _, __: ""),
            *struck(strikes, [*tokens.routes(), secret], lambda _, __: ""),
            *struck(strikes, self._monitoring(), lambda _, __: ""),
            *FaultsRestApi(self._faults.board, self._surroundings.history).routes(),
            *metadata.routes(),
            project_route(),
            absent_route(),
        ]

    def _monitoring(self) -> list[Route]:
        return monitoring_routes(self._logs, self._settings.metrics_lag_s)

    def _door_keeper(self) -> FaultyDoor:
        tokens = self._issuer if self._settings.require_auth else None
        return FaultyDoor(LocalDoor(tokens, self._settings.caller), self._faults.board)

    def _directory(self) -> Path:
        """Where running instances are recorded: without a state, one place for each user.

        It outlives a server that was killed, so that the next one ends what that one left.
        """
        if self._settings.state is not None:
            return self._settings.state
        return _private(Path(gettempdir()) / f"gate-local-{os.getuid()}")

    def _restored(self) -> ControlPlane:
        try:
            return ControlPlane(
                self._state,
                self._instances,
                self._front_end,
                self._surroundings,
                v2_etags=self._settings.v2_etags,
            )
        except (KeyError, TypeError, ValueError, ParseError, ApiError) as error:
            raise StateError(
                f"--state {self._settings.state}: holds what this server did not write ({error})"
            ) from error

    def _bind_grpc(self) -> int:
        """Gives gRPC a port of its own, behind the one that clients know."""
        admin = admin_handlers(self._control, self._settings.caller)
        metrics = monitoring_handlers(self._logs, self._settings.metrics_lag_s)
        handlers = (*admin, *logging_handlers(self._logs), *metrics)
        self._grpc.add_generic_rpc_handlers(handlers)
        return self._grpc.add_insecure_port(f"{HOST}:0")

    async def _flush(self) -> None:
        """Moves the platform's log lines to the journal, a few times a second."""
        while True:
            waiting = self._logs.flush()
            await asyncio.sleep(0 if waiting else _FLUSH_S)


def _grpc_options() -> Sequence[tuple[str, int]]:
    return (
        ("grpc.so_reuseport", 0),  # nobody else may listen there too
        ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    )


def _bind_both(port: int) -> tuple[socket.socket, socket.socket]:
    """Binds the port that is asked for, and the next one for REST alone; 0: any free ones."""
    shared = _bind(port)
    try:
        return shared, _bind(port + 1 if port else 0)
    except BaseException:
        shared.close()
        raise


def _bind(port: int) -> socket.socket:
    # asyncio sends small writes at once only where the protocol is named: 40 ms an answer else
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortInUseError(port) from error
        raise
    return listener
