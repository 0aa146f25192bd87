"""Certificates as OpenSSL looks them up."""

import shutil
import ssl
import subprocess

import certifi
import pytest
import trustme
from cryptography import x509
from cryptography.x509.oid import NameOID

from gate.probes.suite import trust_store
from gate.probes.suite.trust_store import FILE, FOLDER, OWN, canonical


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    own, folder = trustme.CA(), tmp_path_factory.mktemp("scratch")
    trust_store.write(folder, own.cert_pem.bytes())
    return folder, own


def ders(text):
    ends = text.split("-----END CERTIFICATE-----")[:-1]
    return [ssl.PEM_cert_to_DER_cert(f"{one.strip()}\n-----END CERTIFICATE-----") for one in ends]


def test_each_certificate_is_there_once(written):
    folder, own = written
    known = ders((folder / FILE).read_text())
    assert len(known) == len(set(known)) == len(list((folder / FOLDER).iterdir()))
    assert set(known) > set(ders(own.cert_pem.bytes().decode()))
    context = ssl.create_default_context(cafile=certifi.where())
    assert set(known) >= set(context.get_ca_certs(binary_form=True))
    assert (folder / OWN).read_bytes() == own.cert_pem.bytes()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl command")
def test_the_names_are_those_that_openssl_gives_them(written):
    folder, _ = written
    texts = [path.read_text() for path in sorted((folder / FOLDER).iterdir())]
    command = ["openssl", "x509", "-noout", "-hash"]
    for path, text in zip(sorted((folder / FOLDER).iterdir()), texts, strict=True):
        said = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        assert path.name.partition(".")[0] == said.stdout.strip()


def test_names_are_compared_without_case_and_with_single_spaces():
    def name(text, oid=NameOID.ORGANIZATION_NAME):
        return x509.Name([x509.NameAttribute(oid, text)])

    assert canonical(name("  An  Org\u00c9 ")) == canonical(name("an org\u00c9"))
    assert canonical(name("\u00c9")) != canonical(name("\u00e9"))
    assert canonical(name("a")) != canonical(name("a", NameOID.COMMON_NAME))
    assert canonical(name("x" * 60)) == bytes.fromhex("31453043060355040a0c3c") + b"x" * 60
    long = x509.Name(
        [x509.NameAttribute(NameOID.USER_ID, "y" * 300)]  # 0.9.2342.19200300.100.1.1
    )
    assert canonical(long).startswith(
        bytes.fromhex("318201403082013c060a0992268993f22c6401010c82012c")
    )
