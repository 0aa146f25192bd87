"""A verification for people."""

from gate.report.verified import verified_lines

SERVICE = {
    "service": "demo/us-central1/backend",
    "entries": 12,
    "since": "2026-01-01T12:00:00.000Z",
    "before_the_chain": {"entries": 0, "until": ""},
    "chain": {
        "first": 1,
        "since": "2026-01-01T12:00:00.000Z",
        "head": {"sequence": 7, "digest": "a" * 64},
        "rollout": "r3",
        "at": "2026-01-02T12:00:00.000Z",
    },
    "doubled": 0,
    "took_no_effect": 0,
    "unfinished": [],
    "taken_back": [],
    "not_vouched_for_yet": ["r3"],
    "evidence_cut": 0,
}
FIRST = "entry 1 (2026-01-01T12:00:00.000Z)"
LAST = "entry 7 (2026-01-02T12:00:00.000Z, rollout r3)"
WHOLE = {"whole": True, "findings": [], "findings_left_out": 0, "services": [SERVICE]}


def test_a_whole_record_is_told_in_few_lines():
    assert verified_lines(WHOLE, 100) == [
        "demo/us-central1/backend: 12 entries",
        f"  the chain goes from {FIRST} to {LAST}, head 7:{'a' * 64}",
        "  1 rollout whose outcome no later rollout vouches for: r3",
        "",
        "the record is whole",
    ]


def test_no_name_is_broken_at_its_hyphens():
    names = ("local-user@example.com", "shop-00006-vdt", "demo/us-central1/shop-with-a-long-name")
    text = " ".join(f"{'x' * size} {name}" for size in range(1, 13) for name in names)
    note = {"what": "drift", "text": text}
    lines = verified_lines({**WHOLE, "notes": [note]}, 60)
    said = " ".join(line.strip() for line in lines)
    assert [f"{said} ".count(f" {name} ") for name in names] == [12, 12, 12]


def test_whatever_is_to_be_known_has_a_line():
    chain = {**SERVICE["chain"], "first": 5}
    legacy = {"entries": 3, "until": "2025-12-31T00:00:00.000Z"}
    many = [f"r{number}" for number in range(9)]
    service = {**SERVICE, "chain": chain, "before_the_chain": legacy, "doubled": 2}
    service |= {"took_no_effect": 4, "unfinished": many, "evidence_cut": 1, "taken_back": ["q"]}
    text = "\n".join(verified_lines({**WHOLE, "services": [service]}, 100))
    for said in (
        "3 from before the chain, until 2025-12-31T00:00:00.000Z: nothing vouches for them",
        "what came before entry 5 is not in it",
        "4 intentions took no effect",
        "2 entries came again, the same",
        "1 outcome has a part of its evidence only",
        "9 rollouts without an outcome (at work, killed, or it is lost): r4, r5, r6, r7, r8 and 4",
        "1 rollout without an outcome, which another one took back: q",
    ):
        assert said in text


def test_findings_are_told_with_hostile_texts_made_safe():
    finding = {"what": "altered", "text": "the outcome of \x1b[31mr1\u202e is not what it was"}
    value = {**WHOLE, "whole": False, "findings": [finding], "findings_left_out": 3}
    lines = verified_lines(value, 40)
    assert "ALTERED: the outcome of" in lines[4]
    assert all(len(line) <= 40 for line in lines[4:])
    assert lines[-1] == "the record is not whole: 4 findings"
    assert not any(ord(letter) in {0x1B, 0x202E} for line in lines for letter in line)


def test_an_end_that_was_not_checked_and_several_services_are_told():
    alone = {**SERVICE, "chain": {**SERVICE["chain"], "end_checked": False}}
    other = {**alone, "service": "demo/us-central1/cart", "entries": 1}
    lines = verified_lines({**WHOLE, "services": [alone, other]}, 100)
    assert (
        sum("its end is missing was not checked: that needs --head" in line for line in lines) == 2
    )
    told = " ".join(lines)
    assert "2 services that have entries: demo/us-central1/backend (12 entries), " in told
    assert "demo/us-central1/cart (1 entry); with --project" in told
    checked = {**alone, "chain": {**SERVICE["chain"], "end_checked": True}}
    told = " ".join(verified_lines({**WHOLE, "services": [checked]}, 100))
    assert "not checked" not in told
    assert "--service" not in told
