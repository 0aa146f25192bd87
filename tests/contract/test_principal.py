"""Whose credentials the gate has: by the credentials themselves, else by Google's token info."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import google.oauth2.credentials
import pytest
from google.auth.exceptions import DefaultCredentialsError

from gate.cloud.principal import name_of
from gate.errors import AccessError

TOKEN = "ya29.not-a-real-token"


class TokenInfo(BaseHTTPRequestHandler):
    """Google's token info, as far as it is asked here."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, parse_qs(body)))
        status, said = self.server.says
        answer = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def google_says(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), TokenInfo)
    server.asked, server.says = [], (200, {})
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def name(server, found=None):
    person = found or (lambda: google.oauth2.credentials.Credentials(TOKEN))
    return name_of(person, f"http://127.0.0.1:{server.server_port}/tokeninfo")


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ((200, {"email": "ana@example.com", "email_verified": "true"}), "ana@example.com"),
        ((200, {"email": "ana@example.com"}), "ana@example.com"),
        ((200, {"email": "ana@example.com", "email_verified": "false"}), ""),
        ((200, {"scope": "cloud-platform"}), ""),
        ((400, {"error": "invalid_token"}), ""),
    ],
)
def test_a_persons_name_is_googles_word(google_says, says, expected):
    google_says.says = says
    assert name(google_says) == expected
    assert google_says.asked == [("/tokeninfo", {"access_token": [TOKEN]})]


def test_what_google_says_in_no_json_names_nobody(google_says):
    google_says.says = (200, b"<html>")
    with pytest.raises(AccessError) as error:
        name(google_says)
    assert TOKEN not in error.value.message


def test_without_credentials_nobody_is_named(google_says):
    def none():
        raise DefaultCredentialsError("there are none")

    with pytest.raises(AccessError, match="there are none"):
        name(google_says, none)


def test_a_service_accounts_name_is_its_own_once_it_has_a_token(google_says):
    class Account(google.oauth2.credentials.Credentials):
        service_account_email = "ci@demo.iam.gserviceaccount.com"

    assert name(google_says, lambda: Account(TOKEN)) == "ci@demo.iam.gserviceaccount.com"
    assert google_says.asked == []
    with pytest.raises(AccessError):  # it cannot be refreshed: a name in a file proves nothing
        name(google_says, lambda: Account(None))


WHO = """
import asyncio
from gate.api.who import asks

print(asyncio.run(asks("ana")))
"""


async def test_who_asks_by_the_metadata_server_by_impersonation_or_by_nobodys_word(google_apis):
    _, ask = google_apis
    by_metadata = await ask(code=WHO)
    assert by_metadata == "Who(name='build@demo', authenticated=True, doubt='')"
    robot = "robot@demo.iam.gserviceaccount.com"
    as_robot = await ask(code=WHO, CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT=robot)
    assert as_robot == f"Who(name='{robot}', authenticated=True, doubt='')"
    emulated = await ask(code=WHO, CLOUD_RUN_EMULATOR_HOST="127.0.0.1:1")
    assert emulated == "Who(name='ana', authenticated=False, doubt='')"


async def test_whom_google_refuses_is_only_claimed(google_apis):
    apis, ask = google_apis
    apis.denies = True
    robot = "robot@demo.iam.gserviceaccount.com"
    refused = await ask(code=WHO, CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT=robot)
    assert refused.startswith("Who(name='ana', authenticated=False, doubt='credentials: ")
