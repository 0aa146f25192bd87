"""The few facts of an outcome that a later step of a pipeline goes by, in a few KiB of JSON.

format          1
rollout, kind, ending, exit_code, at
project, region, service
revision, image the candidate's, or the target's
why             the one reason in a sentence
decision        promote, reject or hold; "" where no probe was to decide
reasons         [{subject, text, attribution}], the first that fit
reasons_in_all  how many there were
traffic         {revision: percent}, as it is obeyed now
next            the first command that leads on from here, "" where there is none
"""

import json
from itertools import islice

from gate.core.policy import Json
from gate.report.fields import Entry, child, children, number, text, texts
from gate.report.summary import code_of, ending_of, why_of

MAX_BYTES = 4096
"""What Cloud Build keeps of a step's $BUILDER_OUTPUT/output, where it keeps least."""
_SIZES = ((600, 8), (250, 5), (120, 3), (60, 1), (20, 0))
"""Most characters of a text, and most reasons: the first that fit are taken."""


def step_output(entry: Entry) -> str:
    """One line of JSON in ASCII, of MAX_BYTES at most, for an outcome or what came to none."""
    sizes = (json.dumps(_facts(entry, *size), separators=(",", ":")) for size in _SIZES)
    return next(said for said in sizes if len(said) <= MAX_BYTES)


def _facts(entry: Entry, length: int, most: int) -> dict[str, Json]:
    candidate, verdict = child(entry, "candidate"), child(entry, "verdict")
    reasons = children(verdict, "reasons")
    shares = child(entry, "effective_after")
    heads = ("rollout", "kind", "at", "project", "region", "service")
    return {
        "format": 1,
        **{key: text(entry, key)[:length] for key in heads},
        "ending": ending_of(entry),
        "exit_code": code_of(entry),
        "revision": text(candidate, "revision")[:length],
        "image": text(candidate, "image")[:length],
        "why": why_of(entry, length)[: 2 * length],
        "decision": text(verdict, "decision")[:length],
        "reasons": [_reason(one, length) for one in reasons[:most]],
        "reasons_in_all": len(reasons),
        "traffic": {key[:length]: number(shares, key) for key in islice(shares, most + 1)},
        "next": _command(entry, length),
    }


def _reason(reason: Entry, length: int) -> Json:
    return {key: text(reason, key)[:length] for key in ("subject", "text", "attribution")}


def _command(entry: Entry, length: int) -> str:
    """Whole, or not at all: half a command is none."""
    command = next(iter(texts(child(entry, "next"), "commands")), "")
    return command if len(command) <= length else ""
