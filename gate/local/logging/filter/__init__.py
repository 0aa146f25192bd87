"""The Logging query language: text in, a predicate over entries out.

    tokens -> parse -> (syntax) -> match <- fields, values

Source of the rules: cloud.google.com/logging/docs/view/logging-query-language, google.aip.dev/160.
What the local Cloud Run does not offer is refused with its place in the text, never ignored.
Stricter than the page in one respect, so that a typo cannot silently match nothing: a value that
cannot be converted to the type of a fixed field (severity=EROR, timestamp>"noon") is refused.
"""

from gate.local.logging.filter.errors import FilterError
from gate.local.logging.filter.match import Filter, compile_filter

__all__ = ["Filter", "FilterError", "compile_filter"]
