"""What `gate policy prove` says, for people and for machines."""

from gate.core.proof import Trial, Trials
from gate.report.proving import SHOWN_MAX, proof_lines, proof_value

TRIALS = Trials(
    ("health", "lax"),
    (
        Trial(
            "all: refused", "connection", "any question", True, ("health",), ("health",), (), True
        ),
        Trial(
            "a: 500", "answer", "a status", True, ("lax", "health"), ("health",), ("health",), True
        ),
        Trial("a: x\x1b[31m gone", "contract", "a schema with x", True, ("health", "lax")),
        Trial("ws: 21 open", "crowd", "connections: 21"),
    ),
    (("logs", "it reads logs"),),
    strays=2,
    fields_left_out=5,
    took_s=61,
)


def test_people_see_the_rate_the_defect_the_survivors_and_what_was_not_met():
    lines = proof_lines(TRIALS, "p.yaml", "p.proof.json")
    text = "\n".join(lines)
    assert "p.yaml: 2 of 3 mutants killed (66.7 %) in 1 min 1 s" in text
    assert "lax: cannot fail" in text
    assert "health: cannot fail" not in text
    assert "logs: not provable this way: it reads logs" in text
    assert "2 runs failed for something else" in text
    assert "5 fields" in text
    assert text.index("survived") < text.index("gone") < text.index("not exercised")
    assert text.index("not exercised") < text.index("ws: 21 open")
    assert "kept: p.proof.json" in text
    assert "\x1b" not in text


def test_too_many_survivors_are_counted():
    many = tuple(Trial(f"m{n}", "answer", "x", True, ("lax",)) for n in range(SHOWN_MAX + 3))
    assert "and 3 more" in "\n".join(proof_lines(Trials(("lax",), many), "p.yaml", ""))


def test_machines_get_the_same_and_every_survivor():
    value = proof_value(TRIALS, "p.yaml", "")
    assert (value["mutants"], value["killed"], value["kill_percent"]) == (3, 2, 66.7)
    assert value["probes"][1] == {"probe": "lax", "kills": 0, "asked": 2, "cannot_fail": True}
    assert [one["caught_by"] for one in value["survivors"]] == ["a schema with x"]
    assert [one["mutant"] for one in value["not_exercised"]] == ["ws: 21 open"]
    assert value["families"][0] == {"family": "connection", "mutants": 1, "killed": 1}
    assert (value["strays"], value["fields_left_out"], value["took_ms"]) == (2, 5, 61000)


def test_without_any_mutant_nothing_is_claimed():
    assert proof_value(Trials((), ()), "p.yaml", "")["kill_percent"] == 0
    assert "0 of 0 mutants killed (0.0 %)" in "\n".join(proof_lines(Trials((), ()), "p.yaml", ""))


def test_a_suite_is_told_test_by_test():
    failed = {"e2e": frozenset({"test_a"})}
    met = Trial("a: 500", "answer", "x", True, ("e2e",), ("e2e",), ("e2e",), True, failed)
    tests = ("test_a", *(f"test_b{n:02}\x1b" for n in range(SHOWN_MAX + 2)))
    trials = Trials(("e2e",), (met,), suites={"e2e": tests}, hurried=("e2e",))
    text = "\n".join(proof_lines(trials, "p.yaml", ""))
    assert "e2e: 1 of 43 tests that asked and passed were seen to fail" in text
    assert "the time was up" in text
    assert "test_b39" in text
    assert "test_b40" not in text
    assert "and 2 more" in text
    assert "\x1b" not in text
    (value,) = proof_value(trials, "p.yaml", "")["suites"]
    assert value["tests"][:2] == [{"test": "test_a", "kills": 1}, {"test": tests[1], "kills": 0}]
    assert (value["probe"], value["hurried"]) == ("e2e", True)
    whole = Trials(("e2e",), (met,), suites={"e2e": ("test_a",)})
    assert "do not count" not in "\n".join(proof_lines(whole, "p.yaml", ""))
