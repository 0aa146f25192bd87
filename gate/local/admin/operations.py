"""Long-running operations: made, finished, waited for, listed (google.longrunning.Operations).

The metadata and the response of a Cloud Run operation are the resource itself: Service or
Revision. There is no cancel.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast

from google.longrunning.operations_pb2 import Operation
from google.protobuf import json_format
from google.rpc import status_pb2

from gate.local.admin.messages import Revision, Service
from gate.local.admin.names import Place
from gate.local.admin.pages import Page, page
from gate.local.admin.tables import Document, Journal
from gate.local.api.errors import ApiError, Code

MAX_KEPT = 2_000


class Work(Enum):
    """What an operation does; decides how it is taken up again after a restart."""

    RECONCILE = "reconcile"
    DELETE_SERVICE = "delete service"
    DELETE_REVISION = "delete revision"


@dataclass(slots=True)
class OperationRecord:
    """An operation, and what it takes to go on with it.

    Attributes:
        target: full name of the resource.
        generation: of the service that it brings about (RECONCILE).
        made: short name of the revision that it makes, or "".
        done: set when the operation is.
    """

    operation: Operation
    work: Work
    target: str
    number: int
    generation: int = 0
    made: str = ""
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Operations:
    """Every operation; the oldest finished ones are forgotten beyond `MAX_KEPT`.

    Args:
        journal: where they outlive the process; read once, now.
        new_id: gives a new unique id.
    """

    def __init__(self, journal: Journal, new_id: Callable[[], str]) -> None:
        self._journal = journal
        self._new_id = new_id
        found = sorted(map(_record, journal.load("operations")), key=lambda entry: entry.number)
        self._records = {record.operation.name: record for record in found}
        self._last: dict[str, str] = {record.target: record.operation.name for record in found}
        self._next = found[-1].number + 1 if found else 1

    def start(
        self,
        place: Place,
        work: Work,
        resource: Service | Revision,
        *,
        generation: int = 0,
        made: str = "",
    ) -> OperationRecord:
        """Makes an operation on a resource, which is its metadata so far."""
        operation = Operation(name=f"{place}/operations/{self._new_id()}")
        operation.metadata.Pack(_first_shown(resource))
        record = OperationRecord(operation, work, resource.name, self._next, generation, made)
        self._next += 1
        self._records[operation.name] = record
        self._last[record.target] = operation.name
        self._save(record)
        self._forget_old()
        return record

    def finish(self, record: OperationRecord, result: Service | Revision | ApiError) -> None:
        """Ends an operation with its resource, or with an error; a second end is ignored."""
        if record.operation.done:
            return
        if isinstance(result, ApiError):
            record.operation.error.CopyFrom(result.status())
        else:
            message = type(result).pb(result)
            record.operation.metadata.Pack(message)
            record.operation.response.Pack(message)
        record.operation.done = True
        self._save(record)
        record.done.set()

    def show(self, record: OperationRecord, resource: Service | Revision) -> None:
        """Makes a resource the operation's metadata."""
        record.operation.metadata.Pack(type(resource).pb(resource))

    def get(self, name: str) -> OperationRecord:
        """Gives an operation.

        Raises:
            ApiError: NOT_FOUND.
        """
        record = self._records.get(name)
        if record is None:
            raise ApiError(Code.NOT_FOUND, f"Operation '{name[:300]}' does not exist.")
        return record

    async def wait(self, name: str, timeout_s: float) -> OperationRecord:
        """Gives an operation when it is done, or as it is when the time is up.

        Raises:
            ApiError: NOT_FOUND.
        """
        record = self.get(name)
        try:
            async with asyncio.timeout(timeout_s):
                await record.done.wait()
        except TimeoutError:
            pass
        return record

    def listed(self, place: Place, size: int, token: str) -> Page[Operation]:
        """Gives a page of a region's operations, newest first."""
        prefix = f"{place}/operations/"
        items = [
            (f"{10**12 - record.number:012d}", record.operation)
            for name, record in reversed(self._records.items())
            if name.startswith(prefix)
        ]
        return page(items, size, token, prefix)

    def delete(self, name: str) -> None:
        """Forgets a finished operation.

        Raises:
            ApiError: NOT_FOUND, or FAILED_PRECONDITION while it runs.
        """
        record = self.get(name)
        if not record.operation.done:
            raise ApiError(Code.FAILED_PRECONDITION, f"Operation '{name}' is not done.")
        self._drop(record)

    def running(self, target: str | None = None) -> list[OperationRecord]:
        """Gives the operations that are not done, of one resource or of all, oldest first."""
        return [
            record
            for record in self._records.values()
            if not record.operation.done and target in (None, record.target)
        ]

    def last(self, target: str) -> str:
        """Gives the full name of the last operation on a resource, or ""."""
        return self._last.get(target, "")

    def _save(self, record: OperationRecord) -> None:
        document: Document = {
            "operation": json_format.MessageToDict(record.operation),
            "work": record.work.value,
            "target": record.target,
            "number": record.number,
            "generation": record.generation,
            "made": record.made,
        }
        self._journal.save("operations", record.operation.name, document)

    def _drop(self, record: OperationRecord) -> None:
        del self._records[record.operation.name]
        if self._last.get(record.target) == record.operation.name:
            self._last[record.target] = self._newest(record.target)
        self._journal.drop("operations", record.operation.name)

    def _newest(self, target: str) -> str:
        """Looks through all of them for the last one on a resource."""
        records = reversed(self._records.items())
        return next((name for name, record in records if record.target == target), "")

    def _forget_old(self) -> None:
        excess = len(self._records) - MAX_KEPT
        if excess > 0:
            finished = [record for record in self._records.values() if record.operation.done]
            for record in finished[:excess]:
                self._drop(record)


def _first_shown(resource: Service | Revision) -> Any:
    """Gives what an operation shows first: a new service without its ingress, as recorded."""
    message = type(resource).pb(resource)
    if isinstance(resource, Service) and resource.generation == 1:
        message = type(message).FromString(message.SerializeToString())
        message.ClearField("ingress")
    return message


def error_of(operation: Operation) -> status_pb2.Status | None:
    """Gives the error that an operation ended with, or None."""
    return operation.error if operation.WhichOneof("result") == "error" else None


def _record(document: Document) -> OperationRecord:
    operation: Any = json_format.ParseDict(
        cast("dict[str, Any]", document["operation"]), Operation()
    )
    record = OperationRecord(
        operation=operation,
        work=Work(document["work"]),
        target=cast("str", document["target"]),
        number=cast("int", document["number"]),
        generation=cast("int", document["generation"]),
        made=cast("str", document["made"]),
    )
    if record.operation.done:
        record.done.set()
    return record
