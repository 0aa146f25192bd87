"""A checksum of an entry in the entry itself.

It finds what changed an entry by accident, or by somebody who does not know of it, also where no
other entry vouches for this one. Whoever means to forge an entry can compute it anew: against them
there are the chain, the head on the service, and signatures.
"""

import hashlib

from gate.core.policy import Json
from gate.ledger.canonical import digest

CHECKSUM = "checksum"


def with_checksum(entry: dict[str, Json]) -> dict[str, Json]:
    """The entry with the hash of all else that it says."""
    rest = {name: value for name, value in entry.items() if name != CHECKSUM}
    return {**rest, CHECKSUM: digest(rest)}


def is_intact(line: bytes, checksum: str) -> bool:
    """Whether an entry is what its checksum was taken of.

    Args:
        line: the entry in canonical form, checksum included.
        checksum: what it says of itself.
    """
    field = f'"{CHECKSUM}":"{checksum}",'.encode()
    return hashlib.sha256(line.replace(field, b"", 1)).hexdigest() == checksum
