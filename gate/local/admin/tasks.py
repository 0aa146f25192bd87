"""Background tasks of the control plane, each belonging to a service."""

import asyncio
import sys
import traceback
from collections.abc import Coroutine
from typing import Any

from gate.local.ports import ServiceKey


class Tasks:
    """Tasks that end with their service, or with the server."""

    def __init__(self) -> None:
        self._by_service: dict[ServiceKey, set[asyncio.Task[Any]]] = {}

    def spawn(self, service: ServiceKey, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Starts a task; an exception that it raises is a bug and goes to stderr."""
        task = asyncio.get_running_loop().create_task(work)
        self._by_service.setdefault(service, set()).add(task)
        task.add_done_callback(lambda done: self._ended(service, done))
        return task

    async def cancel(self, service: ServiceKey) -> None:
        """Ends every task of a service but the one that asks."""
        asking = asyncio.current_task()
        await _end([task for task in self._by_service.get(service, ()) if task is not asking])

    async def close(self) -> None:
        """Ends every task."""
        await _end([task for tasks in self._by_service.values() for task in tasks])

    def _ended(self, service: ServiceKey, task: asyncio.Task[Any]) -> None:
        tasks = self._by_service.get(service, set())
        tasks.discard(task)
        if not tasks:
            self._by_service.pop(service, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            traceback.print_exception(error, file=sys.stderr)


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
