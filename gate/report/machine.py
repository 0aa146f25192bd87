"""The same for machines: JSON with field names that stay."""

from collections.abc import Sequence

from gate.core.evidence import Evidence
from gate.core.policy import Json, Probe
from gate.core.service import Revision, Service
from gate.core.verdict import Verdict


def to_json(value: Json) -> str:
    """One JSON document, indented, in ASCII only, so that nothing in it acts on a terminal."""
    raise NotImplementedError


def status_value(
    service: Service, revisions: Sequence[Revision], latest_entries: Sequence[dict[str, Json]]
) -> Json:
    """How a service stands: see the table of fields above."""
    raise NotImplementedError


def evidence_value(
    evidence: Sequence[Evidence],
    *,
    probes: Sequence[Probe] = (),
    verdict: Verdict | None = None,
) -> Json:
    """What the probes saw (`gate probe`): see the table of fields above."""
    raise NotImplementedError
