"""The keys of a policy: what each is for and how it is written; defaults are the core's.

The keys of probes are declared by their kinds. docs/policy.md explains all of them at length.
"""

from collections.abc import Mapping
from typing import Annotated

from gate.core.approvals import ApprovalRule
from gate.core.control import Baseline, Repeats
from gate.core.freeze import Freeze
from gate.core.permits import Permits
from gate.core.policy import (
    CandidateRule,
    Capability,
    EarlierStage,
    MetricsRule,
    Notification,
    OnHold,
    SecretRef,
    SignRule,
    TemplateSource,
)
from gate.kinds.collections import ListOf, Mapped
from gate.kinds.forms import Anything, Choice, Either, Flag, Text, one_of
from gate.kinds.records import Key, Record, slots_from
from gate.kinds.two_forms import FlagOrMapping
from gate.kinds.values import NAME, Seconds, SomeSeconds
from gate.policyfile.canary import METRICS, StepForm
from gate.policyfile.candidate import CANDIDATE
from gate.policyfile.notifications import NOTIFICATION
from gate.policyfile.proof import Required
from gate.policyfile.repeats import REPEATS
from gate.policyfile.rules import ALLOW, APPROVE, FREEZE
from gate.policyfile.secrets import SECRET, Secrets
from gate.policyfile.signing import EARLIER, SIGN

PROBES = "probes"
CAPABILITY = Record(
    "capability",
    Capability,
    slots_from(
        Capability,
        {
            "priority": Annotated[str, Text("P0 to P9", r"P[0-9]"), Key("P0 (highest) to P9")],
            "impact": Annotated[str, Text(most=200), Key("what is lost when it fails, in words")],
        },
    ),
)

KEYS: Mapping[str, object] = {
    "candidate": Annotated[
        CandidateRule,
        CANDIDATE,
        Key("how the candidate is addressed and how long it may take to become ready"),
    ],
    "baseline": Annotated[
        Baseline,
        Choice(words=(Baseline.STABLE.value, Baseline.NONE.value), means=Baseline),
        Key(
            "whether every probe is asked of stable, too, while the candidate is at 0 %: that "
            "tells whose fault a failure is"
        ),
    ],
    "repeats": Annotated[
        Repeats,
        REPEATS,
        Key("how often a failed probe is asked again, with a baseline: until a test knows"),
    ],
    "traffic": Annotated[
        tuple[int, ...],
        ListOf(item=Annotated[int, StepForm()], most=100),
        Key(
            "percents of the traffic that the candidate gets one after the other, ending at 100; "
            "a step written as `{percent: 5, requests: 200}` asks for so many requests of users"
        ),
    ],
    "metrics": Annotated[
        MetricsRule,
        METRICS,
        Key("how users' own requests are counted and judged, where a step asks for some"),
    ],
    "dwell_s": Annotated[
        Seconds, Key("how long it is probed at each step before the next; only with steps")
    ],
    "watch_s": Annotated[Seconds, Key("how long it is probed on after the last step")],
    "deadline_s": Annotated[
        SomeSeconds,
        Key(
            "limit for the whole rollout; ends in a decision, never in silence. Must be more than "
            "`candidate.ready_within`, every dwell and the watch together"
        ),
    ],
    "lease_s": Annotated[
        Seconds, Key("how long a rollout counts as alive without a word from it, 5s to 1h")
    ],
    "on_hold": Annotated[
        OnHold,
        one_of(OnHold),
        Key(
            "what becomes of a candidate whose evidence is inconclusive: `keep` (stays at 0 % with "
            "its tag) or `drop` (loses its tag)"
        ),
    ],
    "first_deploy": Annotated[
        bool,
        Either(words=("allow", "refuse")),
        Key(
            "what becomes of an image for a service that does not exist: `refuse`, or `allow` "
            "(create it). Cloud Run cannot create a service at zero traffic, so its first revision "
            "has users' requests while it is probed, and there is nothing to go back to"
        ),
    ],
    "template": Annotated[
        TemplateSource,
        one_of(TemplateSource),
        Key(
            "what a new revision is built on, apart from its image: `stable`, the revision that "
            "has (most) users, or `service`, the service's template, which is what was deployed "
            "last, rejected or not. Where the two differ in more than the image, the rollout says "
            "in what before anything is sent"
        ),
    ],
    "fail_fast": Annotated[
        bool,
        Flag(),
        Key(
            "whether, once a required probe has failed beyond doubt, only what may explain it is "
            "still asked: quick probes, configuration and logs; what takes long (`suite`, `soak`, "
            "`startup`, `http` with a rate, and all that holds for more than 5 s) is then left out"
        ),
    ],
    "require_proof": Annotated[
        object,
        Required(),
        Key(
            "hold a rollout before anything is deployed unless a fresh proof (`gate policy prove`) "
            "says that the required probes can fail; a share such as `80%` asks besides that the "
            "proof has met so many of the faults that the probes could meet"
        ),
    ],
    "secrets": Annotated[
        Mapping[str, SecretRef],
        Secrets(
            name=Text(
                "a name of letters, digits, _ and - that begins with a letter",
                r"[A-Za-z_][A-Za-z0-9_-]*",
                60,
            ),
            item=Annotated[SecretRef, SECRET],
        ),
        Key("where secrets come from, by name; never printed, never recorded"),
    ],
    "capabilities": Annotated[
        Mapping[str, Capability],
        Mapped(name=NAME, item=Annotated[Capability, CAPABILITY]),
        Key("what is at stake, for the report"),
    ],
    "notify": Annotated[
        tuple[Notification, ...],
        ListOf(item=Annotated[Notification, NOTIFICATION], most=10),
        Key("webhooks that are told how a rollout ended", absent="nobody"),
    ],
    "sign": Annotated[
        SignRule | None,
        SIGN,
        Key("how each decision about an image is signed, for the record", absent="not at all"),
    ],
    "require_signed": Annotated[
        EarlierStage | None,
        FlagOrMapping(mapping=EARLIER),
        Key(
            "hold a rollout before anything is deployed unless an earlier stage has promoted the "
            "same image, by a decision that it has signed: `true`, or a mapping that says which "
            "stage and key",
            absent="`false`",
        ),
    ],
    "approve": Annotated[
        ApprovalRule | None,
        APPROVE,
        Key("how many people must have approved the candidate before users are moved"),
    ],
    "allow": Annotated[
        Permits,
        ALLOW,
        Key("who may do what, by the address of their credentials", absent="anybody"),
    ],
    "freeze": Annotated[
        tuple[Freeze, ...],
        ListOf(item=Annotated[Freeze, FREEZE], most=50),
        Key("windows in which nothing is rolled out nor promoted", absent="none"),
    ],
    PROBES: Annotated[
        object,
        Mapped(name=NAME, item=Annotated[object, Anything()], least=1, most=200),
        Key("the questions, asked in this order, those about logs last"),
    ],
}
