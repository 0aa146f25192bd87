"""What one JSON value must look like, whether an answer or a message: values, and a JSON Schema."""

from dataclasses import dataclass, field

from gate.core.questions import Json


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema: the path as the policy names it, and the document itself."""

    path: str
    document: Json = field(hash=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one JSON value must look like; every part given must hold.

    Attributes:
        json: each key given here must be there with an equal value (objects nest; extra keys in
            the answer are fine; a list must match item by item, as long as this one).
        schema: a JSON Schema the value must satisfy.
    """

    json: Json = field(default=None, hash=False)
    schema: Schema | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return self.json is None and self.schema is None
