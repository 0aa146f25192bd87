"""Values that come from outside: secrets, which get names, and texts that are new each time."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gate.core.redaction import SHORTEST, Redactor
from gate.drafting.har.exchange import Exchange
from gate.drafting.har.flows import Flows, Place
from gate.drafting.har.markup import markup_of
from gate.drafting.har.requests import FORM, HEADER, JSON, PATH, QUERY, Value, values_of

_SECRET = re.compile(
    r"(?i).*(?:passw|passphrase|passcode|secret|token|api[_-]?key|apikey|credential|private[_-]?key"
    r"|access[_-]?key|otp|totp|mfa|2fa|one[_-]?time|assertion|jwt|csrf|xsrf|session|signature"
    r"|card[_-]?number|cvv|cvc|iban|ssn).*|pwd|pass|pin|sid|sig|auth"
)
_SECRET_HEADER = re.compile(r"authorization|.*(?:token|key|secret|auth|session|csrf|xsrf).*")
_USER = re.compile(r"(?i)user(?:[_-]?name)?|login|e?[_-]?mail|account|name|handle")
_PASSWORD = re.compile(r"(?i).*passw.*|pwd|pass|pin|.*passphrase|.*passcode")
_TEXT = re.compile(
    r"(?i)(?:.*[_.\[-])?(?:title|name|subject|text|body|message|comment|content|description|label"
    r"|note|notes|summary|caption|headline|topic)\]?"
)
_WORDS = re.compile(r"[^\W\d_].*[^\W\d_]", re.DOTALL)
_NOT_WORDS = re.compile(r"\S+@\S+|https?://.*|[\d\s.,:/+-]+|#[0-9a-fA-F]{3,8}")
_MADE_UP = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+/=.~-]{32,}")
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CODE = re.compile(r"[0-9]{4,10}|(?=.*[0-9])[A-Za-z0-9_.~/-]{8,}")
_ONCE = frozenset({"idempotency-key", "x-idempotency-key"})
WRONG = "wrong-${nonce}"
"""Stands for a password or a token that was refused."""
REFUSED = frozenset({401, 403})


@dataclass(slots=True)
class Outside:
    """What comes from outside.

    Attributes:
        templates: what stands for a value, by its place.
        secrets: the values of secrets, by name; they must never be written.
        made: secrets that were given a name here, each with its environment variable.
        fresh: texts that somebody typed and that are new each time, with their template.
    """

    templates: dict[Place, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    fresh: dict[str, str] = field(default_factory=dict)


def outside_of(
    exchanges: Sequence[Exchange], flows: Flows, known: Mapping[str, str], *, fresh: bool
) -> Outside:
    """What of these requests comes from outside.

    Args:
        exchanges: in order.
        flows: what comes from answers.
        known: values of secrets that have a name already, by name.
        fresh: whether texts are to be new each time.
    """
    typed = [(place, value, exchanges[place[0]]) for place, value in flows.typed]
    fields = _password_fields(exchanges)
    secret = {place for place, value, _ in typed if _is_secret(value, fields)}
    accepted = {value.text for place, value, one in typed if not _refused(one) and place in secret}
    found = Outside(secrets=dict(known))
    naming = _Naming(found, known, set(flows.values))
    for place, value, one in typed:
        template = _template(place, value)
        told = Redactor({}).text(value.text) != value.text
        if template or not value.text:
            found.templates |= {place: template} if template else {}
        elif place in secret or value.text in accepted or value.text in known.values():
            wrong = value.text not in {*accepted, *known.values()} and _refused(one)
            found.templates[place] = WRONG if wrong else f"${{{naming.of(value, one)}}}"
            found.secrets.setdefault(f"typed {len(found.secrets)}", value.text)
        elif told and (not value.key or " " in value.text):
            found.secrets[f"unnamed {len(found.secrets)}"] = value.text  # somewhere within a text
        elif told:
            found.templates[place] = f"${{{naming.of(value, one)}}}"
    if fresh:
        _freshen(exchanges, typed, found)
    return found


def _template(place: Place, value: Value) -> str:
    """What stands for a value that must be new with each request."""
    once = value.place == HEADER and value.key in _ONCE
    return f"${{nonce}}-{place[0]}" if once else ""


def _refused(one: Exchange) -> bool:
    """Whether a request was refused, also as forms are: by leading back to the form."""
    if one.answer.status in REFUSED:
        return True
    led = one.local(one.answer.header("location")).partition("?")[0]
    return one.writes and one.answer.status in range(300, 400) and led == one.path


def _is_secret(value: Value, fields: Collection[str]) -> bool:
    if value.place == HEADER:
        named = _SECRET_HEADER.fullmatch(value.key) is not None
        return named or _is_made_up(value.text)
    if value.place == PATH:
        return _is_made_up(value.text)
    if value.place not in (FORM, JSON, QUERY) or not value.text:
        return False
    named = value.key in fields or _SECRET.fullmatch(value.key) is not None
    code = value.key.lower() == "code" and _CODE.fullmatch(value.text) is not None
    return named or code or _is_made_up(value.text)


def _is_made_up(text: str) -> bool:
    """Whether a text is long and nobody can have typed it.

    No UUID, which browsers make, too; and no words with hyphens between them, as titles have in
    addresses.
    """
    words = sum(map(text.count, "-_")) > len(text) // 10
    return not words and bool(_MADE_UP.fullmatch(text)) and not _UUID.fullmatch(text)


def _password_fields(exchanges: Sequence[Exchange]) -> frozenset[str]:
    """Names of the fields of forms whose text browsers do not show."""
    pages = (one.answer.body for one in exchanges if one.answered_as.endswith("html"))
    return frozenset(name for body in pages if body for name in markup_of(body).passwords)


class _Naming:
    """Gives secrets their names: the one that is known, else one of where they were sent."""

    def __init__(self, found: Outside, known: Mapping[str, str], taken: set[str]) -> None:
        self._found = found
        self._names = {value: name for name, value in known.items()}
        self._taken = taken | set(known) | {"nonce", "user", "url", "ws_url"}

    def of(self, value: Value, one: Exchange) -> str:
        name = self._names.get(value.text)
        if name is None:
            name = self._new(value, one)
            self._found.made[name] = name.upper().replace("-", "_")
            self._names[value.text] = name
        self._found.secrets[name] = value.text
        return name

    def _new(self, value: Value, one: Exchange) -> str:
        key = re.sub(r"[^a-z0-9]+", "_", value.key.lower()).strip("_") or "secret"
        if key == "authorization":
            basic = one.header("authorization").lower().startswith("basic ")
            key = "basic_auth" if basic else "token"
        if _PASSWORD.fullmatch(value.key) and (user := _user_of(one)):
            key = f"{user}_{key}"
        base = name = (key if not key[0].isdigit() else f"s_{key}")[:50]
        count = 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name


def _user_of(one: Exchange) -> str:
    """The name of the user who sends it, as a part of a name; "" where none is sent."""
    sent = (value for value in values_of(one) if value.place in (FORM, JSON))
    names = (value.text.partition("@")[0].lower() for value in sent if _USER.fullmatch(value.key))
    return next((name for name in names if re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name)), "")


def _freshen(
    exchanges: Sequence[Exchange],
    typed: Iterable[tuple[Place, Value, Exchange]],
    found: Outside,
) -> None:
    """Texts that an answer shows once they were sent, and never before, become new each time."""
    typed = [*typed]
    private = {place[0] for place in found.templates}
    for place, value, one in typed:
        if place[0] in private - {number for number, _ in _by_header(found, typed)}:
            continue
        sent = value.place in (FORM, JSON) and one.writes and one.answer.status < 400
        if sent and _is_text(value) and _is_shown(exchanges, place[0], value.text):
            found.fresh.setdefault(value.text, value.text.replace("${", "$${") + " ${nonce}")
    for place, value, _ in typed:
        if place not in found.templates and value.text in found.fresh:
            found.templates[place] = found.fresh[value.text]


def _by_header(found: Outside, typed: Iterable[tuple[Place, Value, Exchange]]) -> Iterator[Place]:
    """Places of secrets that are sent in headers: such a request is no sign-in."""
    for place, value, _ in typed:
        if place in found.templates and value.place == HEADER:
            yield place


def _is_text(value: Value) -> bool:
    text = value.text
    if value.number or not SHORTEST - 1 <= len(text) <= 200 or not _WORDS.search(text):
        return False
    if _NOT_WORDS.fullmatch(text) or "\n" in text:
        return False
    return bool(_TEXT.fullmatch(value.key)) or " " in text


def _is_shown(exchanges: Sequence[Exchange], number: int, text: str) -> bool:
    """Whether answers show a text from this request on, and none before."""
    forms = {text, json.dumps(text)[1:-1]}

    def shows(one: Exchange) -> bool:
        return any(form in (one.answer.body or "") for form in forms)

    return any(map(shows, exchanges[number:])) and not any(map(shows, exchanges[:number]))
