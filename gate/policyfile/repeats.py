"""The keys of `repeats`: when a probe that failed has been asked often enough."""

from typing import Annotated

from gate.core.control import Repeats
from gate.kinds.forms import Whole
from gate.kinds.records import Key, Record, slots_from
from gate.kinds.values import Percent

_SHARE = Annotated[float, Percent()]
REPEATS = Record(
    "repeats",
    Repeats,
    slots_from(
        Repeats,
        {
            "alpha_percent": Annotated[
                _SHARE,
                Key("how often a probe that fails as seldom as `flaky` may be called broken"),
            ],
            "beta_percent": Annotated[
                _SHARE, Key("how often one that fails as often as `broken` may be called flaky")
            ],
            "flaky_percent": Annotated[
                _SHARE, Key("a probe that fails no more often is flaky at most")
            ],
            "broken_percent": Annotated[
                _SHARE, Key("a probe that fails at least as often is broken")
            ],
            "at_most": Annotated[
                int,
                Whole(low=0, high=1000),
                Key("most tries after the first one that failed, of candidate and stable each"),
            ],
        },
    ),
)
