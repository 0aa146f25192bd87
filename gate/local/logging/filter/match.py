"""Turns what a filter says into a predicate over log entries."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, assert_never

import re2
from google.protobuf.message import Message

from gate.local.logging.filter import search
from gate.local.logging.filter.errors import FilterError
from gate.local.logging.filter.fields import Field, Kind, is_present, read, resolve
from gate.local.logging.filter.functions import function
from gate.local.logging.filter.parse import parse
from gate.local.logging.filter.syntax import (
    All,
    AnyField,
    AnyOf,
    Call,
    Compare,
    Expression,
    Not,
    Op,
    Present,
)
from gate.local.logging.filter.values import (
    COMPARE,
    Loose,
    boolean,
    duration_ns,
    enumeration,
    fold,
    integer,
    text_compare,
    timestamp_ns,
)
from gate.local.logging.wire import nanoseconds

Predicate = Callable[[Message], bool]
EARLIEST_NS = -(1 << 63)
LATEST_NS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter ready for use.

    Attributes:
        matches: tells whether an entry passes.
        since_ns: no entry with an earlier timestamp passes (nanoseconds since 1970).
        until_ns: nor one with a later timestamp; both only save work.
    """

    matches: Predicate
    since_ns: int = EARLIEST_NS
    until_ns: int = LATEST_NS


def compile_filter(text: str) -> Filter:
    """Makes a filter from its text; an empty one lets everything pass.

    Raises:
        FilterError: the text is no filter, or asks for what is not offered; says where.
    """
    expression = parse(text)
    if expression is None:
        return Filter(lambda _: True)
    since_ns, until_ns = _span(expression, text)
    return Filter(_compile(expression, text), since_ns, until_ns)


def _compile(expression: Expression, text: str) -> Predicate:
    match expression:
        case All(terms):
            every = tuple(_compile(term, text) for term in terms)
            return lambda entry: all(test(entry) for test in every)
        case AnyOf(terms):
            some = tuple(_compile(term, text) for term in terms)
            return lambda entry: any(test(entry) for test in some)
        case Not(term):
            test = _compile(term, text)
            return lambda entry: not test(entry)
        case AnyField(value):
            wanted = Loose.of(value)
            return lambda entry: search.anywhere(entry, wanted)
        case Present(path, offset):
            field = _resolve(path, text, offset)
            return lambda entry: is_present(entry, field)
        case Call():
            return function(expression, text)
        case Compare():
            return _comparison(expression, text)
        case _:
            assert_never(expression)


def _comparison(compare: Compare, text: str) -> Predicate:
    field = _resolve(compare.path, text, compare.offset)
    try:
        test = _test(field, compare)
    except ValueError as error:
        raise FilterError(text, compare.value.offset, f"{compare.path[-1]}: {error}") from None
    return lambda entry: any(test(value) for value in read(entry, field))


def _test(field: Field, compare: Compare) -> Callable[[Any], bool]:
    """Makes the test of one value of a field.

    Raises:
        ValueError: the value cannot be compared with such a field.
    """
    if compare.op in {Op.MATCHES, Op.MATCHES_NOT}:
        return _regular_expression(field, compare)
    match field.kind:
        case Kind.STRING | Kind.LABEL:
            folded = fold(compare.value.text)
            return lambda value: text_compare(compare.op, fold(value), folded)
        case Kind.JSON:
            return _json_test(compare)
        case Kind.TIMESTAMP | Kind.DURATION:
            read_ns = timestamp_ns if field.kind is Kind.TIMESTAMP else duration_ns
            at_ns, holds = read_ns(compare.value.text), COMPARE[compare.op]
            return lambda value: holds(nanoseconds(value), at_ns)
        case Kind.INT | Kind.BOOL | Kind.ENUM:
            wanted, holds = _fixed(field, compare.value.text), COMPARE[compare.op]
            return lambda value: holds(value, wanted)
        case Kind.MAP | Kind.MESSAGE:
            hint = "name one of its fields, or ask with :* whether there is one"
            raise ValueError(f"{field.kind.value} cannot be compared; {hint}")
        case _:
            assert_never(field.kind)


def _fixed(field: Field, text: str) -> int | bool:
    if field.enum is not None:
        return enumeration(text, field.enum)
    return boolean(text) if field.kind is Kind.BOOL else integer(text)


def _json_test(compare: Compare) -> Callable[[Any], bool]:
    wanted, op = Loose.of(compare.value), compare.op
    if op is Op.HAS:
        return lambda value: search.within(value, wanted)
    return lambda value: wanted.compare(op, value)


def _regular_expression(field: Field, compare: Compare) -> Callable[[Any], bool]:
    if field.kind not in {Kind.STRING, Kind.LABEL, Kind.JSON}:
        raise ValueError(
            f"only text can be matched with a regular expression, not {field.kind.value}"
        )
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(compare.value.text, options)
    except re2.error as error:
        reason = error.args[0]
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
        raise ValueError(f"not a regular expression of RE2: {shown}") from None
    expected = compare.op is Op.MATCHES
    return lambda value: isinstance(value, str) and bool(pattern.search(value)) is expected


def _resolve(path: tuple[str, ...], text: str, offset: int) -> Field:
    try:
        return resolve(path)
    except ValueError as error:
        raise FilterError(text, offset, str(error)) from None


def _span(expression: Expression, text: str) -> tuple[int, int]:
    """Finds the span of time outside of which a filter cannot match."""
    terms: Iterable[Expression] = expression.terms if isinstance(expression, All) else (expression,)
    since_ns, until_ns = EARLIEST_NS, LATEST_NS
    for term in terms:
        if not (isinstance(term, Compare) and term.path == ("timestamp",)):
            continue
        try:
            at_ns = timestamp_ns(term.value.text)
        except ValueError as error:
            raise FilterError(text, term.value.offset, f"timestamp: {error}") from None
        if term.op in {Op.GT, Op.GE, Op.EQ, Op.HAS}:
            since_ns = max(since_ns, at_ns)
        if term.op in {Op.LT, Op.LE, Op.EQ, Op.HAS}:
            until_ns = min(until_ns, at_ns)
    return since_ns, until_ns
