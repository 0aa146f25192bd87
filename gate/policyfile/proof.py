"""How `require_proof` is written."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gate.core.policy import Json
from gate.kinds.forms import Form

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class Required(Form):
    """Whether there must be a proof, or the least share of the faults that it must have met."""

    says: str = "true, false or a share from 1% to 100%"

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        share = core_schema.str_schema(strict=True, pattern=r"^(?:100|[1-9][0-9]?)%$")
        return core_schema.union_schema([core_schema.bool_schema(strict=True), share])

    def value(self, written: Any) -> bool | float:
        """As Form.value."""
        return float(written[:-1]) if isinstance(written, str) else bool(written)

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return value if isinstance(value, bool) else f"{value:g}%"
