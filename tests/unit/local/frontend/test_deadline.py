import asyncio

from gate.local.frontend.deadline import Deadline


async def test_goes_off_once_when_the_time_is_up():
    calls = asyncio.Queue()
    deadline = Deadline(lambda: calls.put_nowait("up"))
    deadline.expire_in(0.001)
    async with asyncio.timeout(60):
        assert await calls.get() == "up"
    assert calls.empty()


async def test_the_last_time_set_counts_whether_sooner_or_later():
    loop = asyncio.get_running_loop()
    up = asyncio.Event()
    deadline = Deadline(up.set)
    deadline.expire_in(3600)
    deadline.expire_in(0.001)
    deadline.expire_in(0.05)
    began_s = loop.time()
    async with asyncio.timeout(60):
        await up.wait()
    assert loop.time() - began_s >= 0.045


async def test_stop_is_for_good():
    def fail():
        raise AssertionError

    deadline = Deadline(fail)
    deadline.expire_in(0)
    deadline.stop()
    deadline.stop()
    await asyncio.sleep(0.01)
