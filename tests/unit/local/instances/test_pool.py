import asyncio

import pytest

from gate.local.instances.pool import RevisionPool, StartReason, backoff_s
from gate.local.instances.settings import InstanceSettings
from gate.local.ports import BootReason, ContainerSpec, NoInstanceError, RevisionSpec
from tests.fakes.local_data_plane import FakeLauncher, revision

KEY = revision()
PATIENT = InstanceSettings(idle_s=3600, queue_s=3600, restart_backoff_s=0)


def spec(concurrency=1, low=0, high=0):
    return RevisionSpec(
        KEY, ContainerSpec("image"), concurrency=concurrency, min_instances=low, max_instances=high
    )


def pool_of(launcher, settings=PATIENT, **limits):
    return RevisionPool(spec(**limits), launcher, settings)


async def settle():
    """Lets everything that can run, run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def queued(pool, count):
    tasks = [asyncio.ensure_future(pool.acquire()) for _ in range(count)]
    await settle()
    return tasks


async def test_boot_starts_one_instance_and_it_takes_a_request():
    launcher = FakeLauncher()
    pool = pool_of(launcher)
    assert await pool.boot() is None
    lease = pool.try_acquire()
    assert lease is not None
    assert lease.instance_id == "instance-1"
    assert launcher.asked == 1


async def test_the_first_start_of_a_revision_is_its_rollout_and_any_other_is_autoscaling():
    launcher = FakeLauncher()
    pool = pool_of(launcher, concurrency=1)
    await pool.boot()
    await pool.acquire()
    await pool.acquire()
    assert launcher.reasons == [StartReason.DEPLOYMENT_ROLLOUT, StartReason.AUTOSCALING]


async def test_boot_failure_is_handed_back():
    launcher = FakeLauncher(by_hand=True)
    pool = pool_of(launcher)
    booting = asyncio.ensure_future(pool.boot())
    await launcher.let_fail()
    failure = await booting
    assert failure is not None
    assert failure.reason is BootReason.HEALTH_CHECK_CONTAINER_ERROR


async def test_boot_goes_on_to_min_instances():
    launcher = FakeLauncher()
    pool = pool_of(launcher, low=3)
    await pool.boot()
    await launcher.until(lambda it: len(it.started) == 3)


async def test_a_full_instance_takes_no_more_and_a_second_is_started():
    launcher = FakeLauncher()
    pool = pool_of(launcher, concurrency=2)
    await pool.boot()
    assert [pool.try_acquire() is not None for _ in range(3)] == [True, True, False]
    lease = await pool.acquire()
    assert lease.instance_id == "instance-2"


async def test_the_instance_that_is_preferred_is_taken_if_it_has_room():
    pool = pool_of(FakeLauncher(), concurrency=2, low=2)
    await pool.boot()
    await settle()
    ids = [pool.try_acquire(wanted).instance_id for wanted in ("instance-2",) * 3]
    assert ids == ["instance-2", "instance-2", "instance-1"]
    assert pool.try_acquire("gone").instance_id == "instance-1"


async def test_as_many_instances_start_as_the_queue_needs_and_no_more():
    launcher = FakeLauncher(by_hand=True)
    pool = pool_of(launcher, concurrency=4)
    waiting = await queued(pool, 9)
    assert launcher.asked == 3
    for _ in range(3):
        await launcher.let_start()
    leases = await asyncio.gather(*waiting)
    ids = [lease.instance_id for lease in leases]
    assert sorted(ids.count(each) for each in set(ids)) == [1, 4, 4]


async def test_never_more_than_max_instances_and_the_queue_is_first_come_first_served():
    launcher = FakeLauncher()
    pool = pool_of(launcher, concurrency=1, high=1)
    await pool.boot()
    held = await pool.acquire()
    first, second = await queued(pool, 2)
    pool.release(held)
    lease = await first
    assert not second.done()
    pool.release(lease)
    await second
    assert launcher.asked == 1


async def test_at_the_limit_the_queue_ends_in_429():
    launcher = FakeLauncher()
    pool = pool_of(launcher, InstanceSettings(queue_s=0.01), concurrency=1, high=1)
    await pool.boot()
    await pool.acquire()
    with pytest.raises(NoInstanceError, match="Rate exceeded") as refused:
        await pool.acquire()
    assert refused.value.status == 429


async def test_a_start_that_takes_too_long_ends_in_503_and_serves_later():
    launcher = FakeLauncher(by_hand=True)
    pool = pool_of(launcher, InstanceSettings(queue_s=0.01))
    with pytest.raises(NoInstanceError, match="no available instance") as refused:
        await pool.acquire()
    assert refused.value.status == 503
    await launcher.let_start()
    await settle()
    assert pool.try_acquire() is not None


async def test_everyone_waiting_is_refused_when_the_only_start_fails():
    launcher = FakeLauncher(by_hand=True)
    pool = pool_of(launcher, concurrency=8)
    waiting = await queued(pool, 3)
    await launcher.let_fail()
    for task in waiting:
        with pytest.raises(NoInstanceError, match="no available instance"):
            await task


async def test_nobody_is_refused_while_another_instance_may_still_start():
    launcher = FakeLauncher(by_hand=True)
    pool = pool_of(launcher)
    first, second = await queued(pool, 2)
    await launcher.let_fail()
    await launcher.let_start()
    assert (await first).instance_id == "instance-2"
    assert not second.done()
    second.cancel()


async def test_a_cancelled_waiter_leaves_the_queue_and_keeps_no_place():
    launcher = FakeLauncher()
    pool = pool_of(launcher, concurrency=1, high=1)
    await pool.boot()
    held = await pool.acquire()
    gone, patient = await queued(pool, 2)
    gone.cancel()
    await settle()
    pool.release(held)
    assert (await patient).instance_id == "instance-1"


async def test_a_place_given_to_a_waiter_that_is_cancelled_in_that_moment_goes_back():
    launcher = FakeLauncher()
    pool = pool_of(launcher, concurrency=1, high=1)
    await pool.boot()
    held = await pool.acquire()
    (waiter,) = await queued(pool, 1)
    pool.release(held)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert pool.try_acquire() is not None


async def test_an_idle_instance_is_stopped_and_the_next_request_starts_cold():
    launcher = FakeLauncher()
    pool = pool_of(launcher, InstanceSettings(idle_s=0))
    lease = await pool.acquire()
    await settle()
    assert not launcher.started[0].stopped.is_set()
    pool.release(lease)
    async with asyncio.timeout(60):
        await launcher.started[0].stopped.wait()
    assert pool.try_acquire() is None
    assert (await pool.acquire()).instance_id == "instance-2"


async def test_min_instances_are_never_idle_enough():
    launcher = FakeLauncher()
    pool = pool_of(launcher, InstanceSettings(idle_s=0), low=1)
    await pool.boot()
    await settle()
    assert not launcher.started[0].stopped.is_set()
    pool.update(spec(low=0))
    async with asyncio.timeout(60):
        await launcher.started[0].stopped.wait()


async def test_raising_min_instances_starts_more():
    launcher = FakeLauncher()
    pool = pool_of(launcher)
    await pool.boot()
    pool.update(spec(low=2))
    await launcher.until(lambda it: len(it.started) == 2)


async def test_a_dead_instance_gets_no_request_and_is_replaced_for_min_instances():
    launcher = FakeLauncher()
    pool = pool_of(launcher, low=1)
    await pool.boot()
    launcher.die(launcher.started[0])
    assert pool.try_acquire() is None
    await launcher.until(lambda it: len(it.started) == 2)
    await settle()
    assert pool.try_acquire() is not None


async def test_without_min_instances_a_dead_one_is_replaced_by_the_next_request():
    launcher = FakeLauncher()
    pool = pool_of(launcher)
    await pool.boot()
    launcher.die(launcher.started[0])
    await settle()
    assert launcher.asked == 1
    assert (await pool.acquire()).instance_id == "instance-2"


async def test_the_places_of_a_dead_instance_may_still_be_released():
    launcher = FakeLauncher()
    pool = pool_of(launcher)
    await pool.boot()
    lease = await pool.acquire()
    launcher.die(launcher.started[0])
    pool.release(lease)
    assert (await pool.acquire()).instance_id == "instance-2"


async def test_stop_stops_every_instance_and_refuses_who_waits():
    launcher = FakeLauncher()
    pool = pool_of(launcher, concurrency=1, high=2)
    await pool.acquire()
    await pool.acquire()
    (waiting,) = await queued(pool, 1)
    await pool.stop()
    assert all(instance.stopped.is_set() for instance in launcher.started)
    with pytest.raises(NoInstanceError):
        await waiting
    with pytest.raises(NoInstanceError):
        await pool.acquire()


async def test_stop_in_the_middle_of_the_boot_ends_it():
    launcher = FakeLauncher(by_hand=True)
    pool = pool_of(launcher)
    booting = asyncio.ensure_future(pool.boot())
    await launcher.until(lambda it: it.asked == 1)
    await pool.stop()
    failure = await booting
    assert failure is not None
    assert "deleted" in failure.message
    assert launcher.started == []


async def test_a_remembered_revision_starts_nothing_until_its_first_request():
    launcher = FakeLauncher()
    pool = pool_of(launcher)
    pool.update(spec())
    assert await pool.booted() is None
    assert launcher.asked == 0
    await pool.acquire()
    assert launcher.asked == 1


def test_starts_that_keep_failing_become_rare():
    assert [backoff_s(0.5, failures) for failures in (0, 1, 2, 5, 6, 10_000)] == [
        0.5, 1, 2, 16, 30, 30,
    ]  # fmt: skip
