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


@dataclass(frozen=True, slots=True)
class Found:
    """What a query must find in an answer: something, unless it says otherwise.

    Attributes:
        equals: what each value that it finds must be.
        some: what at least one of them must be.
        never: what none of them may be.
        contains: a text that each of them must hold.
        matches: a regular expression that must be found in each of them.
        kind: the JSON type that each of them must have, "" for any.
        exists: whether it must find anything; None where the others say so.
        count: how many it must find; None for any number.
    """

    equals: Json = field(default=None, hash=False)
    some: Json = field(default=None, hash=False)
    never: Json = field(default=None, hash=False)
    contains: str = ""
    matches: str = ""
    kind: str = ""
    exists: bool | None = None
    count: int | None = None


Queries = tuple[tuple[str, Found], ...]
"""What each query must find."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the body of an answer must hold, beside what its JSON value must look like.

    Attributes:
        text: texts that must stand in it, letter for letter.
        absent_text: texts that must not.
        path: JSONPath queries (RFC 9535) and what they must find.
        selector: CSS selectors and what they must find in HTML; `form@action` finds an attribute.
        min_size_bytes: least size of the body.
    """

    text: tuple[str, ...] = ()
    absent_text: tuple[str, ...] = ()
    path: Queries = ()
    selector: Queries = ()
    min_size_bytes: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return self == Content()
