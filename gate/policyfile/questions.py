"""The keys of the probes that ask about the revision, beside or beyond one request.

Part of the one table that format is: the kinds here have a module of their own for their number.
"""

from gate.policyfile.records import Either, Fields, Key, Listed, Record
from gate.policyfile.shapes import Choice, Duration, Flag, Text
from gate.policyfile.vocabulary import PATH

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

KINDS: tuple[tuple[Key[Fields], ...], ...] = (
    (ASK_DIFF, EXPECT_DIFF),
    (ASK_ROUTES, EXPECT_ROUTES),
)
"""Each kind's own key, and the key of its expectations where it has any."""
