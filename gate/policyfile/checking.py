"""Checks what is written against a record of keys, with pydantic's core.

The forms say what pydantic asks of a type (`__get_pydantic_core_schema__`), and are all that is
needed here; what else the library brings costs start-up time, and serves the JSON Schema alone.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from gate.kinds.records import Record
from gate.kinds.templates import Reading
from gate.policyfile.mistakes import note_all
from gate.policyfile.problems import Problems
from gate.policyfile.tree import Node, as_json

if TYPE_CHECKING:
    from pydantic_core import CoreSchema, SchemaValidator


def validator(record: Record) -> "SchemaValidator":
    """What checks these keys."""
    from pydantic_core import SchemaValidator  # noqa: PLC0415 - only where a file is read

    return SchemaValidator(_schema(record, None))


def checked(
    made: "SchemaValidator", node: Node, reading: Reading | None, problems: Problems
) -> Any:
    """The value; None where it was refused, with every reason noted.

    Args:
        made: of its record.
        node: what is written.
        reading: what is known of the file.
        problems: where problems are noted.
    """
    from pydantic_core import ValidationError  # noqa: PLC0415

    try:
        return made.validate_python(as_json(node), context=reading)
    except ValidationError as error:
        note_all(error.errors(include_url=False), node, problems)
        return None


@dataclass(frozen=True, slots=True)
class _Handler:
    """Stands for pydantic's own: what has been made of a type so far, and of other types."""

    inner: "CoreSchema | None"

    def __call__(self, _: object) -> "CoreSchema | None":
        return self.inner

    def generate_schema(self, annotation: object) -> "CoreSchema | None":
        """What is made of an annotated type, from the inside out."""
        inner = None
        for one in get_args(annotation)[1:]:
            if hasattr(one, "__get_pydantic_core_schema__"):
                inner = _schema(one, inner)
        return inner


def _schema(form: Any, inner: "CoreSchema | None") -> "CoreSchema":
    made: CoreSchema = form.__get_pydantic_core_schema__(object, _Handler(inner))
    return made
