"""What a suite was answered, here and at stable: it tells why tests do not even begin.

A test that skips itself says nothing. What was asked before it, such as the health of the service
while tests are collected, may: where that is answered worse than stable answers it, the candidate
is to blame.
"""

from collections.abc import Iterable, Iterator, Sequence

from gate.core.evidence import Answered, Asked

NO_ANSWER = 0
PLACES_MAX = 2000
"""Most places of one suite."""
_CALM_CLOSES = frozenset({1000, 1001, 1005})


def _badness(code: int) -> int:
    """0 for an answer, 1 for one that leads elsewhere or refuses, 2 for a defect, 3 for none."""
    if code == NO_ANSWER:
        return 3
    if code >= 1000:
        return 0 if code in _CALM_CLOSES else 2
    return 2 if code >= 500 else int(code >= 300)


def wrong(answers: Iterable[Answered]) -> bool:
    """Whether a place that was asked outside of the tests that count never answered well."""
    return any(one.aside and _least(one.codes) > 0 for one in answers)


def worse(
    candidate: Sequence[Answered], stable: Sequence[Answered]
) -> Iterator[tuple[Asked, int, int]]:
    """Places that the candidate never answered as well as stable always did.

    Args:
        candidate: what was asked there outside of tests that count.
        stable: all that was asked there.

    Yields:
        The place, the candidate's code, and stable's.
    """
    for one in candidate:
        there = {code for other in stable if other.asked == one.asked for code in other.codes}
        if one.aside and there and _least(one.codes) > max(map(_badness, there)):
            yield one.asked, min(one.codes, key=_badness), min(there, key=_badness)


def _least(codes: frozenset[int]) -> int:
    return min(map(_badness, codes), default=0)


def in_words(code: int) -> str:
    """A code as findings have it; it begins with the number where there is one."""
    if code == NO_ANSWER:
        return "no whole answer"
    return f"close {code}" if code >= 1000 else str(code)
