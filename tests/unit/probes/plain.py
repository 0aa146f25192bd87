"""A text of a probe as it is shown where everything is kept."""

from gate.core.policy import Bodies
from gate.probes.quoting import kept


def plain(text: str) -> str:
    return kept(text, Bodies.EXCERPT)
