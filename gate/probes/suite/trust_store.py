"""What a suite may trust: a folder of certificates as OpenSSL looks them up, one when it is needed.

Clients read their certificates anew for each connection. A file of all that are in use takes tens
of milliseconds each time, in which such a client does nothing else, so that connections that a test
opens at once come one after the other. A folder takes none of that.
"""

import hashlib
import re
import ssl
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Name, ObjectIdentifier

FOLDER = "trusted"
FILE = "trusted.pem"
OWN = "ca.pem"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_OID, _UTF8, _SEQUENCE, _SET = 0x06, 0x0C, 0x30, 0x31
_SPACES = re.compile(r"[ \t\n\v\f\r]+")
_UPPER = re.compile(r"[A-Z]+")


def write(scratch: Path, own: bytes) -> None:
    """Writes what the clients of a suite are to trust, each certificate once.

    `trusted` is a folder for whatever is built on OpenSSL, `trusted.pem` a file for those that take
    no folder, and `ca.pem` this run's authority alone, for those that add to what they know.

    Args:
        scratch: where they are put.
        own: the authority of this run, in PEM.
    """
    folder = scratch / FOLDER
    folder.mkdir()
    taken: Counter[str] = Counter()
    found = [(der, ssl.DER_cert_to_PEM_cert(der)) for der in _distinct(own)]
    for der, text in found:
        if name := _lookup_name(der):
            (folder / f"{name}.{taken[name]}").write_text(text, encoding="ascii")
            taken[name] += 1
    (scratch / FILE).write_text("".join(text for _, text in found), encoding="ascii")
    (scratch / OWN).write_bytes(own)


def _distinct(own: bytes) -> Iterator[bytes]:
    """This run's authority, then those of certifi and of this machine, in DER."""
    import certifi  # noqa: PLC0415 - lazy: only with hosts

    files = [Path(certifi.where())]
    if (system := ssl.get_default_verify_paths().cafile) is not None:
        files.append(Path(system))
    texts = [own, *(file.read_bytes() for file in files if file.is_file())]
    blocks = (one for text in texts for one in _PEM.findall(text.decode("latin-1")))
    yield from dict.fromkeys(ssl.PEM_cert_to_DER_cert(block) for block in blocks)


def _lookup_name(der: bytes) -> str:
    """Under which name OpenSSL looks for the certificate (X509_NAME_hash); "" where none fits."""
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - as trustme does

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old roots break rules that came after them
        try:
            subject = load_der_x509_certificate(der).subject
        except ValueError:
            return ""
    digest = hashlib.sha1(canonical(subject), usedforsecurity=False).digest()
    return f"{int.from_bytes(digest[:4], 'little'):08x}"


def canonical(name: "Name") -> bytes:
    """A name as OpenSSL compares it: texts in UTF-8, in lower case, with single spaces."""
    parts = []
    for together in name.rdns:
        pairs = ((one.oid, one.value) for one in together)
        told = (_oid(oid) + _text(value) for oid, value in pairs if isinstance(value, str))
        parts.append(_tagged(_SET, b"".join(sorted(_tagged(_SEQUENCE, one) for one in told))))
    return b"".join(parts)


def _text(value: str) -> bytes:
    single = _SPACES.sub(" ", value.strip(" \t\n\v\f\r"))
    return _tagged(_UTF8, _UPPER.sub(lambda match: match[0].lower(), single).encode())


def _oid(oid: "ObjectIdentifier") -> bytes:
    first, second, *others = map(int, oid.dotted_string.split("."))
    numbers = bytearray()
    for number in (40 * first + second, *others):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        numbers += bytes(reversed(digits))
    return _tagged(_OID, bytes(numbers))


def _tagged(tag: int, content: bytes) -> bytes:
    """One value in DER."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content
