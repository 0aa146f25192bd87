"""What came of `gate init`, for people and for machines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gate.cli import init_har, show
from gate.cli.init_job import Job
from gate.core.evidence import Evidence
from gate.core.policy import Policy
from gate.core.proof import Trials
from gate.core.recording import Recording
from gate.errors import GateError, UnavailableError, UsageError
from gate.ports import Target

if TYPE_CHECKING:
    from gate.drafting.draft import Draft


_STEPS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    draft: "Draft"
    files: tuple[Path, ...]
    policy: Policy
    evidence: tuple[Evidence, ...]
    target: Target
    played: init_har.Played = field(default_factory=init_har.Played)

    @property
    def failed(self) -> dict[str, str]:
        """The probes that do not pass on stable, with what was seen."""
        return {item.probe: item.seen for item in self.evidence if not item.passed}


def lines_of(result: Result) -> list[str]:
    """What was asked, what was written, and what passes on stable."""
    from gate.report.safe import safe  # noqa: PLC0415

    asked = len(result.evidence)
    passed = asked - len(result.failed)
    lines = [f"asked {result.target.url}, {result.draft.times} times each"]
    lines += [f"  {question.name}: {_asked(question.ask)}" for question in result.draft.questions]
    lines += [f"  left out {safe(path)}: {safe(why)}" for path, why in result.draft.left_out]
    if result.draft.missing:
        lines.append(f"  not there: {', '.join(result.draft.missing)}")
    lines += [f"  {safe(line)}" for line in result.played.lines]
    lines += [
        f"  {name} is written and was not asked of stable: {safe(why)}"
        for name, why in result.played.unasked.items()
    ]
    lines += [f"  cannot see {safe(one)}" for one in result.draft.unseen]
    policy, *schemas = result.files
    beside = f", and {len(schemas)} schemas in {schemas[0].parent}" if schemas else ""
    lines.append(f"wrote {policy}{beside}")
    lines.append(f"on stable: {passed} of {asked} probes passed")
    lines += [f"  {name}: {safe(seen)}" for name, seen in result.failed.items()]
    return lines


def last_lines(job: Job, proven: tuple[Trials, str] | None) -> list[str]:
    """What the proof says, if there is one, and what to do next."""
    from gate.report import proving  # noqa: PLC0415

    roll_out = f"next: gate rollout --policy {job.policy} --image IMAGE"
    if proven is None:
        return [f"next: gate policy prove {job.policy}", roll_out]
    trials, kept = proven
    return [*proving.proof_lines(trials, str(job.policy), kept, show.width()), roll_out]


def _asked(ask: Mapping[str, object]) -> str:
    (kind, parts), *_ = ask.items()
    given = parts if isinstance(parts, dict) else {}
    steps = given.get("steps", ())
    if len(steps) > _STEPS_SHOWN:
        return f"{kind} of {len(steps)} steps"
    paths = [given.get("path")] + [one.get("get") for one in steps]
    return " ".join([kind, *(str(path) for path in paths if path)])


def as_json(job: Job, result: Result, proven: tuple[Trials, str] | None) -> object:
    """All of it as one JSON document."""
    from gate.report import proving  # noqa: PLC0415

    return {
        "proof": None
        if proven is None
        else proving.proof_value(proven[0], str(job.policy), proven[1]),
        "policy": str(job.policy),
        "files": [str(file) for file in result.files],
        "digest": result.policy.digest,
        "probes": [question.name for question in result.draft.questions],
        "missing": list(result.draft.missing),
        "unseen": list(result.draft.unseen),
        "left_out": [{"what": path, "why": why} for path, why in result.draft.left_out],
        "visit": list(result.played.lines),
        "not_asked_of_stable": dict(result.played.unasked),
        "passed_on_stable": [item.probe for item in result.evidence if item.passed],
        "failed_on_stable": [{"probe": name, "seen": seen} for name, seen in result.failed.items()],
    }


def nothing(url: str, recording: Recording) -> GateError:
    """Why there is no policy to write."""
    pages = recording.pages
    if not any(page.reached for page in pages):
        why = pages[0].fault if pages else "no answer"
        return UnavailableError(
            f"{url}: cannot be reached ({why})", "is it up, and is this its URL?"
        )
    statuses = sorted({one.status for page in pages for one in page.samples})
    got = f"statuses {', '.join(map(str, statuses))}" if statuses else pages[0].fault
    if {401, 403} & set(statuses):
        return UsageError(
            f"{url}: lets nobody in (got {got}, expected a page that answers)",
            "give credentials: --secret alice=VARIABLE --header 'Authorization: Bearer ${alice}'",
        )
    return UsageError(
        f"{url}: nothing to gate by (got {got} at {', '.join(page.path for page in pages[:8])}, "
        "expected a page that answers 2xx)",
        "name a page with --path, or a WebSocket with --websocket",
    )
