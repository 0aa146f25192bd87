"""The policy format as one table: every key, its shape and what it is for.

The reader reads by it and the JSON Schema for editors is printed from it, so the two cannot
disagree. docs/policy.md explains the same keys at length.
"""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

from gate.core.policy import Json
from gate.policyfile import questions, rates, suites
from gate.policyfile.comparing import BASELINE, CONTRACT, REPEATS
from gate.policyfile.keeping import EVIDENCE
from gate.policyfile.problems import Problems, shown
from gate.policyfile.records import Either, Fields, Key, Listed, Named, Read, Record
from gate.policyfile.shapes import (
    AnyJson,
    Choice,
    Duration,
    Flag,
    Integer,
    Percent,
    Refused,
    Text,
    named,
    refuse,
)
from gate.policyfile.tree import Mapping, Node
from gate.policyfile.vocabulary import (
    HEADERS,
    LABEL,
    NAME,
    OFFERED,
    PATH,
    SCHEMA_FILE,
    SECRET_NAME,
    STATUS,
    TOKEN,
    TYPES,
)

SERVICE_PROJECT = Key(
    "project",
    Text("a project id", r"[a-z0-9](?:[a-z0-9.:-]*[a-z0-9])?", 63),
    "Google Cloud project",
)
SERVICE_REGION = Key("region", Text("a region such as us-central1", LABEL, 40), "Cloud Run region")
SERVICE_NAME = Key(
    "name", Text("a Cloud Run service name", LABEL, 49), "Name of the Cloud Run service"
)
SERVICE = Record("service", (SERVICE_PROJECT, SERVICE_REGION, SERVICE_NAME))

TAG = Key(
    "tag",
    Text("lowercase letters, digits and hyphens, first a letter", LABEL, 46),
    "Traffic tag of the candidate: its own URL at 0 %. Default: candidate",
)
READY_WITHIN = Key(
    "ready_within", Duration(), "How long the candidate may take to become ready. Default: 4m"
)
IDENTITY_HEADER = Key(
    "header",
    Text("a header name", rf"{TOKEN}+", 100),
    "Header that has the name on every answer, the WebSocket handshake included",
)
IDENTITY_PATH = Key(
    "path", PATH, "Path that is asked before each probe and after it", required=True
)
IDENTITY_FIELD = Key(
    "field",
    Text("the name of a field", most=100),
    "Field of the JSON answer that has the name",
    required=True,
)
IDENTITY_JSON = Key(
    "json",
    Record("identity json", (IDENTITY_PATH, IDENTITY_FIELD)),
    "Where a JSON answer has the name, for services that send no such header",
)
IDENTITY_REQUEST_LOG = Key(
    "request_log",
    Flag(),
    "Whether the front end's own log says who answered, for services that name themselves nowhere",
)
IDENTITY = Key(
    "identity",
    Record(
        "identity",
        (IDENTITY_HEADER, IDENTITY_JSON, IDENTITY_REQUEST_LOG),
        one_of=("header", "json", "request_log"),
    ),
    "How an answer proves which revision gave it: it has the revision's name",
)
CANDIDATE = Record("candidate", (TAG, READY_WITHIN, IDENTITY))

SECRET_ENV = Key(
    "env",
    Text("the name of an environment variable", r"[A-Za-z_][A-Za-z0-9_]*", 200),
    "Environment variable that holds the secret",
    required=True,
)
SECRET = Record("secret", (SECRET_ENV,))

PRIORITY = Key("priority", Text("P0 to P9", r"P[0-9]"), "P0 (highest) to P9", required=True)
IMPACT = Key("impact", Text(most=200), "What is lost when it fails, in words")
CAPABILITY_RECORD = Record("capability", (PRIORITY, IMPACT))

JSON = Key(
    "json",
    AnyJson(),
    "Values that the answer must have; objects may have more keys than given here",
)
SCHEMA = Key("schema", SCHEMA_FILE, "JSON Schema file that the answer must satisfy")
ANSWER_PATTERN = Record("pattern", (JSON, SCHEMA), some_of=("json", "schema"))

