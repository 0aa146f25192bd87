import time

import pytest

from gate.core.named_secrets import NamedSecrets
from gate.core.redaction import Redactor

HIDDEN = [
    ('{"token":"abc","user":"x"}', '{"token":"[redacted]","user":"x"}'),
    ('{"access_token": "a\\"b", "n":1}', '{"access_token": "[redacted]", "n":1}'),
    ('{\\"refreshToken\\":\\"abc\\",\\"n\\":1}', '{\\"refreshToken\\":\\"[redacted]\\",\\"n\\":1}'),
    ("{'PASSWORD': 'hunter2', 'a': 1}", "{'PASSWORD': '[redacted]', 'a': 1}"),
    ('{"id_token":"abc', '{"id_token":"[redacted]"'),
    ('{"password":12345}', '{"password":[redacted]}'),
    ('{"tokens":["a","b"],"x":1}', '{"tokens":["[redacted]","[redacted]"],"x":1}'),
    (
        '{"credentials":{"user":"u","n":{"x":"y"}},"k":"v"}',
        '{"credentials":{"user":"[redacted]","n":{"x":"[redacted]"}},"k":"v"}',
    ),
    ("client_secret=abc&x=1", "client_secret=[redacted]&x=1"),
    ("GET /cb?code=4%2Fabc&state=1 HTTP", "GET /cb?code=[redacted]&state=1 HTTP"),
    ("next=%2Fcb%3Faccess_token%3Dabc", "next=%2Fcb%3Faccess_token%3D[redacted]"),
    ("X-Api-Key: abc", "X-Api-Key: [redacted]"),
    ("x-auth-token: abc", "x-auth-token: [redacted]"),
    ("Set-Cookie: sid=a1; Path=/; HttpOnly", "Set-Cookie: sid=[redacted]; Path=/; HttpOnly"),
    ("Cookie: a=b; c=d\nHost: x", "Cookie: a=[redacted]; c=[redacted]\nHost: x"),
    ("Cookie: a=[secret alice]; c=d", "Cookie: a=[secret alice]; c=[redacted]"),
    ("Proxy-Authorization: Basic dXNlcjpw", "Proxy-Authorization: [redacted]"),
    ("authorization: Digest a, b=c, d", "authorization: [redacted]"),
    ("JSESSIONID=AB12; Path=/", "JSESSIONID=[redacted]; Path=/"),
    ("password: hunter", "password: [redacted]"),
    ("level=info apikey=abc user=1", "level=info apikey=[redacted] user=1"),
    ('/data/csrf = "abc", expected "x"', '/data/csrf = "[redacted]", expected "x"'),
    ('/token/value = "abc"', '/token/value = "[redacted]"'),
    (
        '<input name="csrf_token" type="hidden" value="abc">',
        '<input name="csrf_token" type="hidden" value="[redacted]">',
    ),
    ("<token>abc</token>", "<token>[redacted]</token>"),
    ('name="password"\r\n\r\nhunter\r\n--', 'name="password"\r\n\r\n[redacted]\r\n--'),
]
SHOWN = [
    '{"token_type":"bearer","expires_in":3,"max_tokens":100,"usage":{"prompt_tokens":12}}',
    '{"token":null,"has_password":true,"secret":""}',
    '{"type":"hello","token":"${alice}","other":"[secret bob]","third":"[token]"}',
    "> Authorization: Bearer ${alice|base64url}",
    "token: expired",
    "no credentials: Your default credentials were not found",
    "invalid token: signature mismatch in a sentence",
    "secrets.api_key: names an unknown secret",
    "KeyError: 'SECRET_KEY'",
    'error="invalid_token", error_description="The access token could not be verified"',
    "from secret backend-jwt:3",
    "tokens > 5, and the passwords are no secret",
    "laptop: x, monkey: y, keyboard: z",
]


@pytest.mark.parametrize(("text", "hidden"), HIDDEN)
def test_what_stands_under_the_name_of_a_secret_is_hidden(text, hidden):
    assert NamedSecrets().hidden(text) == hidden
    assert NamedSecrets().hidden(hidden) == hidden


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_no_secret_stays_readable(text):
    assert NamedSecrets().hidden(text) == text


@pytest.mark.parametrize("separator", ["_", "-", ".", " ", ""])
@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
@pytest.mark.parametrize(
    "words", ["api key", "session id", "access token", "pass word", "x secret"]
)
def test_names_are_known_in_any_case_and_with_any_separator(words, change, separator):
    name = change(words).replace("Pass Word", "Password").replace("pass word", "password")
    name = name.replace("PASS WORD", "PASSWORD").replace(" ", separator)
    assert NamedSecrets().hidden(f'"{name}": "abc"') == f'"{name}": "[redacted]"'


def test_what_a_policy_expects_stays_readable():
    text = '{"token":"present","csrf":"other"}'
    assert NamedSecrets({"present"}).hidden(text) == '{"token":"present","csrf":"[redacted]"}'
    assert Redactor({}, {"present"}).text(text) == '{"token":"present","csrf":"[redacted]"}'


@pytest.mark.parametrize(
    "text",
    [
        "token" * 60_000,
        "token:" * 50_000,
        'token":"' * 40_000,
        '"token" : ' * 30_000,
        "cookie: " * 40_000,
        "cookie: " + "a=b;" * 50_000,
        "token:[" * 40_000,
        "token:[] " * 10_000,
        "cookie: a\n" * 10_000,
        "token=" + "a" * 300_000,
        "token/" + "a" * 300_000,
        "token" + " " * 300_000,
        'token"' + "<" * 300_000,
        "token>" * 50_000,
        'token:[{"' * 30_000,
        'token=\\"' * 40_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_takes_no_long_time(text):
    started = time.process_time()
    NamedSecrets().hidden(text)
    assert time.process_time() - started < 3
