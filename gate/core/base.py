"""What a candidate is built on apart from its image, and what else might have been meant."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from gate.core.service import Revision, Service

TOLD_MAX = 12
"""Most differences that are told."""
PLAIN_MAX = 40
"""Values that are longer are not shown: what can be read at a glance is not."""
_SECRETIVE = frozenset({"env", "args", "command", "label", "annotation"})
_WORD = re.compile(r"[A-Za-z]+")
_DIGEST = re.compile(r"[0-9a-f]{12,}")
_EARLIEST = datetime.min.replace(tzinfo=UTC)


def base_of(service: Service, revisions: Mapping[str, Revision]) -> str:
    """The revision that has most users; of several, the newest. "" where no revision has any.

    Args:
        service: as read.
        revisions: those that were read, which know their age.
    """
    shares = service.traffic.pinned(service.latest_ready).shares

    def rank(name: str) -> tuple[int, datetime, str]:
        read = revisions.get(name)
        return shares[name], (read and read.created_at) or _EARLIEST, name

    return max((name for name in shares if name), key=rank, default="")


def differences(service: Service, base: Revision) -> tuple[str, ...]:
    """In what the service's template differs from this revision, apart from the image.

    Names, and values where they are plain. () where neither says how it is set up.
    """
    here, there = dict(base.settings), dict(service.settings)
    if not here and not there:
        return ()
    if not here or not there:
        return ("what cannot be compared: how one of the two is set up is not known",)
    names = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    told = [_difference(name, here, there, base.name) for name in names[:TOLD_MAX]]
    more = len(names) - TOLD_MAX
    return (*told, *((f"{more} more",) if more > 0 else ()))


def _difference(name: str, here: Mapping[str, str], there: Mapping[str, str], base: str) -> str:
    if name not in here:
        return f"{name} (only in the template{_value(name, there[name], ': ')})"
    if name not in there:
        return f"{name} (only in {base}{_value(name, here[name], ': ')})"
    own, other = _value(name, here[name]), _value(name, there[name])
    return f"{name} ({own} in {base}, {other} in the template)" if own and other else name


def _value(name: str, text: str, before: str = "") -> str:
    """A value for people, "" where it is a digest or may hold what nobody must see."""
    secretive = _SECRETIVE & set(_WORD.findall(name))
    plain = text and len(text) <= PLAIN_MAX and not _DIGEST.search(text) and not secretive
    return f"{before}{text}" if plain else ""
