"""The judge fails closed: nothing that speaks less for the candidate turns a no into a yes."""

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gate.core.attribution import EXCUSED
from gate.core.evidence import SERVICE, STABLE, Finding, Outcome, Repeat, Symptom
from gate.core.policy import Probe
from gate.core.verdict import Decision, judge
from gate.kinds.http import HttpProbe
from tests.fakes.probes import evidence

NAMES = ["a", "b", "c", "stranger"]
FINDING = Finding(Symptom.STATUS, "200", "500")
PROBES = st.lists(
    st.builds(Probe, st.sampled_from(NAMES[:3]), st.just(HttpProbe("/x")), required=st.booleans()),
    max_size=4,
)
EVIDENCE = st.lists(
    st.builds(evidence, st.sampled_from(NAMES), st.sampled_from(Outcome)), max_size=6
)
ORDER = {Decision.REJECT: 0, Decision.HOLD: 1, Decision.PROMOTE: 2}


def worth(probes, seen):
    return ORDER[judge(probes, seen).decision]


@given(PROBES, EVIDENCE)
def test_promotion_needs_exactly_one_clean_pass_of_each_required_probe(probes, seen):
    required = [probe.name for probe in probes if probe.required]
    clean = required and all(
        [item.passed for item in seen if item.probe == name] == [True] for name in required
    )
    assert (judge(probes, seen).decision is Decision.PROMOTE) == bool(clean)


@given(PROBES, EVIDENCE, st.data())
def test_a_pass_that_becomes_anything_else_never_makes_it_better(probes, seen, data):
    passes = [index for index, item in enumerate(seen) if item.passed]
    if not passes:
        return
    index = data.draw(st.sampled_from(passes))
    worse = data.draw(
        st.sampled_from(
            [
                replace(seen[index], outcome=Outcome.FAILED, findings=(FINDING,)),
                replace(seen[index], outcome=Outcome.INCONCLUSIVE),
                replace(seen[index], findings=(FINDING,)),
            ]
        )
    )
    assert worth(probes, [*seen[:index], worse, *seen[index + 1 :]]) <= worth(probes, seen)


@given(PROBES, EVIDENCE)
def test_evidence_that_is_lost_never_leads_to_a_promotion_of_what_was_answered_once(probes, seen):
    once = list({item.probe: item for item in seen}.values())
    for index in range(len(once)):
        less = once[:index] + once[index + 1 :]
        if judge(probes, once).decision is not Decision.PROMOTE:
            assert judge(probes, less).decision is not Decision.PROMOTE


@given(PROBES, EVIDENCE, st.randoms(use_true_random=False))
def test_the_order_of_the_evidence_does_not_matter(probes, seen, random):
    shuffled = list(seen)
    random.shuffle(shuffled)
    assert worth(probes, shuffled) == worth(probes, seen)


@given(PROBES, EVIDENCE)
def test_what_is_not_required_does_not_count(probes, seen):
    required = [probe for probe in probes if probe.required]
    assert judge(probes, seen) == judge(required, seen)


@given(PROBES, EVIDENCE)
def test_a_no_has_reasons(probes, seen):
    verdict = judge(probes, seen)
    assert bool(verdict.reasons) == (verdict.decision is not Decision.PROMOTE)


CONTROLS = st.lists(
    st.builds(
        lambda name, outcome, repeats: replace(
            evidence(name, outcome), address=STABLE, repeats=tuple(repeats)
        ),
        st.sampled_from(NAMES),
        st.sampled_from(Outcome),
        st.lists(st.sampled_from(Repeat), max_size=4),
    ),
    max_size=4,
)


@given(PROBES, EVIDENCE, CONTROLS, CONTROLS)
def test_nothing_that_stable_shows_promotes_anybody(probes, seen, controls, forged):
    """Whether it is there, dropped, inverted or made up: it can only move between hold and no."""
    promoted = judge(probes, seen).decision is Decision.PROMOTE
    for controlled in ([*seen, *controls], [*controls, *seen], [*seen, *controls, *forged]):
        assert (judge(probes, controlled).decision is Decision.PROMOTE) == promoted


@given(PROBES, EVIDENCE, CONTROLS, st.data())
def test_with_a_control_a_pass_that_becomes_anything_else_never_promotes(
    probes, seen, controls, data
):
    everything = [*seen, *controls]
    passes = [index for index, item in enumerate(everything) if item.passed]
    if not passes or worth(probes, everything) == ORDER[Decision.PROMOTE]:
        return
    index = data.draw(st.sampled_from(passes))
    outcome = data.draw(st.sampled_from([Outcome.FAILED, Outcome.INCONCLUSIVE]))
    worse = replace(everything[index], outcome=outcome, findings=(FINDING,))
    everything[index] = worse
    assert worth(probes, everything) < ORDER[Decision.PROMOTE]


def test_every_small_case_of_one_probe_with_its_control():
    """Exhaustive: what the candidate may show, what stable may show, and how the tries went."""
    probe = Probe("a", HttpProbe("/x"))
    tries = [(), (Repeat.WRONG,) * 3, (Repeat.WRONG, Repeat.RIGHT, Repeat.RIGHT)]
    findings = [(), *((Finding(symptom, "another", "500 x"),) for symptom in Symptom)]
    for outcome, found, theirs, shown, repeats, live in itertools.product(
        Outcome, findings, [None, *Outcome], findings, tries, (False, True)
    ):
        own = replace(evidence("a", outcome), findings=found, repeats=repeats)
        control = theirs and replace(
            evidence("a", theirs), findings=shown, repeats=repeats, address=STABLE
        )
        seen = [own, *([control] if control else [])]
        if live and own.passed:
            seen.append(replace(own, address=SERVICE))
        verdict = judge([probe], seen, live=live)
        assert (verdict.decision is Decision.PROMOTE) == own.passed
        if not control and outcome is Outcome.FAILED and not (live and Repeat.RIGHT in repeats):
            assert verdict.decision is Decision.REJECT  # under users one that passes, too, may hold
        held = verdict.decision is Decision.HOLD and outcome is Outcome.FAILED
        assert not held or verdict.reasons[0].attribution in EXCUSED
