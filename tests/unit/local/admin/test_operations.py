import asyncio

import pytest

from gate.local.admin.messages import Service
from gate.local.admin.names import Place
from gate.local.admin.operations import MAX_KEPT, Operations, Work
from gate.local.api.errors import ApiError, Code
from tests.fakes.local_control_plane import MemoryJournal
from tests.fakes.local_messages import NAME, PARENT

PLACE = Place("demo", "us-central1")


class Ids:
    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return f"id-{self.count}"


def operations(journal=None):
    return Operations(journal or MemoryJournal(), Ids())


def started(known, target=NAME):
    return known.start(PLACE, Work.RECONCILE, Service(name=target, generation=3))


def test_a_new_operation_shows_the_resource_and_is_not_done():
    record = started(operations())
    assert record.operation.name == f"{PARENT}/operations/id-1"
    assert not record.operation.done
    shown = Service()
    assert record.operation.metadata.Unpack(Service.pb(shown))
    assert (shown.name, shown.generation) == (NAME, 3)


def test_a_finished_operation_answers_with_the_resource():
    known = operations()
    record = started(known)
    known.finish(record, Service(name=NAME, generation=4))
    answer = Service()
    assert record.operation.done
    assert record.operation.response.Unpack(Service.pb(answer))
    assert answer.generation == 4
    assert record.operation.metadata == record.operation.response


def test_a_failed_operation_is_done_with_an_error_and_ends_once():
    known = operations()
    record = started(known)
    known.finish(record, ApiError(Code.INTERNAL, "why"))
    known.finish(record, Service(name=NAME))
    assert record.operation.done
    assert (record.operation.error.code, record.operation.error.message) == (13, "why")


async def test_waiting_ends_when_the_operation_does():
    known = operations()
    record = started(known)
    waiting = asyncio.ensure_future(known.wait(record.operation.name, 60))
    await asyncio.sleep(0)
    assert not waiting.done()
    known.finish(record, Service(name=NAME))
    assert (await waiting).operation.done


async def test_waiting_gives_the_operation_as_it_is_when_the_time_is_up():
    known = operations()
    record = started(known)
    assert not (await known.wait(record.operation.name, 0)).operation.done


def test_lists_are_newest_first_of_one_region():
    known = operations()
    names = [started(known).operation.name for _ in range(3)]
    known.start(Place("demo", "europe-west1"), Work.RECONCILE, Service(name="x"))
    first = known.listed(PLACE, 2, "")
    assert [operation.name for operation in first.items] == [names[2], names[1]]
    rest = known.listed(PLACE, 2, first.next_token)
    assert [operation.name for operation in rest.items] == [names[0]]
    assert rest.next_token == ""


def test_only_a_finished_operation_can_be_deleted():
    known = operations()
    record = started(known)
    with pytest.raises(ApiError) as caught:
        known.delete(record.operation.name)
    assert caught.value.code is Code.FAILED_PRECONDITION
    known.finish(record, Service(name=NAME))
    known.delete(record.operation.name)
    with pytest.raises(ApiError) as caught:
        known.get(record.operation.name)
    assert caught.value.code is Code.NOT_FOUND


def test_the_oldest_finished_ones_are_forgotten():
    known = operations()
    running = started(known)
    for _ in range(MAX_KEPT + 5):
        known.finish(started(known), Service(name=NAME))
    assert known.get(running.operation.name) is running
    with pytest.raises(ApiError):
        known.get(f"{PARENT}/operations/id-2")


def test_the_last_operation_on_a_resource_is_the_newest_that_is_kept():
    known = operations()
    assert known.last(NAME) == ""
    first, _, second = started(known), started(known, "other"), started(known)
    assert known.last(NAME) == second.operation.name
    known.finish(second, Service(name=NAME))
    known.delete(second.operation.name)
    assert known.last(NAME) == first.operation.name


def test_operations_outlive_the_process():
    journal = MemoryJournal()
    known = operations(journal)
    done, open_ = started(known), started(known, "other")
    known.finish(done, Service(name=NAME, generation=9))
    again = operations(journal)
    answer = Service()
    assert again.get(done.operation.name).operation.response.Unpack(Service.pb(answer))
    assert answer.generation == 9
    assert [record.operation.name for record in again.running()] == [open_.operation.name]
    assert [record.target for record in again.running("other")] == ["other"]
    assert again.running("nobody") == []
    assert again.last("other") == open_.operation.name
    assert again.last("nobody") == ""
    assert started(again).number > open_.number
