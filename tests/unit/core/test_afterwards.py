"""What a rollout leaves behind, and what leads on from each ending."""

from dataclasses import replace

import pytest

from gate.core.afterwards import kept_tag, kept_tag_url, next_steps, still_open
from gate.core.gcloud import INSTEAD, RECOVER
from gate.core.service import Revision
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split
from gate.core.verdict import Decision, Reason, Verdict
from tests.unit.core.rollouts import (
    BEFORE,
    BROKEN,
    CANDIDATE,
    MOVED,
    PLACED,
    READY,
    STABLE,
    TAG,
    plan,
    rollout,
    service,
)

WHICH = "--project demo --region us-central1 --service backend"
BY_HAND = f'{WHICH} --reason "..." --yes'
STATUS = f"gate status {WHICH}"
GCLOUD_ANYWHERE = (
    "gcloud run services update-traffic backend --to-revisions REVISION=100 "
    "--project demo --region us-central1"
)
GCLOUD = (
    f"gcloud run services update-traffic backend --to-revisions {CANDIDATE}=100 "
    "--project demo --region us-central1"
)


def ended(ending, kind=Kind.ROLLOUT, **changes):
    usual = {"service": service(PLACED), "ending": ending, "url": "https://c"}
    return rollout(Phase.RECORDING, plan(kind), **{**usual, **changes})


@pytest.mark.parametrize(
    ("r", "text", "commands"),
    [
        (ended(Ending.PROMOTED), "", ()),
        (ended(None), "see where traffic is", (STATUS,)),
        (ended(Ending.BUSY), "wait for it (--wait 10m), or see who it is", (STATUS,)),
        (
            ended(Ending.REJECTED),
            "mend it and roll out again; nothing has to be undone",
            (),
        ),
        (
            ended(Ending.REJECTED, Kind.ROLLBACK),
            "name another revision with --to, or go back unasked with --no-probe",
            (),
        ),
        (
            ended(Ending.STUCK),
            "see where traffic is, then move it to a revision that you trust",
            (STATUS, f"gate rollback --to {STABLE} {BY_HAND}"),
        ),
        (
            ended(Ending.STUCK, before=None),
            "mend it and roll out again; there is no revision to go back to",
            (f"gate rollout --policy POLICY --image IMAGE {WHICH}",),
        ),
        (
            ended(Ending.HELD),
            "roll out again; or look at the candidate yourself, then",
            (f"gate promote --revision {CANDIDATE} {BY_HAND}",),
        ),
        (ended(Ending.HELD, service=service(BEFORE)), "", ()),
        (
            ended(Ending.FAILED, Kind.PROMOTE),
            INSTEAD,
            (GCLOUD,),
        ),
        (
            ended(Ending.FAILED, Kind.RECOVER),
            RECOVER,
            (GCLOUD_ANYWHERE,),
        ),
        (ended(Ending.FAILED), "", ()),
        (
            ended(Ending.REJECTED, way_out=("gate a", "gate b")),
            "what leads on from here, the likeliest first",
            ("gate a", "gate b"),
        ),
    ],
)
def test_each_ending_says_what_leads_on(r, text, commands):
    steps = next_steps(r)
    assert (steps.text, steps.commands, steps.remark) == (text, commands, "")


RESUME = f'gate resume {WHICH} --reason "..."'
AGAIN = f"gate rollout --policy POLICY --revision {CANDIDATE} {WHICH}"
ANEW = f"gate rollout --policy POLICY --image app:2 {WHICH}"
BY_NAME = f"gate promote --revision {CANDIDATE} {BY_HAND}"


@pytest.mark.parametrize(
    ("rule", "kind", "where", "commands"),
    [
        ("stop", Kind.ROLLOUT, PLACED, (RESUME, AGAIN)),
        ("stop", Kind.ROLLOUT, BEFORE, (RESUME, ANEW)),
        ("stop", Kind.PROMOTE, PLACED, (RESUME, BY_NAME)),
        ("freeze", Kind.ROLLOUT, PLACED, (AGAIN,)),
        ("freeze", Kind.ROLLOUT, BEFORE, (ANEW,)),
        ("freeze", Kind.PROMOTE, BEFORE, (BY_NAME,)),
    ],
)
def test_what_a_stop_or_a_freeze_holds_has_whole_commands(rule, kind, where, commands):
    held = ended(Ending.HELD, kind, service=service(where), verdict=Verdict.hold(rule, "it is on"))
    assert next_steps(held).commands == commands
    probe = Verdict(Decision.HOLD, (Reason(rule, "fails", by_probe=True),))
    assert RESUME not in next_steps(replace(held, verdict=probe)).commands


@pytest.mark.parametrize(("count", "noun"), [(1, "minimum instance"), (2, "minimum instances")])
def test_a_held_candidate_that_is_kept_running_costs(count, noun):
    kept = Revision(CANDIDATE, READY, min_instances=count)
    steps = next_steps(ended(Ending.HELD, revisions={CANDIDATE: kept}))
    assert steps.remark.startswith(f"{count} {noun} of it kept running")


def test_our_tag_is_told_only_while_it_is_on_the_candidate():
    held = ended(Ending.HELD)
    assert (kept_tag(held), bool(kept_tag_url(held))) == (TAG, True)
    gone = replace(held, service=service(BEFORE))
    assert (kept_tag(gone), kept_tag_url(gone)) == ("", "")
    theirs = replace(held, service=service(Split.all_to(STABLE, {TAG: STABLE})))
    assert kept_tag(theirs) == ""


def test_requests_under_way_stay_where_users_were_taken_from():
    stable = Revision(STABLE, READY, timeout_s=300.0)
    moved = ended(Ending.PROMOTED, service=service(MOVED), revisions={STABLE: stable})
    assert still_open(moved) == ((STABLE, 300.0),)
    assert still_open(replace(moved, revisions={})) == ((STABLE, 0.0),)
    assert still_open(ended(Ending.REJECTED)) == ()
    never = replace(moved, revisions={STABLE: Revision(STABLE, BROKEN)})
    assert still_open(never) == ()
    assert still_open(replace(moved, service=None)) == ()


def test_users_of_a_step_that_was_taken_back_may_still_be_on_the_candidate():
    back = ended(Ending.REGRESSED, service=service(BEFORE), stepped=1)
    assert [name for name, _ in still_open(back)] == [CANDIDATE]
