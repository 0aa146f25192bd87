"""What `gate policy prove` says, for people and for machines."""

from datetime import UTC, datetime

from gate.core.proof import Trial, Trials
from gate.report.proving import GROUPS_MAX, SHOWN_MAX, proof_lines, proof_value

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
    fields = [f"GET /doc: field f{n} dropped" for n in range(200)]
    trials = [Trial(name, "contract", "a schema", True, ("lax",)) for name in fields]
    trials += [Trial(f"GET /p{n}: status 500", "answer", "x", True) for n in range(GROUPS_MAX + 2)]
    lines = proof_lines(Trials(("lax",), tuple(trials)), "p.yaml", "")
    start = next(n for n, line in enumerate(lines) if line.startswith("survived"))
    assert lines[start].endswith("what users notice first (217)")
    assert lines[start + 1] == "  GET /p0: status 500 (answer)"
    assert "  and at 3 more places (--output json has them all)" in lines


def test_survivors_at_one_place_are_one_line():
    fields = [f"GET /doc: field f{n} dropped" for n in range(200)]
    trials = tuple(Trial(name, "contract", "a schema", True, ("lax",)) for name in fields)
    text = "\n".join(proof_lines(Trials(("lax",), trials), "p.yaml", "", 200))
    told = "field f0 dropped, field f1 dropped, field f2 dropped, and 197 more (contract)"
    assert f"  GET /doc: {told}\n    would be caught by: a schema" in text


def test_what_suites_alone_could_meet_is_no_survivor_and_not_out_of_reach():
    some = (
        Trial("a: 500", "answer", "x", True, ("e2e",), ("e2e",), ("e2e",), True, reachable=True),
        Trial("b: 500", "answer", "x", reachable=True),
        Trial("c: 21 open", "crowd", "x"),
    )
    trials = Trials(("e2e",), some, suites={"e2e": ("test_a",)})
    lines = proof_lines(trials, "p.yaml", "", 200)
    told = (
        "1 of 1 mutant killed (100.0 %) in 0 ms; 1 more that suites alone could meet were left out"
    )
    assert f"p.yaml: {told}; 1 met no probe" in lines
    assert not any(line.startswith("survived") for line in lines)
    value = proof_value(trials, "p.yaml", "")
    assert (value["mutants"], value["reachable"]) == (1, 2)
    proof = trials.proof("1", "0" * 64, "0" * 64, datetime(2026, 1, 1, tzinfo=UTC))
    assert proof.met_percent == 50


def test_without_a_suite_nothing_is_said_of_suites():
    some = (
        Trial("a: 500", "answer", "x", True, killed=True),
        Trial("b", "crowd", "x", reachable=True),
    )
    text = "\n".join(proof_lines(Trials(("web",), some), "p.yaml", "", 200))
    assert "1 more were not tried" in text
    assert "suite" not in text


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
    untried = {"e2e": ("test_b39\x1b",)}
    trials = Trials(
        ("e2e",),
        (met,),
        suites={"e2e": tests},
        silent={"e2e": ("test_idle",)},
        untried=untried,
        hurried=("e2e",),
    )
    text = "\n".join(proof_lines(trials, "p.yaml", ""))
    assert "e2e: 1 of 43 tests that asked and passed were seen to fail" in text
    lines = text.split("\n")
    why = (
        "  nothing made these fail so far; no time was left for all that could (--suite-time) (1):"
    )
    assert "test_b39" in lines[lines.index(why) + 1]
    assert "  these passed without asking the service, so that they are no evidence (1):" in lines
    assert "and 1 more" in text
    assert "\x1b" not in text
    (value,) = proof_value(trials, "p.yaml", "")["suites"]
    assert value["tests"][:2] == [{"test": "test_a", "kills": 1}, {"test": tests[1], "kills": 0}]
    assert (value["probe"], value["hurried"]) == ("e2e", True)
    assert (value["untried"], value["silent"]) == (["test_b39\x1b"], ["test_idle"])
    whole = Trials(("e2e",), (met,), suites={"e2e": ("test_a",)})
    assert "do not count" not in "\n".join(proof_lines(whole, "p.yaml", ""))
