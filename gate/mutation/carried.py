"""What a journey carries from one answer to a later request: ids and tokens. Pure."""

import re
from collections.abc import Iterator, Sequence

from gate.core.policy import Json
from gate.mutation.edits import Edit, How, edits_of
from gate.mutation.service_profile import Page

_WORD = r"[A-Za-z0-9_-]"


def carried(page: Page, value: Json, later: Sequence[Page]) -> Iterator[Edit]:
    """A change of each field whose value a later request of the same journey holds.

    Args:
        page: the answer, of a step.
        value: its JSON value.
        later: what was asked after it.
    """
    asked = "\n".join(one.sent for one in later if one.step)
    if not page.step or not asked:
        return
    for path in dict.fromkeys(edit.path for edit in edits_of(value)[0]):
        text = _text_at(value, path)
        if text and re.search(f"(?<!{_WORD}){re.escape(text)}(?!{_WORD})", asked):
            yield Edit(path, How.REPLACED)


def _text_at(value: Json, path: tuple[str, ...]) -> str:
    """A text or a number as a request holds it, "" for any other value."""
    for part in path:
        if isinstance(value, list):
            value = value[0] if value else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return ""
    return str(value)
