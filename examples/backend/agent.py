"""What happens to a message: a run of the agent, told in five events."""

import asyncio
from collections.abc import AsyncIterator

from examples.backend.frames import Frame, agent_event

STEP_S = 0.005  # about what a step would take if it did more


async def run(user: str, thread_id: str, content: str) -> AsyncIterator[Frame]:
    """Answers a message with its own tool; gives the events of the run as they happen."""
    tool = {"tool_name": "text_statistics"}
    yield agent_event("agent_started", user, thread_id, agent_name="clerk")
    await asyncio.sleep(STEP_S)
    yield agent_event("agent_thinking", user, thread_id, reasoning="a tool can count this")
    await asyncio.sleep(STEP_S)
    yield agent_event("tool_executing", user, thread_id, **tool)
    await asyncio.sleep(STEP_S)
    found = statistics(content)
    yield agent_event("tool_completed", user, thread_id, **tool, result=found)
    await asyncio.sleep(STEP_S)
    answer = (
        f"Counted {found['words']} words and {found['characters']} characters; "
        f"the longest word has {found['longest_word']}."
    )
    yield agent_event("agent_completed", user, thread_id, final_response=answer)


def statistics(content: str) -> dict[str, int]:
    """The tool: counts a text."""
    words = content.split()
    return {
        "words": len(words),
        "characters": len(content),
        "longest_word": max(map(len, words), default=0),
    }
