"""What a move of traffic does not move: requests under way, open WebSockets among them.

Cloud Run keeps a WebSocket on its instance for as long as it is open, like one long request, and
cuts it at the request timeout of its revision
(https://cloud.google.com/run/docs/triggering/websockets).
"""

from gate.core.service import ConditionState, Revision
from gate.core.state import Ending, Rollout
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import duration, names_text


def sockets_lines(rollout: Rollout) -> list[Line]:
    """Who is not moved by what this rollout did, and how long that may last; [] if nobody."""
    left = _left(rollout)
    if not left:
        return []
    known = [rollout.revisions[name].timeout_s for name in left if name in rollout.revisions]
    whole = len(known) == len(left) and all(known)
    most = f"at most {duration(max(known))}, " if whole else "at most "
    text = f"open WebSockets stay on {names_text(left)} until they end"
    return [Line(f"{text} ({most}{'its' if len(left) == 1 else 'their'} request timeout)")]


def step_lines(rollout: Rollout) -> list[Line]:
    """The same for a step, where the old revisions keep most of the traffic."""
    name = safe(rollout.candidate)
    text = f"open WebSockets stay where they are; new ones are shared out, some to {name}"
    return [Line(text, Tone.FAINT, indent=2)]


def _left(rollout: Rollout) -> list[str]:
    """The revisions that users were taken from by us."""
    service, before = rollout.service, rollout.placed or rollout.before
    if service is None or before is None:
        return []
    had = [name for name in before.pinned(service.latest_ready).shares if name]
    if rollout.stepped or rollout.ending is Ending.REVERTED:
        had.append(rollout.candidate)
    left = [name for name in dict.fromkeys(had) if name not in service.effective_shares]
    return [name for name in left if not _never_started(rollout.revisions.get(name))]


def _never_started(revision: Revision | None) -> bool:
    """Whether nobody can have a WebSocket there."""
    return revision is not None and revision.ready.state is not ConditionState.SUCCEEDED
