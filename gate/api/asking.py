"""What asks a policy's probes, with its secrets, and what is known of its proof."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from gate.api.around import environment
from gate.api.wiring import SystemClock, secret_manager
from gate.core.redaction import Redactor
from gate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gate.core.policy import Policy
    from gate.core.proof import Proving
    from gate.ports import Configurations, Logs, Probes
    from gate.probes.inquiry import Surroundings


class Asking(NamedTuple):
    """What asks a policy's probes.

    Attributes:
        runner: asks them.
        redactor: knows the policy's secrets.
        versions: of the secrets that Secret Manager keeps, by name, for the record.
    """

    runner: "Probes"
    redactor: Redactor
    versions: Mapping[str, str]


def _surroundings(policy: "Policy") -> "Surroundings":
    """What a suite is started with: no variable of ours but those that any program needs."""
    from pathlib import Path  # noqa: PLC0415 - as in probes_of

    from gate.probes.inquiry import Surroundings  # noqa: PLC0415

    names = ("PATH", "HOME", "LANG", "TMPDIR")
    told = environment()
    return Surroundings(Path(policy.folder), {name: told[name] for name in names if name in told})


async def probes_of(
    policy: "Policy",
    logs: "Logs | None",
    configurations: "Configurations | None" = None,
    *,
    arrived: bool = False,
) -> "Asking":
    """The runner of the policy's probes with its secrets, and the redactor that knows them.

    `arrived`: the address has long been served, so that nothing waits for it to be.

    Raises:
        UsageError: a secret is missing or unusable, or an extra is that some probe needs.
        InfrastructureError: Secret Manager does not give a secret.
    """
    from gate.api import secret_values  # noqa: PLC0415
    from gate.core.literals import literals  # noqa: PLC0415 - lazy, as all here
    from gate.probes.runner import ProbeRunner  # noqa: PLC0415

    _require_extras(policy)
    secrets = await secret_values.of_policy(policy, secret_manager)
    redactor = Redactor(secrets.values, literals(policy))
    runner = ProbeRunner(
        secrets.values,
        logs,
        SystemClock(),
        redactor,
        configurations=configurations,
        surroundings=_surroundings(policy),
        arrival_within_s=0.0 if arrived else policy.candidate.arrival_within_s,
    )
    return Asking(runner, redactor, secrets.versions)


def _require_extras(policy: "Policy") -> None:
    """Makes sure that every probe can be asked before anything is written."""
    from gate.kinds.extras import hint  # noqa: PLC0415 - as in probes_of
    from gate.kinds.keys import lacking  # noqa: PLC0415

    found = tuple(lacking(policy.probes))
    if found:
        lines = (f"{said.place}: {said.message}" for _, said in found)
        raise UsageError("\n".join(lines), hint(extra for extra, _ in found))


def proving(path: "Path", policy: "Policy") -> "Proving":
    """What is known of the policy's proof; a file that cannot be read is none, and says why."""
    from gate.core.proof import Proving  # noqa: PLC0415
    from gate.mutation.proof_file import ProofFileError, proof_path, read_proof  # noqa: PLC0415
    from gate.policyfile import contract_digest  # noqa: PLC0415 - lazy, as all here

    file = proof_path(path)
    proof, problem = None, ""
    try:
        proof = read_proof(file)
    except ProofFileError as error:
        problem = error.message
    contract = contract_digest(policy)
    asked = policy.require_proof
    least = 0.0 if isinstance(asked, bool) else asked
    return Proving(bool(asked), file.name, policy.digest, contract, proof, problem, least)
