"""What gcloud does where the gate does not get through."""

from gate.core.service import ServiceRef
from gate.core.state import Kind, Plan
from gate.report.safe import WHOLE, safe

INSTEAD = "if gcloud gets through, this does the same (nothing is asked first or recorded)"
LOOK = "if gcloud gets through, this shows the service and its traffic"
RECOVER = (
    "if gcloud gets through, this moves users to the revision that you know to be good (nothing is "
    "recorded; the lease of a dead rollout runs out by itself)"
)
UNLOCK = (
    "gcloud has no command for this: the lease is the gate's own annotation, and runs out by "
    "itself once nobody renews it; users can be moved meanwhile, whoever holds it"
)
_NAMELESS = "REVISION"


def instead(plan: Plan, revision: str = "") -> tuple[str, str]:
    """What gcloud does for whom the gate does not get through, and the command; "" for neither.

    Args:
        plan: what was asked for.
        revision: where it leads to, where that is known by now.
    """
    match plan.kind:
        case Kind.PROMOTE | Kind.ROLLBACK:
            return INSTEAD, _moving(plan, plan.revision or revision)
        case Kind.RECOVER:
            return (UNLOCK if plan.force else RECOVER), _moving(plan, "")
        case _:
            return "", ""


def look(ref: ServiceRef) -> str:
    """The command that shows a service."""
    return safe(f"gcloud run services describe {ref.name} {_place(ref)}", WHOLE)


def _moving(plan: Plan, name: str) -> str:
    by_tag = plan.kind is Kind.PROMOTE and not name and plan.tag
    to = f"--to-tags {plan.tag}=100" if by_tag else f"--to-revisions {name or _NAMELESS}=100"
    command = f"gcloud run services update-traffic {plan.service.name} {to}"
    return safe(f"{command} {_place(plan.service)}", WHOLE)


def _place(ref: ServiceRef) -> str:
    return f"--project {ref.project} --region {ref.region}"
