"""From the keys of a suite probe to its specification."""

from gate.core.questions import SuiteProbe
from gate.policyfile import suites as form
from gate.policyfile.context import Context
from gate.policyfile.records import Fields, Read


def build_suite(context: Context, ask: Fields, wanted: Read[Fields] | None) -> SuiteProbe | None:
    """The specification; None where it was refused, with every reason noted."""
    run = ask.get(form.RUN, ())
    for word in run:
        context.no_template(word)
    env = ask.get(form.ENV, {})
    context.names(*env.values())
    context.no_template(ask.find(form.DIRECTORY))
    given: dict[str, object] = {
        "run": tuple(word.value for word in run) or ("-",),  # a bad one has been noted
        "env": tuple((name, read.value) for name, read in env.items()),
        "hosts": tuple(host.value for host in ask.get(form.HOSTS, ())),
    }
    for key, name in ((form.DIRECTORY, "directory"), (form.SUITE_TIMEOUT, "timeout_s")):
        if (read := ask.find(key)) is not None:
            given[name] = read.value
    if wanted is None:
        return context.construct(SuiteProbe, given, ask)
    expect = wanted.value
    rates = expect.get(form.PASS_RATE, {})
    given |= {
        "tests": tuple(test.value for test in expect.get(form.TESTS, ())),
        "skipped": expect.get(form.SKIPPED, 0),
        "pass_rate": {"" if name == form.ALL else name: read.value for name, read in rates.items()},
        "network": expect.get(form.EVIDENCE, "network") == "network",
    }
    return context.construct(SuiteProbe, given, ask, expect)
