"""The key that says what is kept of answers. Part of the one table that format is."""

from gate.core.policy import Bodies
from gate.policyfile.records import Fields, Key, Record
from gate.policyfile.shapes import Choice

BODIES = Key(
    "bodies",
    Choice(tuple(one.value for one in Bodies)),
    "What is shown and recorded of bodies and frames that the candidate sends: an excerpt without "
    "secrets, their keys and types, or nothing. Default: excerpt",
)
EVIDENCE = Key(
    "evidence",
    Record("evidence", (BODIES,)),
    "What is kept as evidence",
)


def bodies_of(fields: Fields) -> Bodies:
    """What a probe keeps."""
    read = fields.find(EVIDENCE)
    return Bodies(read.value.get(BODIES, Bodies.EXCERPT.value)) if read else Bodies.EXCERPT
