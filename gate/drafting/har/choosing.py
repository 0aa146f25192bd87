"""Which requests of a visit a journey asks again: those of the service itself, in their order."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.core.checks import kept_by_front_end
from gate.core.redaction import Redactor
from gate.drafting.har.exchange import Exchange

_STATIC_KINDS = frozenset(
    {"stylesheet", "script", "image", "font", "media", "manifest", "texttrack", "other-image"}
)
_STATIC_PATH = re.compile(
    r"(?i).*\.(?:css|m?js|map|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|ttf|otf|eot|mp[34]|webm"
    r"|ogg|wasm|webmanifest)|.*/(?:favicon\.ico|robots\.txt|manifest\.json|service-worker.*)"
)
_STATIC_TYPE = re.compile(
    r"(?:image|font|audio|video)/.*|text/(?:css|javascript)|application/(?:x-)?(?:javascript|font.*)"
)
_MEASURES = re.compile(
    r"(?i).*/(?:collect|beacon|telemetry|analytics|pixel|rum|csp-report|_vercel/insights|matomo)"
    r"(?:[/.].*)?"
)
KEPT_MAX = 1000
"""Most requests that are looked at: a visit is no load test."""
_SHOWN_MAX = 60
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"})
_SOCKET = "a WebSocket, not taken over: probes of the kinds rooms and websocket ask those"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is asked again.

    Attributes:
        host: whose requests these are.
        left_out: what is not, with the reason.
    """

    exchanges: tuple[Exchange, ...]
    host: str
    left_out: tuple[tuple[str, str], ...]


def choose(exchanges: Sequence[Exchange], hosts: Iterable[str]) -> Chosen:
    """The requests of the service itself that are worth asking again.

    Args:
        exchanges: of the visit.
        hosts: those that the service is known by; where the visit has none of them, its main one.
    """
    own = _own_host(exchanges, [one.lower() for one in hosts])
    kept: list[Exchange] = []
    dropped: Counter[str] = Counter()
    told: dict[str, str] = {}
    for one in exchanges:
        if one.host != own:
            dropped[f"of another host than {own}"] += 1
        elif why := _unfit(one):
            dropped[why] += 1
            told.setdefault(why, _example(one))
        else:
            kept.append(one)
    if len(kept) > KEPT_MAX:
        dropped[f"after the first {KEPT_MAX}"] += len(kept) - KEPT_MAX
    left_out = tuple(
        (_many(count, told.get(why, "")), why) for why, count in dropped.items() if count
    )
    return Chosen(tuple(kept[:KEPT_MAX]), own, left_out)


def _many(count: int, example: str) -> str:
    requests = f"{count} request{'s' if count > 1 else ''} of the visit"
    return f"{requests}, {example}" if example else requests


def _example(one: Exchange) -> str:
    """Its method and path, "" where the path may hold what nobody is to read."""
    shown = len(one.path) <= _SHOWN_MAX and Redactor({}).text(one.path) == one.path
    return f"{one.method} {one.path}" if shown else ""


def _own_host(exchanges: Sequence[Exchange], hosts: Sequence[str]) -> str:
    counts = Counter(one.host for one in exchanges)
    known = [host for host in counts if host in hosts]
    if known:
        return max(known, key=counts.__getitem__)
    weights: Counter[str] = Counter()
    for one in exchanges:
        weights[one.host] += 1 if _unfit(one) else 5 + 20 * (one.answered_as == "text/html")
    return max(weights, key=weights.__getitem__)


def _unfit(one: Exchange) -> str:
    """Why a request is not asked again, "" where it is."""
    checks = (
        (one.kind == "websocket" or one.answer.status == 101, _SOCKET),
        (one.parts.scheme not in ("http", "https"), _SOCKET),
        (one.kind == "eventsource" or one.answered_as == "text/event-stream", "a stream"),
        (one.kind == "preflight" or one.method == "OPTIONS", "asked by the browser itself"),
        (one.method not in _METHODS, "with a method that no step has"),
        (one.answer.status == 0, "without an answer"),
        (_is_static(one), "for style sheets, scripts, images and the like"),
        (_measures(one), "that measure visitors"),
        (one.mime.startswith("multipart/"), "that send files"),
        (bool(kept_by_front_end(one.path)), "that Cloud Run's front end keeps for itself"),
        (len(one.target) > 2000, "with an address of more than 2000 characters"),
    )
    return next((why for wrong, why in checks if wrong), "")


def _is_static(one: Exchange) -> bool:
    if one.method != "GET":
        return False
    named = one.kind in _STATIC_KINDS or _STATIC_PATH.fullmatch(one.path)
    return bool(named) or _STATIC_TYPE.fullmatch(one.answered_as) is not None


def _measures(one: Exchange) -> bool:
    return one.kind in ("ping", "beacon", "csp-report") or bool(_MEASURES.fullmatch(one.path))
