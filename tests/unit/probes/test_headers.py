import re

import pytest

from gate.core.evidence import span_of
from gate.core.template import parse
from gate.probes.headers import Trace, render
from gate.probes.outcome import CannotAskError


def test_the_policys_headers_replace_the_targets_and_ours_whatever_their_case():
    sent = render(
        Trace(),
        [("X-Serverless-Authorization", "Bearer id"), ("x-both", "target")],
        [("X-BOTH", parse("${nonce}")), ("user-agent", parse("me"))],
        {"nonce": "n1"},
    )
    assert {name.lower(): value for name, value in sent if name != "traceparent"} == {
        "x-serverless-authorization": "Bearer id",
        "x-both": "n1",
        "user-agent": "me",
    }
    assert len(sent) == 4


def test_each_request_is_a_child_of_the_one_root_of_its_probes_own_trace():
    trace, other = Trace(), Trace()
    assert trace.parent() == trace.parent() == f"00-{trace.id}-{span_of(trace.id)}-01"
    assert re.fullmatch("[0-9a-f]{16}", span_of(trace.id))
    assert trace.id != other.id
    assert trace.parent() != other.parent()


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX: 1", "a\x00", "é", "a\x7f"])
def test_a_value_that_could_end_the_header_is_refused_and_not_shown(value):
    with pytest.raises(CannotAskError) as caught:
        render(Trace(), [], [("X-Token", parse("${alice}"))], {"alice": value})
    assert "X-Token" in caught.value.fault.seen
    assert value not in caught.value.fault.seen


@pytest.mark.parametrize("name", ["X Token", "X:", "", "X\r\n", "Ä"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(CannotAskError):
        render(Trace(), [], [(name, parse("x"))], {})
