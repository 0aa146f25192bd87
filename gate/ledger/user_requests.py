"""What users' own requests said of each step, as the JSON that the record has.

user_requests       [{percent, source, least, word, text, missing, since, until, partial,
revisions}], one for each step that asked for requests, as last counted: word is on, worse, unserved
or wait; missing says what was missing and how long that would have taken, "" for nothing; since and
until are "" where they could not be counted. revisions are [{revision, role, requests, by_class,
front_end, latency_ms}]; role is candidate or stable; by_class has how many were answered with 1xx,
2xx, 3xx, 4xx and 5xx; front_end counts what Cloud Run's front end answered in the container's
place; latency_ms is the percentile that is compared, named by it (p95), {} where it is not known
"""

from collections.abc import Iterator

from gate.core.policy import Json
from gate.core.state import Rollout, StepCount
from gate.core.user_requests import CLASSES, Counts
from gate.ledger.evidence import time_text


def user_requests_value(rollout: Rollout) -> list[Json]:
    """Every step that asked for requests: see the table of fields above."""
    return [_step(rollout, one) for one in rollout.counted]


def _step(rollout: Rollout, one: StepCount) -> dict[str, Json]:
    counts = one.counts
    return {
        "percent": one.percent,
        "source": rollout.plan.metrics.source.value,
        "least": one.least,
        "word": one.said.word.value,
        "text": one.said.text,
        "missing": one.thin,
        "since": time_text(counts.since) if counts else "",
        "until": time_text(counts.until) if counts else "",
        "partial": counts.partial if counts else "",
        "revisions": [*_revisions(rollout, one)],
    }


def _revisions(rollout: Rollout, one: StepCount) -> Iterator[Json]:
    if one.counts is None:
        return
    percentile = rollout.plan.metrics.percentile
    yield _revision(rollout.candidate, "candidate", one.counts.candidate, percentile)
    for name, counts in one.counts.stable:
        yield _revision(name, "stable", counts, percentile)


def _revision(name: str, role: str, counts: Counts, percentile: int) -> dict[str, Json]:
    took_s = counts.took.percentile(percentile)
    known = {f"p{percentile}": round(took_s * 1000)} if took_s is not None else {}
    return {
        "revision": name,
        "role": role,
        "requests": counts.total,
        "by_class": dict(zip(CLASSES, counts.classes, strict=True)),
        "front_end": counts.front_end,
        "latency_ms": {**known},
    }
