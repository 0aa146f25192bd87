"""Who is notified: how a policy says it, and what is refused."""

import pytest

from gate.core.policy import HookFormat, Notification, SecretRef
from gate.core.state import Ending
from gate.policyfile import check_policy

PROBES = "probes:\n  a: {http: {path: /}}\n"


def checked(tmp_path, text):
    path = tmp_path / "policy.yaml"
    path.write_text(f"version: 1\n{text}{PROBES}")
    return check_policy(path)


def test_the_endings_that_are_told_without_a_word_are_endings():
    assert {*Notification(SecretRef("A")).on} < {one.value for one in Ending}


def test_what_is_written_is_what_is_meant_and_no_part_of_the_digest(tmp_path):
    secrets = "secrets: {signing: {env: KEY}}\n"
    check = checked(
        tmp_path,
        f"{secrets}notify:\n  - {{url: {{env: A}}, secret: signing}}\n"
        "  - {url: {env: B}, format: google-chat, on: [stuck, rolled back]}\n",
    )
    assert check.policy.notify == (
        Notification(SecretRef("A"), secret="signing"),
        Notification(SecretRef("B"), HookFormat.GOOGLE_CHAT, ("stuck", "rolled back")),
    )
    assert not [said for said in check.advice if "secret" in said.message]
    assert check.policy.digest == checked(tmp_path, secrets).policy.digest
    assert check.policy.lines == {"a": 7}


@pytest.mark.parametrize(
    ("written", "where", "told"),
    [
        ("[{format: slack}]", "2:10", "notify[0]: url is missing"),
        ("[{url: https://x}]", "2:16", "notify[0].url: "),
        ("[{url: {env: A}, on: [won]}]", "2:31", "notify[0].on[0]: "),
        ("[{url: {env: A}, on: []}]", "2:30", "notify[0].on: has the wrong length"),
        ("[{url: {env: A}, format: teams}]", "2:34", "notify[0].format: "),
        (
            "[{url: {env: A}, secret: no}]",
            "2:9",
            "notify: names a secret that is not there (got no",
        ),
        ("{url: {env: A}}", "2:9", "notify: "),
    ],
)
def test_what_cannot_be_meant_is_told_at_its_place(tmp_path, written, where, told):
    check = checked(tmp_path, f"notify: {written}\n")
    assert check.policy is None
    (problem,) = check.problems
    assert problem.where.endswith(f"policy.yaml:{where}")
    assert problem.message.startswith(told)
