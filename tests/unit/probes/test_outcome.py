from gate.core.evidence import Outcome, Symptom
from gate.probes.outcome import OUTCOMES, Fault, worst


def test_every_symptom_says_something_of_the_candidate():
    assert set(OUTCOMES) == set(Symptom)


def test_no_symptom_is_a_pass():
    assert Outcome.PASSED not in OUTCOMES.values()


def test_what_never_reached_the_candidate_says_nothing_of_it():
    inconclusive = {symptom for symptom in OUTCOMES if OUTCOMES[symptom] is Outcome.INCONCLUSIVE}
    assert inconclusive == {
        Symptom.IDENTITY,
        Symptom.CONNECT,
        Symptom.PLATFORM,
        Symptom.CLIENT,
        Symptom.NO_EVIDENCE,
        Symptom.HOST,
    }


def test_a_failure_outweighs_what_is_inconclusive():
    failed = Fault(Symptom.STATUS, "500", "200")
    unclear = Fault(Symptom.CONNECT, "refused", "a connection")
    broke = Fault(Symptom.PLATFORM, "503", "200", because=Outcome.FAILED)
    assert worst([]) is Outcome.PASSED
    assert worst([unclear]) is Outcome.INCONCLUSIVE
    assert worst([unclear, failed]) is Outcome.FAILED
    assert worst([broke]) is Outcome.FAILED
