"""How a reconciliation ends: what routes a service gets, or why it keeps the ones it had.

Pure. The codes and texts were seen in operations of the real v2 API: 5 for an image that does not
exist, 9 for a container that does not start (both "Revision 'X' is not ready and cannot serve
traffic. ..."), 13 for a revision that does not exist or is deleted
(terraform-google-modules/terraform-docs-samples#269, transparency-dev/tesseract#413). A route to a
revision that is not ready fails RoutesReady and leaves ConfigurationsReady succeeded, as in a
recorded operation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gate.local.admin.conditions import Kind, Reason, State, condition, find, reason_of, state_of
from gate.local.admin.errors import ApiError, Code
from gate.local.admin.messages import Condition, Revision, Service, TrafficTarget
from gate.local.admin.traffic import Routes, names, names_latest, resolve

_CODES = {
    Reason.CONTAINER_MISSING: Code.NOT_FOUND,
    Reason.HEALTH_CHECK_CONTAINER_ERROR: Code.FAILED_PRECONDITION,
    Reason.SECRETS_ACCESS_CHECK_FAILED: Code.PERMISSION_DENIED,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a service is not where its owner wants it.

    Attributes:
        kind: the condition that carries it, RoutesReady or ConfigurationsReady.
    """

    kind: Kind
    code: Code
    message: str
    reason: Reason

    def error(self) -> ApiError:
        """The error that the operation ends with."""
        return ApiError(self.code, self.message)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a service's routes.

    Attributes:
        routes: the routes to put in effect, or None to keep those in effect.
        failure: why the reconciliation fails, or None.
    """

    routes: Routes | None
    failure: Failure | None


SPOILED = Verdict(
    None,
    Failure(
        Kind.ROUTES,
        Code.INTERNAL,
        "An internal error occurred while the traffic was being changed.",
        Reason.INTERNAL,
    ),
)
"""A reconciliation that a fault makes fail: what served goes on serving."""


def judge(
    targets: Sequence[TrafficTarget],
    latest: str,
    made: str,
    find_revision: Callable[[str], Revision | None],
) -> Verdict:
    """Decides about the routes of one generation; every revision involved has booted or failed.

    Args:
        targets: the desired traffic.
        latest: short name of the latest ready revision, "" when there is none.
        made: short name of the revision that this generation made, or "".
        find_revision: looks one up by short name; None when it does not exist.
    """
    follow = made or latest
    wanted = names(targets) + ([follow] if names_latest(targets) else [])
    for name in wanted:
        failure = _unroutable(name, find_revision(name))
        if failure:
            return Verdict(None, failure)
    routes = resolve(targets, follow)
    new = find_revision(made) if made else None
    failure = _not_ready(Kind.CONFIGURATIONS, made, new) if new is not None else None
    return Verdict(routes, failure)


def ready(revision: Revision) -> bool:
    """Tells whether a revision can serve."""
    return state_of(find(revision.conditions, Kind.READY)) is State.SUCCEEDED


def service_conditions(at: datetime, failure: Failure | None) -> tuple[Condition, list[Condition]]:
    """Gives a service's terminal condition and its other conditions after a reconciliation."""
    others = [
        _judged(kind, at, failure if failure and failure.kind is kind else None)
        for kind in (Kind.ROUTES, Kind.CONFIGURATIONS)
    ]
    return _judged(Kind.READY, at, failure), others


def reconciling_conditions(at: datetime) -> list[Condition]:
    """Gives a service's other conditions while it is being reconciled."""
    return [condition(kind, State.RECONCILING, at) for kind in (Kind.ROUTES, Kind.CONFIGURATIONS)]


def finished(service: Service, at: datetime, failure: Failure | None) -> Service:
    """Gives the service after a reconciliation, but for its traffic.

    A failure keeps `observed_generation` at the generation that serves
    (google.cloud.run.v2.Service, reconciling).
    """
    done = Service(service)
    done.reconciling = False
    done.terminal_condition, done.conditions = service_conditions(at, failure)
    if failure is None:
        done.observed_generation = done.generation
    return done


def _unroutable(name: str, revision: Revision | None) -> Failure | None:
    if revision is None:
        return Failure(
            Kind.ROUTES,
            Code.INTERNAL,
            f"Revision '{name}' does not exist or is deleted. Update all traffic to route to "
            "currently available revisions.",
            Reason.REVISION_FAILED,
        )
    return _not_ready(Kind.ROUTES, name, revision)


def _not_ready(kind: Kind, name: str, revision: Revision) -> Failure | None:
    if ready(revision):
        return None
    cause = find(revision.conditions, Kind.READY)
    reason = (reason_of(cause) if cause else None) or Reason.REVISION_FAILED
    message = f"Revision '{name}' is not ready and cannot serve traffic."
    if cause and cause.message:
        message += f" {cause.message}"
    return Failure(kind, _CODES.get(reason, Code.INTERNAL), message, reason)


def _judged(kind: Kind, at: datetime, failure: Failure | None) -> Condition:
    if failure is None:
        return condition(kind, State.SUCCEEDED, at)
    return condition(kind, State.FAILED, at, message=failure.message, reason=failure.reason)
