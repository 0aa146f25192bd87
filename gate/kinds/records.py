"""The keys of a mapping, from the annotations of the value that it is read as.

A dataclass says of each of its fields how a file writes it: a form, checks, and a `Key` with the
one sentence about it. Its default is the dataclass's. What the reader checks by, the JSON Schema,
and the tables in docs/policy are all made from that.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.checks import Check
from gate.kinds.forms import UNKNOWN, Form, Whole, form_of, note, refusal, unfit
from gate.kinds.templates import Place, Reading

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema, InitErrorDetails

ANY_OTHER = "*"
"""The name of a key that stands for all keys that are not known."""
_UNITS = ("_per_s", "_percent", "_code", "_s")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file.

    Attributes:
        about: what it is for, in one sentence.
        name: its name, where it is not the field's without its unit.
        absent: what holds without it, in words, where its default is not written down.
    """

    about: str
    name: str = ""
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Expected(Key):
    """A key under `expect`: what must be seen."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of a value, and the key that fills it.

    Attributes:
        field: the field's name.
        annotation: its type, with how a file writes it.
        default: its default; MISSING where the key is required.
    """

    field: str
    annotation: object
    key: Key
    default: object

    @property
    def name(self) -> str:
        """The key's name in the file."""
        if self.key.name:
            return self.key.name
        unit = next((unit for unit in _UNITS if self.field.endswith(unit)), "")
        return self.field.removesuffix(unit)

    @property
    def required(self) -> bool:
        """Whether the key must be there."""
        return self.default is MISSING

    @property
    def form(self) -> Form:
        """How its value is written."""
        return form_of(self.annotation)

    @property
    def inline(self) -> "Record | None":
        """The record whose keys stand among this one's neighbours, where it is one."""
        form = self.form
        return form if isinstance(form, Record) and not self.key.about else None

    @property
    def written(self) -> Json:
        """Its default as a file has it; None where there is none to write."""
        empty = self.default in (MISSING, None, (), "") or self.default == {}
        if empty or self.key.absent or isinstance(self.form, Record):
            return None  # the keys of a record have defaults of their own
        return self.form.text(self.default)

    def check(self, value: object) -> None:
        """Refuses what the field cannot be.

        Raises:
            ValueProblem: with the key's name.
        """
        for one in get_args(self.annotation)[1:]:
            if isinstance(one, Check | Whole):
                one.refuse(self.name, value)


def slots_from(made: type, annotations: Mapping[str, object]) -> tuple[Slot, ...]:
    """The slots of a value whose fields are annotated elsewhere: core knows no files."""
    known = {one.name: one for one in fields(made)}
    return tuple(
        Slot(name, annotation, _key(annotation), _default(known[name]))
        for name, annotation in annotations.items()
    )


def slots_of(made: type) -> tuple[Slot, ...]:
    """The slots of a value whose own fields say how a file writes them."""
    return _slots_of(made)


@cache
def _slots_of(made: type) -> tuple[Slot, ...]:
    hints = get_type_hints(made, include_extras=True)
    return tuple(
        Slot(one.name, hints[one.name], key, _default(one))
        for one in fields(made)
        if (key := _key(hints[one.name], None)) is not None
    )


def _key(annotation: object, otherwise: Key | None = Key("")) -> Any:
    return next((one for one in get_args(annotation)[1:] if isinstance(one, Key)), otherwise)


def _default(one: Any) -> object:
    return one.default if one.default_factory is MISSING else one.default_factory()


