import base64
import json
import re
import time
from urllib.parse import quote, quote_plus

import pytest

from gate.core.redaction import SHORTEST, Redactor

HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
BODY = base64.urlsafe_b64encode(b'{"sub":"alice","exp":9999999999}').decode().rstrip("=")
JWT = f"{HEADER}.{BODY}.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
SECRETS = {
    "plain": "correct-horse-battery",
    "odd": "p@ss w/rd+é\"'\\&=?",
    "jwt": JWT,
    "short": "a?b/",
}
REDACT = Redactor(SECRETS)
WAYS = {
    "plain": lambda value: value,
    "in a sentence": lambda value: f"the token {value}, said the server",
    "twice": lambda value: value + value,
    "in a URL": lambda value: f"https://x/?t={quote(value, safe='')}",
    "in a path": lambda value: f"https://x/{quote(value)}",
    "in a form": lambda value: f"t={quote_plus(value)}",
    "in JSON": lambda value: json.dumps({"t": value}),
    "in JSON with letters": lambda value: json.dumps({"t": value}, ensure_ascii=False),
    "in Python": lambda value: repr({"t": value}),
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64url": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "in JSON of PHP": lambda value: json.dumps(value).replace("/", "\\/"),
    "in JSON of Go": lambda value: json.dumps(value).replace("&", "\\u0026"),
    "in JSON of .NET": lambda value: (
        json.dumps(value).replace('\\"', "\\u0022").replace("+", "\\u002B").replace("'", "\\u0027")
    ),
    "in JSON within JSON": lambda value: json.dumps(json.dumps(json.dumps(value))),
    "in HTML of Go and Jinja": lambda value: (
        value.replace("&", "&amp;")
        .replace('"', "&#34;")
        .replace("'", "&#39;")
        .replace("+", "&#43;")
        .replace("=", "&#x3D;")
    ),
    "in a URL, lower case": lambda value: re.sub(
        "%..", lambda found: found[0].lower(), quote(value, safe="!'()*")
    ),
    "in a URL within a URL": lambda value: quote(quote(value, safe=""), safe=""),
    "in a subprotocol": lambda value: (
        f"jwt.{base64.urlsafe_b64encode(value.encode()).decode().rstrip('=')}"
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_found_however_it_is_written(name, way):
    written = WAYS[way](SECRETS[name])
    redacted = REDACT.text(written)
    core = WAYS[way]("")
    assert SECRETS[name] not in redacted
    assert "[secret " in redacted or "[token]" in redacted
    assert len(redacted) <= len(core) + 2 * len(f"[secret {name}]") + 20


@pytest.mark.parametrize("before", ["", "a", "alice:", "x" * 50])
@pytest.mark.parametrize("after", ["", "!", "and on"])
def test_a_secret_within_other_base64_text_is_found(before, after):
    secret = SECRETS["plain"]
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    redacted = REDACT.text(f"Basic {encoded}")
    assert "[secret plain]" in redacted
    first, last = redacted.removeprefix("Basic ").split("[secret plain]")
    least = len(base64.b64encode(before.encode()).rstrip(b"="))
    assert len(first) <= least + 1  # at most one character of either neighbour is left
    most = len(base64.b64encode(after.encode()).rstrip(b"="))
    assert len(last.rstrip("=")) <= most + 1


@pytest.mark.parametrize("secret", ["hunter22hunter22", "😀-emoji-secret"])
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_of_any_secret_is_found_in_both_alphabets(secret, alphabet):
    text = alphabet(b"??>" + secret.encode() + b">>?").decode()
    assert "[secret s]" in Redactor({"s": secret}).text(text)


@pytest.mark.parametrize(
    "token",
    [
        JWT,
        f"{HEADER}.{BODY}.",
        f"{HEADER}.{BODY}",
        f"{HEADER}.{BODY[:9]}",
        HEADER,
        HEADER[:25],
        "eyJhbGciOiJub25lIn0.e30.",
        base64.urlsafe_b64encode(JWT.encode()).decode().rstrip("="),
    ],
)
def test_somebody_elses_token_is_found_also_when_it_was_cut(token):
    redacted = Redactor({}).text(f"welcome {token} !")
    assert redacted == "welcome [token] !"


@pytest.mark.parametrize("value", ["abcdefgh12345", "a.b-c_d~e+f/g=="])
def test_bearer_tokens_of_any_form_are_found(value):
    assert Redactor({}).text(f"Authorization: bearer  {value}") == (
        "Authorization: bearer  [token]"
    )


@pytest.mark.parametrize(
    "text", ["", "GET /api/health -> 307", "the eye of a needle", "backend-00002-abc 100 %", "eyJ"]
)
def test_ordinary_text_is_left_alone(text):
    assert REDACT.text(text) == text


def test_the_longest_form_wins():
    redact = Redactor({"part": "secret-part", "whole": "secret-part-and-more"})
    assert redact.text("secret-part-and-more secret-part") == "[secret whole] [secret part]"


def test_json_is_redacted_at_any_depth_keys_too():
    secret = SECRETS["plain"]
    value = {secret: [secret, {"x": f"<{secret}>"}], "n": 1, "t": True, "z": None, "f": 1.5}
    assert REDACT.json(value) == {
        "[secret plain]": ["[secret plain]", {"x": "<[secret plain]>"}],
        "n": 1,
        "t": True,
        "z": None,
        "f": 1.5,
    }


def test_a_secret_that_is_too_short_to_be_told_from_text_is_not_looked_for():
    assert Redactor({"s": "a" * (SHORTEST - 1)}).text("aaa banana") == "aaa banana"


def test_a_redactor_does_not_show_what_it_knows():
    assert SECRETS["plain"] not in repr(REDACT)
    assert SECRETS["plain"] not in str(REDACT)


def test_the_longest_form_is_known():
    assert Redactor({}).longest == 0
    assert Redactor({"s": "x" * 30}).longest == 40


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 100_000,
        "eyJaaaaa" * 40_000,
        "eyJaaaaaa." * 40_000,
        "ZXlK" * 80_000,
        "bearer " * 50_000,
        "bearer" + " " * 300_000,
        base64.b64encode(bytes(300_000)).decode(),
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_takes_no_long_time(text):
    started = time.process_time()
    REDACT.text(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("mark", ["...", "…"])
@pytest.mark.parametrize("way", ["plain", "in base64"])
@pytest.mark.parametrize("name", ["plain", "odd"])
def test_a_secret_that_the_writer_of_a_text_has_cut_is_found_by_either_end(name, way, mark):
    written = WAYS[way](SECRETS[name]).rstrip("=")
    for kept in range(8, len(written) - 8):
        shown = f"[secret {name}]"
        assert REDACT.text(f"E  {written[:kept]}{mark}") == f"E  {shown}{mark}"
        assert REDACT.text(f"{mark}{written[kept:]} and") == f"{mark}{shown} and"
        assert REDACT.text(f"{written[:8]}{mark}{written[kept:]}") == f"{shown}{mark}{shown}"
    few = f"{written[:7]}{mark} and {mark}{written[-7:]}"
    assert REDACT.text(few) == few


def test_texts_made_to_look_like_cut_secrets_take_no_time():
    text = ("correct-horse-batter" * 20_000 + "...") * 2
    assert REDACT.text(text).count("[secret plain]") == 2


@pytest.mark.parametrize(
    "text",
    [
        JWT + ".and.more",
        f"{HEADER[:9]}...{BODY[-9:]}",
        "MTk4NjIyNDgzNDcx.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
        "ghp_" + "a1B2" * 9,
        "sk-proj-" + "a1B2" * 6,
        "AIza" + "a1B2" * 8,
        "ya29.a0AfH6SMBx",
        "AKIA" + "A1B2" * 4,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIE\nabc=",
    ],
    ids=lambda text: text[:8],
)
def test_what_has_the_shape_of_a_secret_is_hidden_whole(text):
    assert Redactor({}).text(f"({text}") == "([token]"


@pytest.mark.parametrize(
    "text",
    [
        "candidate---backend-abc-uc.a.run.app",
        "backend-service.production-namespace.svc-cluster-local-domain",
        "gate.policyfile.a_very_long_module_name_here",
        "https://user@host/x:y@z",
        "task-manager-with-a-long-name-of-words",
    ],
)
def test_hosts_and_names_are_no_tokens(text):
    assert Redactor({}).text(text) == text


def test_a_password_within_an_address_is_hidden():
    text = "DATABASE_URL=postgres://app:hunter2@10.0.0.1/chat"
    assert Redactor({}).text(text) == "DATABASE_URL=postgres://app:[redacted]@10.0.0.1/chat"