HTTP_PATH = Key("path", PATH, "Path and query on the candidate's own URL", required=True)
METHOD = Key(
    "method",
    Choice(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")),
    "HTTP method. Default: GET",
)
REQUEST_HEADERS = Key("headers", HEADERS, "Request headers; values may hold templates")
BODY = Key(
    "body",
    AnyJson(),
    "Request body: text is sent as it is, anything else as JSON; may hold templates",
)
TIMEOUT = Key("timeout", Duration(), "Limit for the whole request. Default: 10s")
HTTP = Record("http", (HTTP_PATH, METHOD, REQUEST_HEADERS, BODY, TIMEOUT, *rates.ASKED))

STATUSES = Key(
    "status",
    Either(Listed(STATUS), STATUS),
    "HTTP status, or a list of those that will do. Default: 200",
)
ANSWER_HEADERS = Key("headers", HEADERS, "Headers that the answer must have, with these values")
HTTP_EXPECT = Record("http expect", (STATUSES, JSON, SCHEMA, ANSWER_HEADERS, *rates.EXPECTED))

SEND = Key(
    "send",
    AnyJson(),
    "Message to send: text is sent as it is, anything else as JSON; may hold templates",
)
SEQUENCE = Key("sequence", TYPES, "Message types that must come in this order")
ONCE = Key("once", Flag(), "Whether no type of the sequence may come twice. Default: false")
WHERE = Key(
    "where",
    Named(Text("a field name"), AnyJson(), least=1),
    "Only messages with these fields count for the sequence; may hold templates",
)
NEVER = Key("never", ANSWER_PATTERN, "A message that looks like this fails the step")
WITHIN = Key("within", Duration(), "Limit for this step. Default: 10s")
AWAIT = Key(
    "expect",
    Record(
        "expect",
        (JSON, SCHEMA, SEQUENCE, ONCE, WHERE, NEVER, WITHIN),
        some_of=("json", "schema", "sequence"),
    ),
    "What to wait for",
)
STEP = Record("step", (SEND, AWAIT), one_of=("send", "expect"))

WS_PATH = Key("path", PATH, "Path and query on the candidate's own URL", required=True)
SUBPROTOCOLS = Key(
    "subprotocols",
    Listed(OFFERED, least=0, most=20),
    "Subprotocols to offer; may hold templates",
)
WS_HEADERS = Key("headers", HEADERS, "Headers of the handshake; values may hold templates")
USERS = Key(
    "users",
    Listed(Text("the name of a secret")),
    "Secrets that the connections take turns with, as ${user}",
)
CONNECTIONS = Key("connections", Integer(1, 10_000), "Sessions held open together. Default: 1")
HOLD = Key(
    "hold", Duration(), "How long all sessions stay open after the last script ended. Default: 0s"
)
REPEAT = Key("repeat", Integer(1, 100_000), "Rounds, each with new connections. Default: 1")
OPEN_WITHIN = Key("open_within", Duration(), "Limit for one handshake. Default: 10s")
SCRIPT = Key(
    "script",
    Either(Listed(STEP), Text("a list of steps, or another probe's name")),
    "Steps of every session, or the name of the probe whose script it is",
)
WEBSOCKET = Record(
    "websocket",
    (WS_PATH, SUBPROTOCOLS, WS_HEADERS, USERS, CONNECTIONS, HOLD, REPEAT, OPEN_WITHIN, SCRIPT),
)

SUCCESS = Key("success", Percent(), "Share of sessions that must go right. Default: 100%")
FOREIGN = Key(
    "foreign_messages",
    Integer(0, 1_000_000),
    "Most messages that may carry another connection's nonce. Default: 0",
)
CLOSE = Key(
    "close", Integer(1000, 4999, "a close code"), "Close code that must answer ours. Default: any"
)
REFUSAL = Integer(200, 599, "an HTTP status or a close code", 1000, 4999)
REFUSED = Key(
    "refused",
    Either(Listed(REFUSAL), REFUSAL),
    "Every session must be refused with one of these HTTP statuses or close codes",
)
SUBPROTOCOL = Key(
    "subprotocol",
    OFFERED,
    "Which of the subprotocols the server must select. Default: any of them, or none",
)
WS_EXPECT = Record("websocket expect", (SUCCESS, FOREIGN, CLOSE, REFUSED, SUBPROTOCOL))

SETTLE = Key(
    "settle", Duration(), "How long to go on reading, since logs arrive late. Default: 15s"
)
LOGS_WITHIN = Key(
    "within", Choice(("rollout",)), "Which entries: those since the rollout began. Default: rollout"
)
LOGS = Record("logs", (SETTLE, LOGS_WITHIN))
SEVERITY = Key(
    "severity",
    Choice(("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")),
    "This severity or worse",
)
LOG_TEXT = Key("text", Text(), "Text that the entry contains")
NONE = Key(
    "none",
    Listed(Record("log pattern", (SEVERITY, LOG_TEXT), some_of=("severity", "text"))),
    "Patterns of which no entry may match any",
    required=True,
)
LOGS_EXPECT = Record("logs expect", (NONE,))

EXPECT_HTTP = Key("expect", HTTP_EXPECT, "What the answer must be")
EXPECT_WS = Key("expect", WS_EXPECT, "How the sessions must go")
EXPECT_LOGS = Key("expect", LOGS_EXPECT, "What the logs must not have", required=True)
ASK_HTTP = Key(
    "http", HTTP, "One HTTP request; redirects are answers, never followed", required=True
)
ASK_WS = Key("websocket", WEBSOCKET, "WebSocket sessions", required=True)
ASK_LOGS = Key("logs", LOGS, "The candidate's own logs", required=True)
STAKE = Key(
    "capability", Text("the name of a capability"), "What is at stake when this probe fails"
)
REQUIRED = Key("required", Flag(), "Whether this probe must pass for a promotion. Default: true")


@dataclass(frozen=True, slots=True)
class ProbeShape:
    """One probe: a mapping whose one kind decides which expectations it may have."""

    kinds: MappingOf[str, Record]

    @property
    def says(self) -> str:
        """As Shape.says."""
        return f"a probe: one of {', '.join(self.kinds)}, with what to expect"

    def read(self, node: Node, problems: Problems) -> tuple[str, Fields]:
        """The probe's kind and its keys; as Shape.read."""
        if not isinstance(node, Mapping):
            raise refuse(node, problems, self.says)
        there = [kind for kind in self.kinds if kind in node.entries]
        if len(there) == 1:
            return there[0], self.kinds[there[0]].read(node, problems)
        if there:
            problems.add(
                node.mark,
                f"{named(node)}asks two things (got {' and '.join(there)}, expected one kind)",
                "make it two probes",
            )
        else:
            self._note_no_kind(node, problems)
        raise Refused

    def _note_no_kind(self, node: Mapping, problems: Problems) -> None:
        common = {key.name for key in (STAKE, REQUIRED, EXPECT_HTTP, CONTRACT, EVIDENCE)}
        others = [name for name in node.entries if name not in common]
        kinds = ", ".join(self.kinds)
        if not others:
            problems.add(node.mark, f"{named(node)}asks nothing (expected one of {kinds})")
        for name in others:
            mark, _ = node.entries[name]
            problems.add(
                mark,
                f"{named(node)}has an unknown probe kind (got {shown(name)}, "
                f"expected one of {kinds})",
                problems.guess(name, self.kinds, " "),
            )

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"oneOf": [record.schema() for record in self.kinds.values()]}


