"""Whose fault a failure is: what the candidate showed beside what stable showed."""

from enum import Enum


class Attribution(Enum):
    """Whose fault a failure is. UNKNOWN is never an excuse."""

    REGRESSION = "regression"  # stable passes, the candidate fails
    ALREADY_THERE = "already there"  # both fail alike
    ENVIRONMENT = "environment"  # the network, a shared dependency or quota explains it
    PROBE_FAULT = "probe fault"  # our client, a stale expectation, bad credentials
    FLAKY = "flaky"  # differs between repeats
    CONTRACT_CHANGE = "contract change"  # well-formed, but not of stable's shape
    UNKNOWN = "unknown"
