"""People's approvals, to be read."""

from collections.abc import Iterator, Mapping

from gate.report.attempts import when
from gate.report.evidence import TEXT_MAX
from gate.report.fields import Entry, child, children, text
from gate.report.lines import Line, Tone
from gate.report.safe import safe


def approval_lines(entry: Entry) -> Iterator[Line]:
    """One approval, as it was given or taken back."""
    took_back = text(entry, "kind") == "withdraw"
    word = "withdrew the approval of" if took_back else "approved"
    revision = text(child(entry, "candidate"), "revision")
    tone = Tone.UNSURE if took_back else Tone.GOOD
    yield Line(f"{_by(entry)} {word} {safe(revision)} at {when(text(entry, 'at'))} UTC", tone)
    yield Line(f"rollout: {safe(text(entry, 'rollout'))}", indent=2)
    image = text(child(entry, "candidate"), "digest")
    yield Line(f"image:   {safe(image or 'unknown: it does not count', TEXT_MAX)}", indent=2)
    yield Line(f"why:     {safe(text(entry, 'reason'), TEXT_MAX)}", indent=2)


def approved_lines(outcome: Entry) -> Iterator[Line]:
    """The approvals that a move rests on, of an outcome."""
    for one in children(outcome, "approvals"):
        yield Line(f"approved by {safe(text(one, 'name'))} at {when(text(one, 'at'))} UTC")


def _by(entry: Mapping[str, object]) -> str:
    principal = child(dict(entry), "principal")  # type: ignore[arg-type]
    claimed = text(principal, "authenticated") == "claimed"
    return safe(text(principal, "name") or "somebody") + (" (as they say)" if claimed else "")
