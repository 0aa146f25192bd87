"""Which tag a candidate is asked at: one that nobody used lately, unless answers name themselves.

Front ends follow a tag that has moved one after the other, and until the last one does, the
revision that had the tag before answers at its address
(https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration). Where answers name the
revision that gave them (identity in the policy), that does no harm. Where they do not, nothing else
could tell them apart, so the address must be new.
"""

from collections.abc import Iterator
from dataclasses import replace

from gate.core.service import Service
from gate.core.state import Kind, Plan, Rollout
from gate.core.traffic import TAG_AND_SERVICE_MAX, Split


def own_tag(plan: Plan) -> Plan:
    """The plan with a tag of its own to ask the candidate at, where its answers name nobody.

    A candidate that is held and kept gets the policy's tag in the end.
    """
    asks = bool(plan.probes) and plan.kind in {Kind.ROLLOUT, Kind.ROLLBACK}
    if not asks or plan.identity is not None:
        return plan
    tag = fresh_tag(plan.tag, plan.suffix, plan.service.name)
    kept_as = plan.tag if plan.kind is Kind.ROLLOUT else ""
    return replace(plan, tag=tag, kept_as=kept_as)


def fresh_tag(tag: str, suffix: str, service: str) -> str:
    """`candidate-xyz`: the tag with these letters, as much of it as Cloud Run allows.

    Args:
        tag: the policy's.
        suffix: letters that are drawn anew for each rollout.
        service: name of the service, which the tag shares 46 characters with.
    """
    room = TAG_AND_SERVICE_MAX - len(service)
    begin = tag[: max(room - len(suffix) - 1, 0)].rstrip("-")
    return f"{begin}-{suffix}" if begin else suffix[: max(room, 1)]


def tidied(r: Rollout, traffic: Split) -> Split:
    """The same traffic without our tag, where it is still ours.

    A candidate that is kept is found at the tag that the policy names, wherever it was asked.
    """
    tag, kept_as = r.plan.tag, r.plan.kept_as
    if traffic.tags.get(tag, "") != r.candidate:
        return traffic
    if not r.keeps_tag:
        return traffic.without_tag(tag)
    return traffic.without_tag(tag).with_tag(kept_as, r.candidate) if kept_as else traffic


def without_their_tag(service: Service, traffic: Split) -> Split:
    """Traffic without the tag of whoever is at work: whoever takes over takes that away, too."""
    mark = service.known_annotation
    theirs = mark.holder and mark.tag and traffic.tags.get(mark.tag) == mark.candidate
    return traffic.without_tag(mark.tag) if theirs else traffic


def pinned_tags(plan: Plan, service: Service, to: str = "") -> Iterator[str]:
    """What is said of people's tags on LATEST: no address of anybody meets what is not proven.

    Args:
        plan: what was asked for.
        service: as read.
        to: the revision that they are pinned to, "" for the one that LATEST means now.
    """
    to = to or service.latest_ready
    promoted = plan.kind is Kind.ROLLOUT
    also = ", also once the candidate is promoted" if promoted else ""
    for tag in service.traffic.floating_tags:
        if tag not in {plan.tag, plan.kept_as}:
            yield (
                f"tag {tag} followed LATEST and is pinned to {to} from now on"
                f"{also}: `gcloud run services update-traffic {service.ref.name} "
                f"--update-tags {tag}=LATEST` goes back"
            )
