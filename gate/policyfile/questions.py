"""The keys of the probes that ask about the revision, beside or beyond one request.

Part of the one table that format is: the kinds here have a module of their own for their number.
"""

from gate.policyfile.records import Either, Fields, Key, Listed, Record
from gate.policyfile.shapes import Choice, Duration, Flag, Integer, Text
from gate.policyfile.vocabulary import HEADERS, OFFERED, PATH, STATUS

NAMES = Either(
    Listed(Text("the name of a variable, a secret or a field"), most=1000),
    Choice(("none", "any")),
)
DIFF_ENV = Key("env", Flag(), "Whether environment variables are compared. Default: true")
DIFF_SECRETS = Key("secrets", Flag(), "Whether what secrets fill is compared. Default: true")
DIFF_RESOURCES = Key("resources", Flag(), "Whether CPU and memory are compared. Default: true")
DIFF_IMAGE = Key("image", Flag(), "Whether images are compared. Default: false")
DIFF_PORTS = Key("ports", Flag(), "Whether port and protocol are compared. Default: true")
DIFF_IDENTITY = Key("identity", Flag(), "Whether the service account is compared. Default: true")
DIFF_SCALING = Key(
    "scaling", Flag(), "Whether concurrency, timeout and instances are compared. Default: true"
)
DIFF_NETWORK = Key("network", Flag(), "Whether VPC access is compared. Default: true")
DIFF_VOLUMES = Key("volumes", Flag(), "Whether mounted volumes are compared. Default: true")
DIFF = Record(
    "diff",
    (
        DIFF_ENV,
        DIFF_SECRETS,
        DIFF_RESOURCES,
        DIFF_IMAGE,
        DIFF_PORTS,
        DIFF_IDENTITY,
        DIFF_SCALING,
        DIFF_NETWORK,
        DIFF_VOLUMES,
    ),
)
MISSING = Key(
    "missing",
    NAMES,
    "What stable has and the candidate need not have: names, none or any. Default: none",
)
CHANGED = Key(
    "changed", NAMES, "What may be another than stable's: names, none or any. Default: none"
)
DIFF_EXPECT = Record("diff expect", (MISSING, CHANGED))

ASK_DIFF = Key(
    "diff",
    DIFF,
    "How the candidate is set up beside how stable is, before any request",
    required=True,
)
EXPECT_DIFF = Key("expect", DIFF_EXPECT, "What may differ")

ROUTES_PATH = Key("path", PATH, "Path of the OpenAPI document, in JSON. Default: /openapi.json")
ROUTES_TIMEOUT = Key("timeout", Duration(), "Limit for each of the two requests. Default: 10s")
ROUTES = Record("routes", (ROUTES_PATH, ROUTES_TIMEOUT))
ROUTE = Text(
    "a route such as GET /items/{id}",
    r"(?:GET|PUT|POST|DELETE|OPTIONS|HEAD|PATCH|TRACE) /[!-~]*",
)
REMOVED = Key("removed", Listed(ROUTE), "Routes that may be gone")
STRICTER = Key("changed", Listed(ROUTE), "Routes that may ask for more than stable's do")
ROUTES_EXPECT = Record("routes expect", (REMOVED, STRICTER))
ASK_ROUTES = Key(
    "routes",
    ROUTES,
    "The routes in the candidate's OpenAPI document beside those in stable's",
    required=True,
)
EXPECT_ROUTES = Key("expect", ROUTES_EXPECT, "What may be lost")

STARTUP_PATH = Key("path", PATH, "Path and query on the candidate's own URL", required=True)
WARM_REQUESTS = Key(
    "warm_requests", Integer(1, 1000), "How many requests follow the first one. Default: 5"
)
STARTUP = Record("startup", (STARTUP_PATH, WARM_REQUESTS))
STARTUP_STATUS = Key(
    "status", Either(Listed(STATUS), STATUS), "HTTP status, or a list. Default: 200"
)
FIRST = Key("first", Duration(), "Limit for the first answer. Default: 1m")
WARM = Key("warm", Duration(), "Limit for each of those after it. Default: 2s")
STARTUP_EXPECT = Record("startup expect", (STARTUP_STATUS, FIRST, WARM))
ASK_STARTUP = Key(
    "startup", STARTUP, "How long the first answer takes, and those after it", required=True
)
EXPECT_STARTUP = Key("expect", STARTUP_EXPECT, "What the answers must be, and how soon")

SOAK_PATH = Key("path", PATH, "Path and query on the candidate's own URL", required=True)
SOAK_FOR = Key("for", Duration(), "How long the connection is held, 1s to 1h. Default: 2m")
PING_EVERY = Key(
    "ping_every", Duration(), "How often we ping, and how soon each must be answered. Default: 10s"
)
SOAK_OPEN = Key("open_within", Duration(), "Limit for the handshake. Default: 10s")
SOAK_OFFERED = Key(
    "subprotocols", Listed(OFFERED, least=0, most=20), "Subprotocols to offer; may hold templates"
)
SOAK_HEADERS = Key("headers", HEADERS, "Headers of the handshake; values may hold templates")
SOAK = Record("soak", (SOAK_PATH, SOAK_FOR, PING_EVERY, SOAK_OPEN, SOAK_OFFERED, SOAK_HEADERS))
SERVER_PINGS = Key(
    "server_pings", Integer(0, 100_000), "Least number of the server's own pings. Default: 0"
)
SOAK_EXPECT = Record("soak expect", (SERVER_PINGS,))
ASK_SOAK = Key("soak", SOAK, "One WebSocket that is held open for a while", required=True)
EXPECT_SOAK = Key("expect", SOAK_EXPECT, "What the server must do meanwhile")

GRPC_SERVICE = Key(
    "service",
    Text("the name of a gRPC service such as shop.v1.Orders", r"[A-Za-z0-9_.-]+", 300),
    "Which service's health is asked for. Default: the whole server",
)
GRPC_WITHIN = Key("within", Duration(), "Limit for the call, connection included. Default: 10s")
GRPC = Record("grpc", (GRPC_SERVICE, GRPC_WITHIN))
ASK_GRPC = Key("grpc", GRPC, "The standard health service of gRPC", required=True)

PLUGIN_KIND = Key(
    "kind",
    Text("the name of an entry point of the group gate.probes", r"[A-Za-z0-9][A-Za-z0-9._-]*", 100),
    "Which of the installed plug-ins to ask",
    required=True,
)
PLUGIN_TIMEOUT = Key("timeout", Duration(), "Limit for its answer, import included. Default: 1m")
PLUGIN = Record("plugin", (PLUGIN_KIND, PLUGIN_TIMEOUT), others=True)
ASK_PLUGIN = Key(
    "plugin",
    PLUGIN,
    "A kind that another package brings; all other keys are for it and may hold templates",
    required=True,
)

KINDS: tuple[tuple[Key[Fields], ...], ...] = (
    (ASK_DIFF, EXPECT_DIFF),
    (ASK_ROUTES, EXPECT_ROUTES),
    (ASK_STARTUP, EXPECT_STARTUP),
    (ASK_SOAK, EXPECT_SOAK),
    (ASK_GRPC,),
    (ASK_PLUGIN,),
)
"""Each kind's own key, and the key of its expectations where it has any."""
