"""Turns a filter's tokens into its meaning, by recursive descent.

filter     = [ expression ]
expression = factor { [ AND ] factor }
factor     = term { OR term }                      OR binds tighter than AND (google.aip.dev/160)
term       = [ NOT | "-" ] simple
simple     = "(" expression ")" | call | path op argument | value
argument   = value | "*" (after ":") | "(" the same grammar over values ")"
"""

from dataclasses import dataclass

from gate.local.logging.filter.errors import FilterError
from gate.local.logging.filter.syntax import (
    All,
    AnyField,
    AnyOf,
    Call,
    Compare,
    Expression,
    Literal,
    Not,
    Op,
    Present,
)
from gate.local.logging.filter.tokens import Kind, Token, tokens

MAX_CHARS = 20_000  # the documented limit of a query
MAX_DEPTH = 50
MAX_COMPARISONS = 1_000


def parse(text: str) -> Expression | None:
    """Reads a filter; None for one that is empty and matches everything.

    Raises:
        FilterError: the text is not a filter, or larger than what is accepted.
    """
    if len(text) > MAX_CHARS:
        raise FilterError(
            text, MAX_CHARS, f"too long (got {len(text)} characters, expected <= {MAX_CHARS})"
        )
    return _Parser(text).filter()


@dataclass(frozen=True, slots=True)
class _Left:
    """The left-hand side that a parenthesised argument is applied to."""

    path: tuple[str, ...]
    op: Op
    offset: int


class _Parser:
    """One pass over one filter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tuple(tokens(text))
        self._at = 0
        self._depth = 0
        self._comparisons = 0

    def filter(self) -> Expression | None:
        if self._peek().kind is Kind.END:
            return None
        expression = self._expression(None)
        if self._peek().kind is not Kind.END:
            raise self._unexpected("a comparison or the end of the filter")
        return expression

    # `left` is None where comparisons stand, and what values are compared with inside field=(...).

    def _expression(self, left: _Left | None) -> Expression:
        factors = [self._factor(left)]
        while self._peek().kind not in {Kind.END, Kind.CLOSE}:
            if self._peek().kind is Kind.AND:
                self._take()
            factors.append(self._factor(left))
        return _flat(All, factors)

    def _factor(self, left: _Left | None) -> Expression:
        terms = [self._term(left)]
        while self._peek().kind is Kind.OR:
            self._take()
            terms.append(self._term(left))
        return _flat(AnyOf, terms)

    def _term(self, left: _Left | None) -> Expression:
        token = self._peek()
        if token.kind is Kind.NOT:
            self._take()
            return Not(self._group(left))
        if token.kind is Kind.MINUS and (left is None or not self._is_negative_number()):
            self._take()
            if self._peek().start != token.end:
                raise FilterError(self._text, token.start, "'-' must touch what it negates")
            return Not(self._group(left))
        return self._group(left)

    def _group(self, left: _Left | None) -> Expression:
        if self._peek().kind is not Kind.OPEN:
            self._count()
            return self._simple() if left is None else self._applied(left)
        opening = self._take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise FilterError(self._text, opening.start, f"nested deeper than {MAX_DEPTH} levels")
        expression = self._expression(left)
        self._depth -= 1
        self._expect(Kind.CLOSE)
        return expression

    def _simple(self) -> Expression:
        word = self._peek()
        if word.kind is not Kind.WORD:
            raise self._unexpected("a field, a value or '('")
        after = self._tokens[self._at + 1]
        if after.kind is Kind.OPEN and after.start == word.end and _is_name(word):
            return self._call()
        if after.kind is Kind.OP:
            return self._comparison()
        return AnyField(self._value())

    def _comparison(self) -> Expression:
        word, op = self._take(), self._take()
        left = _Left(self._path(word), Op(op.text), word.start)
        if self._peek().kind is Kind.STAR:
            return self._presence(left)
        if self._peek().kind is Kind.OPEN:
            return self._group(left)
        return self._applied(left)

    def _presence(self, left: _Left) -> Expression:
        star = self._take()
        if left.op is not Op.HAS:
            raise FilterError(self._text, star.start, "'*' stands only after ':'")
        return Present(left.path, left.offset)

    def _applied(self, left: _Left) -> Expression:
        value = self._value()
        if left.op in {Op.MATCHES, Op.MATCHES_NOT} and not value.quoted:
            reason = "a regular expression must be in double quotes"
            raise FilterError(self._text, value.offset, reason)
        return Compare(left.path, left.op, value, left.offset)

    def _path(self, word: Token) -> tuple[str, ...]:
        if word.segments[0].quoted:
            raise FilterError(self._text, word.start, "a field's name begins without quotes")
        return tuple(segment.text for segment in word.segments)

    def _value(self) -> Literal:
        if self._peek().kind is Kind.MINUS:
            return self._negative_number()
        token = self._peek()
        if token.kind is not Kind.WORD:
            raise self._unexpected("a value")
        self._take()
        quoted = token.segments[0].quoted
        if not quoted and self._peek().kind is Kind.OPEN and self._peek().start == token.end:
            raise FilterError(self._text, token.start, "a function cannot be a value here")
        if len(token.segments) > 1 and any(segment.quoted for segment in token.segments):
            raise FilterError(self._text, token.start, "a value is quoted as a whole or not at all")
        text = token.segments[0].text if quoted else token.text
        return Literal(text, quoted, token.start)

    def _negative_number(self) -> Literal:
        minus = self._peek()
        if not self._is_negative_number():
            raise FilterError(self._text, minus.start, "put a value with '-' in front in quotes")
        self._take()
        return Literal(f"-{self._take().text}", quoted=False, offset=minus.start)

    def _is_negative_number(self) -> bool:
        minus, number = self._tokens[self._at], self._tokens[self._at + 1]
        touching = number.kind is Kind.WORD and number.start == minus.end
        return touching and number.text[0].isdigit()

    def _call(self) -> Expression:
        name = self._take()
        self._expect(Kind.OPEN)
        arguments: list[Literal | tuple[str, ...]] = []
        while self._peek().kind is not Kind.CLOSE:
            if arguments:
                self._expect(Kind.COMMA)
            arguments.append(self._argument())
        self._expect(Kind.CLOSE)
        return Call(name.text, tuple(arguments), name.start)

    def _argument(self) -> Literal | tuple[str, ...]:
        token = self._peek()
        if token.kind is Kind.WORD and not token.segments[0].quoted:
            return self._path(self._take())
        return self._value()

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _expect(self, kind: Kind) -> None:
        if self._peek().kind is not kind:
            raise self._unexpected(kind.value)
        self._take()

    def _unexpected(self, expected: str) -> FilterError:
        token = self._peek()
        got = token.kind.value if token.kind is Kind.END else repr(token.text)
        return FilterError(self._text, token.start, f"got {got}, expected {expected}")

    def _count(self) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            reason = f"more than {MAX_COMPARISONS} comparisons"
            raise FilterError(self._text, self._peek().start, reason)


def _is_name(word: Token) -> bool:
    return len(word.segments) == 1 and not word.segments[0].quoted


def _flat(kind: type[All] | type[AnyOf], terms: list[Expression]) -> Expression:
    return terms[0] if len(terms) == 1 else kind(tuple(terms))
