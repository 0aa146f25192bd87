"""Keeps secrets out of everything the gate shows or keeps.

A Redactor knows the secret values of one run and replaces every form of them; whatever looks like
a JSON Web Token goes too, since an answer may carry somebody else's.
"""

import base64
import json
import re
from collections.abc import Mapping
from urllib.parse import quote

from gate.core.policy import Json

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
_JWT_IN_BASE64URL = re.compile(r"ZXlK[A-Za-z0-9_-]{20,}")
_BEARER = re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}")
SHORTEST = 4
"""Shorter secrets cannot be redacted without eating ordinary text; wiring refuses them."""


class Redactor:
    """Replaces the values of named secrets by `[secret NAME]`.

    Args:
        secrets: name to value.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        forms: dict[str, str] = {}
        for name, value in secrets.items():
            for form in _forms(value):
                forms[form] = f"[secret {name}]"
        self._forms = forms
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    @property
    def longest(self) -> int:
        """Length of the longest form of a secret, 0 without any.

        A text that was cut anywhere may end in a part of one, which is no longer recognised.
        """
        return max(map(len, self._forms), default=0)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def text(self, text: str) -> str:
        """The text with every secret, and whatever looks like a token, replaced."""
        if self._pattern is not None:
            text = self._pattern.sub(lambda match: self._forms[match[0]], text)
        text = _JWT.sub("[token]", text)
        text = _JWT_IN_BASE64URL.sub("[token]", text)
        return _BEARER.sub(r"\1[token]", text)

    def json(self, value: Json) -> Json:
        """The same value with every string in it redacted, keys too."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.json(item) for item in value]
            case dict():
                return {self.text(key): self.json(item) for key, item in value.items()}
            case _:
                return value


def _forms(value: str) -> set[str]:
    """A secret as it may appear: plain, quoted for URLs or JSON, in base64 of either alphabet."""
    raw = value.encode()
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    stripped = {form.rstrip("=") for form in encoded}
    plain = {value, quote(value, safe=""), json.dumps(value)[1:-1]}
    return {form for form in plain | encoded | stripped if len(form) >= SHORTEST}
