"""One worker: three local Cloud Runs of its own, and many rounds side by side.

Run as a program by __main__; writes one line of JSON a round.
"""

import asyncio
import json
import os
import sys
import tempfile
import traceback
from dataclasses import asdict
from pathlib import Path

from tests.chaos import gates
from tests.chaos.check import violations
from tests.chaos.draw import Image, draw
from tests.chaos.play import Play
from tests.chaos.stage import Stage
from tests.local_cloud_run import start_local_cloud_run

CONTAINER = Path(__file__).with_name("container.py")
BUSY = 4
"""So many rounds at once keep one core busy."""


def write_images(folder):
    """The images file; gives its path."""
    python = json.dumps(["{python}", "-ISu", str(CONTAINER)])[1:-1]
    modes = [image.value for image in Image]
    lines = [f'  "chaos:{mode}": {{command: [{python}, {mode}]}}' for mode in modes]
    path = folder / "images.yaml"
    path.write_text("\n".join(["images:", *lines]) + "\n")
    return path


async def play_all(seeds, beside, folder, tell):
    """Plays the rounds of these seeds, so many side by side; tells each one's record."""
    images = write_images(folder)
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    arguments = ("--ephemeral", "--port", "0", "--seed", "1")
    calm = start_local_cloud_run(images, (*arguments, "--calm"))
    rude = start_local_cloud_run(images, arguments)
    enforced = start_local_cloud_run(images, (*arguments, "--calm", "--v2-etags", "enforced"))
    all_runs = (calm, rude, enforced)
    stages = [Stage(running.rest, running.grpc) for running in all_runs]
    await gates.warm_up()
    waiting, busy = list(reversed(seeds)), asyncio.Semaphore(BUSY)

    async def player():
        while waiting:
            seed = waiting.pop()
            await asyncio.sleep(0)
            try:
                round_ = draw(seed)
                stage = stages[2 if round_.enforced else round_.rude]
                record = await Play(stage, round_, folder, busy).run()
                found = violations(record)
            except Exception:  # noqa: BLE001 - one round must not end the others
                tell(seed, None, [f"the campaign itself failed: {traceback.format_exc()}"])
            else:
                tell(seed, record, found)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(beside):
                group.create_task(player())
    finally:
        for stage in stages:
            await stage.close()
        for running in all_runs:
            running.stop()


def main(arguments):
    """worker.py BESIDE SEED...: plays them and prints what became of each."""
    beside, seeds = int(arguments[0]), [int(each) for each in arguments[1:]]

    def tell(seed, record, found):
        line = {"seed": seed, "violations": found, "round": str(draw(seed))}
        if record is not None:
            line |= {
                "struck": record.struck,
                "kills": record.kills,
                "done": record.done,
                "seconds": record.seconds,
                "codes": {run.role: run.code for run in record.runs},
                "deeds": record.deeds,
            }
        if record is not None and (found or os.environ.get("CHAOS_TRACE")):
            plain = asdict(record)
            plain.pop("round")
            line["record"] = plain
        print(json.dumps(line, default=str), flush=True)

    with tempfile.TemporaryDirectory(prefix="gate-chaos-") as folder:
        asyncio.run(play_all(seeds, beside, Path(folder), tell))


if __name__ == "__main__":
    main(sys.argv[1:])
