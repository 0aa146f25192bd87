"""What a policy expects word for word: it stands there for all to read, so it is no secret."""

from collections.abc import Iterator

from gate.core.policy import Json, Policy

_TEMPLATE = "${"


def literals(policy: Policy) -> frozenset[str]:
    """Every text and number that some answer must have, as text; templates are left out."""
    expected = (value for probe in policy.probes for value in probe.spec.expects)
    return frozenset(text for value in expected for text in _leaves(value))


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
