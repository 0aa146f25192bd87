"""Whether a query can be read, in the languages that a policy may use: by their own libraries."""

from gate.errors import ValueProblem
from gate.kinds.forms import shown


def check(language: str, text: str) -> None:
    """Reads a query.

    Args:
        language: `jsonpath`, `css` (with `@name` at the end for an attribute) or `regex`.
        text: the query.

    Raises:
        ValueProblem: it is none.
    """
    match language:
        case "jsonpath":
            _jsonpath(text)
        case "css":
            _css(text)
        case _:
            _regex(text)


def _jsonpath(text: str) -> None:
    import jsonpath_rfc9535  # noqa: PLC0415 - only for policies that have such queries

    try:
        jsonpath_rfc9535.compile(text)
    except jsonpath_rfc9535.JSONPathError as error:
        raise _none(text, "JSONPath query (RFC 9535)", str(error), "begin with $") from None
    except RecursionError:
        raise _none(text, "JSONPath query (RFC 9535)", "nested too deeply", "") from None


def _css(text: str) -> None:
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError  # noqa: PLC0415 - as above

    selector, at, attribute = text.rpartition("@")
    if at and not attribute.replace("-", "").replace("_", "").isalnum():
        raise _none(text, "CSS selector", "no name of an attribute after @", "")
    try:
        LexborHTMLParser("<p>").css(selector if at else text)
    except (SelectolaxError, ValueError):
        raise _none(text, "CSS selector", "it cannot be parsed", "") from None


def _regex(text: str) -> None:
    from gate.core.patterns import compiled  # noqa: PLC0415 - imports an engine of its own

    try:
        compiled(text)
    except ValueError as error:
        raise _none(text, "regular expression", str(error), "") from None


def _none(text: str, what: str, why: str, hint: str) -> ValueProblem:
    return ValueProblem("", f"is no {what}: {why} (got {shown(text)})", hint)
