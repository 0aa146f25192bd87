"""A Cloud Run deployment gate and rollback controller.

    import gate

    outcome = await gate.rollout(policy="policy.yaml", image=IMAGE)
    if not outcome.done:
        print(outcome.ending, *outcome.reasons)

Everything here is loaded when it is first used. What each call takes and gives: docs/api.md.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing's own costs start-up time
    from gate.api.calls import promote, recover, rollback, rollout, status
    from gate.api.outcome import Evidence, Outcome, Reason
    from gate.api.progress import Progress
    from gate.api.standing import Status
    from gate.errors import (
        AccessError,
        ConflictError,
        ExitCode,
        GateError,
        InfrastructureError,
        NotFoundError,
        PolicyError,
        Problem,
        UnavailableError,
        UsageError,
    )

__all__ = [
    "AccessError",
    "ConflictError",
    "Evidence",
    "ExitCode",
    "GateError",
    "InfrastructureError",
    "NotFoundError",
    "Outcome",
    "PolicyError",
    "Problem",
    "Progress",
    "Reason",
    "Status",
    "UnavailableError",
    "UsageError",
    "promote",
    "recover",
    "rollback",
    "rollout",
    "status",
]
_HOMES = {
    **dict.fromkeys(("promote", "recover", "rollback", "rollout", "status"), "gate.api.calls"),
    **dict.fromkeys(("Evidence", "Outcome", "Reason"), "gate.api.outcome"),
    "Progress": "gate.api.progress",
    "Status": "gate.api.standing",
}
"""Where each name is; those of errors are in gate.errors."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only where a name is used

    found: object = getattr(import_module(_HOMES.get(name, "gate.errors")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
