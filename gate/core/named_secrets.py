"""Hides what stands under a name that says it is a secret: `"access_token": …`, `Cookie: …`.

In JSON (also escaped within JSON), Python, forms, query strings, headers, HTML forms and log lines.
A name is told by its end, in any case and with any separators: `X-Api-Key`, `clientSecret`, but not
`token_type`. What is hidden too much costs a word of an excerpt; what is hidden too little is kept
for as long as the ledger is.
"""

import re
from collections.abc import Collection
from functools import cache

SHOWN = "[redacted]"

_NAME = (
    r"(?:token|jwt|passw(?:or)?d|pass[ _.-]?(?:phrase|code)|secret|credential|cookie|authorization"
    r"|csrf|xsrf|(?:api|access|private|secret|signing|encryption|auth|session)[ _.-]?key"
    r"|sess(?:ion)?[ _.-]?id|(?<![^\W_])(?:pwd|sid|otp))(?:s|\d|[ _.-]?(?:hash|value|header))?"
)
_IN_QUERY = r"(?<=[?&;])(?:code|key|sig|signature|auth|session|ticket|x-goog-signature)(?==)"
_BETWEEN = (
    r"(?:/[^\s=:\"']{0,80})?\\*[\"']?\s{0,3}(?:=>?|:|%3[ad])[ \t]{0,3}"
    r"|[\"'][^<>]{0,100}?\b(?:value|content)\s?=\s?"  # an <input> or a <meta>
    r"|[\"']\s*\n\r?\n"  # a part of a multipart body
    r"|>(?=[^<>]*</)"  # an XML element
)
_VALUE = (
    r"(?P<quote>[\"'])(?:\\.|(?!(?P=quote)).)*+(?:(?P=quote)|$)"
    r"|(?P<escaped>\\+[\"'])(?:(?!(?P=escaped)).)*+(?:(?P=escaped)|$)"
    r"|(?P<opening>[{\[])"
    r"|(?:(?:bearer|basic|digest|token|jwt|apikey) +)?[^\s\"'&;<>]+"
)
_HINTS = (
    *("token", "jwt", "passw", "passp", "passc", "pass ", "pass_", "pass-", "pass.", "secret"),
    *("credential", "cookie", "auth", "csrf", "xsrf", "key", "sess", "pwd", "sid", "otp"),
    *("code=", "sig", "ticket="),
)
"""Without any of these there is no such name: most texts need not be searched, nor all of this
compiled, which takes milliseconds."""
_KNOWN = r"\$\{[^{}]*\}|\[(?:secret [^\]]*|token|redacted)\]"
"""What stands in the place of a secret already: a policy's template, or what we put there."""
_SCHEMES = r"(?i)\b(?:bearer|basic|digest|token|jwt|apikey)\b"
_TELLING = r"[^\W_]"
_NO_VALUE = frozenset({"null", "none", "nil", "undefined", "true", "false"})
_NUMBER = r"-?\d+(?:\.\d+)?"
_SAYS = (
    r"(?:missing|expired|invalid|required|not|no|none|is|was|must|may|has|the|an?|unset|empty"
    r"|unknown|malformed|wrong|absent|denied|rejected|forbidden|unauthorized)(?=[\s.,]|$)"
)
_WORD = r"[A-Z]?[a-z]+"
_VERSION = r"\d+|latest"
_REFERENCE = r"\bsecrets?[ /][\w/-]*$"
"""Before the name of a secret of Secret Manager, whose version follows it."""
_STRING = r"(?P<quote>\\*[\"'])(?:\\.|(?!(?P=quote)).)*+(?:(?P=quote)|$)(?P<colon>\s*:)?"
_BRACKET = r"\"(?:\\.|[^\"\\])*+\"|[{}\[\]]"
_PAIR = r"([^=;,\s]+)=((?:\[secret [^\]]*\]|[^;,\s])*)"
_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "priority", "version"})


