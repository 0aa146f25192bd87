"""Keeps secrets out of everything the gate shows or keeps.

A Redactor knows the secret values of one run and replaces every form of them. An answer may carry
somebody else's: what looks like a token goes, too, and what stands under a secret's name.
"""

import base64
import json
import re
from collections.abc import Collection, Mapping
from copy import copy
from html import escape
from urllib.parse import quote, quote_plus

from gate.core import spellings
from gate.core.named_secrets import SHOWN, NamedSecrets
from gate.core.policy import Json
from gate.core.secret import Named, revealed

_JWT = re.compile(  # whole, or cut off; a long run is taken at once, so that no text takes long
    r"(?:eyJ[A-Za-z0-9_-]{17,}(?:\.[A-Za-z0-9_-]*){0,4}"
    r"|eyJ[A-Za-z0-9_-]{5,16}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,3})"
    r"(?:(?:\.{2,3}|…)[A-Za-z0-9_-][A-Za-z0-9_.-]{3,})?"
    r"|eyJ[A-Za-z0-9_-]{0,16}(?:\.{3}|…)[A-Za-z0-9_-][A-Za-z0-9_.-]{3,}"
)
_THREE_PARTS = re.compile(
    r"(?<![\w.-])[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.(?P<last>[A-Za-z0-9_-]{20,})(?![\w-])"
)
_SHAPES = re.compile(  # of https://docs.github.com, gitlab.com, slack.com, stripe.com, aws, Google
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}"
    r"|[prs]k[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{18,}|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|AIza[\w-]{30,}|ya29\.[\w.-]{10,}|1//0[\w-]{20,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----END).)*+(?:-----END [A-Z ]*-----)?",
    re.DOTALL,
)
_USER_INFO = re.compile(r"(://[^/\s:@\[\]]{0,100}:)(?!\$\{)[^/\s@]{1,200}(?=@)")
_JWT_IN_BASE64URL = re.compile(r"ZXlK[A-Za-z0-9_-]{20,}")
_BEARER = re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}")
_CUT = ("...", "…")
"""What stands where something was left out."""
SHORTEST = 4
"""Shorter secrets cannot be redacted without eating ordinary text; wiring refuses them."""
SHORTEST_WITHIN = 8
"""A secret within other base64 text is told by this many characters at least."""


class Redactor:
    """Replaces the values of named secrets by `[secret NAME]`.

    Args:
        secrets: name to value.
        literals: values that are no secrets whatever they stand under.
    """

    def __init__(self, secrets: Named, literals: Collection[str] = ()) -> None:
        known = {name: revealed(value) for name, value in secrets.items()}
        self._named = NamedSecrets(literals)
        forms: dict[str, str] = {}
        for name, value in known.items():
            for form in _forms(value):
                forms[form] = f"[secret {name}]"
        self._forms = forms
        self._more: dict[str, str] = {}
        self._values = {value: f"[secret {name}]" for name, value in known.items()}
        self._pattern = _any_of(forms)
        self._beginnings = _Beginnings(forms)
        self._ends = _Beginnings({form[::-1]: shown[::-1] for form, shown in forms.items()})

    def hiding(self, values: Mapping[str, str]) -> "Redactor":
        """The same, which hides these values, too: there may be thousands of them.

        Args:
            values: each with what is shown in its place.
        """
        forms = {form: shown for value, shown in values.items() for form in _forms(value)}
        other = copy(self)
        other._more = {**self._more, **forms}  # noqa: SLF001 - its own
        long = {value: shown for value, shown in values.items() if len(value) >= SHORTEST}
        other._values = {**self._values, **long}  # noqa: SLF001 - its own
        return other

    @property
    def longest(self) -> int:
        """Length of the longest form of a secret, 0 without any.

        A text that was cut anywhere may end in a part of one, which is no longer recognised.
        """
        spelled = map(spellings.longest, self._values)
        return max((*map(len, (*self._forms, *self._more)), *spelled), default=0)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def text(self, text: str) -> str:
        """The text with every secret, and whatever looks like a token, replaced."""
        there = {form: shown for form, shown in self._more.items() if form in text}
        forms = {**there, **self._forms}
        if pattern := _any_of(forms) if there else self._pattern:
            text = pattern.sub(lambda match: forms[match[0]], text)
        text = spellings.hidden(text, self._values)
        if any(mark in text for mark in _CUT):
            text = self._ends.hidden(self._beginnings.hidden(text)[::-1])[::-1]
        text = _JWT.sub("[token]", text)
        text = _JWT_IN_BASE64URL.sub("[token]", text)
        text = _THREE_PARTS.sub(_three_parts, _SHAPES.sub("[token]", text))
        text = _USER_INFO.sub(rf"\1{SHOWN}", text)
        return self._named.hidden(_BEARER.sub(r"\1[token]", text))

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


def _any_of(forms: Mapping[str, str]) -> re.Pattern[str] | None:
    """Finds any of these texts, the longest one first; None for no text."""
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if forms else None


def _three_parts(match: re.Match[str]) -> str:
    """A token, unless the last of its parts may be a word, a host or a number."""
    last = match["last"]
    mixed = any(map(str.isupper, last)) and any(map(str.islower, last))
    return "[token]" if mixed and any(map(str.isdigit, last)) else match[0]


class _Beginnings:
    """Finds secrets that end too early, where whoever wrote the text says that it was cut.

    Test runners cut long lines and values: `token = Zm9vYmFyLXNl...`, or `'Zm9vYm...FsaWNl'`.

    Args:
        forms: each form of a secret, and what is shown for it.
    """

    def __init__(self, forms: Mapping[str, str]) -> None:
        self._by_head: dict[str, list[tuple[str, str]]] = {}
        for form, shown in forms.items():
            if len(form) > SHORTEST_WITHIN:
                self._by_head.setdefault(form[:SHORTEST_WITHIN], []).append((form, shown))
        heads = "|".join(map(re.escape, self._by_head))
        self._heads = re.compile(f"(?=({heads}))") if heads else None

    def hidden(self, text: str) -> str:
        """The text with what is there of such a secret replaced; the mark of the cut stays."""
        parts, done = [], 0
        for match in self._heads.finditer(text) if self._heads else ():
            for form, shown in self._by_head[match[1]] if match.start() >= done else ():
                end = match.start() + _alike(form, text[match.start() : match.start() + len(form)])
                if text.startswith(_CUT, end):
                    parts += [text[done : match.start()], shown]
                    done = end
                    break
        return "".join(parts) + text[done:]


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common from their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _forms(value: str) -> set[str]:
    """A secret as it may appear: plain, quoted for URLs, JSON or Python, or within base64."""
    plain = {value, quote(value, safe=""), quote(value), quote_plus(value), repr(value)[1:-1]}
    plain |= {escape(value), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    raw = value.encode()
    within = {form for shift in range(3) for form in _in_base64(raw, shift)}
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    encoded |= {form.rstrip("=") for form in encoded}
    forms = {form for form in plain | encoded if len(form) >= SHORTEST}
    return forms | {form for form in within if len(form) >= SHORTEST_WITHIN}


def _in_base64(raw: bytes, shift: int) -> tuple[str, str]:
    """The characters that these bytes alone decide, after `shift` other bytes (modulo three)."""
    encoded = base64.b64encode(bytes(shift) + raw).decode()
    spoilt_first = (0, 2, 3)[shift]
    spoilt_last = encoded.count("=") + 1 if encoded.endswith("=") else 0
    own = encoded[spoilt_first : len(encoded) - spoilt_last]
    return own, own.replace("+", "-").replace("/", "_")
