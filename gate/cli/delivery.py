"""Uploads how a rollout ended to a bucket, or into a folder.

By then users are safe and the decision is recorded. Whatever fails here is said on standard error,
within a bounded time, and changes no exit code.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import GateError, UsageError

if TYPE_CHECKING:  # loaded only where there is a result
    from gate.cli.results import Result

DOCUMENTS = {
    "json": ("gate.json", "application/json"),
    "junit": ("gate.xml", "application/xml; charset=utf-8"),
    "markdown": ("gate.md", "text/markdown; charset=utf-8"),
}
"""What is uploaded: a form of the result, its file's name, and what that is."""
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


def deliver(result: "Result", upload: str) -> None:
    """Uploads a decision in every form, if that was asked for.

    Args:
        result: one decision.
        upload: gs://BUCKET/PREFIX, a folder, or "" for nowhere.
    """
    if not upload:
        return
    (entry,) = result.documents
    sys.stdout.flush()  # how it ended is read meanwhile
    try:
        kept = (_send if "://" in upload else _write)(upload, str(entry["rollout"]), result)
    except (GateError, OSError) as error:
        _say(f"report: not kept at {upload} ({_why(error)}); that does not change the decision")
    else:
        _say(f"report: {kept}")


def _why(error: GateError | OSError) -> str:
    if isinstance(error, GateError):
        return error.message
    if isinstance(error, TimeoutError):
        return f"not done within {UPLOAD_WITHIN_S:.0f} s"
    return f"{error.strerror} at {error.filename}"


def _write(upload: str, rollout: str, result: "Result") -> str:
    folder = Path(upload) / rollout
    folder.mkdir(parents=True, exist_ok=True)
    for form, (name, _) in DOCUMENTS.items():
        (folder / name).write_text(result.text_in(form), encoding="utf-8")
    return str(folder)


def _send(upload: str, rollout: str, result: "Result") -> str:
    from gate.api import wiring  # noqa: PLC0415 - only for a bucket
    from gate.cloud.storage import folder_of, put  # noqa: PLC0415
    from gate.cloud.wire import Media  # noqa: PLC0415

    folder = folder_of(upload)

    async def send() -> None:
        async with asyncio.timeout(UPLOAD_WITHIN_S), wiring.storage() as wire:
            for form, (name, kind) in DOCUMENTS.items():
                media = Media(result.text_in(form).encode(), kind)
                await put(wire, folder, (rollout, name), media)

    wiring.run_async(send())
    return folder.url_of(rollout)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
