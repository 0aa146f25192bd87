"""What a status that was not expected says, a redirect's meaning included."""

from gate.core.evidence import Symptom
from gate.probes import redirect
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.readiness import not_yet
from gate.probes.web.exchange import Answer


def wrong_status(url: str, answer: Answer, statuses: str) -> Fault:
    """The fault of an answer with another status than expected.

    Args:
        url: what was asked.
        answer: what came.
        statuses: what was expected, in words.
    """
    if not 300 <= answer.status < 400:
        said = quoted(f", {answer.text}") if answer.body else ""
        later, date = (answer.header(name) or "" for name in ("retry-after", "date"))
        early = not_yet(answer.status, answer.text, later, date)
        return Fault(Symptom.STATUS, answer.phrase + said, statuses, not_yet=early)
    return redirect.fault(url, answer.phrase, answer.header("location") or "", statuses)
