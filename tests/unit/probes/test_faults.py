"""One meeting on the way to an answer has one name, whichever client had it."""

import errno
import ssl

import aiohttp
import httpcore
import pytest

from gate.core.evidence import Outcome, Symptom
from gate.http1.packing import UnpackError, Why
from gate.probes import faults


@pytest.mark.parametrize(
    ("fault", "symptom", "seen", "outcome"),
    [
        (faults.unreached("x"), Symptom.CONNECT, "no connection (x)", Outcome.INCONCLUSIVE),
        (
            faults.broken_off("x"),
            Symptom.ABNORMAL,
            "the connection broke off (x)",
            Outcome.FAILED,
        ),
        (faults.not_http("x"), Symptom.PROTOCOL, "bytes that are not HTTP (x)", Outcome.FAILED),
        (
            faults.endless_headers("x"),
            Symptom.TOO_LARGE,
            "headers without end (x)",
            Outcome.FAILED,
        ),
    ],
)
def test_each_says_what_was_seen_and_whether_the_candidate_has_spoken(
    fault, symptom, seen, outcome
):
    assert (fault.symptom, fault.seen, fault.outcome) == (symptom, seen, outcome)


def test_what_a_library_refuses_is_ours_and_shows_nothing_of_what_it_quotes():
    fault = faults.unsendable(ValueError("Authorization: secret"))
    assert (fault.symptom, fault.outcome) == (Symptom.CLIENT, Outcome.INCONCLUSIVE)
    assert "secret" not in f"{fault.seen} {fault.hint}"


FULL = OSError(errno.EMFILE, "Too many open files")
LONG = httpcore.RemoteProtocolError("Receive buffer too long")


@pytest.mark.parametrize(
    ("error", "asked", "symptom"),
    [
        (httpcore.ConnectError("refused"), False, Symptom.CONNECT),
        (httpcore.ReadError(""), True, Symptom.ABNORMAL),
        (httpcore.RemoteProtocolError("Server disconnected"), True, Symptom.ABNORMAL),
        (httpcore.RemoteProtocolError("illegal status line"), True, Symptom.PROTOCOL),
        (LONG, True, Symptom.TOO_LARGE),
        (httpcore.LocalProtocolError("illegal header: secret"), True, Symptom.CLIENT),
        (httpcore.UnsupportedProtocol("ftp"), False, Symptom.CLIENT),
        (
            aiohttp.ClientResponseError(None, (), message="Too many headers"),
            True,
            Symptom.TOO_LARGE,
        ),
        (aiohttp.ClientResponseError(None, (), message="Bad status"), True, Symptom.PROTOCOL),
        (aiohttp.ServerDisconnectedError(), True, Symptom.ABNORMAL),
        (aiohttp.InvalidURL("x"), False, Symptom.CLIENT),
        (FULL, False, Symptom.CLIENT),
        (ConnectionResetError("reset"), True, Symptom.ABNORMAL),
        (ssl.SSLCertVerificationError("self-signed"), False, Symptom.CONNECT),
        (ValueError("secret"), False, Symptom.CLIENT),
        (UnpackError(Why.ENCODING, "content-encoding br", "gzip"), True, Symptom.HEADER),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_a_client_raises_is_told_by_one_table(error, asked, symptom):
    fault = faults.of_exception(error, asked=asked)
    assert fault.symptom is symptom
    assert "secret" not in f"{fault.seen} {fault.hint}"


def test_a_status_has_its_usual_name_or_none():
    assert (faults.phrase(307), faults.phrase(599)) == ("307 Temporary Redirect", "599")