@dataclass(frozen=True, slots=True)
class Record(Form):
    """A mapping with known keys, read as a value.

    Attributes:
        says: what it is called in messages.
        make: makes the value of its fields.
        slots: its fields.
        one_of: exactly one of these keys must be there.
        some_of: at least one of these keys must be there.
        stray: what is said of a key that is not its own but a sibling's: message and hint.
    """

    make: Callable[..., Any] = dict
    slots: tuple[Slot, ...] = ()
    one_of: tuple[str, ...] = ()
    some_of: tuple[str, ...] = ()
    stray: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[Slot, ...]:
        """Its own keys, and those of the records that stand in it without a name."""
        found: list[Slot] = []
        for slot in self.slots:
            found += slot.inline.keys if slot.inline else (slot,)
        return tuple(slot for slot in found if slot.name != ANY_OTHER)

    @property
    def rest(self) -> Slot | None:
        """What takes all other keys, where anything does."""
        return next((slot for slot in self.slots if slot.name == ANY_OTHER), None)

    def expected(self, _: object) -> str:
        """As Form.expected."""
        names = [slot.name for slot in self.keys]
        return f"a mapping with {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}"

    def value(self, written: Any) -> Any:
        """The value of these keys."""
        given: dict[str, object] = {}
        for slot in self.slots:
            if slot.inline:
                there = [one for one in slot.inline.keys if one.name in written]
                if there:
                    given[slot.field] = slot.inline.value(written)
            elif slot.name == ANY_OTHER:
                own = {one.name for one in self.keys}
                given[slot.field] = {k: v for k, v in written.items() if k not in own}
            elif slot.name in written:
                given[slot.field] = written[slot.name]
        return self.make(**given)

    def text(self, value: Any) -> Json:
        """As Form.text."""
        there = ((slot, getattr(value, slot.field)) for slot in self.slots)
        return {slot.name: slot.form.text(one) for slot, one in there if one != slot.default}

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415

        known = {
            slot.name: core_schema.typed_dict_field(
                handler.generate_schema(slot.annotation),
                required=slot.required,
                metadata={"pydantic_js_updates": _described(slot)},
            )
            for slot in self.keys
        }
        mapping = core_schema.typed_dict_schema(
            known, extra_behavior="allow", extras_schema=self._others(handler)
        )
        return core_schema.with_info_wrap_validator_function(self._read, mapping)

    def _read(self, given: object, check: Callable[[object], Any], info: Any) -> object:
        if not isinstance(given, dict):
            raise refusal(self.expected(given))
        missing = {f"<{number}>": one for number, one in enumerate(self._missing(given))}
        unknown = {} if self.rest else self._unknown(given)
        read = check({**given, **unknown, **missing})
        try:
            value = self.value(read)
            problems = [*self.unfit(value, given, info.context)]
        except ValueProblem as problem:
            value, problems = None, [problem]
        if problems:
            from pydantic_core import ValidationError  # noqa: PLC0415

            wrong = [self._located(problem, given) for problem in problems]
            raise ValidationError.from_exception_data(self.says, wrong)
        return value

    def unfit(
        self, value: Any, given: Mapping[str, object], reading: Reading | None
    ) -> Iterator[ValueProblem]:
        """What a file may not say, although there is such a value.

        Args:
            value: as read.
            given: as written.
            reading: what is known of the file.
        """
        del value, given, reading
        yield from ()

    def place(self, key: str, given: Mapping[str, object]) -> Place:
        """Where a key of this record, or below it, stands."""
        del given
        return (key,) if key else ()

    def _located(self, problem: ValueProblem, given: Mapping[str, object]) -> "InitErrorDetails":
        told = unfit(problem.message, problem.hint)
        return {"type": told, "loc": self.place(problem.field, given), "input": given}

    def _missing(self, given: Mapping[str, object]) -> Iterator["_Unfit"]:
        """What is wrong with which keys are there; pydantic finds it among the others."""
        for slot in self.keys:
            if slot.required and slot.name not in given:
                message = f"{slot.name} is missing (expected {slot.form.expected(None)})"
                yield _Unfit(note(message))
        there = [name for name in (*self.one_of, *self.some_of) if name in given]
        for wish, names, wrong in (
            ("exactly one", self.one_of, len(there) != 1),
            ("at least one", self.some_of, not there),
        ):
            if names and wrong:
                got = " and ".join(there) or "none"
                told = f"{self.says} needs {wish} of {', '.join(names)} (got {got})"
                yield _Unfit(note(told))

    def _unknown(self, given: Mapping[str, object]) -> dict[str, "_Unfit"]:
        from pydantic_core import PydanticCustomError  # noqa: PLC0415

        known = [slot.name for slot in self.keys]
        told: dict[str, _Unfit] = {}
        for name in given:
            if name in known:
                continue
            if name in self.stray:
                told[name] = _Unfit(note(*self.stray[name]))
            else:
                told[name] = _Unfit(PydanticCustomError(UNKNOWN, "refused", {"known": known}))
        return told

    def _others(self, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        """Raises what was found wrong with the keys; other keys are somebody else's, or none."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def read(given: object, check: Callable[[object], object]) -> object:
            if isinstance(given, _Unfit):
                raise given.told
            return check(given)

        rest = self.rest
        extra = handler.generate_schema(rest.annotation) if rest else core_schema.any_schema()
        return core_schema.no_info_wrap_validator_function(read, extra)

    def __get_pydantic_json_schema__(
        self, core: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        """As pydantic asks for it: with no keys but those known, and those that must be there."""
        schema = {**handler(core), "additionalProperties": self.rest is not None}
        schema.pop("title", None)
        if self.one_of:
            schema["oneOf"] = [{"required": [name]} for name in self.one_of]
        if self.some_of:
            schema["anyOf"] = [{"required": [name]} for name in self.some_of]
        return schema


@dataclass(frozen=True, slots=True)
class _Unfit:
    """Stands for a value that is not there, or should not be, and says what is wrong."""

    told: Any


def _described(slot: Slot) -> dict[str, Any]:
    told: dict[str, Any] = {"description": _sentence(slot)}
    if slot.written is not None:
        told["default"] = slot.written
    return told


def _sentence(slot: Slot) -> str:
    about = slot.key.about[:1].upper() + slot.key.about[1:]
    return f"{about}. Default: {slot.key.absent}" if slot.key.absent else about


class Checked:
    """A value whose fields are annotated as this module says, and checked however it is made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Refuses what it cannot be.

        Raises:
            ValueProblem: with the key that it is about.
        """
        for slot in slots_of(type(self)):
            slot.check(getattr(self, slot.field))
        self.agree()

    def agree(self) -> None:
        """Refuses values that do not go together.

        Raises:
            ValueProblem: with the key that it is about.
        """
