import pytest

from gate.core.evidence import Outcome
from gate.probes.hosts import host_fault, refuses_host


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, "Invalid HTTP_HOST header: 'a---b.run.app'. You may need to add it."),
        (400, "<h1>DisallowedHost at /</h1>"),
        (400, "Invalid host header"),
        (403, "<h1>Blocked hosts: a---b.run.app</h1>"),
        (403, "<h1>Blocked host: a---b.run.app</h1>"),
        (403, 'Blocked request. This host ("a---b.run.app") is not allowed.'),
        (400, "Host 'a---b.run.app' is not trusted."),
        (400, "<h2>Bad Request - Invalid Hostname</h2><p>The request hostname is invalid.</p>"),
        (400, "Host not allowed: a---b.run.app"),
        (400, 'Untrusted Host "a---b.run.app".'),
        (421, "<h1>Misdirected Request</h1>"),
    ],
)
def test_the_words_of_frameworks_are_known(status, body):
    assert refuses_host(status, body)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, "<h1>Bad Request (400)</h1>"),
        (400, '{"error":"ghost user is not allowed"}'),
        (403, '{"error":"the host of this meeting is not allowed to leave"}'),
        (200, "Invalid host header"),
        (500, "Invalid host header"),
        (400, '{"error":"invalid hosting plan"}'),
    ],
)
def test_other_refusals_are_the_applications_answers(status, body):
    assert not refuses_host(status, body)


def test_it_says_nothing_of_the_candidate_and_how_to_mend_it():
    fault = host_fault("400 Bad Request", "200")
    assert fault.outcome is Outcome.INCONCLUSIVE
    assert ".run.app" in fault.hint