class NamedSecrets:
    """Hides what stands under such a name.

    Args:
        literals: values that are none: what a policy expects stands in the policy for all to read.
    """

    def __init__(self, literals: Collection[str] = ()) -> None:
        self._literals = frozenset(literals)

    def hidden(self, text: str) -> str:
        """The text with every such value replaced."""
        lowered = text.lower()
        if not any(hint in lowered for hint in _HINTS):
            return text
        parts, at = [], 0
        while match := _secret().search(text, at):
            end = match.end()
            if match["opening"]:
                end = _closed(text, end)
            elif _is_header(match):
                end = max(end, _end_of_line(text, end))
            parts += [
                text[at : match.start("value")],
                self._shown(match, text[match.start("value") : end]),
            ]
            at = end
        return "".join(parts) + text[at:] if parts else text

    def _shown(self, match: re.Match[str], value: str) -> str:
        """What stands for a value; the value itself where it is no secret."""
        if match["opening"]:
            return re.sub(_STRING, _item, value)
        quote = match["quote"] or match["escaped"] or ""
        inner = value.removeprefix(quote).removesuffix(quote)
        bare = inner if quote else inner.rstrip(",)]}.")
        if _is_header(match) and "=" in inner and "cookie" in match["name"].lower():
            return re.sub(_PAIR, _pair, inner)
        if _is_hidden(inner) or self._is_none(match, bare, quoted=bool(quote)):
            return value
        return quote + SHOWN + quote + inner[len(bare) :]

    def _is_none(self, match: re.Match[str], value: str, *, quoted: bool) -> bool:
        """Whether a value is none, or what a sentence goes on with."""
        if value in self._literals or value.lower() in _NO_VALUE:
            return True
        if re.fullmatch(_NUMBER, value) and re.search(r"(?i)tokens?$", match["name"]):
            return True  # how many, not which
        if quoted or ":" not in match["between"]:
            return False
        if re.fullmatch(_VERSION, value) and re.search(_REFERENCE, _before(match)):
            return True
        more = match.string[match.end() : match.end() + 2].strip(" ")  # of the same sentence
        goes_on = bool(more) and not more.startswith("\n")
        return bool(re.match(_SAYS, value) or (re.fullmatch(_WORD, value) and goes_on))


@cache
def _secret() -> re.Pattern[str]:
    return re.compile(
        rf"(?P<name>{_NAME}|{_IN_QUERY})(?P<between>{_BETWEEN})(?P<value>{_VALUE})",
        re.IGNORECASE | re.MULTILINE,
    )


def _item(match: re.Match[str]) -> str:
    """A string within an object or a list: its keys stay."""
    return match[0] if match["colon"] else match["quote"] + SHOWN + match["quote"]


def _is_hidden(value: str) -> bool:
    """Whether nothing is left of a value once what is hidden, or a template, is taken away."""
    rest = re.sub(_SCHEMES, "", re.sub(_KNOWN, "", value))
    return not re.search(_TELLING, rest) if rest != value else not value.strip()


def _before(match: re.Match[str]) -> str:
    start = match.start("name")
    return match.string[max(0, start - 120) : start]


def _is_header(match: re.Match[str]) -> bool:
    """Whether this is a header that goes on to the end of its line."""
    header = re.search(r"(?i)cookies?$|authorization$", match["name"])
    bare = not (match["quote"] or match["escaped"])
    return bool(header) and match["between"].strip() == ":" and bare


def _pair(match: re.Match[str]) -> str:
    """One pair of a cookie: what is no attribute has its value hidden."""
    name, value = match.groups()
    if name.lower() in _ATTRIBUTES or _is_hidden(value):
        return match[0]
    return f"{name}={SHOWN}"


def _end_of_line(text: str, start: int) -> int:
    found = re.compile("[\r\n\"']|$").search(text, start)
    return found.start() if found else len(text)


def _closed(text: str, start: int) -> int:
    """Where the bracket closes that opened just before `start`; the end where it never does."""
    depth = 1
    for match in re.compile(_BRACKET).finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match[0], 0)
        if not depth:
            return match.end()
    return len(text)
