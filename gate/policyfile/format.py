"""The policy's own keys: what each is for and how it is written; defaults are the core's.

The keys of probes are declared by their kinds. docs/policy.md explains all of them at length.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from gate.core.approvals import ApprovalRule
from gate.core.control import Baseline, Repeats
from gate.core.freeze import Freeze
from gate.core.permits import Permits
from gate.core.policy import (
    CandidateRule,
    Capability,
    EarlierStage,
    HookFormat,
    IdentityRule,
    Json,
    KeyRef,
    MetricsRule,
    Notification,
    OnHold,
    Policy,
    SecretRef,
    ServiceName,
    SignRule,
    TemplateSource,
)
from gate.core.state import Ending
from gate.core.template import BUILTINS
from gate.core.traffic import tag_problem
from gate.errors import ValueProblem
from gate.kinds.collections import (
    FlagOrMapping,
    ListOf,
    Mapped,
    OneOrMany,
    TextOrMapping,
)
from gate.kinds.forms import KEY, Anything, Choice, Either, Flag, Form, Text, Whole, one_of, unfit
from gate.kinds.records import Key, Record, Slot, slots_from
from gate.kinds.templates import Plain, Reading
from gate.kinds.values import LABEL, NAME, TOKEN, Limit, Path, Percent, Seconds, SomeSeconds
from gate.policyfile.canary import METRICS, StepForm, split_steps
from gate.policyfile.rules import ALLOW, APPROVE, FREEZE

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

PROBES = "probes"
SERVICE = Record(
    "service",
    ServiceName,
    slots_from(
        ServiceName,
        {
            "project": Annotated[
                str,
                Text("a project id", r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?", 63),
                Key("the Google Cloud project"),
            ],
            "region": Annotated[
                str, Text("a region such as us-central1", LABEL, 40), Key("the Cloud Run region")
            ],
            "name": Annotated[
                str, Text("a Cloud Run service name", LABEL, 49), Key("the service's name")
            ],
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Required(Form):
    """Whether there must be a proof, or the least share of the faults that it must have met."""

    says: str = "true, false or a share from 1% to 100%"

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        share = core_schema.str_schema(strict=True, pattern=r"^(?:100|[1-9][0-9]?)%$")
        return core_schema.union_schema([core_schema.bool_schema(strict=True), share])

    def value(self, written: Any) -> bool | float:
        """As Form.value."""
        return float(written[:-1]) if isinstance(written, str) else bool(written)

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return value if isinstance(value, bool) else f"{value:g}%"


@dataclass(frozen=True, slots=True)
class _ByJson:
    path: str
    field: str


_FIELD = Text("the name of a field", most=100)
_ASKED_BESIDE = Record(
    "identity json",
    _ByJson,
    slots_from(
        _ByJson,
        {
            "path": Annotated[Path, Key("path that is asked before each probe and after it")],
            "field": Annotated[
                str, _FIELD, Plain(), Key("field of the JSON answer that has the name")
            ],
        },
    ),
)


def _identity(
    header: str = "",
    json: _ByJson | str = "",
    message: str = "",
    *,
    request_log: bool = False,
) -> IdentityRule:
    beside = json if isinstance(json, _ByJson) else _ByJson("", "")
    own = json if isinstance(json, str) else ""
    return IdentityRule(header, beside.path, beside.field, request_log, own, message)


IDENTITY = Record(
    "identity",
    _identity,
    (
        Slot(
            "header",
            Annotated[str, Text("a header name", rf"{TOKEN}+", 100)],
            Key("header of the answer, of a WebSocket's handshake too, that has the name"),
            "",
        ),
        Slot(
            "json",
            Annotated[
                object, TextOrMapping(one=Annotated[str, _FIELD, Plain()], mapping=_ASKED_BESIDE)
            ],
            Key(
                "field of the JSON answer that has the name: of the probe's own answer, or, as "
                "`{path, field}`, of one that is asked before each probe and after it"
            ),
            None,
        ),
        Slot(
            "message",
            Annotated[str, _FIELD, Plain()],
            Key("field of a WebSocket's messages that has the name: the first that has it counts"),
            "",
        ),
        Slot(
            "request_log",
            Annotated[bool, Flag()],
            Key(
                "whether the front end's own log says who answered, for services that name "
                "themselves nowhere"
            ),
            None,
        ),
    ),
    one_of=("header", "json", "message", "request_log"),
)
RULES_MAX = 10


@dataclass(frozen=True, slots=True)
class _Rules(OneOrMany):
    """One rule, or several of which the first that applies counts; read as one rule."""

    def expected(self, given: object) -> str:
        """As Form.expected."""
        return f"{IDENTITY.expected(given)}, or a list of such"

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

        rules = OneOrMany.__get_pydantic_core_schema__(self, source, handler)
        return core_schema.no_info_after_validator_function(IdentityRule.first_of, rules)


RULES = _Rules(item=Annotated[IdentityRule, IDENTITY], most=RULES_MAX, mappings=True)
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
_SHARE = Annotated[float, Percent()]
REPEATS = Record(
    "repeats",
    Repeats,
    slots_from(
        Repeats,
        {
            "alpha_percent": Annotated[
                _SHARE,
                Key("how often a probe that fails as seldom as `flaky` may be called broken"),
            ],
            "beta_percent": Annotated[
                _SHARE, Key("how often one that fails as often as `broken` may be called flaky")
            ],
            "flaky_percent": Annotated[
                _SHARE, Key("a probe that fails no more often is flaky at most")
            ],
            "broken_percent": Annotated[
                _SHARE, Key("a probe that fails at least as often is broken")
            ],
            "at_most": Annotated[
                int,
                Whole(low=0, high=1000),
                Key("most tries after the first one that failed, of candidate and stable each"),
            ],
        },
    ),
)
SECRET = Record(
    "secret",
    SecretRef,
    slots_from(
        SecretRef,
        {
            "env": Annotated[
                str,
                Text("the name of an environment variable", r"[A-Za-z_][A-Za-z0-9_]*", 200),
                Key("environment variable that holds the secret"),
            ],
            "file": Annotated[
                str,
                Text("the path of a file", most=1000),
                Key("file that holds the secret; relative paths begin at the policy's folder"),
            ],
            "secret": Annotated[
                str,
                Text(
                    "projects/PROJECT/secrets/NAME/versions/VERSION",
                    r"projects/[a-z0-9][a-z0-9.:-]{0,62}/secrets/[A-Za-z0-9_-]{1,255}"
                    r"/versions/(?:[1-9][0-9]{0,9}|[A-Za-z_-][A-Za-z0-9_-]{0,62})",
                    500,
                ),
                Key(
                    "version of a secret in Secret Manager: "
                    "`projects/PROJECT/secrets/NAME/versions/VERSION`"
                ),
            ],
        },
    ),
    one_of=("env", "file", "secret"),
)


@dataclass(frozen=True, slots=True)
class Secrets(Mapped):
    """Secrets by name; no name is one that templates use themselves."""

    def value(self, written: Any) -> Any:
        """As Form.value."""
        from pydantic_core import ValidationError  # noqa: PLC0415 - only where a file is read

        told = unfit("is a name that templates use themselves", "choose another name")
        if taken := sorted(BUILTINS.intersection(written)):
            wrong = [{"type": told, "loc": (name, KEY), "input": name} for name in taken]
            raise ValidationError.from_exception_data("secrets", wrong)  # type: ignore[arg-type]
        return written


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
NOTIFICATION = Record(
    "notify",
    Notification,
    slots_from(
        Notification,
        {
            "url": Annotated[
                SecretRef,
                SECRET,
                Key("where the webhook's address is: whoever knows it may write there"),
            ],
            "format": Annotated[
                HookFormat,
                one_of(HookFormat),
                Key(
                    "`cloudevents` (CloudEvents 1.0 as JSON, with the whole decision), "
                    "`google-chat` or `slack` (a message for people)"
                ),
            ],
            "on": Annotated[
                tuple[str, ...],
                ListOf(
                    item=Annotated[str, Choice(words=tuple(one.value for one in Ending))],
                    most=len(Ending),
                ),
                Key("the endings that it is told of"),
            ],
            "secret": Annotated[
                str,
                Text("the name of a secret", r"[A-Za-z_][A-Za-z0-9_-]*", 60),
                Key(
                    "name under `secrets` of what each call is signed with, as Standard Webhooks "
                    "has it: base64, with or without `whsec_`",
                    absent="unsigned",
                ),
            ],
        },
    ),
)
_KMS = (
    r"projects/[a-z0-9][a-z0-9.:-]{0,62}/locations/[a-z0-9-]{1,63}/keyRings/[A-Za-z0-9_-]{1,63}"
    r"/cryptoKeys/[A-Za-z0-9_-]{1,63}/cryptoKeyVersions/[1-9][0-9]{0,9}"
)
KEY_PLACE = Record(
    "key",
    KeyRef,
    (
        *SECRET.keys,
        *slots_from(
            KeyRef,
            {
                "kms": Annotated[
                    str,
                    Text("projects/.../cryptoKeyVersions/VERSION", _KMS, 400),
                    Key("version of a key in Cloud KMS, by its full name"),
                ],
            },
        ),
    ),
    one_of=("env", "file", "secret", "kms"),
)
SIGN = Record(
    "sign",
    SignRule,
    slots_from(
        SignRule,
        {
            "key": Annotated[
                KeyRef,
                KEY_PLACE,
                Key("what signs: an ECDSA P-256 or Ed25519 key in PEM (PKCS #8), or one in KMS"),
            ],
        },
    ),
)
EARLIER = Record(
    "require signed",
    EarlierStage,
    slots_from(
        EarlierStage,
        {
            "key": Annotated[
                KeyRef | None,
                KEY_PLACE,
                Key(
                    "the public key of the earlier stage: PEM, several blocks where keys are "
                    "changed, or certificates, which expire; or a key in KMS",
                    absent="that of `sign`",
                ),
            ],
            "stage": Annotated[
                ServiceName | None,
                SERVICE,
                Key(
                    "the service whose gate must have promoted the image: `{project, region, "
                    "name}`, each as the policy's own where it is left out",
                    absent="any other service of the project",
                ),
            ],
        },
    ),
)
_OF_THE_POLICY: Mapping[str, object] = {
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


@dataclass(frozen=True, slots=True)
class Top(Record):
    """All keys of a policy; what stands under `probes` is read apart."""

    def value(self, written: Any) -> Any:
        """As Record.value."""
        return split_steps(Record.value(self, written))

    def unfit(
        self, value: Any, given: Mapping[str, object], reading: Reading | None
    ) -> Iterator[ValueProblem]:
        """As Record.unfit."""
        del reading
        if "repeats" in given and value.get("baseline") is not Baseline.STABLE:
            yield ValueProblem(
                "repeats",
                "has no meaning without a baseline (expected baseline: stable)",
                "a failure is asked again of candidate and stable in turns; without stable, it "
                "stands",
            )
        if "metrics" in given and not any(value.get("requests", ())):
            yield ValueProblem(
                "metrics",
                "has no meaning unless a step asks for requests "
                "(expected traffic such as [{percent: 5, requests: 200}, 100])",
            )
        if "dwell" in given and len(value.get("traffic", (100,))) == 1:
            yield ValueProblem(
                "dwell",
                "has no meaning without steps (expected traffic such as [10, 100])",
                "leave it out, or give steps; `watch` is for the time after the last one",
            )


TOP = Top(
    "the policy",
    dict,
    (
        Slot(
            "version",
            Annotated[int, Whole(low=1, high=1)],
            Key("version of this format: `1`"),
            MISSING,
        ),
        Slot(
            "service",
            Annotated[ServiceName, SERVICE],
            Key("which Cloud Run service", absent="command line or environment"),
            ServiceName(),
        ),
        *slots_from(Policy, _OF_THE_POLICY),
    ),
)


def tag_unfit(rule: CandidateRule, service: ServiceName) -> str | None:
    """Why Cloud Run would not have this tag at this service; None where it would."""
    return tag_problem(rule.tag, service.name) if service.name else None
