"""The keys of the suite probe: a part of the one table that format is."""

from gate.policyfile.records import Key, Listed, Named, Record
from gate.policyfile.shapes import Choice, Duration, Integer, Percent, Text

ALL = "all"
"""The name under which a policy gives a rate for all tests."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"

RUN = Key(
    "run",
    Listed(Text("a program or one of its arguments"), most=200),
    "The command, word by word; no shell reads it",
    required=True,
)
ENV = Key(
    "env",
    Named(
        Text(
            "the name of an environment variable, not GATE_...",
            r"(?!GATE_)[A-Za-z_][A-Za-z0-9_]*",
            200,
        ),
        Text("text", r"[^\x00-\x08\x0a-\x1f\x7f]*", 8000),
    ),
    "Its environment variables; values may hold templates",
)
DIRECTORY = Key(
    "directory", Text("a directory below the policy's folder", most=300), "Where it runs"
)
SUITE_TIMEOUT = Key("timeout", Duration(), "Limit for the whole suite. Default: 10m")
HOSTS = Key(
    "hosts",
    Listed(Text("a host name", rf"{_LABEL}(?:\.{_LABEL})*", 253), most=50),
    "Host names fixed in its code, which are led to the candidate",
)
SUITE = Record("suite", (RUN, ENV, DIRECTORY, SUITE_TIMEOUT, HOSTS))

TESTS = Key(
    "tests",
    Listed(Text("a node id, or a test's name"), most=5000),
    "Tests that must have run and passed",
)
SKIPPED = Key("skipped", Integer(0, 100_000), "Most tests that may be left out. Default: 0")
PASS_RATE = Key(
    "pass_rate",
    Named(Text("the name of a marker, or all", r"[A-Za-z_][A-Za-z0-9_-]*", 100), Percent()),
    "Share of the tests with a marker that must pass. Default: every test that runs",
)
EVIDENCE = Key(
    "evidence",
    Choice(("network", "results")),
    "Which passes count: of tests seen talking to the candidate, or all. Default: network",
)
SUITE_EXPECT = Record("suite expect", (TESTS, SKIPPED, PASS_RATE, EVIDENCE))

ASK_SUITE = Key(
    "suite", SUITE, "An existing test suite, run against the candidate and watched", required=True
)
EXPECT_SUITE = Key("expect", SUITE_EXPECT, "What its tests must show")
