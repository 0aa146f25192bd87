"""Signs how a rollout ended: implements ports.Signer."""

from collections.abc import Awaitable, Callable

from gate.core.policy import Json
from gate.errors import GateError, InfrastructureError
from gate.signing.envelope import Key, sealed
from gate.signing.statement import image_of, judged, statement


class DecisionSigner:
    """Signs outcomes.

    Args:
        key: what signs, or is about to be asked for it.
    """

    def __init__(self, key: Callable[[], Awaitable[Key]]) -> None:
        self._key = key

    async def sign(self, entry: dict[str, Json], digest: str) -> str:
        """As ports.Signer."""
        if not judged(entry):
            return ""
        if not image_of(entry)[1]:
            raise InfrastructureError("the digest of the candidate's image is not known")
        try:
            return await sealed(statement(entry, digest), await self._key())
        except GateError:
            raise
        except Exception as error:  # noqa: BLE001 - no library's defect becomes a decision
            raise InfrastructureError(f"a defect of the gate ({type(error).__name__})") from None
