"""The keys of the control: what a candidate is compared with, and how often a failure is repeated.

Part of the one table that format is.
"""

from gate.core.control import Baseline, Contract
from gate.policyfile.records import Key, Record
from gate.policyfile.shapes import Choice, Integer, Percent

BASELINE = Key(
    "baseline",
    Choice((Baseline.STABLE.value, Baseline.NONE.value)),
    "Whether every probe is asked of stable, too, while the candidate is at 0 %: that tells whose "
    "fault a failure is. Default: none",
)
ALPHA = Key(
    "alpha",
    Percent(),
    "How often a probe that fails as seldom as `flaky` may be called broken. Default: 5%",
)
BETA = Key(
    "beta",
    Percent(),
    "How often one that fails as often as `broken` may be called flaky. Default: 5%",
)
FLAKY = Key("flaky", Percent(), "A probe that fails no more often is flaky at most. Default: 10%")
BROKEN = Key("broken", Percent(), "A probe that fails at least as often is broken. Default: 50%")
AT_MOST = Key(
    "at_most",
    Integer(0, 1000),
    "Most tries after the first one that failed, of candidate and stable each. Default: 8",
)
REPEATS = Key(
    "repeats",
    Record("repeats", (ALPHA, BETA, FLAKY, BROKEN, AT_MOST)),
    "How often a failed probe is asked again: until a sequential test knows",
)
CONTRACT = Key(
    "contract",
    Choice((Contract.STABLE.value, Contract.DECLARED.value)),
    "With a baseline: whether a JSON answer must have the shape of stable's, or what the probe "
    "expects declares another one. Default: stable",
)
