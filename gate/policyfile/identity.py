"""The keys of `candidate.identity`: how an answer says which revision gave it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from gate.core.policy import IdentityRule
from gate.kinds.collections import OneOrMany
from gate.kinds.forms import Flag, Text
from gate.kinds.records import Key, Record, Slot, slots_from
from gate.kinds.templates import Plain
from gate.kinds.two_forms import TextOrMapping
from gate.kinds.values import TOKEN, Path

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class _ByJson:
    path: str
    field: str


_FIELD = Text("the name of a field", most=100)
_ASKED_BESIDE = Record(
    "identity json",
    _ByJson,
    slots_from(
        _ByJson,
        {
            "path": Annotated[Path, Key("path that is asked before each probe and after it")],
            "field": Annotated[
                str, _FIELD, Plain(), Key("field of the JSON answer that has the name")
            ],
        },
    ),
)


def _identity(
    header: str = "",
    json: _ByJson | str = "",
    message: str = "",
    *,
    request_log: bool = False,
) -> IdentityRule:
    beside = json if isinstance(json, _ByJson) else _ByJson("", "")
    own = json if isinstance(json, str) else ""
    return IdentityRule(header, beside.path, beside.field, request_log, own, message)


IDENTITY = Record(
    "identity",
    _identity,
    (
        Slot(
            "header",
            Annotated[str, Text("a header name", rf"{TOKEN}+", 100)],
            Key("header of the answer, of a WebSocket's handshake too, that has the name"),
            "",
        ),
        Slot(
            "json",
            Annotated[
                object, TextOrMapping(one=Annotated[str, _FIELD, Plain()], mapping=_ASKED_BESIDE)
            ],
            Key(
                "field of the JSON answer that has the name: of the probe's own answer, or, as "
                "`{path, field}`, of one that is asked before each probe and after it"
            ),
            None,
        ),
        Slot(
            "message",
            Annotated[str, _FIELD, Plain()],
            Key("field of a WebSocket's messages that has the name: the first that has it counts"),
            "",
        ),
        Slot(
            "request_log",
            Annotated[bool, Flag()],
            Key(
                "whether the front end's own log says who answered, for services that name "
                "themselves nowhere"
            ),
            None,
        ),
    ),
    one_of=("header", "json", "message", "request_log"),
)
RULES_MAX = 10


@dataclass(frozen=True, slots=True)
class _Rules(OneOrMany):
    """One rule, or several of which the first that applies counts; read as one rule."""

    def expected(self, given: object) -> str:
        """As Form.expected."""
        return f"{IDENTITY.expected(given)}, or a list of such"

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

        rules = OneOrMany.__get_pydantic_core_schema__(self, source, handler)
        return core_schema.no_info_after_validator_function(IdentityRule.first_of, rules)


RULES = _Rules(item=Annotated[IdentityRule, IDENTITY], most=RULES_MAX, mappings=True)
