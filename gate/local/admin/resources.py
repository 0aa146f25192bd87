"""CPU and memory of a revision's containers: what Cloud Run lets them have.

Pure. The rules are documented (run/docs/configuring/services/cpu, memory-limits, max concurrency);
the texts are those that users of Cloud Run publish, which speak of `cpu < 1` and name no index.
Where no published text fits, the end of the text is this server's own.
"""

import math
import re
from collections.abc import Sequence
from typing import Final

from gate.local.admin.defaults import cpus
from gate.local.admin.messages import Container, RevisionTemplate
from gate.local.api.errors import ApiError, Code, FieldViolation

_MEBI: Final = 2**20
_GIBI: Final = 1024
_UNITS: Final = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "Ki": 2**10,
    "Mi": _MEBI,
    "Gi": 2**30,
}
_QUANTITY: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)(Ki|Mi|Gi|k|M|G)?")
_GEN2: Final = 2  # google.cloud.run.v2.ExecutionEnvironment
_SECOND_GENERATION_MIB: Final = 512
_WHOLE: Final = (1.0, 2.0, 4.0, 6.0, 8.0)
_LEAST: Final = 0.08
_MOST: Final = 8
_MEMORY_MIB: Final = {
    0.0: (128, 512),
    0.5: (128, _GIBI),
    1.0: (128, 4 * _GIBI),
    2.0: (128, 8 * _GIBI),
    4.0: (2 * _GIBI, 16 * _GIBI),
    6.0: (4 * _GIBI, 24 * _GIBI),
    8.0: (4 * _GIBI, 32 * _GIBI),
}
"""Least and most memory by the number of CPUs from which on they hold."""


def check_resources(template: RevisionTemplate) -> None:
    """Refuses CPU and memory that no instance can have; defaults are filled in.

    A rule about one container's CPU and memory is applied where there is one container.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    containers = list(template.containers)
    total, memory_mib = _total_cpus(containers), _total_mib(containers)
    if total > _MOST:
        raise _wrong("cpu", f"Total millicpu may not exceed {_MOST * 1000}.")
    idle = all(container.resources.cpu_idle for container in containers)
    if total < 1 and template.max_instance_request_concurrency > 1:
        raise _wrong("cpu", "Total cpu < 1 is not supported with concurrency > 1.")
    if total < 1 and not idle:
        text = "Total cpu < 1 is not supported with cpu always allocated (unthrottled)."
        raise _wrong("cpu", text)
    if memory_mib < _SECOND_GENERATION_MIB:
        _check_little(template, idle=idle)
    if len(containers) == 1:
        _check_pair(total, memory_mib)


def _check_little(template: RevisionTemplate, *, idle: bool) -> None:
    where = "gen2 execution environment" if template.execution_environment == _GEN2 else ""
    where = where or ("" if idle else "cpu always allocated (unthrottled)")
    if where:
        raise _wrong("memory", f"Total memory < 512 Mi is not supported with {where}.")


def _check_pair(cpu: float, memory_mib: float) -> None:
    if cpu < _LEAST or (cpu >= 1 and cpu not in _WHOLE):
        raise _wrong("cpu", f"(got {cpu}, expected 1, 2, 4, 6 or 8, or from {_LEAST} to 1)")
    least, most = next(_MEMORY_MIB[step] for step in reversed(_MEMORY_MIB) if step <= cpu)
    if not least <= memory_mib <= most:
        text = (
            f"For {cpu} CPU, memory must be between {_shown(least)} and {_shown(most)} inclusive."
        )
        raise _wrong("memory", text)


def _total_cpus(containers: Sequence[Container]) -> float:
    for container in containers:
        if not 0 < cpus(container) < math.inf:
            raise _wrong("cpu", f"(got {container.resources.limits['cpu'][:40]!r})")
    return round(sum(map(cpus, containers)), 3)


def _total_mib(containers: Sequence[Container]) -> float:
    return sum(_mib(container.resources.limits["memory"]) for container in containers)


def _mib(quantity: str) -> float:
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise _wrong("memory", f"(got {quantity[:40]!r})")
    return float(match[1]) * _UNITS[match[2] or ""] / _MEBI


def _shown(mib: int) -> str:
    return f"{mib}Mi" if mib < _GIBI else f"{mib // _GIBI}Gi"


def _wrong(what: str, why: str) -> ApiError:
    field = f"template.containers.resources.limits.{what}"
    text = f"Invalid value specified for {what}. {why}"
    violations = (FieldViolation(field, text),)
    return ApiError(Code.INVALID_ARGUMENT, f"{field}: {text}", violations)
