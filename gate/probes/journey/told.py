"""How journeys are told: lines of evidence. Requests are shown as the policy writes them."""

from collections.abc import Iterator, Sequence

from gate.kinds.journey import JourneyProbe
from gate.probes.journey.asked import AskedStep
from gate.probes.journey.traveller import Stop, Traveller
from gate.probes.quoting import quoted
from gate.probes.web.exchange import Answer
from gate.probes.words import LINES_MAX, Words

_BODY_LINES = 6
_SHOWN_HEADERS = ("location", "content-type")


def asked(spec: JourneyProbe) -> str:
    """What is asked, in one line."""
    count = len(spec.steps)
    parts = [f"{count} step{'s' if count > 1 else ''}: {spec.steps[0].label}"]
    parts[0] += f" … {spec.steps[-1].label}" if count > 1 else ""
    if spec.users:
        parts.append(f"as {', '.join(spec.users)}")
    if spec.times > 1:
        parts.append(f"{spec.times} times at once")
    return ", ".join(parts)


def expected(spec: JourneyProbe, steps: Sequence[AskedStep]) -> str:
    """What must be seen, in one line."""
    count = spec.journeys
    who = f"all of {count} journeys: " if count > 1 else ""
    slow = spec.slower_percent
    speed = f"; each at most {slow:g}% slower than stable's" if slow is not None else ""
    return f"{who}{'; '.join(f'{one.where}: {one.expected}' for one in steps)}{speed}"


def expected_there(travellers: Sequence[Traveller]) -> str:
    """What must be seen at the first step that was wrong, "" where none was."""
    stops = (stop for one in travellers for stop in one.stops if stop.faults)
    first = next(stops, None)
    return f"{first.step.where}: {first.step.expected}" if first else ""


def seen(travellers: Sequence[Traveller], words: Words) -> str:
    """What was seen, in one line."""
    right = [one for one in travellers if one.going]
    wrong = [one for one in travellers if not one.going]
    if not wrong:
        took_s = max(map(_took_s, right))
        share = f"{len(right)} journeys, " if len(right) > 1 else ""
        return f"{share}all answers right in {took_s * 1000:.0f} ms"
    first = words.line(wrong[0].faults[0].seen)
    if len(travellers) == 1:
        return first
    return f"{len(right)} of {len(travellers)} journeys right: {first} ({wrong[0].owner})"


def _took_s(one: Traveller) -> float:
    """How long its answers took together."""
    replies = (stop.reply for stop in one.stops)
    return sum(reply.answer.took_s for reply in replies if reply and reply.answer)


def times(travellers: Sequence[Traveller]) -> Iterator[tuple[str, float]]:
    """How long the answer to each step took, of several journeys in the fastest of them."""
    found: dict[str, list[float]] = {}
    for stop in (stop for one in travellers for stop in one.stops if not stop.step.always):
        answer = stop.reply.answer if stop.reply else None
        if answer is not None:
            found.setdefault(stop.step.where, []).append(answer.took_s)
    for place, several in found.items():
        yield place, min(several)


def excerpts(travellers: Sequence[Traveller], words: Words) -> Iterator[str]:
    """The journey that tells most: every step in a line, and what was wrong in several."""
    one = next((one for one in travellers if not one.going), travellers[0])
    if len(travellers) > 1:
        yield words.line(f"= {one.owner}")
    details = next(([*_details(stop, words)] for stop in one.stops if stop.faults), [])
    room = LINES_MAX - 1 - len(details)
    lines = [words.line(_line(stop)) for stop in one.stops]
    yield from lines[-room:] if room < len(lines) else lines
    yield from details


def _line(stop: Stop) -> str:
    if stop.lacking:
        return f"= {stop.step.where}: not asked, ${{{stop.lacking[0]}}} was never captured"
    answer = stop.reply.answer if stop.reply else None
    if stop.faults:
        return f"= {stop.step.where}: wrong, see below"
    if answer is None:
        return f"= {stop.step.where}"
    location = answer.header("location")
    to = f" to {location}" if location and 300 <= answer.status < 400 else ""
    return f"= {stop.step.where}: {answer.phrase}{to} in {answer.took_s * 1000:.0f} ms"


def _details(stop: Stop, words: Words) -> Iterator[str]:
    """The request as the policy writes it, and the answer as it came."""
    for line in stop.step.sources():
        yield words.line(f"> {line}")
    reply = stop.reply
    if reply is None:
        return
    if reply.answer is None:
        if reply.fault:
            yield words.line(f"! {reply.fault.symptom.value}: {reply.fault.seen}")
        return
    yield from _answer(reply.answer, words)


def _answer(answer: Answer, words: Words) -> Iterator[str]:
    yield words.line(f"< {answer.phrase}")
    for name in _SHOWN_HEADERS:
        if (value := answer.header(name)) is not None:
            yield words.line(f"< {name}: {value}")
    for line in words.lines(quoted(answer.text), _BODY_LINES):
        yield f"< {line}"[:500]
