"""Leaves how a rollout ended where a pipeline looks for it: Cloud Build's step output, a bucket.

By then users are safe and the decision is recorded. Whatever fails here is said on standard error,
within a bounded time, and changes no exit code.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gate.core.policy import Json
from gate.errors import GateError, UsageError

if TYPE_CHECKING:  # loaded only where something is uploaded
    from gate.cloud.storage import Folder
    from gate.cloud.wire import Media

STEP_OUTPUT = "BUILDER_OUTPUT"
UPLOAD_WITHIN_S = 10.0
"""How long an upload may take in all."""


def add_upload(parser: argparse.ArgumentParser) -> None:
    """--upload WHERE."""
    parser.add_argument(
        "--upload",
        default="",
        type=_place,
        metavar="WHERE",
        help="keep how it ended as JSON, JUnit XML and Markdown, in a folder named by the "
        "rollout's id, under gs://BUCKET/PREFIX or in a folder of this machine; at most "
        f"{UPLOAD_WITHIN_S:.0f} s, and no failure of it changes the exit code",
    )


def _place(text: str) -> str:
    """What may be given: a bucket's URL, a folder that may be made, or nothing for nowhere."""
    if "://" in text:
        from gate.cloud.storage import folder_of  # noqa: PLC0415 - only for a bucket

        try:
            folder_of(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(error.message) from None
    elif text and Path(text).is_file():
        raise argparse.ArgumentTypeError(f"is no folder (got the file {text!r})")
    return text


def deliver(entry: dict[str, Json], upload: str) -> None:
    """Writes Cloud Build's step output where there is one, and uploads what was asked for.

    Args:
        entry: the outcome, as the ledger has it.
        upload: gs://BUCKET/PREFIX, a folder, or "" for nowhere.
    """
    if folder := os.environ.get(STEP_OUTPUT):
        _write_step_output(Path(folder), entry)
    if not upload:
        return
    try:
        if "://" in upload:
            _send(upload, entry)
        else:
            _write(Path(upload), entry)
    except (GateError, OSError, TimeoutError) as error:
        text = error.message if isinstance(error, GateError) else str(error)
        told = text or f"not done within {UPLOAD_WITHIN_S:.0f} s"
        _say(f"report: not kept at {upload} ({told}); the decision is not changed by that")


def documents(entry: dict[str, Json]) -> "Iterator[tuple[str, Media]]":
    """The names and contents of what is uploaded."""
    from gate.cloud.wire import Media  # noqa: PLC0415 - only where something is uploaded
    from gate.report.machine import to_json  # noqa: PLC0415

    yield "gate.json", Media(f"{to_json(entry)}\n".encode(), "application/json")


def _write_step_output(folder: Path, entry: dict[str, Json]) -> None:
    from gate.report.summary import summary  # noqa: PLC0415 - only in Cloud Build

    if not folder.is_dir():
        return
    try:
        (folder / "output").write_text(summary(entry), encoding="ascii")
    except OSError as error:
        _say(f"{STEP_OUTPUT}: not written ({error.strerror} at {folder / 'output'})")


def _write(folder: Path, entry: dict[str, Json]) -> None:
    own = folder / str(entry["rollout"])
    own.mkdir(parents=True, exist_ok=True)
    for name, media in documents(entry):
        (own / name).write_bytes(media.content)
    _say(f"report: {own}")


def _send(url: str, entry: dict[str, Json]) -> None:
    from gate.cli import wiring  # noqa: PLC0415 - only for a bucket
    from gate.cloud.storage import folder_of  # noqa: PLC0415

    folder, rollout = folder_of(url), str(entry["rollout"])
    wiring.run_async(_put_all(folder, rollout, entry))
    _say(f"report: {folder.url_of(rollout)}")


async def _put_all(folder: "Folder", rollout: str, entry: dict[str, Json]) -> None:
    from gate.cli import wiring  # noqa: PLC0415
    from gate.cloud.storage import put  # noqa: PLC0415

    async with asyncio.timeout(UPLOAD_WITHIN_S), wiring.storage() as wire:
        for name, media in documents(entry):
            await put(wire, folder, (rollout, name), media)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
