"""What a policy expects word for word: it stands there for all to read, so it is no secret."""

from collections.abc import Iterator

from gate.core.policy import Await, HttpProbe, Json, Policy, ProbeSpec, WebSocketProbe

_TEMPLATE = "${"


def literals(policy: Policy) -> frozenset[str]:
    """Every text and number that some answer must have, as text; templates are left out."""
    return frozenset(text for probe in policy.probes for text in _of(probe.spec))


def _of(spec: ProbeSpec) -> Iterator[str]:
    match spec:
        case HttpProbe():
            yield from _leaves(spec.answer.json)
            yield from _leaves([value for _, value in spec.answer_headers])
        case WebSocketProbe():
            for step in spec.script:
                if isinstance(step, Await):
                    yield from _leaves([step.answer.json, step.never.json, dict(step.where)])
        case _:
            return


def _leaves(value: Json) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _leaves(item)
        case list():
            for item in value:
                yield from _leaves(item)
        case None | bool():
            return
        case _:
            text = str(value)
            if _TEMPLATE not in text:
                yield text
