"""The keys of `candidate`: its address, and how long it may take to become ready."""

from typing import Annotated

from gate.core.policy import CandidateRule, IdentityRule, ServiceName
from gate.core.traffic import tag_problem
from gate.kinds.forms import Text
from gate.kinds.records import Key, Record, slots_from
from gate.kinds.values import LABEL, Limit, Seconds, SomeSeconds
from gate.policyfile.identity import RULES

CANDIDATE = Record(
    "candidate",
    CandidateRule,
    slots_from(
        CandidateRule,
        {
            "tag": Annotated[
                str,
                Text("lowercase letters, digits and hyphens, first a letter", LABEL, 46),
                Key("traffic tag of the candidate: its own URL at 0 %"),
            ],
            "ready_within_s": Annotated[
                SomeSeconds,
                Key(
                    "how long the candidate may take to become ready: by Cloud Run's word, then by "
                    'its own (503 "starting")'
                ),
            ],
            "identity": Annotated[
                IdentityRule | None,
                RULES,
                Key(
                    "how an answer proves which revision gave it: it has the revision's name; one "
                    "rule, or a list of which the first that applies to an answer counts"
                ),
            ],
            "arrival_within_s": Annotated[
                Seconds,
                Key(
                    "how long is waited in the whole rollout, all probes together, while the front "
                    "end knows no such address yet or lets another revision answer there; at most "
                    "10m"
                ),
            ],
            "starting_within_s": Annotated[
                Limit,
                Key(
                    "how long of that the candidate may answer that it is starting, from the first "
                    "question on; then it is rejected as a slow start",
                    absent="`3m`, or all of a `ready_within` of more than `4m`",
                ),
            ],
            "audience": Annotated[
                str,
                Text("an audience, without spaces", r"[!-~]+", 500),
                Key(
                    "what tokens that let the gate into a private service are made out to: a "
                    "custom audience of the service, or behind IAP an OAuth client that it allows",
                    absent="the service's URL",
                ),
            ],
        },
    ),
)


def tag_unfit(rule: CandidateRule, service: ServiceName) -> str | None:
    """Why Cloud Run would not have this tag at this service; None where it would."""
    return tag_problem(rule.tag, service.name) if service.name else None
