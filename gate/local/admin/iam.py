"""The IAM calls of services: policies are kept with the service, and in force a moment later.

A change of access takes a while to reach everybody (iam/docs/access-change-propagation).
"""

from collections.abc import Sequence

from google.iam.v1.policy_pb2 import Policy

from gate.local.access.policy import changed, check_permissions, invokers, shown
from gate.local.admin.messages import Service
from gate.local.admin.names import parse_service
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import ServiceRecord, Tables
from gate.local.admin.tasks import Tasks
from gate.local.faults.delays import Delay
from gate.local.ports import Access, FrontEnd

_EVERYWHERE = 1  # INGRESS_TRAFFIC_ALL; 0 is a service of an earlier version, without ingress


class Iam:
    """Reads and writes policies.

    Args:
        tables: the shared state.
        front_end: learns whom a policy lets in.
        surroundings: time and delays.
        tasks: where changes that take effect later run.
    """

    def __init__(
        self, tables: Tables, front_end: FrontEnd, surroundings: Surroundings, tasks: Tasks
    ) -> None:
        self._tables = tables
        self._front_end = front_end
        self._surroundings = surroundings
        self._tasks = tasks

    def get_policy(self, resource: str) -> Policy:
        """Gives a service's policy. Raises ApiError: NOT_FOUND, INVALID_ARGUMENT."""
        return shown(self._tables.service(parse_service(resource)).policy)

    def set_policy(self, resource: str, asked: Policy, mask: Sequence[str] = ()) -> Policy:
        """Replaces a service's policy.

        Raises:
            ApiError: NOT_FOUND, ABORTED (stale etag), INVALID_ARGUMENT.
        """
        record = self._tables.service(parse_service(resource))
        record.policy = changed(record.policy, asked, mask, self._surroundings.now())
        self._tables.put(record)
        if self._surroundings.faults.calm:
            self.enforce(record)
        else:
            self._tasks.spawn(record.key, self._enforce_later(record))
        return shown(record.policy)

    def enforce(self, record: ServiceRecord) -> None:
        """Tells the front end whom a service lets in, by its policy, settings and URLs as shown."""
        self._front_end.admit(record.key, access(record, record.resource))

    async def _enforce_later(self, record: ServiceRecord) -> None:
        await self._surroundings.take(Delay.GRANT)
        self.enforce(record)

    def test_permissions(self, resource: str, permissions: Sequence[str]) -> list[str]:
        """Gives those permissions that the caller has, also on a service yet to be made.

        Raises:
            ApiError: INVALID_ARGUMENT.
        """
        parse_service(resource)
        return self.held(permissions)

    def held(self, permissions: Sequence[str]) -> list[str]:
        """Gives those permissions that the caller has on anything: all but what a fault denies.

        Raises:
            ApiError: INVALID_ARGUMENT.
        """
        check_permissions(permissions)
        denied = self._surroundings.faults.board.denied
        return [one for one in dict.fromkeys(permissions) if one not in denied]


def access(record: ServiceRecord, service: Service) -> Access:
    """Whom a service lets in.

    Args:
        record: whose policy counts.
        service: whose settings count: those whose routes take effect.
    """
    urls = {service.uri, *service.urls, *service.custom_audiences} - {""}
    return Access(
        inside_only=int(service.ingress) > _EVERYWHERE,
        invokers=None if service.invoker_iam_disabled else invokers(record.policy),
        audiences=frozenset(url.rstrip("/") for url in urls),
    )
