import asyncio
from dataclasses import replace

from gate.local.instances.probing import Outcome, await_death, await_startup
from gate.local.ports import ProbeSpec

PROMPT = ProbeSpec(period_s=0, failure_threshold=3)


def answers(*causes):
    """An attempt that answers these, one after another, and notes when it was asked."""
    left = iter(causes)

    async def ask():
        ask.at.append(asyncio.get_running_loop().time())
        return next(left)

    ask.at = []
    return ask


async def test_a_start_is_over_with_the_first_success():
    assert await await_startup(PROMPT, answers("no", "no", "")) == Outcome(3, "")


async def test_a_start_has_failed_after_as_many_failures_as_the_threshold():
    assert await await_startup(PROMPT, answers("no", "no", "never", "")) == Outcome(3, "never")


async def test_a_start_is_asked_after_the_delay_and_then_once_a_period():
    ask = answers("no", "")
    begun_s = asyncio.get_running_loop().time()
    await await_startup(replace(PROMPT, initial_delay_s=0.05, period_s=0.1), ask)
    first_s, second_s = ask.at
    assert first_s - begun_s >= 0.049
    assert second_s - first_s >= 0.099


async def test_only_failures_in_a_row_end_a_life():
    ask = answers("", "no", "no", "", "no", "no", "over")
    assert await await_death(PROMPT, ask) == Outcome(3, "over")
