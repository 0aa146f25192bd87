"""Shapes that several parts of the format use: names, paths, headers, statuses."""

from gate.policyfile.records import Listed, Named
from gate.policyfile.shapes import Integer, Text

LABEL = r"[a-z](?:[a-z0-9-]*[a-z0-9])?"
TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"  # noqa: S105 - RFC 9110's token, no password

NAME = Text(
    "a name of lowercase letters, digits and hyphens", r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", 60
)
SECRET_NAME = Text(
    "a name of letters, digits, _ and - that begins with a letter",
    r"[A-Za-z_][A-Za-z0-9_-]*",
    60,
)
PATH = Text(
    "a path such as /health that starts with one /",
    r"/(?!/)[!\"$-~]*",
    hint="the address is the candidate's own; a policy cannot name another host",
)
HEADERS = Named(
    Text("a header name", rf"{TOKEN}+", 100),
    Text("text of printable ASCII characters", r"[!-~](?:[ -~]*[!-~])?", 8000),
)
SCHEMA_FILE = Text("a JSON Schema file below the policy's folder, such as schemas/a.json", most=300)
TYPES = Listed(Text("a message type"), most=100)
OFFERED = Text(
    "a subprotocol (a token, which may hold templates)", rf"(?:\$\{{[^{{}}]*\}}|{TOKEN})+"
)
STATUS = Integer(200, 599, "an HTTP status")
