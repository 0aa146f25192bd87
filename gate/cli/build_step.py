"""What Cloud Build keeps of a step: a file in a folder that the environment names."""

import os
import sys
from pathlib import Path

from gate.core.policy import Json

STEP_OUTPUT = "BUILDER_OUTPUT"


def leave_step_output(document: dict[str, Json]) -> None:
    """Writes a decision in short where Cloud Build wants a step's output; elsewhere nothing."""
    named = os.environ.get(STEP_OUTPUT)
    if not named or not (folder := Path(named)).is_dir():
        return
    from gate.report.step_output import step_output  # noqa: PLC0415 - only in Cloud Build

    try:
        (folder / "output").write_text(step_output(document), encoding="ascii")
    except OSError as error:
        where = folder / "output"
        print(f"{STEP_OUTPUT}: not written ({error.strerror} at {where})", file=sys.stderr)