PROBE = ProbeShape(
    {
        kind.name: Record("probe", (kind, *expect, STAKE, REQUIRED, CONTRACT, EVIDENCE))
        for kind, *expect in (
            (ASK_HTTP, EXPECT_HTTP),
            (ASK_WS, EXPECT_WS),
            (ASK_LOGS, EXPECT_LOGS),
            (suites.ASK_SUITE, suites.EXPECT_SUITE),
            *questions.KINDS,
        )
    }
)

VERSION = Key("version", Integer(1, 1), "Version of this format: 1", required=True)
SERVICE_KEY = Key(
    "service",
    SERVICE,
    "The Cloud Run service; each part may come from the command line or the environment instead",
)
CANDIDATE_KEY = Key(
    "candidate",
    CANDIDATE,
    "How the candidate is addressed and how long it may take to become ready",
)
TRAFFIC = Key(
    "traffic",
    Listed(Integer(1, 100), most=100),
    "Percents of the traffic that the candidate gets one after the other, ending at 100. "
    "Default: [100]",
)
DWELL = Key(
    "dwell",
    Duration(),
    "How long the candidate is probed at each step before the next. Default: 1m",
)
WATCH = Key("watch", Duration(), "How long it is probed on after the last step. Default: 0s")
LEASE = Key(
    "lease",
    Duration(),
    "How long a rollout counts as alive without a word from it, 5s to 1h. Default: 1m",
)
DEADLINE = Key("deadline", Duration(), "Limit for the whole rollout. Default: 20m")
FIRST_DEPLOY = Key(
    "first_deploy",
    Choice(("refuse", "allow")),
    "Whether to create the service if there is none, although its first revision then has users' "
    "requests while it is probed. Default: refuse",
)
TEMPLATE = Key(
    "template",
    Choice(("stable", "service")),
    "What a new revision is built on, apart from its image: the revision that has users, or the "
    "service's template, which is what was deployed last. Default: stable",
)
ON_HOLD = Key(
    "on_hold",
    Choice(("keep", "drop")),
    "Whether an inconclusive candidate keeps its tag at 0 %. Default: keep",
)
REQUIRE_PROOF = Key(
    "require_proof",
    Flag(),
    "Hold a rollout unless a fresh proof (gate policy prove) says that the probes can fail. "
    "Default: false",
)
SECRETS = Key(
    "secrets", Named(SECRET_NAME, SECRET), "Secrets by name; never printed, never recorded"
)
CAPABILITIES = Key(
    "capabilities", Named(NAME, CAPABILITY_RECORD), "What is at stake, for the report"
)
PROBES = Key(
    "probes",
    Named(NAME, PROBE, least=1, most=200),
    "The questions that a candidate is asked, in this order",
    required=True,
)

POLICY = Record(
    "the policy",
    (
        VERSION,
        SERVICE_KEY,
        CANDIDATE_KEY,
        BASELINE,
        REPEATS,
        TRAFFIC,
        DWELL,
        WATCH,
        DEADLINE,
        LEASE,
        ON_HOLD,
        FIRST_DEPLOY,
        TEMPLATE,
        REQUIRE_PROOF,
        SECRETS,
        CAPABILITIES,
        PROBES,
    ),
)


def policy_schema() -> Json:
    """The policy format as a JSON Schema (Draft 2020-12), for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gate policy",
        **POLICY.schema(),
    }


ReadProbe = Read[tuple[str, Fields]]
