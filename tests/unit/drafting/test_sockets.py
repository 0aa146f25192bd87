"""What a draft expects of the subprotocols that stable selected while it was recorded."""

import pytest

from gate.core.policy import ServiceName
from gate.core.recording import Asked, Heard, Recording, Socket
from gate.drafting.draft import draft
from gate.drafting.writing import policy_text
from gate.policyfile import check_policy

OFFERED = ("v1", "v2")


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        (("v1", "v1"), "v1"),
        (("", ""), "none"),
        (("", "v1"), "any"),
        (("v1", "v2"), None),
    ],
)
def test_a_draft_expects_what_was_selected(tmp_path, selected, expected):
    heard = tuple(Heard(subprotocol=one, close_code=1000) for one in selected)
    recording = Recording((), Socket("/ws", heard))
    asked = Asked((), websocket="/ws", subprotocols=OFFERED)
    drawn = draft(recording, asked, ServiceName(), {}, folder="it", logs=False)
    first, *others = drawn.questions
    assert first.expect.get("subprotocol") == expected
    unselected = expected in {"none", "any"}
    assert any("browsers close" in one for one in first.remarks) is unselected
    assert {one.expect.get("subprotocol") for one in others} == {expected if unselected else None}
    path = tmp_path / "it.yaml"
    path.write_text(policy_text(drawn))
    assert check_policy(path).problems == ()
