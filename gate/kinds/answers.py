"""What the body of an HTTP answer must hold: keys of `expect` that several kinds have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from gate.core.expectations import Content, Found, Queries
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.collections import OneOrMany
from gate.kinds.forms import AnyJson, Choice, Flag, Text, Whole, noted
from gate.kinds.records import Key, Record, slots_from
from gate.kinds.templates import Plain, Reading, Templated
from gate.kinds.values import Pairs

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

QUERY_MAX = 500
BODY_MAX_BYTES = 1 << 20
TYPES = Choice(words=("object", "array", "string", "number", "integer", "boolean", "null"))


@dataclass(frozen=True, slots=True)
class Query(Text):
    """A query in a language that is a library's: refused where it cannot be read.

    Attributes:
        language: `jsonpath`, `css` or `regex`, as Reading.query knows them.
    """

    language: str = ""
    most: int = QUERY_MAX

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        return _readable(self.language, Text.__get_pydantic_core_schema__(self, source, handler))


def _readable(language: str, inner: "CoreSchema") -> "CoreSchema":
    from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

    def read(text: str, info: Any) -> str:
        reading: Reading | None = info.context
        if reading is not None:
            noted(lambda one: reading.query(language, one), text)
        return text

    return core_schema.with_info_after_validator_function(read, inner)


JSONPATH = Query("a JSONPath query (RFC 9535) such as $.items[0].id", language="jsonpath")
SELECTOR = Query("a CSS selector such as h1, or form@action for an attribute", language="css")
REGEX = Query("a regular expression", language="regex")


@dataclass(frozen=True, slots=True)
class Short(Record):
    """A record that may be written as the value of one of its keys alone.

    Attributes:
        short: that key.
    """

    short: str = ""

    def _read(self, given: object, check: Any, info: Any) -> object:
        whole = given if isinstance(given, dict) else {self.short: given}
        return Record._read(self, whole, check, info)  # noqa: SLF001 - its own base

    def __get_pydantic_json_schema__(
        self, core: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        """As pydantic asks for it."""
        whole = Record.__get_pydantic_json_schema__(self, core, handler)
        return {"anyOf": [{"type": ["array", "string", "number", "boolean"]}, whole]}


@dataclass(frozen=True, slots=True)
class _Found(Short):
    """What a query must find."""

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return Record.text(self, value)

    def unfit(
        self, value: Any, given: Mapping[str, object], reading: Reading | None
    ) -> Iterator[ValueProblem]:
        """As Record.unfit."""
        del reading
        if (value.exists is False or value.count == 0) and len(given) > 1:
            key = "exists" if value.exists is False else "count"
            yield ValueProblem(key, "leaves the other keys without a meaning: nothing is found")


def found_keys(templated: Templated, *, typed: bool) -> Short:
    """The keys that say what a query must find.

    Args:
        templated: which templates its values may hold.
        typed: whether what it finds has JSON types.
    """
    any_json = Annotated[Json, AnyJson(), templated]
    keys: dict[str, object] = {
        "equals": Annotated[
            any_json,
            Key(
                "what each one found must be; objects may have more keys than given. A value "
                "alone means this; may hold templates"
            ),
        ],
        "some": Annotated[any_json, Key("what at least one of them must be; may hold templates")],
        "never": Annotated[any_json, Key("what none of them may be; may hold templates")],
        "contains": Annotated[
            str, Text(), templated, Key("text that each must hold; may hold templates")
        ],
        "matches": Annotated[
            str, REGEX, Plain(), Key("a regular expression that must be found in each")
        ],
        "kind": Annotated[
            str,
            TYPES,
            Key("the JSON type that each must have; `1.0` is an integer, too", "type"),
        ],
        "exists": Annotated[
            bool, Flag(), Key("whether anything must be found", absent="true, unless `count: 0`")
        ],
        "count": Annotated[int, Whole(low=0, high=100_000), Key("how many must be found")],
    }
    if not typed:
        del keys["kind"]
    slots = slots_from(Found, keys)
    names = tuple(slot.name for slot in slots)
    return _Found("what must be found", Found, slots, short="equals", some_of=names)


@dataclass(frozen=True, slots=True)
class _Queries(Pairs):
    """Queries to what each must find."""

    language: str = ""

    def _known(self, names: "CoreSchema") -> "CoreSchema":
        """Refuses queries that cannot be read."""
        return _readable(self.language, names)


def _queries(query: Query, found: Short) -> Pairs:
    item = Annotated[Found, found]
    return _Queries(name=query, item=item, least=1, most=50, language=query.language)


def content_keys(*, user: bool = False, later: bool = False) -> Record:
    """The keys that say what the body of an answer must hold.

    Args:
        user: as in Templated.
        later: as in Templated.
    """
    templated = Templated(user=user, later=later)
    texts = OneOrMany(item=Annotated[str, Text("text", r"[^\x00]+"), templated], most=50)
    return Record(
        "content",
        Content,
        slots_from(
            Content,
            {
                "text": Annotated[
                    tuple[str, ...],
                    texts,
                    Key("text, or a list of texts, that the body must hold; may hold templates"),
                ],
                "absent_text": Annotated[
                    tuple[str, ...], texts, Key("text that it must not hold; may hold templates")
                ],
                "path": Annotated[
                    Queries,
                    _queries(JSONPATH, found_keys(templated, typed=True)),
                    Key("JSONPath queries (RFC 9535), and what each must find in a JSON body"),
                ],
                "selector": Annotated[
                    Queries,
                    _queries(SELECTOR, found_keys(templated, typed=False)),
                    Key(
                        "CSS selectors, and what each must find in an HTML body: the text of an "
                        "element with its white space as one blank, or with `@name` at the end an "
                        "attribute"
                    ),
                ],
                "min_size_bytes": Annotated[
                    int,
                    Whole(low=0, high=BODY_MAX_BYTES, what="a number of bytes"),
                    Key("least number of bytes of the body", "min_size"),
                ],
            },
        ),
    )
