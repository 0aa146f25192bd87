"""The command of gcloud that moves traffic as asked, for where the gate does not get through."""

from gate.core.state import Kind, Plan
from gate.report.safe import WHOLE, safe

INSTEAD = "if gcloud gets through, this does the same (nothing is asked first or recorded)"
_NAMELESS = "REVISION"


def same_move(plan: Plan, revision: str = "") -> str:
    """What moves all traffic by gcloud, "" where a move is not what was asked for.

    Args:
        plan: what was asked for.
        revision: where it leads to, where that is known by now.
    """
    if plan.kind not in {Kind.PROMOTE, Kind.ROLLBACK}:
        return ""
    name = plan.revision or revision
    by_tag = plan.kind is Kind.PROMOTE and not name and plan.tag
    to = f"--to-tags {plan.tag}=100" if by_tag else f"--to-revisions {name or _NAMELESS}=100"
    ref = plan.service
    command = f"gcloud run services update-traffic {ref.name} {to}"
    return safe(f"{command} --project {ref.project} --region {ref.region}", WHOLE)
