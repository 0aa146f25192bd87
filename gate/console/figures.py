"""How often what came to pass: counted over the rollouts that are known."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from gate.report.attempts import Attempt
from gate.report.evidence import DONE
from gate.report.fields import number, text, texts

_DAY_S = 86_400
_FAILED_WITH_USERS = frozenset({"regressed", "reverted"})


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted.

    Attributes:
        rollouts: how many rollouts there are.
        endings: how many ended how, the most frequent first.
        kinds: how many of each kind.
        promoted_per_day: promotions a day, from the first rollout to the last; None for less than
            a day.
        rejected_percent: of the rollouts that were decided, how many were rejected.
        failed_percent: of the rollouts that users were on, how many failed them.
        took_s: the median time of a promotion, and of a rollback; None where there was none.
        overrides: how many set a rule aside.
        capabilities: what was at stake in rollouts that were not promoted, by how often.
    """

    rollouts: int
    endings: Sequence[tuple[str, int]]
    kinds: Sequence[tuple[str, int]]
    promoted_per_day: float | None
    rejected_percent: float | None
    failed_percent: float | None
    took_s: dict[str, float | None]
    overrides: int
    capabilities: Sequence[tuple[str, int]]


def figures(found: Sequence[Attempt]) -> Figures:
    """Counts over these."""
    tried = [one for one in found if text(one.head, "kind") == "rollout"]
    endings = Counter(one.ending for one in tried)
    promoted, rejected = endings["promoted"], endings["rejected"]
    hurt = sum(endings[word] for word in _FAILED_WITH_USERS)
    days = _days(found)
    return Figures(
        rollouts=len(tried),
        endings=Counter(one.ending for one in found).most_common(),
        kinds=Counter(text(one.head, "kind") or "?" for one in found).most_common(),
        promoted_per_day=promoted / days if days >= 1 else None,
        rejected_percent=_percent(rejected, promoted + rejected + hurt),
        failed_percent=_percent(hurt, promoted + hurt),
        took_s={ending: _took_s(found, ending) for ending in sorted(DONE)},
        overrides=sum(bool(texts(one.head, "overrides")) for one in found),
        capabilities=Counter(
            name for one in tried for name in texts(one.head, "capabilities")
        ).most_common(20),
    )


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _took_s(found: Sequence[Attempt], ending: str) -> float | None:
    took = [number(one.head, "duration_ms") for one in found if one.ending == ending]
    known = [ms / 1000 for ms in took if ms is not None]
    return median(known) if known else None


def _days(found: Sequence[Attempt]) -> float:
    moments = [at for at in (_moment(one.began) for one in found) if at is not None]
    return (max(moments) - min(moments)).total_seconds() / _DAY_S if moments else 0.0


def _moment(at: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return found if found.tzinfo else None
