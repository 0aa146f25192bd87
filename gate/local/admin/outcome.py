"""How a reconciliation ends: what routes a service gets, or why it keeps the ones it had.

Pure. The codes and texts were seen in operations of the real v2 API: 5 for an image that does not
exist, 9 for a container that does not start, both in the new revision's own words; 13 for a
revision that does not exist or is deleted; "Revision 'X' is not ready and cannot serve traffic."
before the words of an older one (terraform-google-modules/terraform-docs-samples#269,
transparency-dev/tesseract#413). A recorded service whose new revision failed shows its reason on
all three conditions where the traffic follows LATEST. The newest revision is what
ConfigurationsReady is about, what the traffic names is what RoutesReady is about.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gate.local.admin.conditions import Kind, Reason, State, condition, find, reason_of, state_of
from gate.local.admin.messages import Condition, Revision, Service, TrafficTarget
from gate.local.admin.plan import as_time
from gate.local.admin.traffic import Routes, names, names_latest, resolve
from gate.local.api.errors import ApiError, Code

_OTHERS = (Kind.ROUTES, Kind.CONFIGURATIONS)
_CODES = {
    Reason.CONTAINER_MISSING: Code.NOT_FOUND,
    Reason.HEALTH_CHECK_CONTAINER_ERROR: Code.FAILED_PRECONDITION,
    Reason.SECRETS_ACCESS_CHECK_FAILED: Code.PERMISSION_DENIED,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a service is not where its owner wants it.

    Attributes:
        kinds: the conditions that carry it: RoutesReady, ConfigurationsReady, or both.
    """

    kinds: frozenset[Kind]
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
        frozenset({Kind.ROUTES}),
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
    own = _own_failure(made, find_revision)
    for name in wanted:
        if name == made and own is not None:
            return Verdict(None, replace(own, kinds=own.kinds | {Kind.ROUTES}))
        failure = _unroutable(name, find_revision(name))
        if failure:
            return Verdict(None, replace(failure, kinds=failure.kinds | _kinds(own)))
    return Verdict(resolve(targets, follow), own)


def ready(revision: Revision) -> bool:
    """Tells whether a revision can serve."""
    return state_of(find(revision.conditions, Kind.READY)) is State.SUCCEEDED


def reconciling_conditions(current: Iterable[Condition], at: datetime) -> list[Condition]:
    """Gives a service's other conditions while it is being reconciled.

    ConfigurationsReady keeps its time where it was reached before, as in recorded updates, even
    of the template.
    """
    before = find(current, Kind.CONFIGURATIONS)
    begun = at
    if before is not None and state_of(before) is not State.FAILED:
        begun = as_time(before.last_transition_time)
    return [
        condition(Kind.ROUTES, State.RECONCILING, at),
        condition(Kind.CONFIGURATIONS, State.RECONCILING, begun),
    ]


def finished(
    service: Service, at: datetime, failure: Failure | None, routed: datetime | None = None
) -> Service:
    """Gives the service after a reconciliation, but for its traffic.

    A failure keeps `observed_generation` at the generation that serves
    (google.cloud.run.v2.Service, reconciling). In recordings RoutesReady is some milliseconds
    older than Ready, and ConfigurationsReady as old as the work on the service.

    Args:
        service: as it was while it was being reconciled.
        at: now.
        failure: why it is not where its owner wants it, or None.
        routed: when its routes were made; None is now.
    """
    done = Service(service)
    done.reconciling = False
    done.terminal_condition = _judged(Kind.READY, at, failure)
    begun = find(service.conditions, Kind.CONFIGURATIONS)
    times = {Kind.ROUTES: routed or at}
    if begun is not None:
        times[Kind.CONFIGURATIONS] = as_time(begun.last_transition_time)
    conditions = []
    for kind in _OTHERS:
        own = failure if failure and kind in failure.kinds else None
        conditions.append(_judged(kind, at if own else times.get(kind, at), own))
    done.conditions = conditions
    if failure is None:
        done.observed_generation = done.generation
    return done


def _kinds(failure: Failure | None) -> frozenset[Kind]:
    return failure.kinds if failure else frozenset()


def _own_failure(made: str, find_revision: Callable[[str], Revision | None]) -> Failure | None:
    """Gives why the new revision is not ready, in its own words."""
    revision = find_revision(made) if made else None
    if revision is None or ready(revision):
        return None
    reason, message = _cause(revision)
    return Failure(frozenset({Kind.CONFIGURATIONS}), _code(reason), message, reason)


def _unroutable(name: str, revision: Revision | None) -> Failure | None:
    if revision is None:
        return Failure(
            frozenset({Kind.ROUTES}),
            Code.INTERNAL,
            f"Revision '{name}' does not exist or is deleted. Update all traffic to route to "
            "currently available revisions.",
            Reason.REVISION_FAILED,
        )
    if ready(revision):
        return None
    reason, message = _cause(revision)
    text = f"Revision '{name}' is not ready and cannot serve traffic. {message}".rstrip()
    return Failure(frozenset({Kind.ROUTES}), _code(reason), text, reason)


def _cause(revision: Revision) -> tuple[Reason, str]:
    found = find(revision.conditions, Kind.READY)
    reason = reason_of(found) if found else None
    return reason or Reason.REVISION_FAILED, found.message if found else ""


def _code(reason: Reason) -> Code:
    return _CODES.get(reason, Code.INTERNAL)


def _judged(kind: Kind, at: datetime, failure: Failure | None) -> Condition:
    if failure is None:
        return condition(kind, State.SUCCEEDED, at)
    return condition(kind, State.FAILED, at, message=failure.message, reason=failure.reason)
