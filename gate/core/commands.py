"""What the shell must do next: a function of a rollout's state alone."""

from typing import assert_never

from gate.core.messages import Command, Deploy, Look, ReadLogs, Record, RunProbes, SetTraffic
from gate.core.state import Kind, Phase, Rollout
from gate.core.traffic import Split

FIRST_LOOK_S = 0.05
LONGEST_LOOK_S = 2.0


def command_of(r: Rollout) -> tuple[Command, ...]:
    """The one command that the rollout waits for, or nothing once it has ended."""
    match r.phase:
        case Phase.ENDED:
            return ()
        case Phase.RECORDING:
            return (Record(),)
        case Phase.DEPLOYING:
            why = f"deploy {r.plan.image} as {r.candidate} at 0 %"
            return (Deploy(r.plan.image, r.candidate, _split(r.placed), _etag(r), why),)
        case Phase.TAGGING | Phase.MOVING | Phase.REVERTING | Phase.UNTAGGING:
            return (_set_traffic(r),)
        case Phase.EXPLAINING:
            return (ReadLogs(r.candidate, r.started_at),)
        case Phase.PROBING:
            return (_run_probes(r),)
        case (
            Phase.READING
            | Phase.WAITING
            | Phase.CONFIRMING
            | Phase.VERIFYING
            | Phase.BACKING_OUT
            | Phase.PROVING
            | Phase.CLEANING
            | Phase.SETTLING
        ):
            return (Look(_to_read(r), _pause_s(r.looks)),)
        case _ as never:
            assert_never(never)


def _set_traffic(r: Rollout) -> SetTraffic:
    etag = _etag(r)
    match r.phase:
        case Phase.TAGGING:
            why = f"give {r.candidate} the tag {r.plan.tag} at 0 %"
            return SetTraffic(_split(r.placed), etag, why)
        case Phase.MOVING:
            rollback = r.plan.kind is Kind.ROLLBACK
            why = f"{'roll back' if rollback else 'promote'} to {r.candidate}"
            return SetTraffic(_split(r.goal), etag, why, even_unrecorded=rollback)
        case Phase.REVERTING:
            why = "move traffic back: the promotion did not come into effect"
            return SetTraffic(_split(r.goal), etag, why, even_unrecorded=True)
        case _:
            assert r.service is not None
            without = r.service.traffic.without_tag(r.plan.tag)
            why = f"take the tag {r.plan.tag} from {r.candidate}"
            return SetTraffic(without, etag, why, even_unrecorded=True)


def _run_probes(r: Rollout) -> RunProbes:
    assert r.service is not None
    return RunProbes(r.plan.probes, r.url, r.candidate, r.service.uri, r.started_at, r.deadline_at)


def _to_read(r: Rollout) -> tuple[str, ...]:
    """Revisions worth reading: the candidate while it matters, the stable ones once."""
    if r.phase is Phase.READING:
        return (r.candidate,) if r.candidate else ()
    if r.phase is not Phase.WAITING:
        return ()
    stable = tuple(name for name in _split(r.placed).shares if name and name not in r.revisions)
    return (r.candidate, *stable)


def _pause_s(looks: int) -> float:
    """0, 50 ms, then half as long again each time, up to 2 s."""
    return min(LONGEST_LOOK_S, FIRST_LOOK_S * 1.5 ** min(looks - 1, 20)) if looks else 0.0


def _split(split: Split | None) -> Split:
    assert split is not None
    return split


def _etag(r: Rollout) -> str:
    assert r.service is not None
    return r.service.etag
