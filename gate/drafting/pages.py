"""From one page to its questions: what it answers, where it leads, and what strangers get there."""

import re
from collections.abc import Mapping, Sequence

from gate.core.questions import Json
from gate.core.recording import How, Page, Sample
from gate.drafting import html, lists
from gate.drafting.expectations import SLOWER, held, how_long
from gate.drafting.question import Question, Way

_PLAIN_LOCATION = re.compile(r"/(?!/)[A-Za-z0-9._~/-]{0,200}")
REFUSED = (401, 403, 404)
"""Statuses that a page shows whoever may not see it."""


def unfit(page: Page, *, stranger: bool) -> str | None:
    """Why a page cannot be asked for: "" if it can, None if it is not there."""
    statuses = sorted({sample.status for sample in page.samples})
    if page.fault or not page.samples:
        return page.fault or "no answer"
    if statuses in ([404], [405], [410]) and not stranger:
        return None
    if len(statuses) > 1:
        return f"answers {' and '.join(map(str, statuses))} in turn"
    status = statuses[0]
    if status < 400 or status in REFUSED:
        return ""
    return f"answers {status} on stable"


def answered(way: Way, page: Page, name: str, *, stranger: bool) -> Question:
    """What a page answers: its status, and what its samples have in common."""
    first, count = page.samples[0], len(page.samples)
    told = f"GET {page.path} answered {first.status} {count} times"
    remarks = (how_long(page.samples, way.start_s),)
    ask: Json = way.page(page.path, page.samples, stranger=stranger)
    expect: dict[str, Json] = {"status": first.status}
    if 300 <= first.status < 400:
        remark = f"{told}. A redirect is an answer; it is never followed."
        return Question(name, (remark, *remarks), {"http": ask}, {**expect, **SLOWER})
    shape = held(f"{way.folder}/{name}.json", page.samples)
    expect |= shape.expect
    refused = "whoever may not see it is to be refused; " if first.status >= 400 else ""
    if first.status < 300:
        expect |= _content(page.samples, page.path)
    remark = f"{told}: {refused}{shape.remark}"
    expect |= SLOWER
    return Question(name, (remark, *remarks), {"http": ask}, expect, shape.schemas)


def _content(samples: Sequence[Sample], path: str) -> dict[str, Json]:
    found = html.content_of(samples, path)
    if any("application/json" in sample.header("content-type") for sample in samples):
        found.pop("min_size", None)  # its schema says more
    if wanted := lists.content_of(samples, path):
        found["path"] = wanted
    return found


def leads(
    way: Way, page: Page, led: Mapping[str, Page], name: str, *, stranger: bool
) -> Question | None:
    """A redirect to a page of the same service, and what is there; None of any other answer.

    A whole address is not held: it would be stable's own.
    """
    places = {sample.header("location").partition("?")[0] for sample in page.samples}
    if not 300 <= page.status < 400 or len(places) != 1:
        return None
    if not _PLAIN_LOCATION.fullmatch(place := places.pop()):
        return None
    wanted: dict[str, Json] = {"status": page.status, "redirect": place}
    there = next((one for one in led.values() if _is_there(one, page)), None)
    follow = there is not None and there.status == 200
    capture: dict[str, Json] = {"where": {"header": "Location"}} if follow else {}
    first = way.step(page.path, (), wanted, capture, stranger=stranger)
    steps: list[Json] = [first]
    samples = [*page.samples]
    if there is not None and follow:
        steps.append(way.step("${where}", there.samples, stranger=stranger))
        samples += there.samples
    who = "Strangers are led" if stranger else "It leads"
    remark = f"GET {page.path} answered {page.status} {len(page.samples)} times. {who} to {place}"
    told = f"{remark}, which is there." if follow else f"{remark}."
    return Question(name, (told,), way.journey(steps, samples))


def _is_there(one: Page, page: Page) -> bool:
    """Whether this is what a redirect led to, however else it was found."""
    location = page.samples[0].header("location")
    return one.path == location or (one.how is How.LED and one.parent == page.path)
