"""Everything that the gate makes of what it saw: nothing in it may act, or give a secret away."""

import base64
import io
import json
import re
from dataclasses import replace

from rich.console import Console

from gate.core.rollout import begin
from gate.core.verdict import judge
from gate.ledger.entry import outcome
from gate.ledger.evidence import probes_value
from gate.report import audit, machine
from gate.report.evidence import probes_lines
from gate.report.lines import plain
from gate.report.progress.live import LiveNarrator
from gate.report.progress.plain import PlainNarrator
from gate.report.terminal import draw
from tests.fuzz.draw import TOKEN
from tests.unit.report.scenes import START, plan

_ACTS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_OWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[AK]|\x1b\[2K|\r")
"""Colours, and how the live view moves: rich writes these, and nobody else may."""
_HALVES = (TOKEN[: len(TOKEN) // 2], base64.b64encode(TOKEN.encode()).decode()[:24])


def faults(evidence, probes, told):
    """What is wrong with any view of this evidence.

    Args:
        evidence: what the probes saw.
        probes: those that were asked.
        told: every Progress that was told meanwhile.
    """
    for name, text in _views(evidence, probes, told):
        shown = _OWN.sub("", text) if name.startswith("live") else text
        if found := _ACTS.search(shown):
            yield f"{name} shows {found[0]!r} raw"
        if any(half in text for half in _HALVES):
            yield f"{name} shows the token"
        if "defect of the gate" in text:
            yield f"{name}: {[line for line in text.splitlines() if 'Error' in line][:2]}"
    for text in _strings(probes_value(evidence, probes, None)):
        if _ACTS.search(text) or "\n" in text:
            yield f"JSON holds {text[:80]!r}"
            break


def _views(evidence, probes, told):
    verdict = judge(probes, evidence)
    value = probes_value(evidence, probes, verdict)
    yield "text", "\n".join(plain(probes_lines(value), 100))
    yield "json", machine.to_json(value)
    lines = []
    narrator = PlainNarrator(lines.append)
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, height=50)
    with LiveNarrator(screen) as live:
        for progress in told:
            narrator.progress(progress)
            live.progress(progress)
    yield "lines", "\n".join(lines)
    draw(screen, probes_lines(value))
    yield "live", screen.file.getvalue()
    entries = _entries(evidence, probes, verdict)
    yield "ledger", "\n".join(_strings(entries))
    json.dumps(entries, allow_nan=False).encode()
    yield "record", "\n".join(plain(audit.show_blocks(entries, verbose=True), 100))


def _entries(evidence, probes, verdict):
    rollout, _ = begin(plan(probes=tuple(probes)), "20260101-120000-abc123", START)
    return [outcome(replace(rollout, evidence=tuple(evidence), verdict=verdict), START)]


def _strings(value):
    match value:
        case str():
            yield value
        case dict():
            for key, one in value.items():
                yield from _strings(key)
                yield from _strings(one)
        case list() | tuple():
            for one in value:
                yield from _strings(one)
